"""Gifts between two users, each of whom changes in their own turns only.

    giver                                   receiver
    GiveBesitos: pays, remembers ────────▶  ReceiveGift: takes it, or says why not
    GiftSettled: forgets, says so ◀──────┤
       └─────────────────────────────────▶  ForgetGift
    RefundGift: gets it back, forgets ◀──┘
    CheckGift, when time is up ──────────▶  CancelGift: taken? else it never will be

The rule: the receiver alone decides what becomes of a gift, once, and remembers it until nobody can
ask again; the giver pays or gets back by that answer only. So credit and refund exclude each other,
in whatever order the durable commands come. A giver who gets no answer, because the receiver was
deleted with what waited for them, asks again each time the limit is over.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, NamedTuple, TypeAlias

from yabot.domain import gift_commands as g
from yabot.domain.besitos import transfer
from yabot.domain.decision import Decision, DurableCommand, Notice, Rejected
from yabot.domain.user import GivenGift, TakenGift, User
from yabot.domain.values import Identifier, Instant, PersonId, Value

MOST_GIVEN = 20
"""Gifts that one user can have under way."""

MOST_CREDITED = 500
"""Gifts whose giver has yet to hear that they were taken; more at a time are sent back."""

CANCELLED_KEPT = 50
"""Cancelled gifts that are remembered in case they still come, the newest of them. A gift comes
before its cancellation; only one that was set aside and is replayed later comes after it."""

State: TypeAlias = Literal["unknown", "credited", "cancelled"]
Saying: TypeAlias = Literal["settled", "refund", "nothing"]


class Step(NamedTuple):
    """Where a command takes a gift, and what the giver is told. `pays` credits the purse."""

    state: State
    saying: Saying
    pays: bool = False


RECEIVING: Mapping[tuple[State, type[Value]], Step] = {
    ("unknown", g.ReceiveGift): Step("credited", "settled", pays=True),
    ("unknown", g.CancelGift): Step("cancelled", "refund"),
    ("unknown", g.ForgetGift): Step("unknown", "nothing"),
    ("credited", g.ReceiveGift): Step("credited", "settled"),
    ("credited", g.CancelGift): Step("credited", "settled"),
    ("credited", g.ForgetGift): Step("unknown", "nothing"),
    ("cancelled", g.ReceiveGift): Step("unknown", "refund"),
    ("cancelled", g.CancelGift): Step("cancelled", "refund"),
    ("cancelled", g.ForgetGift): Step("unknown", "nothing"),
}
"""The receiver's side. A gift that can't be credited stays unknown and is refunded."""


def give(user: User, command: g.GiveBesitos, now: Instant) -> Decision | Rejected:
    """Pay, remember the gift until it has settled, and send it."""
    if command.to == user.user_id:
        return Rejected("gift_to_self", "gift_to_self", status=422)
    if len(user.document.gifts_given) >= MOST_GIVEN:
        return Rejected("gifts_too_many", "gifts_too_many")
    paid = transfer(user, -command.amount, _reason(command.gift_id))
    if isinstance(paid, Rejected):
        return paid
    given = GivenGift(gift_id=command.gift_id, to=command.to, amount=command.amount)
    sent = g.ReceiveGift(
        gift_id=command.gift_id, giver=user.user_id, name=command.name, amount=command.amount
    )
    return Decision(
        paid.user.with_document(gifts_given=(*user.document.gifts_given, given)),
        ledger=paid.ledger,
        events=paid.events,
        commands=(
            _leave(command.to, now, sent),
            _check_later(user.user_id, command.gift_id, command.limit, now),
        ),
    )


def receive(user: User, command: g.ReceiveGift, now: Instant) -> Decision:
    """Take a gift into the purse, once, or send it back."""
    step = RECEIVING[_state(user, command.gift_id), g.ReceiveGift]
    if not step.pays:
        return _say(_in_state(user, command.gift_id, step.state), command, step.saying, now)
    paid = _credit(user, command)
    if not isinstance(paid, Decision):
        return _say(user, command, "refund", now, reason=paid)
    answer = _say(_in_state(paid.user, command.gift_id, step.state), command, step.saying, now)
    notice = Notice("gift_received", {"name": command.name, "amount": command.amount})
    return Decision(
        answer.user,
        ledger=paid.ledger,
        events=paid.events,
        notices=(notice,),
        commands=answer.commands,
    )


def cancel(user: User, command: g.CancelGift, now: Instant) -> Decision:
    """Say what became of the gift; if nothing has, nothing ever will."""
    step = RECEIVING[_state(user, command.gift_id), g.CancelGift]
    return _say(_in_state(user, command.gift_id, step.state), command, step.saying, now)


def forget(user: User, command: g.ForgetGift, now: Instant) -> Decision:
    """Make room: the giver has heard that the gift was taken."""
    step = RECEIVING[_state(user, command.gift_id), g.ForgetGift]
    return Decision(_in_state(user, command.gift_id, step.state))


def return_for_nobody(command: g.ReceiveGift | g.CancelGift, now: Instant) -> Decision:
    """Send a gift back in the place of a receiver who is not known, or not any more."""
    back = g.RefundGift(gift_id=command.gift_id, reason="unknown")
    return Decision(None, commands=(_leave(command.giver, now, back),))


def settle(user: User, command: g.GiftSettled, now: Instant) -> Decision:
    """The gift has arrived: it is under way no more."""
    known = g.ForgetGift(gift_id=command.gift_id)
    commands = (_leave(command.receiver, now, known),)
    gift = _given(user, command.gift_id)
    if gift is None:
        return Decision(user, commands=commands)
    notice = Notice("gift_arrived", {"amount": gift.amount})
    return Decision(_without(user, gift), notices=(notice,), commands=commands)


def refund(user: User, command: g.RefundGift, now: Instant) -> Decision:
    """Put back what the gift had taken; the purse has kept room for it."""
    gift = _given(user, command.gift_id)
    if gift is None:
        return Decision(user)
    paid = transfer(_without(user, gift), gift.amount, f"{_reason(gift.gift_id)}:back")
    if isinstance(paid, Rejected):
        raise AssertionError(f"a purse has no room for its own gift {gift.gift_id}: {paid.code}")
    notice = Notice(f"gift_back_{command.reason}", {"amount": gift.amount})
    return Decision(paid.user, ledger=paid.ledger, events=paid.events, notices=(notice,))


def check(user: User, command: g.CheckGift, now: Instant) -> Decision:
    """Ask for a gift that is still open, and look again when the limit is over once more."""
    gift = _given(user, command.gift_id)
    if gift is None:
        return Decision(user)
    ask = g.CancelGift(gift_id=gift.gift_id, giver=user.user_id)
    again = _check_later(user.user_id, gift.gift_id, command.limit, now)
    return Decision(user, commands=(_leave(gift.to, now, ask), again))


def _credit(user: User, command: g.ReceiveGift) -> Decision | g.Refusal:
    if not user.profile.is_active:
        return "unreachable"
    if sum(gift.state == "credited" for gift in user.document.gifts_taken) >= MOST_CREDITED:
        return "busy"
    paid = transfer(user, command.amount, _reason(command.gift_id))
    return paid if isinstance(paid, Decision) else "full"


def _say(
    user: User,
    command: g.ReceiveGift | g.CancelGift,
    saying: Saying,
    now: Instant,
    *,
    reason: g.Refusal = "late",
) -> Decision:
    """Tell the giver what this user has decided."""
    answer: g.GiftSettled | g.RefundGift
    if saying == "settled":
        answer = g.GiftSettled(gift_id=command.gift_id, receiver=user.user_id)
    else:
        answer = g.RefundGift(gift_id=command.gift_id, reason=reason)
    return Decision(user, commands=(_leave(command.giver, now, answer),))


def _state(user: User, gift_id: Identifier) -> State:
    taken = user.document.gifts_taken
    return next((each.state for each in taken if each.gift_id == gift_id), "unknown")


def _in_state(user: User, gift_id: Identifier, state: State) -> User:
    if _state(user, gift_id) == state:
        return user
    taken = [each for each in user.document.gifts_taken if each.gift_id != gift_id]
    if state != "unknown":
        taken.append(TakenGift(gift_id=gift_id, state=state))
    cancelled = [each for each in taken if each.state == "cancelled"]
    for each in cancelled[:-CANCELLED_KEPT]:
        taken.remove(each)
    return user.with_document(gifts_taken=tuple(taken))


def _given(user: User, gift_id: Identifier) -> GivenGift | None:
    return next((each for each in user.document.gifts_given if each.gift_id == gift_id), None)


def _without(user: User, gift: GivenGift) -> User:
    kept = tuple(each for each in user.document.gifts_given if each is not gift)
    return user.with_document(gifts_given=kept)


def _check_later(
    user_id: PersonId, gift_id: Identifier, limit: g.Limit, now: Instant
) -> DurableCommand:
    check = g.CheckGift(gift_id=gift_id, limit=limit)
    return _leave(user_id, now + timedelta(seconds=limit), check)


def _leave(user_id: PersonId, due_at: Instant, command: g.GiftCommand) -> DurableCommand:
    key = f"{command.kind}:{command.gift_id}"
    return DurableCommand(user_id, due_at, command, key)


def _reason(gift_id: Identifier) -> str:
    return f"gift:{gift_id}"
