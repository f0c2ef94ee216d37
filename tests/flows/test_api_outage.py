"""With MongoDB and Redis away, the API answers for everybody who is here."""

import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.flows.calling import caller, greeted, token_of
from tests.processes import BotProcess, free_port
from yabot.client import (
    AccessAsked,
    Client,
    EventTold,
    Interaction,
    Movement,
    PlanChange,
    PreferencesChange,
    ProfileChange,
    StatePatch,
)
from yabot.ops.health import PATIENCE
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

AT_ONCE = 2.0
"""Seconds: no wait for a server that is away, on a slow machine."""

GRANTED = EventTold(
    type="yabot.external.besitos.granted.v1", subject="7", data={"amount": 5, "reason": "survey"}
)
CALLS: list[Callable[[Client], Awaitable[object]]] = [
    lambda api: api.get_state("7"),
    lambda api: api.patch_state("7", StatePatch(menu_context="shop"), if_match="*"),
    lambda api: api.get_preferences("7"),
    lambda api: api.put_preferences("7", PreferencesChange(theme="dark"), if_match="*"),
    lambda api: api.get_profile("7"),
    lambda api: api.put_profile("7", ProfileChange(first_name="Eva"), if_match="*"),
    lambda api: api.put_subscription("7", PlanChange(plan_type="vip"), if_match="*"),
    lambda api: api.get_subscription("7"),
    lambda api: api.request_vip_access("7", AccessAsked(feature="terrace")),
    lambda api: api.create_interaction("7", Interaction(action="help")),
    lambda api: api.create_transaction("7", Movement(amount=5, reason="gift")),
    lambda api: api.get_besitos("7"),
    lambda api: api.list_transactions("7"),
    lambda api: api.publish_event(GRANTED),
    lambda api: api.list_events(),
    lambda api: api.get_fragment("plaza"),
    lambda api: api.export_user("7"),
    lambda api: api.list_clients(),
    lambda api: api.get_keys(),
    lambda api: api.get_metrics(),
    lambda api: api.get_supervisors(),
    lambda api: api.delete_user("7"),
]


@pytest.fixture(params=["nothing listens", "nothing is answered"])
def away(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port behind which no server is: it refuses, or it takes connections and stays silent."""
    if request.param == "nothing listens":
        yield free_port()
        return
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]


async def test_every_route_works_for_a_user_who_is_here_while_both_servers_are_away(
    sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path, away: int
) -> None:
    settings = {
        "MONGODB_URI": f"mongodb://127.0.0.1:{away}",
        "REDIS_URL": f"redis://127.0.0.1:{away}",
    }
    async with BotProcess(tmp_path, sandbox.url) as bot:
        bot.start()
        await bot.ready()
        async with caller(bot) as api:
            await greeted(api, client, sandbox.url, [7])
        assert await bot.stop() == 0
        bot.start(**settings)
        await bot.ready()
        async with caller(bot, patience=0.0) as api:
            for number, call in enumerate(CALLS):
                begun = time.monotonic()
                await call(api)
                assert time.monotonic() - begun < AT_ONCE, number
            begun = time.monotonic()
            health = (await api.get_health()).body
            assert (health.status, health.database.mongodb) == ("warn", False)
            assert health.redis.connected is False
            assert time.monotonic() - begun < PATIENCE + 1.5, "it waits for both at once"
        assert await bot.stop() == 0


async def test_of_a_user_who_may_be_elsewhere_the_api_says_at_once_when_to_come_back(
    sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path, away: int
) -> None:
    settings = {"MONGODB_URI": f"mongodb://127.0.0.1:{away}"}
    async with BotProcess(tmp_path, sandbox.url, settings) as bot:
        bot.start()
        await bot.ready()
        headers = {"Authorization": f"Bearer {token_of(bot)}"}
        for _ in range(5):
            begun = time.monotonic()
            url = f"{bot.api_url}/api/v1/user/404/state"
            async with client.get(url, headers=headers) as answer:
                body = await answer.json()
            assert (answer.status, body["code"]) == (503, "unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
            assert time.monotonic() - begun < AT_ONCE
        assert await bot.stop() == 0
