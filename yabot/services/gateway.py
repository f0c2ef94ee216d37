"""The one way in which services reach a user, and how a service makes a command happen once."""

from hashlib import blake2b
from typing import Protocol

import orjson

from yabot.domain.commands import Command
from yabot.domain.decision import Applied, Once, Precondition, Rejected
from yabot.domain.user import User
from yabot.domain.values import UserId

__all__ = ["Applied", "Once", "Precondition", "UserGateway", "once_under"]


def once_under(key: str, *asked: object) -> Once:
    """The key with a fingerprint of what is asked under it, as JSON values."""
    told = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
    return Once(key, blake2b(told, digest_size=16).hexdigest())


class UserGateway(Protocol):
    """Reads and changes users, whether they are live or only stored.

    Inside a user's own turn it reads and changes the turn. A turn never asks another user: naming
    somebody else from inside one raises RuntimeError; leave a durable command instead.
    """

    async def get(self, user_id: UserId, *, timeout: float | None = None) -> User | None:
        """The user as of now; None for an unknown one.

        Raises StoreUnavailable, Overloaded, DeadlinePassed.
        """
        ...

    async def apply(
        self,
        user_id: UserId,
        command: Command,
        *,
        once: Once | None = None,
        only_if: Precondition | None = None,
        timeout: float | None = None,
    ) -> Applied | Rejected:
        """Apply a command in a turn of that user; a no is a value.

        With `once`, a repeated key gets its stored answer and nothing happens. Else, where
        `only_if` is false of the user in that turn, nothing happens or is stored: CHANGED.

        Raises StoreUnavailable, Overloaded, DeadlinePassed.
        """
        ...
