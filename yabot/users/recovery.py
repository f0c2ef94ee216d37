"""Handing out what a former process left in the inbox, before anything new.

An update may be what ended that process. After an unclean stop the store counts one more attempt
for each leftover, up to SUSPECT; a suspect runs alone and is counted again just before, so only an
update that was alone when the process died twice is given up, never one that merely stood by.
"""

import anyio
import structlog

from actors import Actor
from yabot.errors import StoreUnavailable
from yabot.users.directory import UserDirectory
from yabot.users.ports import Inbox

SUSPECT = 2
"""Attempts from which an update runs alone."""

GIVEN_UP = 4
"""Attempts at which an update is set aside: twice left over, and twice ended the process alone."""

PAGE = 500
LOOK_AGAIN = 1.0
"""Seconds between looks at users who are behind without an actor at work."""

log = structlog.get_logger(__name__)


class Recovery(Actor[object]):
    """Ready once every leftover has been handed out; then keeps nobody behind for long."""

    def __init__(self, inbox: Inbox, directory: UserDirectory, *, turn_timeout: float) -> None:
        self._inbox = inbox
        self._directory = directory
        self._turn_timeout = turn_timeout

    async def started(self) -> None:
        """Deliver every unprocessed update in order of arrival."""
        after, count = 0, 0
        while rows := await self._inbox.leftovers(after, PAGE):
            for mail in rows:
                if mail.attempts >= GIVEN_UP:
                    self._directory.set_aside(mail, "killed")
                elif mail.attempts >= SUSPECT:
                    await self._inbox.stamp(mail.seq)
                    await self._directory.deliver_alone(mail, timeout=self._turn_timeout)
                else:
                    self._directory.deliver(mail)
            after, count = rows[-1].seq, count + len(rows)
        if count:
            log.info("inbox.leftovers_handed_out", updates=count)

    async def run(self) -> None:
        """Hand over to users who are behind and have no actor at work."""
        while True:
            await anyio.sleep(LOOK_AGAIN)
            try:
                await self._directory.catch_up()
            except StoreUnavailable as error:
                log.warning("directory.waits_for_store", error=str(error))
