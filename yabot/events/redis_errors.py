"""What can go wrong with Redis, and which of its errors say so.

    RedisAway        it can't be reached, is loading, or has no master now; what was asked may have
    │                happened
    └── AccessDenied it is there and refuses who we are; somebody must mend that
    RedisRefused     it is there and refuses what was asked; `code` is the first word of its answer

All of them may end while the program runs, so whoever repeats is right to. None of their texts
holds a secret: the library's errors name hosts and commands, never a password.
"""

from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    AuthorizationError,
    ClusterDownError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

from yabot.errors import StoreUnavailable, YabotError

DENIED = (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    AuthorizationError,
    NoPermissionError,
)
PASSING = (AskError, ClusterDownError, OutOfMemoryError, ReadOnlyError, TryAgainError)
"""Answers of a server that can't do now what it may do later; MOVED is a kind of AskError."""

PASSING_CODES = frozenset({"LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS"})


class RedisAway(StoreUnavailable):
    """Redis can't be asked now; whether it has done what was asked is not known."""


class AccessDenied(RedisAway):
    """Redis refuses the user, the password, or what this user may do."""


class RedisRefused(YabotError):
    """Redis refuses what was asked. `code` is the first word of its answer, such as NOGROUP."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


def is_outage(error: Exception) -> bool:
    """Whether an error says that the server is away, and not that it refuses one command."""
    return not isinstance(meaning(error), RedisRefused)


def meaning(error: Exception) -> RedisAway | RedisRefused:
    """This program's error for one of the library's."""
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, DENIED):
        return AccessDenied(f"{told}; mend REDIS_PASSWORD, or the user and its rights in REDIS_URL")
    if isinstance(error, InvalidResponse):
        return RedisAway(f"{told}; what answers there does not speak Redis's protocol")
    code = str(error).partition(" ")[0]
    if isinstance(error, ResponseError) and not isinstance(error, PASSING):
        return RedisAway(told) if code in PASSING_CODES else RedisRefused(told, code=code)
    return RedisAway(told)
