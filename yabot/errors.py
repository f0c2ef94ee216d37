"""The errors of the application, and what each one means to whom.

    YabotError                      every error below; carries `retry_after` in seconds or None
    ├── ConfigError                 the settings are wrong; the start ends with exit code 2
    ├── StoreUnavailable            a database can't be reached now; nothing was written, try again
    ├── CommitRefused               the schema refused a commit; the actor reloads and repeats
    │   ├── StaleVersion            it was computed from an older version of the user
    │   └── AlreadyProcessed        its key has been processed before
    ├── Overloaded                  a bounded queue is full; try again after `retry_after`
    ├── DeadlinePassed              no answer came in time; what was asked may still happen
    ├── HandlerExited               a handler wanted to end the process; it crashes its turn alone
    ├── TurnClosed                  a call was made on a turn that has ended; use `direct_bot`
    ├── TurnFull                    a turn leaves too much already; leave the rest to a later one
    ├── CannotRecord                a Bot API method can't wait for the commit; use `direct_bot`
    ├── TelegramRefused             Telegram will never accept this call (400, 403, 404)
    └── TelegramUnavailable         Telegram can't be reached now, or asks to wait

A `Rejected` decision is not an error: it is a value, with a text for the user.
"""


class YabotError(Exception):
    """The root of the tree. `retry_after` is in seconds; None means that waiting does not help."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConfigError(YabotError):
    """Settings are wrong. `problems` lists each one with what to do about it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class StoreUnavailable(YabotError):
    """A database can't be reached now; nothing was written."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message, retry_after=retry_after)


class CommitRefused(YabotError):
    """The schema refused a commit; nothing was written."""


class StaleVersion(CommitRefused):
    """The commit was computed from a version of the user that is no longer the stored one."""


class AlreadyProcessed(CommitRefused):
    """The commit's key was processed before; its effect is already durable."""


class Overloaded(YabotError):
    """A bounded queue is full."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message, retry_after=retry_after)


class DeadlinePassed(YabotError):
    """No answer came in time. What was asked may still happen: ask again under the same key."""


class HandlerExited(YabotError):
    """A handler wanted to end the process. `SystemExit` itself would take the event loop away."""


class TurnClosed(YabotError):
    """A call was made on a turn that has ended."""


class TurnFull(YabotError):
    """A turn leaves as much as one may already."""


class CannotRecord(YabotError):
    """A Bot API method can't be recorded for after the commit."""


class TelegramRefused(YabotError):
    """Telegram will never accept this call. `code` is its error code."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class TelegramUnavailable(YabotError):
    """Telegram can't be reached now, or asks to wait."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)


def exited(error: BaseException) -> HandlerExited | None:
    """What a handler did that raised this, itself or by a task in a group of its own; None where it
    did not want to end the process."""
    match error:
        case SystemExit(code=code):
            return HandlerExited(f"the handler called sys.exit({code!r})")
        case KeyboardInterrupt():
            return HandlerExited("the handler raised KeyboardInterrupt")
        case BaseExceptionGroup(exceptions=several):
            return next(filter(None, map(exited, several)), None)
    return None


def lone(error: BaseException) -> BaseException:
    """What task groups have wrapped, where it is one thing."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
