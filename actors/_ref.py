"""ActorRef: the only handle on an actor. It points at the cell, so it survives restarts.

Rule: a ref never exposes the actor behind it, and two refs to one actor are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from actors._cell import HOLD, KILL, RESUME, RETIRE, STOP, State
from actors._errors import ActorCrashed, ActorStopped
from actors._messages import Envelope, Message, current_envelope, get_current
from actors._snapshot import ActorStatistics, actor_statistics
from actors._ticket import Answer, refuse_cycle

if TYPE_CHECKING:
    from collections.abc import Hashable

    from actors._cell import Cell
    from actors._virtual import VirtualActors

M = TypeVar("M", contravariant=True)
R = TypeVar("R")


class ActorRef(Generic[M]):
    """A handle on an actor that takes messages of type M."""

    __slots__ = ("_cell",)

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    @property
    def name(self) -> str:
        """The actor's name, unique in its system."""
        return self._cell.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def __eq__(self, other: object) -> bool:
        return type(other) is ActorRef and other._cell is self._cell

    def __hash__(self) -> int:
        return hash(self._cell)

    def tell_nowait(self, message: M) -> None:
        """Send a message. Raises MailboxFull or ActorStopped, and then nothing was sent."""
        cell = self._cell
        cause = get_current()
        if cause is None and type(message) is not Envelope:
            mail = cell.mail
            if mail and len(mail) < cell.room:
                # As `post` would, whose call is a tenth of what a message costs.
                mail.append(message)
                return
            taken = cell.post(message)
        else:
            taken = cell.post(Envelope(message, cell, None, cell.kind.now(), cause))
        if not taken:
            raise cell.full()

    async def tell(self, message: M) -> None:
        """Send a message; where the mailbox is full and its policy is to wait, wait in line.

        Cancelled while it waits, it takes the message back unless its turn has come. Raises
        MailboxFull, ActorStopped, or AskCycle where the receiver waits for this sender; then
        nothing was sent. It yields only if it waits."""
        cell = self._cell
        backend = cell.kind.runtime.backend
        envelope = Envelope(message, cell, None, backend.now(), get_current())
        if cell.post(envelope):
            return
        refuse_cycle(cell, current_envelope())
        waiter = backend.waiter()
        place = cell.line_up(envelope, waiter)
        try:
            await waiter
        except BaseException:
            cell.withdraw(envelope)
            raise
        if place.error is not None:
            raise place.error

    async def ask(self, message: Message[R], *, timeout: float) -> R:
        """Send a message and wait at most `timeout` seconds for its answer.

        Raises MailboxFull, ActorStopped or AskCycle where it was not taken; AskTimeout,
        ActorCrashed or ActorKilled where its effect is unknown; UnhandledMessage; and what the
        actor declares in `answers`, as it is."""
        cell = self._cell
        runtime = cell.kind.runtime
        backend = runtime.backend
        asker = current_envelope()
        if asker is not None:
            refuse_cycle(cell, asker)
        now = backend.now()
        waiter = backend.waiter()
        deadline = now + timeout
        answer = Answer(cell, asker, waiter, timeout, deadline)
        envelope = Envelope(message, cell, answer, now, asker)
        if not cell.post(envelope):
            cell.line_up(envelope, None)
        slot = runtime.wheel.add(answer, deadline)
        try:
            await waiter
        finally:
            runtime.wheel.discard(answer, slot)
            answer.done = True
            if cell.line is not None:
                cell.leave_line(envelope)
        if answer.error is not None:
            raise answer.error
        result: R = answer.value  # type: ignore[assignment]
        return result

    def stop_nowait(self) -> None:
        """Begin a graceful stop: refuse new mail, handle what waits, call `stopping()`, end.

        This is how an actor stops itself."""
        cell = self._cell
        cell.room = 0
        cell.want(STOP)

    async def stop(self, *, timeout: float = 5.0) -> None:
        """Stop gracefully and wait for the end; at the deadline the handler is cancelled.

        The deadline holds even if this call is cancelled. After it, `stopping()` has one more
        second. Raises AskCycle in the actor's own handler, which would wait for itself."""
        cell = self._cell
        refuse_cycle(cell, current_envelope())
        self.stop_nowait()
        runtime = cell.kind.runtime
        slot = runtime.wheel.add(cell, runtime.backend.now() + timeout)
        while cell.wants & (STOP | KILL) and cell.state is not State.ENDED:
            await cell.wait_change()
        runtime.wheel.discard(cell, slot)

    async def _until_ended(self, cell: Cell) -> None:
        while cell.state is not State.ENDED:
            await cell.wait_change()

    async def wait_stopped(self) -> None:
        """Return when the actor has ended."""
        await self._until_ended(self._cell)

    async def hold(self, *, timeout: float = 5.0) -> None:
        """End the incarnation after its current message and keep the mail until `resume()`.

        After `timeout` seconds the handler is cancelled."""
        cell = self._cell
        refuse_cycle(cell, current_envelope())
        cell.want(HOLD)
        runtime = cell.kind.runtime
        deadline = _HoldDeadline(cell)
        slot = runtime.wheel.add(deadline, runtime.backend.now() + timeout)
        while cell.wants & HOLD and cell.state is not State.ENDED:
            await cell.wait_change()
        runtime.wheel.discard(deadline, slot)

    async def resume(self) -> None:
        """Start a held actor, or one that waits for its restart, and wait until it has started.

        Raises ActorCrashed where it could not start and ActorStopped where it has ended."""
        cell = self._cell
        cell.want(RESUME)
        while cell.wants & RESUME and cell.state is not State.ENDED:
            await cell.wait_change()
        await self.wait_started()

    async def wait_started(self) -> None:
        """Return when `started()` has returned.

        Raises ActorCrashed where it failed and ActorStopped where the actor has ended."""
        cell = self._cell
        while cell.state is not State.RUNNING:
            if cell.state is State.ENDED:
                raise ActorStopped(cell.name)
            if cell.state is not State.NEW and cell.failure is not None:
                raise ActorCrashed(cell.name, cell.failure)
            await cell.wait_change()

    def statistics(self) -> ActorStatistics:
        """What the actor does now. For a virtual actor this activates it."""
        cell = self._cell
        return actor_statistics(cell.kind.runtime, cell)

    def _watch(self, watcher: Cell, notice: object) -> None:
        cell = self._cell
        if cell.state is State.ENDED:
            watcher.notify(notice)
            return
        if cell.watchers is None:
            cell.watchers = []
        cell.watchers.append((watcher, notice))


