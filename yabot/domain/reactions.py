"""From a reaction to its hint: three steps, each a commit of its own.

    React ─▶ RewardReaction ─▶ UnlockHint        reaction_detected, besitos_added,
                                  │              narrative_hint_unlocked
                                  └─ refused: the reward is taken back

The document remembers which step comes next and a durable command takes it, so a crash between two
steps is gone on from. The rule: a step that is not the next one does nothing.
"""

from yabot.domain import commands as c
from yabot.domain.besitos import transfer
from yabot.domain.decision import Decision, DurableCommand, Notice, Rejected
from yabot.domain.events import NarrativeHintUnlocked, ReactionDetected
from yabot.domain.narrative import earn, has_reached
from yabot.domain.subscriptions import is_vip
from yabot.domain.user import Reaction, User
from yabot.domain.values import Identifier, Instant


def react(user: User, command: c.React, now: Instant) -> Decision | Rejected:
    """Note a reaction; the first to a fragment with a hint begins the way to it."""
    if not has_reached(user.progress, command.content_id):
        return Rejected("fragment_not_reached", "fragment_not_reached")
    event = ReactionDetected(
        content_id=command.content_id,
        reaction_type=command.reaction,
        metadata={"current_fragment": user.progress.current_fragment},
    )
    hint = command.hint
    if hint is None or hint.id in user.progress.unlocked_hints or _under_way(user, hint.id):
        return Decision(user, events=(event,))
    begun = Reaction(content_id=command.content_id, hint=hint.id, step="reward")
    step = c.RewardReaction(content_id=command.content_id, reward=command.reward, hint=hint)
    key = f"reaction:{user.user_id}:{command.content_id}"
    return Decision(
        _with_step(user, begun),
        events=(event,),
        commands=(DurableCommand(user.user_id, now, step, key),),
    )


def reward(user: User, command: c.RewardReaction, now: Instant) -> Decision:
    """Earn the reward, as far as the purse can hold it, and go on to the hint."""
    reaction = _under_way(user, command.hint.id)
    if reaction is None or reaction.step != "reward":
        return Decision(user)
    paid = earn(user, command.reward, f"reaction:{command.content_id}")
    step = c.UnlockHint(
        content_id=command.content_id, paid=paid.user.balance - user.balance, hint=command.hint
    )
    key = f"hint:{user.user_id}:{command.content_id}"
    return Decision(
        _with_step(paid.user, reaction.model_copy(update={"step": "unlock"})),
        ledger=paid.ledger,
        events=paid.events,
        commands=(DurableCommand(user.user_id, now, step, key),),
    )


def unlock(user: User, command: c.UnlockHint, now: Instant) -> Decision:
    """Open the hint; where it can't be, take the reward back. The user is told either way."""
    hint = command.hint
    reaction = _under_way(user, hint.id)
    if reaction is None or reaction.step != "unlock":
        return Decision(user)
    ended = _without(user, hint.id)
    if hint.vip_required and not is_vip(user, now):
        return _take_back(ended, command)
    hints = (*user.progress.unlocked_hints, hint.id)
    return Decision(
        ended.with_progress(user.progress.model_copy(update={"unlocked_hints": hints})),
        events=(NarrativeHintUnlocked(hint=hint.id),),
        notices=(Notice("hint_unlocked", {"hint": hint.text}, hint.press),),
    )


def _take_back(user: User, command: c.UnlockHint) -> Decision:
    """Undo the reward. What was spent of it in between is forgiven: a purse never owes."""
    notice = Notice("vip_required", press=command.hint.press)
    amount = min(command.paid, user.balance)
    undone = transfer(user, -amount, f"reaction:{command.content_id}:undone")
    if isinstance(undone, Rejected):
        return Decision(user, notices=(notice,))
    return Decision(undone.user, ledger=undone.ledger, events=undone.events, notices=(notice,))


def _under_way(user: User, hint: Identifier) -> Reaction | None:
    return next((each for each in user.document.reactions if each.hint == hint), None)


def _without(user: User, hint: Identifier) -> User:
    kept = tuple(each for each in user.document.reactions if each.hint != hint)
    return user.with_document(reactions=kept)


def _with_step(user: User, reaction: Reaction) -> User:
    others = _without(user, reaction.hint).document.reactions
    return user.with_document(reactions=(*others, reaction))
