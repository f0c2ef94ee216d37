"""Problem details (RFC 9457): the one shape of every answer that is not a success.

The rule: a problem says what is wrong and what to do, carries a stable `code` for programs, and
never repeats what the caller sent, so that no secret comes back in an answer or lands in a log.
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson
from aiohttp import web
from pydantic import ValidationError

from yabot.domain.decision import Rejected
from yabot.domain.texts import say
from yabot.domain.user import Language
from yabot.errors import DeadlinePassed, YabotError

CONTENT_TYPE = "application/problem+json"

RETRY_AFTER = 1.0
"""Seconds to wait where the trouble itself names none."""


class Problem(Exception):
    """A request that can't be answered. `errors` point at the parts that are wrong."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    def response(self, *, instance: str, request_id: str) -> web.Response:
        """The answer; `instance` is the path of the request."""
        body: dict[str, object] = {
            "type": f"urn:yabot:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = list(self.errors)
        return web.Response(
            body=orjson.dumps(body),
            status=self.status,
            headers=self.headers,
            content_type=CONTENT_TYPE,
        )


def rejected(no: Rejected, language: Language) -> Problem:
    """A domain's no, in the caller's language."""
    status = 422 if no.code == "key_reused" else no.status
    return Problem(status, no.code, say(language, no.text, **no.params))


def invalid_input(error: ValidationError) -> Problem:
    """Input that does not fit its schema; malformed JSON is the caller's 400."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    if details[0]["type"] == "json_invalid":
        return Problem(400, "malformed_json", "the body is not valid JSON")
    errors = [
        {
            "pointer": "".join(f"/{_escape(str(part))}" for part in detail["loc"]),
            "detail": detail["msg"],
            "code": detail["type"],
        }
        for detail in details
    ]
    return Problem(422, "invalid_input", "the input does not fit its schema", errors=errors)


def from_error(error: Exception) -> Problem | None:
    """What an error of another part means to the caller; None for a surprise."""
    match error:
        case Problem():
            return error
        case web.HTTPException():
            return _from_http(error)
        case DeadlinePassed() | TimeoutError():
            return Problem(
                504,
                "deadline_passed",
                "no answer in time; it may still happen, so repeat it with the same key",
            )
        case YabotError(retry_after=float() | int() as seconds):
            return _unavailable(seconds)
        case _:
            return None


def crashed() -> Problem:
    """A surprise: the log has it under the request's id."""
    return Problem(
        500, "internal_error", "something failed unexpectedly; the log has it under request_id"
    )


def _unavailable(seconds: float | None) -> Problem:
    wait = max(1, math.ceil(RETRY_AFTER if seconds is None else seconds))
    return Problem(
        503,
        "unavailable",
        f"a part that this needs is away or busy; try again in {wait} s",
        headers={"Retry-After": str(wait)},
    )


def _from_http(error: web.HTTPException) -> Problem:
    """What the HTTP server itself refuses."""
    match error:
        case web.HTTPNotFound():
            return Problem(404, "no_such_route", "there is nothing at this path")
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            detail = f"this path takes {allowed}"
            return Problem(405, "method_not_allowed", detail, headers={"Allow": allowed})
        case web.HTTPRequestEntityTooLarge():
            return Problem(413, "body_too_large", "the body is too large")
        case web.HTTPExpectationFailed():
            return Problem(417, "expectation_failed", "this server knows `100-continue` only")
        case _:
            code = error.reason.lower().replace(" ", "_")
            return Problem(error.status, code, error.reason)


def _escape(part: str) -> str:
    """A name inside a JSON pointer (RFC 6901)."""
    return part.replace("~", "~0").replace("/", "~1")
