"""Every problem that the API tells of: its code, its status, and its words in each language.

What a user's own rules refuse is in `domain/texts.py` too, as it is said to the user in the chat;
here it is said to a service. The rule: words name what to do, and their fields are numbers and
names of ours, never what the caller sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from yabot.domain.user import Language


@dataclass(frozen=True, slots=True)
class Kind:
    """One problem: `code` in `KINDS` is stable and for programs; the words are for people.

    An `oauth` code is told as `error` too, where clients of RFC 6749 look for it.
    """

    status: int
    es: str
    en: str
    oauth: bool = False

    def words(self, language: Language) -> str:
        """The words, with fields to fill."""
        return self.es if language == "es" else self.en


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
        # what a user's own rules refuse
        "user_unknown": Kind(
            404,
            "No hay ningún usuario con ese id; existe desde que escribe /start al bot.",
            "There is no user of this id; one exists from their /start to the bot on.",
        ),
        "fragment_unknown": Kind(
            404,
            "La historia no tiene ningún fragmento con ese nombre.",
            "The story has no fragment of this name.",
        ),
        "menu_unknown": Kind(
            422,
            "No hay ningún menú con ese nombre; el documento de la API los enumera.",
            "There is no menu of this name; the API's document lists them.",
        ),
        "time_zone_unknown": Kind(
            422,
            "Envía una zona horaria de la IANA, como Europe/Madrid.",
            "Send a time zone of the IANA, such as Europe/Madrid.",
        ),
        "amount_zero": Kind(
            422,
            "amount no puede ser cero: positivo añade, negativo gasta.",
            "amount can't be zero: a positive one adds, a negative one spends.",
        ),
        "besitos_insufficient": Kind(
            409,
            "El usuario tiene {balance} besitos y harían falta {price}.",
            "The user has {balance} besitos, and {price} would be needed.",
        ),
        "purse_full": Kind(
            409,
            "El monedero del usuario está lleno; añade menos, o después de que gaste.",
            "The user's purse is full; add less, or after they have spent some.",
        ),
        "daily_taken": Kind(
            409,
            "El usuario ya recogió el regalo de hoy; prueba mañana con otra clave.",
            "The user took today's gift already; try tomorrow, with another key.",
        ),
        "vip_required": Kind(
            403,
            "El usuario no tiene un plan VIP vigente.",
            "The user has no VIP plan that holds now.",
        ),
        "end_date_past": Kind(
            422,
            "end_date ya pasó; envía una fecha futura, o ninguna.",
            "end_date is over; send one in the future, or none.",
        ),
        "event_type_unknown": Kind(
            422,
            "No hay ningún evento externo de ese tipo; el documento de la API los enumera.",
            "There is no external event of this type; the API's document lists them.",
        ),
        "event_data_invalid": Kind(
            422,
            "data no encaja con el tipo del evento; `errors` dice dónde.",
            "data does not fit the type of the event; `errors` tells where.",
        ),
        "key_reused": Kind(
            422,
            "Esa Idempotency-Key ya se usó para otra cosa; envía una nueva.",
            "This Idempotency-Key was used for something else; send a new one.",
        ),
        "precondition_failed": Kind(
            412,
            "Ha cambiado desde que lo leíste; léelo otra vez y decide de nuevo.",
            "It has changed since you read it; read it again and decide anew.",
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
