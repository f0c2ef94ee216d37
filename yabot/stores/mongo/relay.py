"""DocumentRelay: brings users' documents to the server of copies, the newest version of each.

    a batch ──▶ put ──▶ is the server's mark ours? ──yes──▶ leave the next mark ──▶ settle
                                      └──no──▶ settle, and bring everything again

The rule: a document counts as brought only when the server has it in its journals, and a server
that lost what it had acknowledged is found by its mark. Bringing twice does no harm.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import anyio
import orjson
import structlog

from yabot import faults
from yabot.domain.story import Story
from yabot.errors import StoreUnavailable
from yabot.outbox import Relay
from yabot.stores.content import SqliteContent
from yabot.stores.documents import QueuedDocument, SqliteDocumentOutbox
from yabot.stores.mongo.connection import MongoConnection
from yabot.stores.mongo.marks import Verdict, has_others, judge
from yabot.stores.mongo.ports import DocumentVersion, Mark, Refused

COMPARE_EVERY = 5.0
"""Seconds after which an idle relay looks at the server's mark again."""

GATHERING = 0.1
"""Seconds from the first document that is ahead to reading, so that they come in batches."""

MOST, FEWEST = 500, 20
"""Documents in one batch: fewer after one that was not taken in time, then more again."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Copying:
    """What all incarnations of the relay have done. `held`: our mark was on the server.

    `trouble` is why nothing is brought although the server answers.
    """

    brought: int = 0
    refused: int = 0
    resyncs: int = 0
    held: bool = False
    trouble: str | None = None


class DocumentRelay(Relay[QueuedDocument]):
    """Empties the documents outbox into the server, and keeps its content and its mark right."""

    batch = MOST
    longest_pause = 5.0

    def __init__(
        self,
        outbox: SqliteDocumentOutbox,
        connection: MongoConnection,
        copying: Copying,
        story: Story,
        content: SqliteContent,
    ) -> None:
        self._outbox = outbox
        self._deliveries = outbox.deliveries
        self._connection = connection
        self._copying = copying
        self._story = story
        self._content = content
        self._content_due = True
        self._compared = (0, float("-inf"))

    async def read(self, after: int, limit: int) -> Sequence[QueuedDocument]:
        """Wait for the server, see to its mark and its content, and read what is ahead."""
        await self._connection.ready()
        session, at = self._compared
        if session != self._connection.sessions or time.monotonic() - at >= COMPARE_EVERY:
            await self._compare()
        if self._content_due:
            await self._put_content()
        if self._outbox.is_resynced():
            await self._leave(self._deliveries.last_mark)
            await self._deliveries.end_resync()
            log.info("documents.resynced")
        return await self._outbox.read(after, limit)

    async def changed(self) -> None:
        """Return when there may be more, and a few have gathered where few wait."""
        await self._outbox.changed()
        if self._outbox.waiting() < self.batch:
            await anyio.sleep(GATHERING)

    async def forward(self, rows: Sequence[QueuedDocument]) -> None:
        """Bring the documents, then note that they are there."""
        refused = await self._put([row.document for row in rows])
        if refused:
            await self._connection.recheck()
        faults.reach("after_apply")
        level = await self._compare()
        if level:
            await self._leave(self._deliveries.next_mark)
        await self._outbox.settle(rows, refused, marked=level)
        self._copying.brought += len(rows) - len(refused)
        self._copying.refused += len(refused)
        for one in refused:
            log.error("document.set_aside", user=one.user_id, error=one.error)

    async def _put(self, documents: Sequence[DocumentVersion]) -> Sequence[Refused]:
        """Bring a batch that the server can take in time, however slow it is."""
        try:
            refused = await self._connection.call(lambda store: store.put(documents))
        except StoreUnavailable:
            self.batch = max(FEWEST, len(documents) // 2)
            raise
        self.batch = min(MOST, 2 * self.batch)
        return refused

    async def _compare(self) -> bool:
        """Whether the server is as we left it; where it is not, a resync begins."""
        session = self._connection.sessions
        ours = self._deliveries.mark
        theirs = await self._connection.call(lambda store: store.mark())
        verdict = judge(ours, theirs)
        if verdict is Verdict.OVERTAKEN and theirs is not None:
            await self._overtake(theirs)
        inherits = self._deliveries.inherits
        others = has_others(ours, theirs, verdict)
        if inherits is None or (others and not inherits):
            await self._deliveries.learn(inherits=others)
        self._compared = (session, time.monotonic())
        if verdict is Verdict.LEVEL:
            self._copying.held = True
            self._copying.trouble = None
            return True
        log.warning("documents.resync", verdict=verdict.value, ours=str(ours), theirs=str(theirs))
        self._copying.resyncs += 1
        self._content_due = True
        await self._outbox.resync()
        await self._leave(self._deliveries.mark)
        return False

    async def _overtake(self, theirs: Mark) -> None:
        """Move beyond who fed the server before us; who feeds it beside us has the better right."""
        if self._copying.held:
            self._copying.trouble = (
                f"another bot (database {theirs.database_id}) writes to this MongoDB database; "
                "give each bot a MONGODB_DATABASE of its own and start this one again"
            )
            raise StoreUnavailable(self._copying.trouble)
        await self._deliveries.overtake(theirs)

    async def _leave(self, mark: Mark) -> None:
        await self._connection.call(lambda store: store.put_mark(mark))
        self._copying.held = True

    async def _put_content(self) -> None:
        """Bring the story and the items, where the server has others."""
        items = await self._content.load_items()
        fingerprint = _fingerprint(self._story, items)
        if self._deliveries.resyncing or self._deliveries.content != fingerprint:
            await self._connection.call(lambda store: store.put_content(self._story, items))
            await self._deliveries.put_content(fingerprint)
        self._content_due = False


def _fingerprint(story: Story, items: Mapping[str, Mapping[str, object]]) -> str:
    told = story.model_dump_json().encode() + orjson.dumps(items, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(told).hexdigest()
