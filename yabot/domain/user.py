"""Everything the bot knows of one user.

`User` is what an actor holds in memory and what one turn may change. Its parts are kept in
different tables, but they are loaded, changed and committed together, so no part is ever ahead.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, JsonValue

from yabot.domain.values import Amount, Besitos, Identifier, Instant, PersonId, UserId, Value

CHOICES_KEPT = 200
"""Choices that a document remembers; the whole history is in the events."""

Plan = Literal["free", "premium", "vip"]
SubscriptionStatus = Literal["active", "inactive", "cancelled", "expired"]
Language = Literal["es", "en"]
Theme = Literal["default", "light", "dark"]


class Choice(Value):
    """One decision in the story."""

    fragment: Identifier
    choice: Identifier


class NarrativeProgress(Value):
    """Where the user stands in the story, and how they got there (oldest first)."""

    current_fragment: Identifier | None = None
    completed_fragments: tuple[Identifier, ...] = ()
    choices_made: tuple[Choice, ...] = ()
    unlocked_hints: tuple[Identifier, ...] = ()


class SessionData(Value):
    """What belongs to the current visit."""

    last_activity: Instant


class CurrentState(Value):
    """The part of a document that moves with every interaction."""

    menu_context: Identifier = "main_menu"
    narrative_progress: NarrativeProgress = NarrativeProgress()
    session_data: SessionData


class Preferences(Value):
    """What the user chose for themself."""

    language: Language = "es"
    notifications_enabled: bool = True
    theme: Theme = "default"
    time_zone: str = Field(default="UTC", max_length=64)


class Conversation(Value):
    """An aiogram FSM context: its state's name and its data."""

    state: str | None = None
    data: Mapping[str, JsonValue] = Field(default_factory=dict)


class Reaction(Value):
    """A reaction on its way to a hint, and the step that comes next; `domain/reactions.py` says."""

    content_id: Identifier
    hint: Identifier
    step: Literal["reward", "unlock"]


class GivenGift(Value):
    """A gift of this user that has left the purse and has not settled yet."""

    gift_id: Identifier
    to: PersonId
    amount: Amount


class TakenGift(Value):
    """What this user has said to a gift, for as long as anybody may ask; see `domain/gifts.py`."""

    gift_id: Identifier
    state: Literal["credited", "cancelled"]


class UserDocument(Value):
    """The user's document, in the shape that other services read.

    `conversations` is keyed by `<chat id>[:<thread id>][:<destiny>]`. `last_daily` is when the
    daily gift was last taken. `reactions`, `gifts_given` and `gifts_taken` are what is under way.
    """

    user_id: UserId
    current_state: CurrentState
    preferences: Preferences = Preferences()
    conversations: Mapping[str, Conversation] = Field(default_factory=dict)
    last_daily: Instant | None = None
    reactions: tuple[Reaction, ...] = ()
    gifts_given: tuple[GivenGift, ...] = ()
    gifts_taken: tuple[TakenGift, ...] = ()
    created_at: Instant
    updated_at: Instant

    def at_rest(self) -> "UserDocument":
        """The same document with nothing under way."""
        return self.model_copy(update={"reactions": (), "gifts_given": (), "gifts_taken": ()})


class Profile(Value):
    """Who the user is to Telegram."""

    user_id: UserId
    telegram_user_id: int
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    language_code: str | None = None
    registration_date: Instant
    last_login: Instant
    is_active: bool = True


class Subscription(Value):
    """The user's current plan. `end_date` None means without end."""

    plan_type: Plan = "free"
    status: SubscriptionStatus = "active"
    start_date: Instant
    end_date: Instant | None = None


class User(Value):
    """One registered user: document, profile, plan and purse."""

    document: UserDocument
    profile: Profile
    subscription: Subscription
    balance: Besitos = 0

    @property
    def user_id(self) -> UserId:
        """The key of everything that belongs to this user."""
        return self.document.user_id

    @property
    def language(self) -> Language:
        """The language in which the bot speaks to this user."""
        return self.document.preferences.language

    @property
    def progress(self) -> NarrativeProgress:
        """Where the user stands in the story."""
        return self.document.current_state.narrative_progress

    @property
    def held(self) -> int:
        """Besitos that left the purse for gifts under way and may come back."""
        return sum(gift.amount for gift in self.document.gifts_given)

    def with_progress(self, progress: NarrativeProgress) -> "User":
        """The same user at another place of the story."""
        return self.with_state(narrative_progress=progress)

    def with_state(self, **changes: object) -> "User":
        """The same user with fields of `current_state` replaced."""
        state = self.document.current_state.model_copy(update=changes)
        return self.with_document(current_state=state)

    def with_document(self, **changes: object) -> "User":
        """The same user with fields of the document replaced."""
        return self.model_copy(update={"document": self.document.model_copy(update=changes)})

    def touched(self, now: Instant) -> "User":
        """The same user, seen at `now`."""
        state = self.document.current_state
        session = state.session_data.model_copy(update={"last_activity": now})
        state = state.model_copy(update={"session_data": session})
        return self.with_document(current_state=state, updated_at=now)
