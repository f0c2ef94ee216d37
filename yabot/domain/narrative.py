"""Deciding the user's way through the story.

A choice may be taken from every fragment that the user has reached, so an older message's buttons
still work: the story goes on from there. A fragment's reward is earned on the first visit only.
"""

from yabot.domain import commands as c
from yabot.domain.besitos import transfer
from yabot.domain.decision import Decision, Rejected
from yabot.domain.events import (
    DecisionMade,
    Event,
    UserInteraction,
    VipAccessGranted,
)
from yabot.domain.subscriptions import is_vip
from yabot.domain.user import CHOICES_KEPT, Choice, NarrativeProgress, User
from yabot.domain.values import Instant


def enter_fragment(user: User, command: c.EnterFragment, now: Instant) -> Decision | Rejected:
    """Open a fragment without a choice."""
    if command.vip_required and not is_vip(user, now):
        return Rejected("vip_required", "vip_required", status=403)
    context = {"fragment": user.progress.current_fragment}
    event = UserInteraction(action=f"fragment:{command.fragment}", context=context)
    return _arrive(user, command.fragment, command.reward, (event,))


def choose(user: User, command: c.Choose, now: Instant) -> Decision | Rejected:
    """Take a choice: remember it, go on, earn what the next fragment gives."""
    if not has_reached(user.progress, command.fragment):
        return Rejected("fragment_not_reached", "fragment_not_reached")
    if command.vip_required and not is_vip(user, now):
        return Rejected("vip_required", "vip_required", status=403)
    made = (*user.progress.choices_made, Choice(fragment=command.fragment, choice=command.choice))
    progress = user.progress.model_copy(update={"choices_made": made[-CHOICES_KEPT:]})
    events: tuple[Event, ...] = (
        DecisionMade(
            fragment=command.fragment,
            choice=command.choice,
            next_fragment=command.next_fragment,
            context={
                "current_fragment": user.progress.current_fragment,
                "first_visit": not has_reached(user.progress, command.next_fragment),
            },
        ),
    )
    if command.vip_required:
        events += (VipAccessGranted(feature=command.next_fragment),)
    return _arrive(user.with_progress(progress), command.next_fragment, command.reward, events)


def has_reached(progress: NarrativeProgress, fragment: str) -> bool:
    """Whether the user is at the fragment or has been there."""
    return fragment == progress.current_fragment or fragment in progress.completed_fragments


def _arrive(user: User, fragment: str, reward: int, events: tuple[Event, ...]) -> Decision:
    """Leave the current fragment as completed and stand in the next one."""
    progress = user.progress
    first_visit = not has_reached(progress, fragment)
    left = progress.current_fragment
    completed = progress.completed_fragments
    if left is not None and left != fragment and left not in completed:
        completed = (*completed, left)
    moved = user.with_progress(
        progress.model_copy(update={"current_fragment": fragment, "completed_fragments": completed})
    )
    paid = earn(moved, reward if first_visit else 0, f"story:{fragment}")
    return Decision(paid.user, ledger=paid.ledger, events=events + paid.events)


def earn(user: User, amount: int, reason: str) -> Decision:
    """Earn a reward; a purse that is full simply stays full."""
    if amount == 0:
        return Decision(user)
    paid = transfer(user, amount, reason)
    return paid if isinstance(paid, Decision) else Decision(user)
