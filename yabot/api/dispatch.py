"""From an HTTP request to a route's function and back, the same for every route.

The rule: who calls is settled first, then what they sent is checked, and only then is it done.
"""

import hashlib
import re

import anyio
import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from actors import origin
from yabot.api.auth import AuthService
from yabot.api.deadline import deadline
from yabot.api.language import preferred
from yabot.api.problems import Problem, invalid_input, rejected
from yabot.api.route import USER_UNKNOWN, AnyRoute, Asked, Input, Nothing, Reply
from yabot.api.tracing import traceparent
from yabot.domain.decision import Rejected
from yabot.domain.user import Language
from yabot.services.gateway import Once

DEFAULT_TIMEOUT = 10.0
LONGEST_TIMEOUT = 30.0
"""Seconds for a request; `X-Request-Timeout` asks for fewer, or for more up to the longest."""

ANONYMOUS = "anonymous"

REQUEST_ID = web.RequestKey("request_id", str)
"""What the log and the caller both know a request by."""

ROUTE = web.RequestKey("route", str)
"""The path of the route that answers, as declared."""

_USER_ID = re.compile(r"[1-9][0-9]{0,18}")
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,128}")


class Dispatch:
    """Answers the requests of one route."""

    def __init__(self, route: AnyRoute, auth: AuthService, default_language: Language) -> None:
        self._route = route
        self._auth = auth
        self._default_language = default_language

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request. Raises Problem, and whatever the route raises."""
        route = self._route
        request[ROUTE] = route.path
        client = ANONYMOUS
        if route.scope is not None:
            client = self._auth.authorize(request.headers, route.scope).client
        path = dict(request.match_info)
        language = preferred(request.headers.get("Accept-Language", ""), self._default_language)
        if "user_id" in path and not _USER_ID.fullmatch(path["user_id"]):
            raise rejected(USER_UNKNOWN, language)
        seconds = _timeout(request)
        given = await self._read(request, seconds)
        once = self._once(request, client, given)
        asked = Asked(given, path, language, once, request.headers.get("Accept", ""))
        trace = traceparent(request.headers)
        with deadline(seconds), origin(correlation_id=request[REQUEST_ID], traceparent=trace):
            outcome = await route.handle(asked)
        if isinstance(outcome, Rejected):
            raise rejected(outcome, language)
        return self._respond(outcome)

    async def _read(self, request: web.Request, seconds: float) -> Input:
        """The request's input, checked against the route's model. Raises Problem."""
        model: type[Input] = self._route.input
        try:
            if self._route.method == "GET":
                return model.model_validate_strings(_query(request))
            if model is Nothing:
                return Nothing()
            return model.model_validate_json(await _body(request, seconds), strict=True)
        except ValidationError as error:
            raise invalid_input(error) from error

    def _once(self, request: web.Request, client: str, given: Input) -> Once | None:
        """What makes the request happen once, or None. Raises Problem.

        The fingerprint covers the path too: a key means one thing to be done to one user.
        """
        route = self._route
        if route.idempotency == "none":
            return None
        keys = request.headers.getall("Idempotency-Key", [])
        if not keys and route.idempotency == "optional":
            return None
        if len(keys) != 1 or not _IDEMPOTENCY_KEY.fullmatch(keys[0]):
            raise Problem(
                400,
                "idempotency_key_invalid" if keys else "idempotency_key_missing",
                "send one Idempotency-Key of 1 to 128 visible ASCII characters, new for every "
                "thing to be done and the same when it is repeated",
            )
        body = orjson.dumps(given.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        digest = hashlib.sha256(b"%s\n%s" % (request.path.encode(), body)).hexdigest()
        return Once(key=f"api:{client}:{route.name}:{keys[0]}", fingerprint=digest)

    def _respond(self, reply: Reply) -> web.Response:
        body, status = reply.body, reply.status or self._route.status
        if body is None:
            return web.Response(status=status, headers=reply.headers)
        if isinstance(body, BaseModel):
            body = body.model_dump_json().encode()
        return web.Response(
            body=body.encode() if isinstance(body, str) else body,
            status=status,
            headers={"Content-Type": reply.content_type, **reply.headers},
        )


def _query(request: web.Request) -> dict[str, str]:
    query = request.query
    if len(query) != len(set(query)):
        raise Problem(400, "parameter_repeated", "send each query parameter once")
    return dict(query)


async def _body(request: web.Request, seconds: float) -> bytes:
    """The JSON body. Raises Problem, and HTTPRequestEntityTooLarge beyond the server's limit."""
    kind = request.content_type
    if kind != "application/json" and not (
        kind.startswith("application/") and kind.endswith("+json")
    ):
        raise Problem(415, "unsupported_media_type", "send the body as application/json")
    try:
        with anyio.fail_after(seconds):
            return await request.read()
    except TimeoutError as error:
        raise Problem(408, "body_too_slow", "the body did not arrive in time") from error
    except (web.RequestPayloadError, web.PayloadAccessError) as error:
        raise Problem(400, "malformed_body", "the body can't be decoded") from error


def _timeout(request: web.Request) -> float:
    text = request.headers.get("X-Request-Timeout")
    if text is None:
        return DEFAULT_TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise Problem(400, "timeout_invalid", "X-Request-Timeout is a number of seconds above 0")
    return min(seconds, LONGEST_TIMEOUT)
