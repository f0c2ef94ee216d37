"""Hundreds of movements on one purse at once, half of them repetitions, while the bot is killed."""

import random
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import aiohttp
import anyio
import pytest

from tests.flows.calling import caller, greeted
from tests.processes import BotProcess
from tests.waiting import until
from yabot.client import Movement, Refused
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

USER = "7"
TOO_MUCH = -1_000_000
Told = tuple[str, int] | tuple[str, str]


@pytest.mark.parametrize(("calls", "kills"), [(500, 2)])
async def test_a_balance_is_exact_whatever_is_repeated_and_however_often_the_bot_dies(
    calls: int, kills: int, sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    rng = random.Random(11)
    movements = {
        f"key-{number}": Movement(amount=TOO_MUCH if number % 10 == 0 else number, reason="test")
        for number in range(1, calls // 2 + 1)
    }
    asked = [*movements.items()] * 2
    rng.shuffle(asked)
    told: defaultdict[str, list[Told]] = defaultdict(list)
    waiting: list[int] = []

    async with BotProcess(tmp_path, sandbox.url) as bot:
        bot.start()
        await bot.ready()
        everybody = caller(bot, connections=calls)
        async with everybody as api, anyio.create_task_group() as group:
            await greeted(api, client, sandbox.url, [int(USER)])

            async def move(key: str, movement: Movement) -> None:
                try:
                    answer = await api.create_transaction(USER, movement, key=key)
                    told[key].append(("balance", answer.body.balance))
                except Refused as no:
                    told[key].append(("no", no.code))

            for key, movement in asked:
                group.start_soon(move, key, movement)
            for death in range(1, kills + 1):
                enough = calls * death // (kills + 2)
                await until(lambda enough=enough: sum(map(len, told.values())) >= enough)
                waiting.append(calls - sum(map(len, told.values())))
                await bot.kill()
                bot.start()
                await bot.ready()
        async with caller(bot) as api:
            balance = (await api.get_besitos(USER)).body.balance
            lines = [line async for line in api.transactions(USER)]
        assert await bot.stop() == 0

    assert min(waiting) > 0, "a kill came after the last answer"
    granted = [movement.amount for movement in movements.values() if movement.amount > 0]
    assert balance == sum(granted)
    assert sorted(line.amount for line in lines) == sorted(granted)
    assert lines[0].balance == balance
    for key, movement in movements.items():
        answers = told[key]
        assert len(answers) == 2, key
        assert answers[0] == answers[1], key
        refused = movement.amount == TOO_MUCH
        assert answers[0][0] == ("no" if refused else "balance"), key
    assert sum_of_ledger(bot.database) == balance


def sum_of_ledger(database: Path) -> int:
    with closing(sqlite3.connect(database)) as db:
        row = db.execute("SELECT sum(amount) FROM ledger WHERE user_id = ?", (USER,)).fetchone()
    return int(row[0])
