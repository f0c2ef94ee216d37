"""Facts about users that other parts and other services may build on.

An event exists exactly when its change does: it is written by the commit of the turn that made it.
Its name and version are its type; fields are only ever added.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from yabot.domain.user import Plan, SubscriptionStatus
from yabot.domain.values import Identifier, Instant, Value


class Event(Value):
    """A fact. Subclasses name it; the commit adds id, time, user, sequence and correlation."""

    name: ClassVar[str]
    aggregate: ClassVar[str]


class UpdateReceived(Event):
    """An update from Telegram has been taken in hand."""

    name: ClassVar[str] = "update_received"
    aggregate: ClassVar[str] = "user"
    update_id: int
    update_type: str


class HandlerCompleted(Event):
    """A turn has run to its end."""

    name: ClassVar[str] = "handler_completed"
    aggregate: ClassVar[str] = "user"
    update_type: str
    replies: int


class UserRegistered(Event):
    """A new user exists in every store."""

    name: ClassVar[str] = "user_registered"
    aggregate: ClassVar[str] = "user"
    telegram_user_id: int
    username: str | None = None
    language: str


class UserInteraction(Event):
    """The user opened something."""

    name: ClassVar[str] = "user_interaction"
    aggregate: ClassVar[str] = "user"
    action: Annotated[str, Field(max_length=64)]


class PreferencesUpdated(Event):
    """The user's preferences are now these."""

    name: ClassVar[str] = "preferences_updated"
    aggregate: ClassVar[str] = "user"
    language: str
    notifications_enabled: bool
    theme: str
    time_zone: str


class UserDeactivated(Event):
    """The user can't be reached any more."""

    name: ClassVar[str] = "user_deactivated"
    aggregate: ClassVar[str] = "user"
    reason: str


class DecisionMade(Event):
    """The user took a choice of the story."""

    name: ClassVar[str] = "decision_made"
    aggregate: ClassVar[str] = "narrative"
    fragment: Identifier
    choice: Identifier
    next_fragment: Identifier


class ReactionDetected(Event):
    """The user reacted to a fragment."""

    name: ClassVar[str] = "reaction_detected"
    aggregate: ClassVar[str] = "narrative"
    content_id: Identifier
    reaction_type: str


class NarrativeHintUnlocked(Event):
    """A hint of the story is open to the user."""

    name: ClassVar[str] = "narrative_hint_unlocked"
    aggregate: ClassVar[str] = "narrative"
    hint: Identifier


class BesitosAdded(Event):
    """The purse grew by `amount`."""

    name: ClassVar[str] = "besitos_added"
    aggregate: ClassVar[str] = "besitos"
    amount: int
    balance: int
    reason: str


class BesitosSpent(Event):
    """The purse shrank by `amount`."""

    name: ClassVar[str] = "besitos_spent"
    aggregate: ClassVar[str] = "besitos"
    amount: int
    balance: int
    reason: str


class SubscriptionUpdated(Event):
    """The user's plan is now this."""

    name: ClassVar[str] = "subscription_updated"
    aggregate: ClassVar[str] = "subscription"
    plan_type: Plan
    status: SubscriptionStatus
    end_date: Instant | None = None


class VipAccessGranted(Event):
    """VIP content was opened to the user."""

    name: ClassVar[str] = "vip_access_granted"
    aggregate: ClassVar[str] = "subscription"
    feature: Identifier


class UpdateSetAside(Event):
    """An update crashed its turn three times and lies in the dead letters."""

    name: ClassVar[str] = "update_set_aside"
    aggregate: ClassVar[str] = "user"
    reason: Literal["crashed", "killed"]
