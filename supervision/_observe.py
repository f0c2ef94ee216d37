"""From a running tree to a value: health folded upwards, and since when it is what it is.

Rule: looking changes nothing, and a `detail` or `health` that raises harms only its own line."""

from __future__ import annotations

from actors import ActorSystem, VirtualActors
from supervision._branch import Branch, Member
from supervision._health import Health, fold
from supervision._node import Node, Status

_BY_STATUS = {
    Status.HELD: Health.DEGRADED,
    Status.STARTING: Health.DOWN,
    Status.RESTARTING: Health.DOWN,
    Status.DOWN: Health.DOWN,
    Status.DONE: Health.OK,
}


class Observer:
    """Sees one tree and remembers when the health of each part last changed."""

    def __init__(self, system: ActorSystem, root: Branch) -> None:
        self._system = system
        self._root = root
        self._changes: dict[str, tuple[Health, float]] = {}

    def note(self) -> None:
        """Look at the health of every part, so that `since` is right later."""
        self._branch_health(self._root)

    def health(self) -> Health:
        """The health of the whole."""
        return self._branch_health(self._root)

    def snapshot(self) -> Node:
        """The whole tree."""
        health = self.health()
        return self._branch_node(self._root, self._root.spec.name, Status.UP, health, None, None)

    def _branch_health(self, branch: Branch) -> Health:
        health = fold((self._health(member), member.spec.critical) for member in branch.members)
        return self._remember(branch.path, health)

    def _health(self, member: Member) -> Health:
        below = self._branch_health(member.branch) if member.branch is not None else Health.OK
        if member.status is not Status.UP:
            own = _BY_STATUS[member.status]
        elif member.spec.health is not None:
            own = _told_health(member)
        else:
            own = below
        return self._remember(member.path, own)

    def _remember(self, path: str, health: Health) -> Health:
        known = self._changes.get(path)
        if known is None or known[0] is not health:
            self._changes[path] = (health, self._system.now())
        return health

    def _branch_node(
        self,
        branch: Branch,
        name: str,
        status: Status,
        health: Health,
        next_restart: float | None,
        last_error: str | None,
    ) -> Node:
        now, spec = self._system.now(), branch.spec
        recent = [time for time in branch.restart_times if now - time <= spec.period]
        return Node(
            name=name,
            path=branch.path,
            kind=spec.strategy.value,
            status=status,
            health=health,
            since=now - self._changes[branch.path][1],
            detail="",
            restarts=len(recent),
            intensity=spec.intensity,
            period=spec.period,
            next_restart=next_restart,
            last_error=last_error,
            children=tuple(
                self._member_node(member, branch, len(recent)) for member in branch.members
            ),
        )

    def _member_node(self, member: Member, above: Branch, restarts: int) -> Node:
        now, health = self._system.now(), self._health(member)
        next_restart = None if member.retry_at is None else max(0.0, member.retry_at - now)
        if member.branch is not None:
            return self._branch_node(
                member.branch,
                member.spec.name,
                member.status,
                health,
                next_restart,
                member.last_error,
            )
        return Node(
            name=member.spec.name,
            path=member.path,
            kind="actor" if member.family is None else "virtual",
            status=member.status,
            health=health,
            since=now - self._changes[member.path][1],
            detail=_detail(member),
            restarts=restarts,
            intensity=above.spec.intensity,
            period=above.spec.period,
            next_restart=next_restart,
            last_error=member.last_error,
        )


def _told_health(member: Member) -> Health:
    assert member.spec.health is not None
    try:
        return member.spec.health()
    except Exception:
        return Health.DOWN


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
