"""Problem details (RFC 9457): the one shape of every answer that is not a success.

The rule: a problem says what is wrong and what to do in the caller's language, carries a stable
`code` for programs, and never repeats what the caller sent, so that no secret comes back.
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson
from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from supervision import BreakerOpen
from yabot.api.kinds import KINDS
from yabot.api.misfits import misfit
from yabot.domain.decision import Rejected
from yabot.domain.texts import say
from yabot.domain.user import Language
from yabot.errors import DeadlinePassed, YabotError

CONTENT_TYPE = "application/problem+json"

LARGEST_BODY = 64 * 1024
"""Bytes of a request's body, unpacked."""

MOST_FAULTS = 20
"""Faults of an input that are told: a body of 64 KiB has room for ten thousand."""

LONGEST_NAME = 32
"""Characters of a field's name that are told back."""


class Fault(BaseModel):
    """A part of the input that does not fit: a JSON pointer to it, why, and a code."""

    pointer: str
    detail: str
    code: str


class ProblemDetails(BaseModel):
    """Why there is no success: `code` is for programs, `detail` for people."""

    type: str = Field(description="`urn:yabot:problem:` and the code")
    title: str
    status: int
    detail: str
    instance: str = Field(description="`urn:yabot:request:` and the request id")
    code: str
    request_id: str
    errors: Sequence[Fault] | None = None
    error: str | None = Field(None, description="the code, where RFC 6749 wants it under this name")


class Problem(Exception):
    """A request that can't be answered, for one of the reasons in `KINDS`.

    `errors` are the faults of the input as pydantic gives them; `params` fill the words.
    """

    def __init__(
        self,
        code: str,
        *,
        errors: Sequence[Mapping[str, object]] = (),
        headers: Mapping[str, str] | None = None,
        **params: object,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status = KINDS[code].status
        self.headers = headers or {}
        self._errors = errors
        self._params = params

    def detail(self, language: Language) -> str:
        """What is wrong and what to do."""
        return KINDS[self.code].words(language).format_map(self._params)

    def response(self, *, request_id: str, language: Language) -> web.Response:
        """The answer to the request of this id."""
        body: dict[str, object] = {
            "type": f"urn:yabot:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail(language),
            "instance": f"urn:yabot:request:{request_id}",
            "code": self.code,
            "request_id": request_id,
        }
        if self.code in KINDS and KINDS[self.code].oauth:
            body["error"] = self.code
        if self._errors:
            body["errors"] = [_fault(error, language) for error in self._errors]
        return web.Response(
            body=orjson.dumps(body),
            status=self.status,
            headers={"Content-Language": language, **self.headers},
            content_type=CONTENT_TYPE,
        )


class Refusal(Problem):
    """A domain's no, said to a service; without words for that, as it is said to the user."""

    def __init__(self, no: Rejected) -> None:
        Exception.__init__(self, no.code)
        self.code = no.code
        self.status = no.status
        self.headers = {"Idempotent-Replayed": "true"} if no.replayed else {}
        self._errors = ()
        self._no = no

    def detail(self, language: Language) -> str:
        """Why not."""
        if self.code in KINDS:
            return KINDS[self.code].words(language).format_map(self._no.params)
        return say(language, self._no.text, **self._no.params)


def invalid_input(error: ValidationError) -> Problem:
    """Input that does not fit its schema; malformed JSON is the caller's 400."""
    found = faults(error)
    if found[0]["type"] == "json_invalid":
        return Problem("malformed_json")
    return Problem("invalid_input", errors=found)


def faults(error: ValidationError, *within: str) -> Sequence[Mapping[str, object]]:
    """The first faults of the input, or of the part of it that these names lead to."""
    details = error.errors(include_url=False, include_input=False)[:MOST_FAULTS]
    return [{**detail, "loc": (*within, *detail["loc"])} for detail in details]


def from_error(error: Exception) -> Problem | None:
    """What an error of another part means to the caller; None for a surprise."""
    match error:
        case Problem():
            return error
        case web.HTTPException():
            return _from_http(error)
        case DeadlinePassed() | TimeoutError():
            return Problem("deadline_passed")
        case YabotError(retry_after=float() | int() as seconds):
            return _unavailable(seconds)
        case BreakerOpen():
            return _unavailable(error.retry_after)
        case _:
            return None


def _unavailable(seconds: float) -> Problem:
    wait = max(1, math.ceil(seconds))
    return Problem("unavailable", headers={"Retry-After": str(wait)}, seconds=wait)


def _from_http(error: web.HTTPException) -> Problem | None:
    """What the HTTP server itself refuses."""
    match error:
        case web.HTTPNotFound():
            return Problem("no_such_route")
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return Problem("method_not_allowed", headers={"Allow": allowed}, allowed=allowed)
        case web.HTTPRequestEntityTooLarge():
            return Problem("body_too_large", most=LARGEST_BODY)
        case web.HTTPExpectationFailed():
            return Problem("expectation_failed")
        case web.HTTPBadRequest():
            return Problem("malformed_request")
        case _:
            return None


def _fault(detail: Mapping[str, object], language: Language) -> dict[str, str]:
    where = detail["loc"]
    parts = where if isinstance(where, tuple) else ()
    code = str(detail["type"])
    return {
        "pointer": "".join(f"/{_escape(str(part))}" for part in parts),
        "detail": misfit(code, detail.get("ctx"), language),
        "code": code,
    }


def _escape(part: str) -> str:
    """A name inside a JSON pointer (RFC 6901); no field of ours has one as long as a secret."""
    if len(part) > LONGEST_NAME:
        return "…"
    return part.replace("~", "~0").replace("/", "~1")
