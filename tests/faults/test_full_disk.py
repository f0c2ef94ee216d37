"""The disk under everything fills up, or fails, and is well again: nobody loses anything."""

import os
import re
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import anyio
import anyio.to_thread
import pytest

from tests.faults.audit import opened
from tests.faults.street import MODES, street
from tests.faults.test_mongo_dies import drawn
from tests.flows.operator import operator
from tests.people import Person
from tests.processes import BotProcess
from tests.waiting import until

pytestmark = pytest.mark.anyio

SIZE = "24m"
"""Of the disk: the bot's own files take about a third."""


@dataclass
class Disk:
    """A place for a bot; `refuse` makes its disk take nothing more, and gives what undoes that."""

    place: Path
    refuse: Callable[[BotProcess], Callable[[], None]]


def fill(place: Path) -> Callable[[], None]:
    """Take all the room there is."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert os.statvfs(place).f_bavail == 0
    return ballast.unlink


def break_files(bot: BotProcess) -> Callable[[], None]:
    """Let every write of the bot beyond the first page of a file fail, its log's too (EFBIG).

    SQLite has no other name for that than an I/O error.
    """
    pid = bot.running.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    def heal() -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    return heal


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk of its own, with the database, the key and the logs on it."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.fail("only root can mount a small disk: run this in `unshare -Urm`, or as root")
    try:
        yield Disk(place, lambda _bot: fill(place))
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class Service:
    """A service that pays one besito at a time to one person, each time under a key of its own."""

    def __init__(self, client: aiohttp.ClientSession, bot: BotProcess, user_id: int) -> None:
        self.paid: list[str] = []
        self.refused: list[str] = []
        self._client = client
        self._url = f"{bot.api_url}/api/v1/user/{user_id}/besitos/transactions"
        self._bot = bot

    async def authorize(self) -> None:
        """Get a token from the operator."""
        token = (await operator(self._bot, "token", "shop")).told.strip()
        self._client.headers["Authorization"] = f"Bearer {token}"

    async def pays(self) -> bool:
        """Pay once more; whether it was taken. A refusal says when to come back."""
        key = f"payment-{len(self.paid) + len(self.refused)}"
        taken = await self._pay(key)
        (self.paid if taken else self.refused).append(key)
        return taken

    async def is_refused(self) -> bool:
        return not await self.pays()

    async def pays_what_was_refused(self) -> bool:
        """Try again under the same keys; whether nothing is left to pay."""
        while self.refused and await self._pay(self.refused[-1]):
            self.paid.append(self.refused.pop())
        return not self.refused

    async def _pay(self, key: str) -> bool:
        movement = {"amount": 1, "reason": key}
        headers = {"Idempotency-Key": key}
        async with self._client.post(self._url, json=movement, headers=headers) as answer:
            if answer.status != 201:
                assert answer.status == 503, await answer.text()
                assert int(answer.headers["Retry-After"]) >= 1
            return answer.status == 201


@pytest.mark.parametrize("mode", MODES)
async def test_a_full_disk_refuses_every_waiter_and_heals_without_a_restart(
    mode: str, full_disk: Disk
) -> None:
    await refuses_and_heals(mode, full_disk, "MB of disk free; make room")


@pytest.mark.parametrize("mode", MODES)
async def test_a_disk_that_fails_refuses_every_waiter_and_heals_without_a_restart(
    mode: str, tmp_path: Path
) -> None:
    await refuses_and_heals(mode, Disk(tmp_path, break_files), '"disk_free"')


async def refuses_and_heals(mode: str, disk: Disk, tells: str) -> None:
    place = street(disk.place, mode, people=12)
    async with place as it, aiohttp.ClientSession() as client:
        person, service = Person(client, it.sandbox.url, 1), Service(client, it.bot, 1)

        async def is_ill() -> bool:
            return await status(client, it.bot, "/health/database") == 503

        async def is_well() -> bool:
            return not await is_ill()

        it.bot.start()
        await it.bot.ready()
        await service.authorize()
        async with it.load():
            await person.says("/start")
            await person.sees("Soy YABOT")
            await it.crowd.more(60)
            assert await service.pays()
            assert tells in await page(client, it.bot, "/health/database")
            assert 'yabot_storage_bytes{what="disk_free"}' in await page(client, it.bot, "/metrics")

            heal = disk.refuse(it.bot)
            await until(service.is_refused, deadline=40)
            for _ in range(5):
                await service.pays()
            await person.says("/besitos")
            await until(is_ill, deadline=40)
            assert await status(client, it.bot, "/livez") == 200
            tree = await anyio.to_thread.run_sync(drawn, it.bot)
            assert re.search(r"sqlite +DEGRADED .*commits fail: ", tree), tree
            assert paid(it.bot.database) == sorted(service.paid)

            heal()
            await until(service.pays_what_was_refused)
            await until(is_well)
            await person.sees("besitos")
            await it.crowd.more(60)
        assert paid(it.bot.database) == sorted(service.paid)
        assert await it.verdict() == []
    assert it.bot.starts == 1


async def status(client: aiohttp.ClientSession, bot: BotProcess, path: str) -> int:
    async with client.get(f"{bot.api_url}{path}") as answer:
        return answer.status


async def page(client: aiohttp.ClientSession, bot: BotProcess, path: str) -> str:
    async with client.get(f"{bot.api_url}{path}") as answer:
        return await answer.text()


def paid(database: Path) -> list[str]:
    """The payments that are in the ledger."""
    with closing(opened(database)) as db:
        found = db.execute("SELECT reason FROM ledger WHERE reason LIKE 'payment-%' ORDER BY 1")
        return [reason for (reason,) in found]
