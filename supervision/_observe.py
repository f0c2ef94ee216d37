"""From a running tree to a value: health folded upwards, and since when it is what it is.

Rule: looking changes nothing, and a `detail` or `health` that raises harms only its own line."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from actors import ActorSystem, VirtualActors
from supervision._branch import Branch, Member
from supervision._health import WELL, Condition, Health, fold, worst
from supervision._life import Status
from supervision._node import Node
from supervision._report import Report

_BY_STATUS = {
    Status.HELD: Condition(Health.DEGRADED, "waits for others"),
    Status.STARTING: Condition(Health.DOWN, "is starting"),
    Status.RESTARTING: Condition(Health.DOWN, "waits for its restart"),
    Status.DOWN: Condition(Health.DOWN, "is not restarted"),
    Status.DONE: WELL,
}


class Observer:
    """Sees one tree and remembers when the health of each part last changed."""

    def __init__(self, system: ActorSystem, root: Branch) -> None:
        self._system = system
        self._root = root
        self._changes: WeakKeyDictionary[Branch | Member, tuple[Health, float]]
        self._changes = WeakKeyDictionary()

    def note(self) -> None:
        """Look at the health of every part, so that `since` is right later."""
        self._branch_condition(self._root)

    def health(self) -> Health:
        """The health of the whole."""
        return self._branch_condition(self._root).health

    def snapshot(self, reports: tuple[Report, ...]) -> Node:
        """The whole tree, with these reports on its top."""
        root = self._root
        recent = self._recent_restarts(root)
        condition = self._branch_condition(root)
        return Node(
            name=root.spec.name,
            path="",
            kind=root.spec.strategy.value,
            status=Status.UP,
            health=condition.health,
            since=self._since(root),
            detail="",
            restarts=recent,
            intensity=root.spec.intensity,
            period=root.spec.period,
            next_restart=None,
            last_error=None,
            children=self._children(root, recent),
            reason=condition.reason,
            reports=reports,
        )

    def _branch_condition(self, branch: Branch) -> Condition:
        parts = [(self._condition(member).health, member) for member in branch.in_order()]
        at_fault = [member.spec.name for health, member in parts if health is not Health.OK]
        health = fold((health, member.spec.critical) for health, member in parts)
        return self._remember(branch, Condition(health, ", ".join(at_fault)))

    def _condition(self, member: Member) -> Condition:
        below = WELL if member.branch is None else self._branch_condition(member.branch)
        if member.status is not Status.UP:
            return self._remember(member, _BY_STATUS[member.status])
        told = _told_condition(member)
        return self._remember(
            member, told if worst([told.health, below.health]) is not below.health else below
        )

    def _remember(self, part: Branch | Member, condition: Condition) -> Condition:
        known = self._changes.get(part)
        if known is None or known[0] is not condition.health:
            self._changes[part] = (condition.health, self._system.now())
        return condition

    def _since(self, part: Branch | Member) -> float:
        return self._system.now() - self._changes[part][1]

    def _recent_restarts(self, branch: Branch) -> int:
        now, period = self._system.now(), branch.spec.period
        return sum(now - time <= period for time in branch.restart_times)

    def _children(self, branch: Branch, restarts: int) -> tuple[Node, ...]:
        return tuple(self._node(member, branch, restarts) for member in branch.in_order())

    def _node(self, member: Member, above: Branch, restarts: int) -> Node:
        """A child. What a supervisor says of its restarts is about those that it makes."""
        now, condition, branch = self._system.now(), self._condition(member), member.branch
        limits = above.spec if branch is None else branch.spec
        restarts = restarts if branch is None else self._recent_restarts(branch)
        return Node(
            name=member.spec.name,
            path=member.path,
            kind=_kind(member),
            status=member.status,
            health=condition.health,
            since=self._since(member),
            detail=_detail(member),
            restarts=restarts,
            intensity=limits.intensity,
            period=limits.period,
            next_restart=None if member.retry_at is None else max(0.0, member.retry_at - now),
            last_error=member.last_error,
            children=() if branch is None else self._children(branch, restarts),
            reason=condition.reason,
        )


def _kind(member: Member) -> str:
    if member.branch is not None:
        return member.branch.spec.strategy.value
    return "actor" if member.family is None else "virtual"


def _told_condition(member: Member) -> Condition:
    """What the child says of itself; WELL where it says nothing."""
    if member.spec.health is None:
        return WELL
    try:
        return member.spec.health()
    except Exception as error:
        return Condition(Health.DOWN, f"cannot tell: {type(error).__name__}: {error}")


def _detail(member: Member) -> str:
    family = member.family
    parts = [_traffic(family)] if family is not None else []
    if member.spec.detail is not None:
        try:
            parts.append(member.spec.detail())
        except Exception as error:
            parts.append(f"no detail: {type(error).__name__}: {error}")
    return ", ".join(parts)


def _traffic(family: VirtualActors[object, object]) -> str:
    seen = family.statistics()
    return f"{seen.live} live, {seen.full} full, oldest wait {seen.oldest_wait * 1000:.0f} ms"
