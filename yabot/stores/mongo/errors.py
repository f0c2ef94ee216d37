"""What can be wrong with the document server, and which of its codes says so.

    StoreUnavailable        it is away, busy or electing; what was asked may have happened
    ├── AccessDenied        it is there and refuses our credentials; somebody must mend them
    └── CommandRefused      it is there and refuses a command; carries the server's `code`
    ConfigError             the address is wrong; the start ends
    └── SchemaDifference    a collection there isn't what this program writes; the start ends

The first three may end while the bot runs, so whoever repeats on StoreUnavailable is right to.
"""

from yabot.errors import ConfigError, StoreUnavailable

DUPLICATE = 11000
MISSING = 26
UNFIT = 2
"""What a server says of a document that isn't one of its format."""

LOGIN_REFUSED = 18
ACCESS = frozenset({13, LOGIN_REFUSED, 8000})
ELECTING = frozenset({91, 189, 10058, 10107, 11600, 11602, 13435, 13436})
OUT_OF_REACH = frozenset({6, 7, 89, 134, 9001})
OUT_OF_TIME = frozenset({24, 46, 50, 64, 112, 262, 11601})
OUT_OF_SPACE = frozenset({14031})
PASSING = ELECTING | OUT_OF_REACH | OUT_OF_TIME | OUT_OF_SPACE
"""Codes of a server that can't do now what it may do later."""


class AccessDenied(StoreUnavailable):
    """The server refuses the user, the password, or what this user may do."""


class CommandRefused(StoreUnavailable):
    """The server refuses a command as a whole. `code` is its error code."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class SchemaDifference(ConfigError):
    """Collections there differ from ours. `problems` shows each difference and what to do."""


def meaning(code: int | None, told: str) -> StoreUnavailable:
    """The error to raise for a code of the server; None is a server that did not answer."""
    if code in ACCESS:
        return AccessDenied(f"{told}; mend the user, password or rights in MONGODB_URI")
    if code is None or code in PASSING:
        return StoreUnavailable(told)
    return CommandRefused(told, code=code)
