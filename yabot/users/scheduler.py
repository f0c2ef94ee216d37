"""Scheduler: delivers durable commands to their users when they are due.

It keeps nothing: a command's row stays until the turn that received it has committed, so whatever
stops the scheduler, or the process, the command is delivered again.
"""

from collections.abc import Callable, Sequence

import anyio
import structlog

from actors import Actor
from yabot.domain.values import Instant
from yabot.errors import Overloaded, StoreUnavailable
from yabot.users.ports import Clock, CommandOutbox, DueCommand

AT_ONCE = 500
"""Commands in hand at a time; more wait in their outbox."""

LONGEST_SLEEP = 5.0
"""Seconds after which the outbox is looked at again even if nothing was due."""

log = structlog.get_logger(__name__)


class Scheduler(Actor[object]):
    """Empties the commands outbox into mailboxes, each command no earlier than its time."""

    def __init__(
        self, outbox: CommandOutbox, deliver: Callable[[DueCommand], None], clock: Clock
    ) -> None:
        self._outbox = outbox
        self._deliver = deliver
        self._clock = clock
        self._in_hand: set[int] = set()

    async def run(self) -> None:
        """Deliver what is due, wait for the next, repeat."""
        while True:
            try:
                now = self._clock()
                refused = self._hand_over(await self._outbox.due(now, 0, AT_ONCE))
                pause = 1.0 if refused else self._until(await self._outbox.next_due())
            except StoreUnavailable as error:
                log.warning("scheduler.waits_for_store", error=str(error))
                pause = error.retry_after or 1.0
            with anyio.move_on_after(pause):
                await self._outbox.changed()

    def _hand_over(self, due: Sequence[DueCommand]) -> bool:
        """Deliver what is not in hand yet; True when a full mailbox refused some."""
        refused = False
        in_hand = {command.id for command in due} & self._in_hand
        for command in due:
            if command.id in in_hand:
                continue
            try:
                self._deliver(command)
            except Overloaded:
                refused = True
            else:
                in_hand.add(command.id)
        self._in_hand = in_hand
        return refused

    def _until(self, next_due: Instant | None) -> float:
        if next_due is None:
            return LONGEST_SLEEP
        wait = (next_due - self._clock()).total_seconds()
        return min(max(wait, 0.05), LONGEST_SLEEP)
