"""What can be asked of a user. A button, an API call and a timer all end as one of these.

A command carries every fact that its decision needs (a price, the target of a choice), so deciding
reads nothing but the user. Commands are JSON on disk: a durable one waits in an outbox until due.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter

from yabot.domain.gift_commands import GiftCommand
from yabot.domain.user import Language, Plan, SubscriptionStatus, Theme, UserDocument
from yabot.domain.values import Amount, Besitos, Identifier, Instant, TelegramId, Value


class RegisterUser(Value):
    """Create the user, or note that a known one came back.

    `kept` is the document that was left of a new one elsewhere; it goes on.
    """

    kind: Literal["register_user"] = "register_user"
    telegram_user_id: TelegramId
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    language_code: str | None = None
    default_language: Language = "es"
    kept: UserDocument | None = None


class OpenMenu(Value):
    """Show a menu; the document remembers which."""

    kind: Literal["open_menu"] = "open_menu"
    menu: Identifier


class ChangePreferences(Value):
    """Set the preferences that are given; None leaves one as it is."""

    kind: Literal["change_preferences"] = "change_preferences"
    language: Language | None = None
    notifications_enabled: bool | None = None
    theme: Theme | None = None
    time_zone: Annotated[str, Field(max_length=64)] | None = None


class PatchState(Value):
    """Set fields of the current state from outside the chat; None leaves one as it is."""

    kind: Literal["patch_state"] = "patch_state"
    menu_context: Identifier | None = None
    current_fragment: Identifier | None = None


class EnterFragment(Value):
    """Open a fragment of the story without a choice: its beginning, or the place left last."""

    kind: Literal["enter_fragment"] = "enter_fragment"
    fragment: Identifier
    vip_required: bool = False
    reward: Annotated[int, Field(ge=0)] = 0


class Choose(Value):
    """Take a choice of a fragment that the user has reached."""

    kind: Literal["choose"] = "choose"
    fragment: Identifier
    choice: Identifier
    next_fragment: Identifier
    vip_required: bool = False
    reward: Annotated[int, Field(ge=0)] = 0


class Hint(Value):
    """What a reaction can unlock, and how it is told.

    `press` is the press of a button that waits for the answer; without one the answer is a message.
    """

    id: Identifier
    text: Annotated[str, Field(max_length=500)] = ""
    vip_required: bool = False
    press: Annotated[str, Field(max_length=64)] | None = None


class React(Value):
    """React to a fragment; the first reaction to it begins the way to `reward` and `hint`."""

    kind: Literal["react"] = "react"
    content_id: Identifier
    reaction: Annotated[str, Field(min_length=1, max_length=32)]
    reward: Annotated[int, Field(ge=0)] = 0
    hint: Hint | None = None


class RewardReaction(Value):
    """The second step after a reaction: earn `reward`."""

    kind: Literal["reward_reaction"] = "reward_reaction"
    content_id: Identifier
    reward: Annotated[int, Field(ge=0)]
    hint: Hint


class UnlockHint(Value):
    """The last step after a reaction: open the hint, or give `paid` besitos back."""

    kind: Literal["unlock_hint"] = "unlock_hint"
    content_id: Identifier
    paid: Annotated[int, Field(ge=0)]
    hint: Hint


class MoveBesitos(Value):
    """Add (positive) or spend (negative) besitos; a balance never goes below zero."""

    kind: Literal["move_besitos"] = "move_besitos"
    amount: Besitos
    reason: Annotated[str, Field(min_length=1, max_length=64)]


class ClaimDaily(Value):
    """Take the daily gift, once per day of the user's own time zone."""

    kind: Literal["claim_daily"] = "claim_daily"
    amount: Amount


class BuySubscription(Value):
    """Buy or extend a plan with besitos."""

    kind: Literal["buy_subscription"] = "buy_subscription"
    plan: Literal["premium", "vip"]
    price: Amount
    days: Annotated[int, Field(strict=True, gt=0, le=3660)]


class SetSubscription(Value):
    """Set the plan from outside the chat (a payment, support)."""

    kind: Literal["set_subscription"] = "set_subscription"
    plan: Plan
    status: SubscriptionStatus = "active"
    end_date: Instant | None = None


class ExpireSubscription(Value):
    """End a plan whose time is over; one that was extended since is left alone."""

    kind: Literal["expire_subscription"] = "expire_subscription"
    end_date: Instant


class CheckVip(Value):
    """Ask whether VIP content is open to the user; a yes is an event."""

    kind: Literal["check_vip"] = "check_vip"
    feature: Identifier


class UpdateProfile(Value):
    """Correct the profile from outside the chat; None leaves a field as it is."""

    kind: Literal["update_profile"] = "update_profile"
    username: Annotated[str, Field(max_length=64)] | None = None
    first_name: Annotated[str, Field(max_length=128)] | None = None
    last_name: Annotated[str, Field(max_length=128)] | None = None
    is_active: bool | None = None


class MarkInactive(Value):
    """Telegram says that the user blocked the bot, or is gone."""

    kind: Literal["mark_inactive"] = "mark_inactive"
    reason: Annotated[str, Field(max_length=200)] = ""


class Tell(Value):
    """Tell the user something that another service has to say, unless they want no notices."""

    kind: Literal["tell"] = "tell"
    text: Annotated[str, Field(min_length=1, max_length=1000)]


class DeleteUser(Value):
    """Forget the user, with everything that is kept of them."""

    kind: Literal["delete_user"] = "delete_user"


class SetConversation(Value):
    """Store an aiogram FSM context; an empty one is removed."""

    kind: Literal["set_conversation"] = "set_conversation"
    key: Annotated[str, Field(min_length=1, max_length=128)]
    state: str | None = None
    data: Mapping[str, JsonValue] = Field(default_factory=dict)


Command = Annotated[
    RegisterUser
    | OpenMenu
    | ChangePreferences
    | PatchState
    | EnterFragment
    | Choose
    | React
    | RewardReaction
    | UnlockHint
    | MoveBesitos
    | ClaimDaily
    | BuySubscription
    | SetSubscription
    | ExpireSubscription
    | CheckVip
    | UpdateProfile
    | MarkInactive
    | Tell
    | DeleteUser
    | SetConversation
    | GiftCommand,
    Field(discriminator="kind"),
]

COMMAND: TypeAdapter[Command] = TypeAdapter(Command)
"""Reads a command back from JSON: `COMMAND.validate_json(body)`."""
