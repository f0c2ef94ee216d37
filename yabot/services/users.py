"""UserService: who a user is, in every store at once."""

from yabot.domain.commands import (
    ChangePreferences,
    DeleteUser,
    PatchState,
    RegisterUser,
    UpdateProfile,
)
from yabot.domain.decision import Rejected
from yabot.domain.user import User
from yabot.domain.values import UserId
from yabot.services.gateway import Applied, Once, Precondition, UserGateway
from yabot.users.ports import Export, UserExports


class UserService:
    """Creates, reads, changes and forgets users.

    Document, profile and events change in one commit; copies elsewhere follow it by the outboxes.
    """

    def __init__(self, users: UserGateway, exports: UserExports) -> None:
        self._users = users
        self._exports = exports

    async def create_user(self, telegram_user: RegisterUser) -> Applied | Rejected:
        """Create the user, or refresh the profile of a known one."""
        return await self._users.apply(str(telegram_user.telegram_user_id), telegram_user)

    async def get_user_context(
        self, user_id: UserId, *, timeout: float | None = None
    ) -> User | None:
        """Everything known of the user; None for an unknown one."""
        return await self._users.get(user_id, timeout=timeout)

    async def update_user_state(
        self,
        user_id: UserId,
        state: PatchState,
        *,
        once: Once | None = None,
        only_if: Precondition | None = None,
    ) -> Applied | Rejected:
        """Set fields of the user's dynamic state."""
        return await self._users.apply(user_id, state, once=once, only_if=only_if)

    async def update_user_profile(
        self,
        user_id: UserId,
        profile: UpdateProfile,
        *,
        once: Once | None = None,
        only_if: Precondition | None = None,
    ) -> Applied | Rejected:
        """Correct fields of the user's profile."""
        return await self._users.apply(user_id, profile, once=once, only_if=only_if)

    async def update_preferences(
        self,
        user_id: UserId,
        preferences: ChangePreferences,
        *,
        once: Once | None = None,
        only_if: Precondition | None = None,
    ) -> Applied | Rejected:
        """Set preferences."""
        return await self._users.apply(user_id, preferences, once=once, only_if=only_if)

    async def delete_user(self, user_id: UserId, *, once: Once | None = None) -> Applied | Rejected:
        """Forget the user with everything that is kept of them, and publish `user_deleted`."""
        return await self._users.apply(user_id, DeleteUser(), once=once)

    async def export_user(self, user_id: UserId) -> Export | None:
        """Everything that is kept of the user; None for an unknown one. Raises StoreUnavailable."""
        return await self._exports.export(user_id)
