"""The live side of a specification: which children there are, how each of them does.

Rule: a branch and its members live as long as the tree; the supervisor that works on them comes and
goes with its incarnations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors import (
    Actor,
    ActorError,
    ActorRef,
    ActorSystem,
    Hold,
    Mailbox,
    Stop,
    VirtualActors,
)
from supervision._node import Status
from supervision._notices import Exited, Failed
from supervision._report import Context, Report, Reports
from supervision._spec import Child, Supervisor


class Member:
    """One child of a branch."""

    def __init__(self, index: int, spec: Child, path: str) -> None:
        self.index = index
        self.spec = spec
        self.path = path
        self.ref: ActorRef[Any] | None = None
        self.branch: Branch | None = None
        self.status = Status.HELD
        self.incarnation = 0
        self.failures = 0
        self.up_since = 0.0
        self.retry_at: float | None = None
        self.last_error: str | None = None
        self.leaving = False

    @property
    def family(self) -> VirtualActors[Any, Any] | None:
        """The family of virtual actors that this child is, if it is one."""
        return self.spec.start if isinstance(self.spec.start, VirtualActors) else None


class Branch:
    """One supervisor with its members."""

    def __init__(
        self, system: ActorSystem, tree: str, spec: Supervisor, path: str, reports: Reports
    ) -> None:
        self.system = system
        self.tree = tree
        self.spec = spec
        self.path = path
        self.reports = reports
        self.closing = False
        self.restart_times: tuple[float, ...] = ()
        self.ref: ActorRef[Any] | None = None
        prefix = f"{path}/" if path else ""
        self.members = [
            Member(index, child, prefix + child.name)
            for index, child in enumerate(spec.as_children())
        ]
        for member in self.members:
            if isinstance(member.spec.start, Supervisor):
                member.branch = Branch(system, tree, member.spec.start, member.path, reports)

    @property
    def name(self) -> str:
        """How reports call it."""
        return self.path or self.spec.name

    def report(self, context: Context, reason: str, offender: str) -> None:
        """Tell what happened here."""
        self.reports.add(Report(self.name, context, reason, offender, self.system.now()))

    def spawn(self, supervise: Callable[[Branch], Actor[Any]]) -> None:
        """Make the cells of all members, held: they take mail and wait for their supervisor."""
        for member in self.members:
            self.respawn(member, supervise)

    def respawn(self, member: Member, supervise: Callable[[Branch], Actor[Any]]) -> None:
        """Make the cell of one member."""
        start, branch = member.spec.start, member.branch
        member.leaving = False
        member.status = Status.HELD
        if isinstance(start, VirtualActors):
            return
        if isinstance(start, Supervisor):
            assert branch is not None
            branch.closing = False
            branch.spawn(supervise)
            factory: Callable[[], Actor[Any]] = lambda: supervise(branch)  # noqa: E731
            mailbox = branch.mailbox()
        else:
            factory, mailbox = start, member.spec.mailbox
        member.ref = self.system.spawn(
            factory,
            name=f"{self.tree}/{member.path}",
            mailbox=mailbox,
            on_crash=lambda _message, error, _crashes: self._failed(member, error),
            on_exit=lambda: self._exited(member),
            held=True,
        )
        if branch is not None:
            branch.ref = member.ref

    def mailbox(self) -> Mailbox:
        """Room for the notices and timers of every member."""
        return Mailbox(capacity=16 + 8 * len(self.members))

    def _failed(self, member: Member, error: Exception) -> Hold:
        assert member.ref is not None
        started = member.ref.statistics().state == "running"
        self._notify(Failed(member.index, member.incarnation, started, error))
        return Hold()

    def _exited(self, member: Member) -> Stop | Hold:
        if member.leaving or self.closing:
            return Stop()
        self._notify(Exited(member.index, member.incarnation))
        return Hold()

    def _notify(self, notice: Failed | Exited) -> None:
        """Tell the supervisor, unless it has ended: then the whole tree is ending."""
        try:
            assert self.ref is not None
            self.ref.tell_nowait(notice)
        except ActorError as error:
            self.report(Context.STOPPED, str(error), self.members[notice.index].path)

    async def stop(self) -> None:
        """Stop all members for good, the last started first."""
        self.closing = True
        for member in reversed(self.members):
            await self.stop_member(member)

    async def stop_member(self, member: Member) -> None:
        """Let a member handle its mail and end, within its time."""
        member.leaving = True
        if member.branch is not None:
            await member.branch.stop()
        if member.family is not None:
            await member.family.stop(timeout=member.spec.shutdown)
        elif member.ref is not None:
            await member.ref.stop(timeout=member.spec.shutdown)
        member.status = Status.DONE
