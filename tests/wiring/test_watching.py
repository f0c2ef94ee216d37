"""What a scrape of the whole bot tells."""

from pathlib import Path

import pytest

from actors import ActorSystem
from supervision import Reports
from tests.stores.running import Clock, running
from yabot.errors import Overloaded
from yabot.ops.metrics import Metrics
from yabot.telegram.ingress import Ingress
from yabot.telegram.replies import SendingMeter
from yabot.users.actor import UserParts
from yabot.users.directory import UserDirectory
from yabot.users.turn import Turn
from yabot.wiring.watching import Watch

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def nothing(turn: Turn, update: object) -> None:
    """No handlers."""


async def test_updates_that_are_refused_at_the_door_are_counted(tmp_path: Path) -> None:
    clock, metrics = Clock(), Metrics()
    async with running(tmp_path / "yabot.db", clock) as db, ActorSystem() as system:
        parts = UserParts(store=db.users, handle=nothing, render=lambda turn: None, clock=clock)
        directory = UserDirectory(system, parts, db.inbox)
        ingress = Ingress(db.inbox, directory.deliver, bot_id=42, max_backlog=1)
        sampling = db.sampling(list)
        Watch(system, db, directory, SendingMeter(), ingress, metrics, sampling, Reports(), None)
        with pytest.raises(Overloaded):
            await ingress.take([{"update_id": 1}, {"update_id": 2}], [b"{}", b"{}"])
        scrape = await metrics.render()
    assert b'yabot_updates_total{what="refused"} 2.0' in scrape
    assert b'yabot_updates_total{what="accepted"} 0.0' in scrape
