"""Every problem that the API itself tells of: its code, its status, and its words in each language.

What a user's own rules refuse has its words in `domain/texts.py`. The rule: words name what to do,
and their fields are numbers and names of ours, never what the caller sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One problem: `code` in `KINDS` is stable and for programs; the words are for people.

    An `oauth` code is told as `error` too, where clients of RFC 6749 look for it.
    """

    status: int
    es: str
    en: str
    oauth: bool = False


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        # the request as such
        "malformed_request": Kind(
            400,
            "Esto no es una petición HTTP/1.1 válida.",
            "This is not a valid HTTP/1.1 request.",
        ),
        "malformed_json": Kind(
            400,
            "El cuerpo no es JSON válido.",
            "The body is not valid JSON.",
        ),
        "name_repeated": Kind(
            400,
            "Un objeto del cuerpo tiene el mismo nombre dos veces.",
            "An object in the body has the same name twice.",
        ),
        "malformed_body": Kind(
            400,
            "El cuerpo no se puede descodificar.",
            "The body can't be decoded.",
        ),
        "parameter_repeated": Kind(
            400,
            "Envía cada parámetro de la consulta una sola vez.",
            "Send each query parameter once.",
        ),
        "timeout_invalid": Kind(
            400,
            "X-Request-Timeout es un número de segundos mayor que 0.",
            "X-Request-Timeout is a number of seconds above 0.",
        ),
        "cursor_invalid": Kind(
            400,
            "Ese cursor no es de esta lista; empieza otra vez sin cursor.",
            "That cursor is not one of this list; begin again without one.",
        ),
        "precondition_invalid": Kind(
            400,
            'If-Match es "*" o una lista de ETags fuertes entre comillas.',
            'If-Match is "*" or a list of strong ETags in quotes.',
        ),
        "idempotency_key_missing": Kind(
            400,
            "Envía Idempotency-Key: una clave nueva para cada cosa, la misma al repetirla.",
            "Send an Idempotency-Key: new for every thing to be done, the same to repeat it.",
        ),
        "idempotency_key_invalid": Kind(
            400,
            "Envía una sola Idempotency-Key, de 1 a 128 caracteres ASCII visibles.",
            "Send one Idempotency-Key of 1 to 128 visible ASCII characters.",
        ),
        # who calls
        "unauthorized": Kind(
            401,
            "Envía `Authorization: Bearer <token>` con un token vigente.",
            "Send `Authorization: Bearer <token>` with a token that is valid now.",
        ),
        "insufficient_scope": Kind(
            403,
            "Esta ruta necesita el permiso {scope}.",
            "This route needs the scope {scope}.",
        ),
        # logging in (RFC 6749, 5.2)
        "invalid_request": Kind(
            400,
            "A la petición le falta un parámetro o sobra una forma de identificarse.",
            "The request lacks a parameter, or shows its credentials in more than one way.",
            oauth=True,
        ),
        "invalid_client": Kind(
            401,
            "El cliente o su secreto no son válidos; pide credenciales a quien opera el bot.",
            "The client or its secret is not valid; ask the bot's operator for credentials.",
            oauth=True,
        ),
        "invalid_grant": Kind(
            400,
            "Ese token no vale, ha caducado o es de otro; entra otra vez con tu secreto.",
            "This token is not valid, is over, or is another's; log in again with your secret.",
            oauth=True,
        ),
        "unsupported_grant_type": Kind(
            400,
            "grant_type debe ser {wanted}.",
            "grant_type must be {wanted}.",
            oauth=True,
        ),
        "invalid_scope": Kind(
            400,
            "Pide solo permisos que el cliente tenga.",
            "Ask only for scopes that the client has.",
            oauth=True,
        ),
        "client_unusable": Kind(
            422,
            "Un cliente necesita un nombre simple y permisos que existan.",
            "A client needs a plain name, and scopes that exist.",
        ),
        "client_exists": Kind(
            409,
            "Ese nombre está o estuvo en uso; elige otro.",
            "This name is or was in use; choose another one.",
        ),
        "client_unknown": Kind(
            404, "No hay ningún cliente con ese nombre.", "There is no client of this name."
        ),
        # dead letters
        "letter_unknown": Kind(
            404, "No hay ninguna carta con ese número.", "There is no dead letter of this number."
        ),
        "letter_unreplayable": Kind(
            422, "La carta no puede volver: {reason}.", "The letter can't go back: {reason}."
        ),
        # where to
        "no_such_route": Kind(404, "Aquí no hay nada.", "There is nothing at this path."),
        "method_not_allowed": Kind(
            405, "Esta ruta admite {allowed}.", "This path takes {allowed}."
        ),
        # what was sent
        "body_too_slow": Kind(
            408, "El cuerpo no llegó a tiempo.", "The body did not arrive in time."
        ),
        "in_progress": Kind(
            409,
            "La misma petición sigue en curso; repítela con la misma clave en {seconds} s.",
            "The same request is still under way; repeat it with the same key in {seconds} s.",
        ),
        "body_too_large": Kind(
            413, "El cuerpo pasa de {most} bytes.", "The body is over {most} bytes."
        ),
        "unsupported_media_type": Kind(
            415, "Envía el cuerpo como {accepted}.", "Send the body as {accepted}."
        ),
        "expectation_failed": Kind(
            417,
            "Este servidor solo conoce `100-continue`.",
            "This server knows `100-continue` only.",
        ),
        "invalid_input": Kind(
            422,
            "Lo enviado no encaja con su esquema; `errors` dice dónde.",
            "The input does not fit its schema; `errors` tells where.",
        ),
        "precondition_missing": Kind(
            428,
            "Envía If-Match con el ETag de lo que leíste.",
            "Send If-Match with the ETag of what you read.",
        ),
        "too_many_requests": Kind(
            429,
            "La cuota `{quota}` está agotada; repítelo en {seconds} s.",
            "The quota `{quota}` is used up; try again in {seconds} s.",
        ),
        # trouble on this side
        "internal_error": Kind(
            500,
            "Algo ha fallado por sorpresa; el registro lo tiene bajo request_id.",
            "Something failed unexpectedly; the log has it under request_id.",
        ),
        "unavailable": Kind(
            503,
            "Algo que esto necesita no está o no da abasto; repítelo en {seconds} s.",
            "A part that this needs is away or busy; try again in {seconds} s.",
        ),
        "busy": Kind(
            503,
            "Ya se atienden {most} peticiones; repítelo en {seconds} s.",
            "{most} requests are being answered; try again in {seconds} s.",
        ),
        "deadline_passed": Kind(
            504,
            "No hubo respuesta a tiempo; aún puede ocurrir, así que repítelo con la misma clave.",
            "No answer in time; it may still happen, so repeat it with the same key.",
        ),
    }
)
