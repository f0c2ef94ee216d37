"""The live side of a specification: which children there are, how each of them does.

Rule: a branch and its members live as long as the tree; the supervisor that works on them comes and
goes with its incarnations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio

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
from supervision._errors import TooManyChildren
from supervision._life import LIFE, Status, Step
from supervision._notices import Exited, Failed
from supervision._report import Context, Report, Reports
from supervision._spec import Child, Supervisor


class Member:
    """One child of a branch."""

    def __init__(self, spec: Child, path: str) -> None:
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
        self.exited = False
        self.starting: anyio.CancelScope | None = None

    @property
    def family(self) -> VirtualActors[Any, Any] | None:
        """The family of virtual actors that this child is, if it is one."""
        return self.spec.start if isinstance(self.spec.start, VirtualActors) else None

    @property
    def runs(self) -> bool:
        """Whether there is an incarnation, or the beginning of one."""
        return self.status is Status.UP or self.status is Status.STARTING

    @property
    def gone(self) -> bool:
        """Whether it has ended and nobody starts it again unasked."""
        return self.status is Status.DONE or self.status is Status.DOWN

    def step(self, step: Step) -> None:
        """Change the status as the table of its life says."""
        self.status = LIFE[self.status, step]


class Branch:
    """One supervisor with its members."""

    def __init__(
        self,
        system: ActorSystem,
        tree: str,
        spec: Supervisor,
        path: str,
        reports: Reports,
        supervise: Callable[[Branch], Actor[Any]],
    ) -> None:
        self.system = system
        self.tree = tree
        self.spec = spec
        self.path = path
        self.reports = reports
        self.supervise = supervise
        self.closing = False
        self.incarnations = 0
        self.restart_times: tuple[float, ...] = ()
        self.ref: ActorRef[Any] | None = None
        self.members: dict[str, Member] = {}
        for child in spec.as_children():
            self._admit(child)

    def _admit(self, child: Child) -> Member:
        member = Member(child, f"{self.path}/{child.name}" if self.path else child.name)
        if isinstance(child.start, Supervisor):
            member.branch = Branch(
                self.system, self.tree, child.start, member.path, self.reports, self.supervise
            )
        self.members[child.name] = member
        return member

    @property
    def name(self) -> str:
        """How reports call it."""
        return self.path or self.spec.name

    def in_order(self) -> list[Member]:
        """The members as they are started."""
        return list(self.members.values())

    def report(self, context: Context, reason: str, offender: str) -> None:
        """Tell what happened here."""
        self.reports.add(Report(self.name, context, reason, offender, self.system.now()))

    def add(self, child: Child) -> Member:
        """Take in one more member, held. Raises ValueError or TooManyChildren."""
        if child.name in self.members:
            raise ValueError(f"{self.name} has a child named {child.name} already")
        if len(self.members) >= self.spec.max_children:
            raise TooManyChildren(self.name, self.spec.max_children)
        member = self._admit(child)
        self.respawn(member)
        return member

    def spawn(self) -> None:
        """Make the cells of all members, held: they take mail and wait for their supervisor."""
        for member in self.in_order():
            self.respawn(member)

    def respawn(self, member: Member) -> None:
        """Make the cell of one member."""
        start, branch = member.spec.start, member.branch
        member.leaving = False
        member.step(Step.ANEW)
        if isinstance(start, VirtualActors):
            return
        if isinstance(start, Supervisor):
            assert branch is not None
            branch.closing = False
            branch.spawn()
            factory: Callable[[], Actor[Any]] = partial(self.supervise, branch)
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
        """Room for the notices and timers of as many members as there may be."""
        return Mailbox(capacity=16 + 8 * self.spec.max_children)

    def _failed(self, member: Member, error: Exception) -> Hold:
        assert member.ref is not None
        started = member.ref.statistics().state == "running"
        self._notify(Failed(member.spec.name, member.incarnation, started, error), member)
        return Hold()

    def _exited(self, member: Member) -> Stop | Hold:
        if member.leaving or self.closing:
            return Stop()
        self._notify(Exited(member.spec.name, member.incarnation), member)
        member.exited = True
        if member.starting is not None:
            member.starting.cancel()
        return Hold()

    def _notify(self, notice: Failed | Exited, member: Member) -> None:
        """Tell the supervisor, unless it has ended: then the whole tree is ending."""
        try:
            assert self.ref is not None
            self.ref.tell_nowait(notice)
        except ActorError as error:
            self.report(Context.STOPPED, str(error), member.path)

    async def rest(self) -> None:
        """Put to rest who runs here, the last started first: nothing outlives its supervisor."""
        for member in reversed(self.in_order()):
            await self.rest_member(member)

    async def rest_member(self, member: Member) -> None:
        """End the incarnation of a member and of all below it; the mail stays."""
        if member.runs and member.ref is not None:
            await member.ref.hold(timeout=member.spec.shutdown)
        if member.branch is not None:
            await member.branch.rest()
        if member.runs:
            member.step(Step.RESTS)

    async def stop(self) -> None:
        """Stop all members for good, the last started first."""
        self.closing = True
        for member in reversed(self.in_order()):
            await self.stop_member(member)
            member.step(Step.STOPS)

    async def stop_member(self, member: Member) -> None:
        """Let a member handle its mail and end, within its time."""
        member.leaving = True
        if member.branch is not None:
            await member.branch.stop()
        if member.family is not None:
            await member.family.stop(timeout=member.spec.shutdown)
        elif member.ref is not None:
            await member.ref.stop(timeout=member.spec.shutdown)
