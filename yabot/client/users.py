"""Calls about users: state, preferences, profile, plan, besitos, the story."""

from collections.abc import AsyncIterator
from typing import Literal

from yabot.api.besitos import Balance, Line, Moved, Movement, Page
from yabot.api.interactions import Interacted, Interaction
from yabot.api.narrative import FragmentView
from yabot.api.subscriptions import Access, AccessAsked, PlanChange, PlanView
from yabot.api.users import PreferencesChange, ProfileChange, StatePatch, UserExport, UserState
from yabot.client.calling import Connection
from yabot.client.messages import Answer, keyed
from yabot.domain.user import Preferences, Profile


class UserCalls(Connection):
    """`if_match` is the `etag` of what was read; `*` changes whatever it is now.

    `key` makes a change happen once; without one, each call is a change of its own.
    """

    async def get_state(self, user_id: str) -> Answer[UserState]:
        """Where a user is."""
        return await self.read(f"{_user(user_id)}/state", UserState)

    async def patch_state(
        self, user_id: str, patch: StatePatch, *, if_match: str, key: str | None = None
    ) -> Answer[UserState]:
        """Put a user somewhere else."""
        path = f"{_user(user_id)}/state"
        return await self.change("PATCH", path, patch, UserState, if_match=if_match, key=key)

    async def get_preferences(self, user_id: str) -> Answer[Preferences]:
        """What a user prefers."""
        return await self.read(f"{_user(user_id)}/preferences", Preferences)

    async def put_preferences(
        self, user_id: str, change: PreferencesChange, *, if_match: str, key: str | None = None
    ) -> Answer[Preferences]:
        """Set preferences."""
        path = f"{_user(user_id)}/preferences"
        return await self.change("PUT", path, change, Preferences, if_match=if_match, key=key)

    async def get_profile(self, user_id: str) -> Answer[Profile]:
        """Who a user is."""
        return await self.read(f"{_user(user_id)}/profile", Profile)

    async def put_profile(
        self, user_id: str, change: ProfileChange, *, if_match: str, key: str | None = None
    ) -> Answer[Profile]:
        """Correct a profile."""
        path = f"{_user(user_id)}/profile"
        return await self.change("PUT", path, change, Profile, if_match=if_match, key=key)

    async def export_user(self, user_id: str) -> Answer[UserExport]:
        """Everything that is kept of a user."""
        return await self.read(f"{_user(user_id)}/export", UserExport)

    async def delete_user(self, user_id: str, *, key: str | None = None) -> None:
        """Forget a user."""
        await self.send(keyed("DELETE", _user(user_id), key=key))

    async def get_subscription(self, user_id: str) -> Answer[PlanView]:
        """A user's plan."""
        return await self.read(f"{_user(user_id)}/subscription", PlanView)

    async def put_subscription(
        self, user_id: str, change: PlanChange, *, if_match: str, key: str | None = None
    ) -> Answer[PlanView]:
        """Set a user's plan."""
        path = f"{_user(user_id)}/subscription"
        return await self.change("PUT", path, change, PlanView, if_match=if_match, key=key)

    async def request_vip_access(
        self, user_id: str, asked: AccessAsked, *, key: str | None = None
    ) -> Answer[Access]:
        """Open a VIP feature; a no is Refused with the code `vip_required`."""
        return await self.change("POST", f"{_user(user_id)}/vip-access", asked, Access, key=key)

    async def create_interaction(
        self, user_id: str, interaction: Interaction, *, key: str | None = None
    ) -> Answer[Interacted]:
        """Press a button of a menu."""
        path = f"{_user(user_id)}/interactions"
        return await self.change("POST", path, interaction, Interacted, key=key)

    async def get_besitos(self, user_id: str) -> Answer[Balance]:
        """A user's balance."""
        return await self.read(f"{_user(user_id)}/besitos", Balance)

    async def create_transaction(
        self, user_id: str, movement: Movement, *, key: str | None = None
    ) -> Answer[Moved]:
        """Add or spend besitos, once."""
        path = f"{_user(user_id)}/besitos/transactions"
        return await self.change("POST", path, movement, Moved, key=key)

    async def list_transactions(
        self, user_id: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Answer[Page]:
        """A page of a user's movements, newest first."""
        path = f"{_user(user_id)}/besitos/transactions"
        return await self.read(path, Page, cursor=cursor, limit=limit)

    async def transactions(self, user_id: str) -> AsyncIterator[Line]:
        """All of a user's movements, newest first, a page at a time."""
        cursor: str | None = None
        while True:
            page = (await self.list_transactions(user_id, cursor=cursor, limit=100)).body
            for line in page.items:
                yield line
            if page.next is None:
                return
            cursor = page.next

    async def get_fragment(
        self, fragment_id: str, *, language: Literal["es", "en"] | None = None
    ) -> Answer[FragmentView]:
        """A fragment of the story."""
        path = f"/api/v1/narrative/{fragment_id}"
        return await self.read(path, FragmentView, language=language)


def _user(user_id: str) -> str:
    return f"/api/v1/user/{user_id}"
