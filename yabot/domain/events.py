"""Facts about users that other parts and other services may build on.

An event exists exactly when its change does: it is written by the commit of the turn that made it.
Its name and version are its type. A field that is added has a default and leaves the version as it
is; any other change is a new version, and `yabot.events.schemas` says how the old one is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, JsonValue

from yabot.domain.user import Plan, SubscriptionStatus
from yabot.domain.values import Identifier, Instant, Value


class Event(Value):
    """A fact. Subclasses name it; the commit adds id, time, user, sequence and causes."""

    name: ClassVar[str]
    aggregate: ClassVar[str]
    version: ClassVar[int] = 1

    def to_json(self) -> bytes:
        """The event's own fields, as a JSON object."""
        return self.__pydantic_serializer__.to_json(self)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A fact whose name has no model here; `body` is a JSON object that nobody has checked."""

    name: str
    body: bytes
    version: int = 1

    def to_json(self) -> bytes:
        """The body as it was given."""
        return self.body


Fact: TypeAlias = Event | Announcement
"""What a turn can leave in the events outbox."""


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
    """The user opened something; `context` says from where."""

    name: ClassVar[str] = "user_interaction"
    aggregate: ClassVar[str] = "user"
    action: Annotated[str, Field(max_length=64)]
    context: Mapping[str, JsonValue] = Field(default_factory=dict)


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


class UserDeleted(Event):
    """Everything that was kept of the user is gone; whoever keeps a copy forgets it too.

    It is the last fact of its turn. Who comes back is registered anew.
    """

    name: ClassVar[str] = "user_deleted"
    aggregate: ClassVar[str] = "user"


class DecisionMade(Event):
    """The user took a choice of the story; `context` says how the user stood there."""

    name: ClassVar[str] = "decision_made"
    aggregate: ClassVar[str] = "narrative"
    fragment: Identifier
    choice: Identifier
    next_fragment: Identifier
    context: Mapping[str, JsonValue] = Field(default_factory=dict)


class ReactionDetected(Event):
    """The user reacted to a fragment; `metadata` says what else is known of the moment."""

    name: ClassVar[str] = "reaction_detected"
    aggregate: ClassVar[str] = "narrative"
    content_id: Identifier
    reaction_type: str
    metadata: Mapping[str, JsonValue] = Field(default_factory=dict)


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


EVENTS: Mapping[str, type[Event]] = {event.name: event for event in Event.__subclasses__()}
"""Every event that has a model, by its name."""


def aggregate_of(name: str) -> str:
    """What an event of that name is about; `system` where no model says."""
    model = EVENTS.get(name)
    return model.aggregate if model is not None else "system"
