"""Routes of a user's state, preferences and profile, of all that is kept of them, and of its end.

A field that a change leaves out, or gives as null, stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated

from pydantic import Field, JsonValue, WithJsonSchema

from yabot.api.route import (
    UNKNOWN_USER,
    USER_UNKNOWN,
    AnyRoute,
    Asked,
    Input,
    Nothing,
    Output,
    Reply,
    Route,
    reply,
)
from yabot.domain.commands import ChangePreferences, PatchState, UpdateProfile
from yabot.domain.decision import Rejected
from yabot.domain.menus import MENUS
from yabot.domain.user import CurrentState, Language, Preferences, Profile, Theme, User
from yabot.domain.values import Identifier, Instant
from yabot.services.users import UserService

MenuName = Annotated[Identifier, WithJsonSchema({"type": "string", "enum": sorted(MENUS)})]
"""The name of a menu of the chat."""

USER = "/api/v1/user/{user_id}"


class UserState(Output):
    """The part of a user that moves with every interaction."""

    user_id: str
    current_state: CurrentState
    preferences: Preferences
    last_activity: Instant
    updated_at: Instant


class StatePatch(Input):
    """Fields of the state to set."""

    menu_context: MenuName | None = None
    current_fragment: Identifier | None = None


class PreferencesChange(Input):
    """Preferences to set."""

    language: Language | None = None
    notifications_enabled: bool | None = None
    theme: Theme | None = None
    time_zone: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class ProfileChange(Input):
    """Fields of the profile to correct."""

    username: Annotated[str, Field(max_length=64)] | None = None
    first_name: Annotated[str, Field(max_length=128)] | None = None
    last_name: Annotated[str, Field(max_length=128)] | None = None
    is_active: bool | None = None


class UserExport(Output):
    """Everything that is kept of a user: rows by section, newest first.

    `cut` names the sections that are too long to be given whole.
    """

    user_id: str
    made_at: Instant
    sections: Mapping[str, Sequence[Mapping[str, JsonValue]]]
    cut: tuple[str, ...]


class UserRoutes:
    """State, preferences, profile, export and deletion over the UserService."""

    def __init__(self, users: UserService) -> None:
        self._users = users

    def routes(self) -> tuple[AnyRoute, ...]:
        """The table."""
        return (
            Route("GET", f"{USER}/state", "get_state", "Where a user is",
                  Nothing, UserState, self.get_state, errors=(UNKNOWN_USER,)),
            Route("PATCH", f"{USER}/state", "patch_state", "Put a user somewhere else",
                  StatePatch, UserState, self.patch_state, idempotency="optional",
                  errors=(UNKNOWN_USER, (422, "menu_unknown"))),
            Route("GET", f"{USER}/preferences", "get_preferences", "What a user prefers",
                  Nothing, Preferences, self.get_preferences, errors=(UNKNOWN_USER,)),
            Route("PUT", f"{USER}/preferences", "put_preferences", "Set preferences",
                  PreferencesChange, Preferences, self.put_preferences, idempotency="optional",
                  errors=(UNKNOWN_USER, (422, "time_zone_unknown"))),
            Route("GET", f"{USER}/profile", "get_profile", "Who a user is",
                  Nothing, Profile, self.get_profile, errors=(UNKNOWN_USER,)),
            Route("PUT", f"{USER}/profile", "put_profile", "Correct a profile",
                  ProfileChange, Profile, self.put_profile, idempotency="optional",
                  errors=(UNKNOWN_USER,)),
            Route("GET", f"{USER}/export", "export_user", "Everything that is kept of a user",
                  Nothing, UserExport, self.export, errors=(UNKNOWN_USER,)),
            Route("DELETE", USER, "delete_user", "Forget a user",
                  Nothing, None, self.delete, status=204, idempotency="optional",
                  errors=(UNKNOWN_USER,)),
        )  # fmt: skip

    async def get_state(self, asked: Asked[Nothing]) -> Reply | Rejected:
        """The user's state."""
        user = await self._users.get_user_context(asked.user_id)
        return Reply(_state(user)) if user is not None else USER_UNKNOWN

    async def patch_state(self, asked: Asked[StatePatch]) -> Reply | Rejected:
        """Set fields of the state."""
        patch = PatchState.model_validate(asked.input.model_dump())
        done = await self._users.update_user_state(
            asked.user_id, patch, once=asked.once, only_if=asked.unchanged(_state)
        )
        return reply(done, _state)

    async def get_preferences(self, asked: Asked[Nothing]) -> Reply | Rejected:
        """The user's preferences."""
        user = await self._users.get_user_context(asked.user_id)
        return Reply(_preferences(user)) if user is not None else USER_UNKNOWN

    async def put_preferences(self, asked: Asked[PreferencesChange]) -> Reply | Rejected:
        """Set preferences."""
        change = ChangePreferences.model_validate(asked.input.model_dump())
        done = await self._users.update_preferences(
            asked.user_id, change, once=asked.once, only_if=asked.unchanged(_preferences)
        )
        return reply(done, _preferences)

    async def get_profile(self, asked: Asked[Nothing]) -> Reply | Rejected:
        """The user's profile."""
        user = await self._users.get_user_context(asked.user_id)
        return Reply(_profile(user)) if user is not None else USER_UNKNOWN

    async def put_profile(self, asked: Asked[ProfileChange]) -> Reply | Rejected:
        """Correct the profile."""
        change = UpdateProfile.model_validate(asked.input.model_dump())
        done = await self._users.update_user_profile(
            asked.user_id, change, once=asked.once, only_if=asked.unchanged(_profile)
        )
        return reply(done, _profile)

    async def export(self, asked: Asked[Nothing]) -> Reply | Rejected:
        """Everything that is kept of the user."""
        export = await self._users.export_user(asked.user_id)
        return Reply(UserExport(**asdict(export))) if export is not None else USER_UNKNOWN

    async def delete(self, asked: Asked[Nothing]) -> Reply | Rejected:
        """Forget the user."""
        return reply(await self._users.delete_user(asked.user_id, once=asked.once))


def _state(user: User) -> UserState:
    return UserState(
        user_id=user.user_id,
        current_state=user.document.current_state,
        preferences=user.document.preferences,
        last_activity=user.document.current_state.session_data.last_activity,
        updated_at=user.document.updated_at,
    )


def _preferences(user: User) -> Preferences:
    return user.document.preferences


def _profile(user: User) -> Profile:
    return user.profile
