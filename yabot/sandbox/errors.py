"""What the sandbox refuses, and how it says so.

    SandboxError
    ├── ApiError             answered to a bot, in Telegram's own words
    │   ├── BadRequest       400  the call is wrong
    │   ├── Unauthorized     401  the token is
    │   ├── Forbidden        403  the user does not want it
    │   ├── NotFound         404  no such method
    │   ├── Conflict         409  two consumers of one bot's updates
    │   ├── TooManyRequests  429  too soon; carries retry_after, in seconds
    │   └── ServerFault      5xx  injected
    └── DriverError          answered to whoever plays the users: {"error": text}

The rule: an `ApiError` prints as Telegram's description, prefix included, because bots
match on those texts.
"""

from http import HTTPStatus


class SandboxError(Exception):
    """Anything this package refuses to do."""


class ApiError(SandboxError):
    """An answer with `ok: false`.

    code: the HTTP status and `error_code`.
    retry_after: seconds, sent as `parameters.retry_after` when set.
    """

    code = HTTPStatus.BAD_REQUEST.value
    prefix = ""

    def __init__(self, text: str = "", *, retry_after: int | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(f"{self.prefix}: {text}" if text and self.prefix else text or self.prefix)

    def body(self) -> dict[str, object]:
        """The JSON object that Telegram would send."""
        answer: dict[str, object] = {
            "ok": False,
            "error_code": self.code,
            "description": str(self),
        }
        if self.retry_after is not None:
            answer["parameters"] = {"retry_after": self.retry_after}
        return answer


class BadRequest(ApiError):
    prefix = "Bad Request"


class Unauthorized(ApiError):
    code = HTTPStatus.UNAUTHORIZED.value
    prefix = "Unauthorized"


class Forbidden(ApiError):
    code = HTTPStatus.FORBIDDEN.value
    prefix = "Forbidden"


class NotFound(ApiError):
    code = HTTPStatus.NOT_FOUND.value
    prefix = "Not Found"


class Conflict(ApiError):
    code = HTTPStatus.CONFLICT.value
    prefix = "Conflict"


class TooManyRequests(ApiError):
    code = HTTPStatus.TOO_MANY_REQUESTS.value
    prefix = "Too Many Requests"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after}", retry_after=retry_after)


class ServerFault(ApiError):
    """A status that a test asked for; never raised by the sandbox on its own account."""

    def __init__(self, code: int, retry_after: int | None = None) -> None:
        self.code = code
        try:
            text = HTTPStatus(code).phrase
        except ValueError:
            text = "Unknown Error"
        super().__init__(text, retry_after=retry_after)


class DriverError(SandboxError):
    """A driver call that makes no sense; says what is wrong and what would be right.

    status: the HTTP status it is answered with.
    """

    def __init__(self, text: str, *, status: int = HTTPStatus.BAD_REQUEST.value) -> None:
        self.status = status
        super().__init__(text)
