"""The one way in which services reach a user."""

from typing import Protocol

from yabot.domain.commands import Command
from yabot.domain.decision import Applied, Once, Precondition, Rejected
from yabot.domain.user import User
from yabot.domain.values import UserId

__all__ = ["Applied", "Once", "Precondition", "UserGateway"]


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
