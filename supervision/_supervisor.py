"""The supervisor: an actor that starts its children, hears of their failures and restarts them.

It is a shell around pure parts: `add_restart` counts, `affected` chooses, `backoff` waits. Rule:
while one child waits for its restart, the supervisor hears of the others."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import TypeAlias

import anyio

from actors import Actor, ActorCrashed, ActorStopped
from supervision._backoff import backoff
from supervision._branch import Branch, Member
from supervision._errors import Escalated, StartTimeout
from supervision._intensity import add_restart
from supervision._node import Status
from supervision._notices import Exited, Failed, RestartChild, Retry
from supervision._report import Context
from supervision._spec import RestartType
from supervision._strategy import Strategy, affected

Notice: TypeAlias = Failed | Exited | Retry | RestartChild


class SupervisorActor(Actor[Notice]):
    """Keeps the members of one branch running."""

    def __init__(self, branch: Branch, rng: Callable[[], float] = random.random) -> None:
        self._branch = branch
        self._rng = rng

    async def started(self) -> None:
        """Start all children in order."""
        self._branch.restart_times = ()
        for member in self._branch.members:
            member.failures = 0
            if member.status in (Status.DONE, Status.DOWN):
                self._branch.respawn(member, lambda branch: SupervisorActor(branch, self._rng))
        await self._bring_up(self._branch.members)

    async def receive(self, message: Notice) -> None:
        """Deal with one failure, one restart or one order."""
        if self._branch.closing:
            return
        match message:
            case Failed(index):
                await self._failed(self._branch.members[index], message)
            case Exited(index, incarnation):
                await self._exited(self._branch.members[index], incarnation)
            case Retry(members):
                await self._bring_up(
                    self._branch.members[index]
                    for index, incarnation in members
                    if self._branch.members[index].incarnation == incarnation
                )
            case _:
                await self._restart_by_order(self._branch.members[message.index])

    async def stopping(self) -> None:
        """Put all children to rest, the last started first."""
        await self._put_down(self._branch.members)

    async def restarting(self, _error: Exception) -> None:
        """The same after a failure: the next incarnation starts them again."""
        await self._put_down(self._branch.members)

    async def _bring_up(self, members: Iterable[Member]) -> None:
        for member in members:
            if self._branch.closing:
                return
            if member.status in (Status.UP, Status.DONE, Status.DOWN):
                continue
            if not await self._start(member) and self._needs_order():
                return

    def _needs_order(self) -> bool:
        return self._branch.spec.strategy is not Strategy.ONE_FOR_ONE

    async def _start(self, member: Member) -> bool:
        """Start a child. Where it fails, its notice comes and is dealt with like any failure."""
        again = member.incarnation > 0
        member.incarnation += 1
        member.status = Status.STARTING
        member.retry_at = None
        if member.ref is not None and not await self._resume(member):
            return False
        member.status = Status.UP
        member.up_since = self.system.now()
        if again:
            self._branch.report(Context.CHILD_RESTARTED, "started again", member.path)
        return True

    async def _resume(self, member: Member) -> bool:
        assert member.ref is not None
        timeout = member.spec.start_timeout
        try:
            with anyio.fail_after(timeout):
                await member.ref.resume()
        except TimeoutError:
            await member.ref.hold(timeout=0.0)
            late = StartTimeout(member.path, timeout)
            self.ref.tell_nowait(Failed(member.index, member.incarnation, False, late))
            return False
        except (ActorCrashed, ActorStopped):
            return False
        return True

    async def _failed(self, member: Member, notice: Failed) -> None:
        known = member.status in (Status.UP, Status.STARTING)
        if member.incarnation != notice.incarnation or not known:
            return
        error, ran = notice.error, member.status is Status.UP
        context = Context.CHILD_FAILED if notice.started else Context.START_FAILED
        restarts = member.spec.restart is not RestartType.TEMPORARY
        member.status = Status.RESTARTING if restarts else Status.DOWN
        member.last_error = type(error).__name__
        self._branch.report(context, f"{member.last_error}: {error}", member.path)
        if restarts:
            await self._plan_restart(member, ran, error)
        else:
            await self._end(member, Status.DOWN)

    async def _exited(self, member: Member, incarnation: int) -> None:
        if member.incarnation != incarnation or member.status is not Status.UP:
            return
        if member.spec.restart is RestartType.PERMANENT:
            member.status = Status.RESTARTING
            member.last_error = "it stopped"
            self._branch.report(Context.CHILD_FAILED, "stopped by itself", member.path)
            await self._plan_restart(member, True, None)
        else:
            await self._end(member, Status.DONE)

    async def _end(self, member: Member, status: Status) -> None:
        await self._branch.stop_member(member)
        member.status = status
        self._branch.report(Context.CHILD_ENDED, f"not restarted: {status.value}", member.path)

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
        concerned = [
            self._branch.members[index]
            for index in affected(spec.strategy, member.index, len(self._branch.members))
        ]
        await self._put_down(concerned)
        delay = backoff(
            member.failures, base=spec.backoff.base, cap=spec.backoff.cap, rng=self._rng
        )
        member.retry_at = self.system.now() + delay
        self.after(delay, Retry(tuple((one.index, one.incarnation) for one in concerned)))

    async def _put_down(self, members: list[Member]) -> None:
        """Put those who run to rest, the last started first; their mail stays."""
        for member in reversed(members):
            if member.ref is None or member.status not in (Status.UP, Status.STARTING):
                continue
            member.status = Status.HELD
            await member.ref.hold(timeout=member.spec.shutdown)

    async def _restart_by_order(self, member: Member) -> None:
        if member.status in (Status.DONE, Status.DOWN):
            self._branch.respawn(member, lambda branch: SupervisorActor(branch, self._rng))
        await self._put_down([member])
        await self._bring_up([member])
