"""What two users' actors ask of each other while a gift is under way.

The giver takes `GiveBesitos`, `GiftSettled`, `RefundGift` and `CheckGift`, the receiver
`ReceiveGift`, `CancelGift` and `ForgetGift`. All but the first travel as durable commands, so each
is taken exactly once; `yabot.domain.gifts` says what follows from it.
"""

from typing import Annotated, Literal

from pydantic import Field

from yabot.domain.values import Amount, Identifier, PersonId, Value

Refusal = Literal["unknown", "unreachable", "full", "busy", "late"]
"""Why a gift comes back: nobody is there, the bot is blocked, the purse is full, too many gifts
come at a time, or no answer came in time."""

Limit = Annotated[int, Field(strict=True, gt=0, le=30 * 86_400)]
"""Seconds within which a gift must have arrived."""

Name = Annotated[str, Field(max_length=128)]


class GiveBesitos(Value):
    """Take besitos out of the purse and send them to somebody else.

    `gift_id` is new for each gift and tells nothing of anybody; `name` is how the receiver is told
    who gives.
    """

    kind: Literal["give_besitos"] = "give_besitos"
    gift_id: Identifier
    to: PersonId
    amount: Amount
    name: Name
    limit: Limit


class ReceiveGift(Value):
    """Take a gift, or say why not."""

    kind: Literal["receive_gift"] = "receive_gift"
    gift_id: Identifier
    giver: PersonId
    name: Name
    amount: Amount


class CancelGift(Value):
    """Say whether a gift has been taken; one that has not can't be from now on."""

    kind: Literal["cancel_gift"] = "cancel_gift"
    gift_id: Identifier
    giver: PersonId


class ForgetGift(Value):
    """Nobody will ask for this gift again."""

    kind: Literal["forget_gift"] = "forget_gift"
    gift_id: Identifier


class GiftSettled(Value):
    """The receiver has taken the gift."""

    kind: Literal["gift_settled"] = "gift_settled"
    gift_id: Identifier
    receiver: PersonId


class RefundGift(Value):
    """The receiver has not taken the gift and never will."""

    kind: Literal["refund_gift"] = "refund_gift"
    gift_id: Identifier
    reason: Refusal


class CheckGift(Value):
    """Time is up: ask the receiver, should the gift still be open, and check again later."""

    kind: Literal["check_gift"] = "check_gift"
    gift_id: Identifier
    limit: Limit


GiftCommand = (
    GiveBesitos | ReceiveGift | CancelGift | ForgetGift | GiftSettled | RefundGift | CheckGift
)
"""Each of them."""
