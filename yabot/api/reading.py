"""The input of a request, checked against its route's model.

The rule: what a route does not take is refused and not passed over, and nothing is read without a
bound in bytes and seconds.
"""

import asyncio
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import ValidationError

from yabot.api.problems import Problem, invalid_input
from yabot.api.route import JSON, AnyRoute, Input, Nothing
from yabot.api.strict import check_json
from yabot.eager import Begun

FORM = "application/x-www-form-urlencoded"

NOTHING = Nothing()


async def read(route: AnyRoute, request: web.Request, ends: float) -> Input:
    """The input that the route declares. Raises Problem, and what aiohttp raises beyond a bound."""
    model: type[Input] = route.input
    try:
        if route.method == "GET":
            return model.model_validate_strings(_query(request))
        if request.query_string:
            Nothing.model_validate_strings(_query(request))
        if not route.has_body:
            return NOTHING
        kind = _content_type(route, request)
        body = await _body(request, ends)
        if kind == FORM:
            return model.model_validate_strings(_form(body))
        check_json(body)
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise invalid_input(error) from error


def _content_type(route: AnyRoute, request: web.Request) -> str:
    kind = request.headers.get("Content-Type", "")
    if kind not in route.accepts:
        kind = request.content_type
        if kind.startswith("application/") and kind.endswith("+json"):
            kind = JSON
        if kind not in route.accepts:
            raise Problem("unsupported_media_type", accepted=" / ".join(route.accepts))
    return kind


def _query(request: web.Request) -> dict[str, str]:
    if not request.query_string:
        return {}
    query = request.query
    if len(query) != len(set(query)):
        raise Problem("parameter_repeated")
    return dict(query)


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body))
    except ValueError as error:
        raise Problem("malformed_body") from error
    if len(pairs) != len({name for name, _ in pairs}):
        raise Problem("parameter_repeated")
    return dict(pairs)


async def _body(request: web.Request, ends: float) -> bytes:
    """The whole body. Raises Problem, and HTTPRequestEntityTooLarge beyond the server's limit."""
    try:
        reading = Begun(request.read())
        if not reading.waits:
            return await reading
        async with asyncio.timeout_at(ends):
            return await reading
    except TimeoutError as error:
        raise Problem("body_too_slow") from error
    except (web.RequestPayloadError, web.PayloadAccessError) as error:
        raise Problem("malformed_body") from error
