"""Scheduler: delivers durable commands to their users when they are due.

It keeps nothing: a command's row stays until the turn that received it has committed, so whatever
stops the scheduler, or the process, the command is delivered again. The rule: due commands of one
user are handed over in the order in which they were left, and a user whose mailbox is full holds up
nobody else.
"""

from collections.abc import Callable

import anyio
import structlog

from actors import Actor
from yabot.domain.values import Instant, UserId
from yabot.errors import Overloaded, StoreUnavailable
from yabot.users.ports import Clock, CommandOutbox, DueCommand

AT_ONCE = 500
"""Commands in hand at a time; more wait in their outbox."""

MOST_LOOKED_AT = 10 * AT_ONCE
"""Due commands that are looked at before the first ones are looked at again."""

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
                refused = await self._hand_over(self._clock())
                pause = 1.0 if refused else self._until(await self._outbox.next_due())
            except StoreUnavailable as error:
                log.warning("scheduler.waits_for_store", error=str(error))
                pause = error.retry_after or 1.0
            with anyio.move_on_after(pause):
                await self._outbox.changed()

    async def _hand_over(self, now: Instant) -> bool:
        """Deliver what is not in hand yet; True when a full mailbox refused some."""
        refused: set[UserId] = set()
        in_hand: set[int] = set()
        looked_at, after = 0, 0
        while looked_at < MOST_LOOKED_AT and len(in_hand) < AT_ONCE:
            page = await self._outbox.due(now, after, AT_ONCE)
            for command in page:
                if command.id in self._in_hand or self._deliver_to(command, refused):
                    in_hand.add(command.id)
            if len(page) < AT_ONCE:
                break
            looked_at, after = looked_at + len(page), page[-1].id
        self._in_hand = in_hand
        return bool(refused)

    def _deliver_to(self, command: DueCommand, refused: set[UserId]) -> bool:
        """Deliver one command, unless an earlier one of its user could not be."""
        if command.user_id in refused:
            return False
        try:
            self._deliver(command)
        except Overloaded:
            refused.add(command.user_id)
            return False
        self._in_hand.add(command.id)
        return True

    def _until(self, next_due: Instant | None) -> float:
        if next_due is None:
            return LONGEST_SLEEP
        wait = (next_due - self._clock()).total_seconds()
        return min(max(wait, 0.05), LONGEST_SLEEP)
