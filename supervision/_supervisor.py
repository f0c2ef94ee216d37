"""The supervisor: an actor that starts its children, hears of their failures and restarts them.

It is a shell around pure parts: `add_restart` counts, `affected` chooses, `backoff` waits, `LIFE`
says what may become of a child. Rule: while one child waits for its restart, the supervisor hears
of the others."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from actors import Actor, ActorCrashed, ActorStopped
from supervision._backoff import backoff
from supervision._branch import Branch, Member
from supervision._errors import Escalated, StartTimeout
from supervision._intensity import add_restart
from supervision._life import Status, Step
from supervision._notices import Exited, Failed, Notice, RestartChild, StartChild, Waited
from supervision._report import Context
from supervision._spec import RestartType
from supervision._strategy import Strategy, affected


class SupervisorActor(Actor[Notice]):
    """Keeps the members of one branch running."""

    def __init__(self, branch: Branch, rng: Callable[[], float]) -> None:
        self._branch = branch
        self._rng = rng

    async def started(self) -> None:
        """Start all children in order."""
        self._branch.restart_times = ()
        for member in self._branch.in_order():
            member.failures = 0
            self._renew(member)
        await self._bring_up(self._branch.in_order())

    async def receive(self, message: Notice) -> None:
        """Deal with one failure, one restart or one order."""
        member = self._branch.members.get(message.child)
        if self._branch.closing or member is None:
            return
        match message:
            case Failed(_, incarnation):
                if member.incarnation == incarnation and member.runs:
                    await self._failed(member, message)
            case Exited(_, incarnation):
                if member.incarnation == incarnation and member.status is Status.UP:
                    await self._exited(member)
            case Waited(_, incarnation):
                if member.incarnation == incarnation and member.status is Status.RESTARTING:
                    member.step(Step.WAITED)
                    await self._take_turns(member)
            case StartChild():
                await self._take_turns(member)
            case RestartChild():
                await self._branch.rest_member(member)
                self._renew(member)
                await self._take_turns(member)
            case _:
                await self._branch.stop_member(member)
                del self._branch.members[member.spec.name]

    async def stopping(self) -> None:
        """Put all children to rest, the last started first."""
        await self._branch.rest()

    async def restarting(self, _error: Exception) -> None:
        """The same after a failure: the next incarnation starts them again."""
        await self._branch.rest()

    def _renew(self, member: Member) -> None:
        """Make a child ready to be started, whatever has become of it."""
        if member.gone:
            self._branch.respawn(member)
        else:
            member.step(Step.ANEW)

    async def _take_turns(self, member: Member) -> None:
        """Start a child whose turn has come; where the order matters, with those held after it."""
        ordered = self._branch.spec.strategy is not Strategy.ONE_FOR_ONE
        await self._bring_up(self._branch.in_order() if ordered else [member])

    async def _bring_up(self, members: list[Member]) -> None:
        """Start those who are held, in order; where each needs those before it, no further than
        the first that has to wait."""
        ordered = self._branch.spec.strategy is not Strategy.ONE_FOR_ONE
        for member in members:
            if self._branch.closing:
                return
            if member.status is Status.HELD:
                await self._start(member)
            if ordered and not (member.gone or member.status is Status.UP):
                return

    async def _start(self, member: Member) -> None:
        """Start a child. Where it fails, its notice comes and is dealt with like any failure."""
        again = member.incarnation > 0
        self._branch.incarnations += 1
        member.incarnation = self._branch.incarnations
        member.step(Step.BEGINS)
        member.retry_at = None
        if member.ref is not None and not await self._resume(member):
            return
        member.step(Step.READY)
        member.up_since = self.system.now()
        if again:
            self._branch.report(Context.CHILD_RESTARTED, "started again", member.path)

    async def _resume(self, member: Member) -> bool:
        """True once a child is ready, though it may have left at once."""
        assert member.ref is not None
        timeout = member.spec.start_timeout
        member.exited = False
        try:
            with anyio.move_on_after(timeout) as member.starting:
                await member.ref.resume()
                return True
        except (ActorCrashed, ActorStopped):
            return False
        finally:
            member.starting = None
        if not member.exited:
            await member.ref.hold(timeout=0.0)
            if member.branch is not None:
                await member.branch.rest()
            late = StartTimeout(member.path, timeout)
            self.ref.tell_nowait(Failed(member.spec.name, member.incarnation, False, late))
        return member.exited

    async def _failed(self, member: Member, notice: Failed) -> None:
        error, ran = notice.error, member.status is Status.UP
        lost = member.spec.restart is RestartType.TEMPORARY
        member.step(Step.IS_LOST if lost else Step.FAILS)
        member.last_error = type(error).__name__
        context = Context.CHILD_FAILED if notice.started else Context.START_FAILED
        self._branch.report(context, f"{member.last_error}: {error}", member.path)
        if lost:
            await self._end(member)
        else:
            await self._plan_restart(member, ran, error)

    async def _exited(self, member: Member) -> None:
        if member.spec.restart is RestartType.PERMANENT:
            member.step(Step.FAILS)
            member.last_error = "it stopped"
            self._branch.report(Context.CHILD_FAILED, "stopped by itself", member.path)
            await self._plan_restart(member, True, None)
        else:
            member.step(Step.LEAVES)
            await self._end(member)

    async def _end(self, member: Member) -> None:
        await self._branch.stop_member(member)
        self._branch.report(
            Context.CHILD_ENDED, f"not restarted: {member.status.value}", member.path
        )

    async def _plan_restart(self, member: Member, ran: bool, error: Exception | None) -> None:
        spec, now = self._branch.spec, self.system.now()
        if ran and now - member.up_since >= spec.backoff.reset:
            member.failures = 0
        member.failures += 1
        self._branch.restart_times, too_many = add_restart(
            self._branch.restart_times, now, intensity=spec.intensity, period=spec.period
        )
        if too_many:
            reason = Escalated(self._branch.name, member.path, spec.intensity, spec.period)
            self._branch.report(Context.ESCALATED, str(reason), member.path)
            raise reason from error
        members = self._branch.in_order()
        for index in reversed(affected(spec.strategy, members.index(member), len(members))):
            await self._branch.rest_member(members[index])
        delay = backoff(
            member.failures, base=spec.backoff.base, cap=spec.backoff.cap, rng=self._rng
        )
        member.retry_at = self.system.now() + delay
        self.after(delay, Waited(member.spec.name, member.incarnation))
