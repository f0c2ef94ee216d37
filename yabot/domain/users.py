"""Deciding who a user is: registration, preferences, profile, conversations."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from yabot.domain import commands as c
from yabot.domain.decision import Decision, Notice, Rejected
from yabot.domain.events import (
    PreferencesUpdated,
    UserDeactivated,
    UserDeleted,
    UserRegistered,
)
from yabot.domain.menus import MENUS
from yabot.domain.user import (
    Conversation,
    CurrentState,
    Language,
    Preferences,
    Profile,
    SessionData,
    Subscription,
    User,
    UserDocument,
)
from yabot.domain.values import Instant

CONVERSATIONS_KEPT = 20
"""Chats in which one user can be in the middle of something at a time."""


def register(user: User | None, command: c.RegisterUser, now: Instant) -> Decision:
    """Create the user; for a known one, refresh the profile and note the login."""
    if user is not None:
        return Decision(
            user.model_copy(update={"profile": _seen_again(user.profile, command, now)})
        )
    user_id = str(command.telegram_user_id)
    language = language_of(command.language_code, command.default_language)
    document = (command.kept and command.kept.at_rest()) or UserDocument(
        user_id=user_id,
        current_state=CurrentState(session_data=SessionData(last_activity=now)),
        preferences=Preferences(language=language),
        created_at=now,
        updated_at=now,
    )
    created = User(
        document=document,
        profile=Profile(
            user_id=user_id,
            telegram_user_id=command.telegram_user_id,
            username=command.username,
            first_name=command.first_name,
            last_name=command.last_name,
            language_code=command.language_code,
            registration_date=now,
            last_login=now,
        ),
        subscription=Subscription(start_date=now),
    )
    event = UserRegistered(
        telegram_user_id=command.telegram_user_id,
        username=command.username,
        language=created.language,
    )
    return Decision(created, events=(event,))


def change_preferences(
    user: User, command: c.ChangePreferences, now: Instant
) -> Decision | Rejected:
    """Set what is given; a time zone must be one of the IANA database."""
    if command.time_zone is not None and not _is_time_zone(command.time_zone):
        return Rejected("time_zone_unknown", "time_zone_unknown", status=422)
    given = command.model_dump(exclude={"kind"}, exclude_none=True)
    preferences = user.document.preferences.model_copy(update=given)
    event = PreferencesUpdated.model_validate(preferences.model_dump())
    return Decision(user.with_document(preferences=preferences), events=(event,))


def patch_state(user: User, command: c.PatchState, now: Instant) -> Decision | Rejected:
    """Set where the user is, from outside the chat."""
    if command.menu_context is not None:
        if command.menu_context not in MENUS:
            return Rejected("menu_unknown", "menu_unknown", status=422)
        user = user.with_state(menu_context=command.menu_context)
    if command.current_fragment is not None:
        user = user.with_progress(
            user.progress.model_copy(update={"current_fragment": command.current_fragment})
        )
    return Decision(user)


def update_profile(user: User, command: c.UpdateProfile, now: Instant) -> Decision:
    """Set the fields of the profile that are given."""
    given = command.model_dump(exclude={"kind"}, exclude_none=True)
    return Decision(user.model_copy(update={"profile": user.profile.model_copy(update=given)}))


def mark_inactive(user: User, command: c.MarkInactive, now: Instant) -> Decision:
    """Remember that the user can't be reached; their next message makes them active again."""
    if not user.profile.is_active:
        return Decision(user)
    profile = user.profile.model_copy(update={"is_active": False})
    event = UserDeactivated(reason=command.reason)
    return Decision(user.model_copy(update={"profile": profile}), events=(event,))


def tell(user: User, command: c.Tell, now: Instant) -> Decision | Rejected:
    """Leave a text for the user's private chat."""
    if not user.document.preferences.notifications_enabled:
        return Rejected("notifications_off", "notifications_off")
    return Decision(user, notices=(Notice("told", {"text": command.text}),))


def delete(user: User, command: c.DeleteUser, now: Instant) -> Decision:
    """Leave nobody; what must be removed besides the user is the commit's part."""
    return Decision(None, events=(UserDeleted(),))


def set_conversation(user: User, command: c.SetConversation, now: Instant) -> Decision | Rejected:
    """Keep, replace or remove an FSM context."""
    kept = dict(user.document.conversations)
    if command.state is None and not command.data:
        kept.pop(command.key, None)
    else:
        kept[command.key] = Conversation(state=command.state, data=command.data)
    if len(kept) > CONVERSATIONS_KEPT:
        return Rejected("too_many_conversations", "too_many_conversations")
    return Decision(user.with_document(conversations=kept))


def _seen_again(profile: Profile, command: c.RegisterUser, now: Instant) -> Profile:
    return profile.model_copy(
        update={
            "username": command.username,
            "first_name": command.first_name,
            "last_name": command.last_name,
            "language_code": command.language_code or profile.language_code,
            "last_login": now,
            "is_active": True,
        }
    )


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def language_of(code: str | None, default: Language) -> Language:
    """The bot's language for an IETF language tag; `default` for one that it does not speak."""
    match (code or "").partition("-")[0].lower():
        case "es":
            return "es"
        case "en":
            return "en"
        case _:
            return default
