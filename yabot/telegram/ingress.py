"""The door through which every update comes, however it was fetched.

The rule: an update is handed to its user once it is durable, in the order in which it became so,
and whoever brought it may acknowledge it when `take` returns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import anyio

from yabot.errors import Overloaded, StoreUnavailable
from yabot.telegram.routing import actor_key
from yabot.users.ports import MAX_BACKLOG, Arrival, Inbox, Mail


@dataclass(frozen=True, slots=True)
class Intake:
    """How many updates have come in: new ones, ones that were known, and refused ones."""

    accepted: int
    repeated: int
    refused: int


class _Waiting:
    """One call of `take` that waits for the inbox, and how it ended."""

    __slots__ = ("arrivals", "done", "error")

    def __init__(self, arrivals: Sequence[Arrival]) -> None:
        self.arrivals = arrivals
        self.done = False
        self.error: Exception | None = None


class Ingress:
    """Takes updates from the poller and from the webhook.

    `deliver` hands a durable update on; it is called in order and never waits. What comes while
    one write is under way goes into the next one together, because each write is a transaction.
    """

    def __init__(
        self,
        inbox: Inbox,
        deliver: Callable[[Mail], None],
        *,
        bot_id: int,
        max_backlog: int = MAX_BACKLOG,
    ) -> None:
        self._inbox = inbox
        self._deliver = deliver
        self._bot_id = bot_id
        self._max_backlog = max_backlog
        self._waiting: list[_Waiting] = []
        self._queued = 0
        self._writing = anyio.Lock()
        self._accepted = self._repeated = self._refused = 0

    def statistics(self) -> Intake:
        """What has come in since the start."""
        return Intake(self._accepted, self._repeated, self._refused)

    async def take(self, updates: Sequence[Mapping[str, object]], bodies: Sequence[bytes]) -> None:
        """Make updates durable and hand the new ones on; `bodies` is their JSON as it came.

        Raises Overloaded when too many wait already, StoreUnavailable when the inbox can't be
        written. Either way nothing was taken.
        """
        if self._inbox.backlog() + self._queued + len(updates) > self._max_backlog:
            self._refused += len(updates)
            raise Overloaded("too many updates wait to be handled", retry_after=2.0)
        ours = _Waiting(
            [self._arrival(update, body) for update, body in zip(updates, bodies, strict=True)]
        )
        self._waiting.append(ours)
        self._queued += len(updates)
        try:
            async with self._writing:
                if not ours.done:
                    await self._write()
        finally:
            self._queued -= len(updates)
            if not ours.done and ours in self._waiting:
                self._waiting.remove(ours)
        if ours.error is not None:
            raise ours.error

    async def _write(self) -> None:
        """Write all that waits; nobody may cancel it, or a durable update might lie undelivered.

        A shield does not stop the event loop's own cancelling at its end; then nobody is told yes.
        """
        batch, self._waiting = self._waiting, []
        arrivals = [arrival for waiting in batch for arrival in waiting.arrivals]
        error: Exception | None = StoreUnavailable("the bot is ending; send it again")
        try:
            with anyio.CancelScope(shield=True):
                mails = await self._inbox.accept(arrivals)
            error = None
        except Exception as failure:
            error = failure
        finally:
            for waiting in batch:
                waiting.done, waiting.error = True, error
        if error is None:
            self._accepted += len(mails)
            self._repeated += len(arrivals) - len(mails)
            for mail in mails:
                self._deliver(mail)

    def _arrival(self, update: Mapping[str, object], body: bytes) -> Arrival:
        update_id = update["update_id"]
        if not isinstance(update_id, int):
            raise TypeError("an update carries its update_id as a number")
        user_id = actor_key(update, self._bot_id)
        return Arrival(user_id, self._bot_id, update_id, update, body)