class _HoldDeadline:
    """The end of the time that an actor has for its last message before a hold."""

    __slots__ = ("_cell",)

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def expire(self) -> None:
        if self._cell.wants & HOLD:
            self._cell.cut_short(HOLD)


class VirtualRef(ActorRef[M]):
    """A handle on a virtual actor: its first message activates it."""

    __slots__ = ("_family", "_key")

    def __init__(self, family: VirtualActors[Hashable, M], key: Hashable) -> None:
        self._family = family
        self._key = key

    @property
    def _cell(self) -> Cell:  # type: ignore[override]  # found or made anew each time
        return self._family._cell(self._key)

    @property
    def name(self) -> str:
        """The family's name and the key."""
        return self._family._kind.prefix + str(self._key)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, VirtualRef)
            and other._family is self._family
            and other._key == self._key
        )

    def __hash__(self) -> int:
        return hash((id(self._family), self._key))

    def stop_nowait(self) -> None:
        """Begin to passivate the actor once its mail is handled; the next message activates it."""
        cell = self._family._cells.get(self._key)
        if cell is not None:
            cell.want(RETIRE)

    async def stop(self, *, timeout: float = 5.0) -> None:
        """Passivate the actor once its mail is handled; at the deadline its handler is cancelled
        and its mail is turned down. The next message activates it again."""
        cell = self._family._cells.get(self._key)
        if cell is None:
            return
        refuse_cycle(cell, current_envelope())
        cell.want(RETIRE)
        runtime = cell.kind.runtime
        slot = runtime.wheel.add(cell, runtime.backend.now() + timeout)
        while cell.wants & (RETIRE | KILL) and cell.state is not State.ENDED:
            await cell.wait_change()
        runtime.wheel.discard(cell, slot)

    async def wait_stopped(self) -> None:
        """Return when the present activation has ended; at once where there is none."""
        cell = self._family._cells.get(self._key)
        if cell is not None:
            await self._until_ended(cell)

    def _watch(self, watcher: Cell, notice: object) -> None:
        cell = self._family._cells.get(self._key)
        if cell is None:
            watcher.notify(notice)
        else:
            ActorRef[object](cell)._watch(watcher, notice)
