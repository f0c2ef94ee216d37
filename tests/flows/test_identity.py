"""An operator changes who may call, and with which keys, while the bot runs and while it rests."""

import ssl
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.flows.operator import FAILED, Done, operator
from tests.processes import BotProcess
from tests.servers.certificate import certificate
from tests.waiting import until
from yabot.sandbox import Sandbox

__all__ = ["certificate"]

pytestmark = pytest.mark.anyio

STATE = "/api/v1/user/1/state"
TOKEN = "/api/v1/auth/token"


@pytest.fixture
async def bot(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[BotProcess]:
    async with BotProcess(tmp_path, sandbox.url) as bot:
        yield bot


def credentials(done: Done) -> dict[str, str]:
    """What `clients add` has printed."""
    assert done.code == 0, done.told
    return dict(line.split("=", 1) for line in done.told.splitlines() if "=" in line)


async def log_in(client: aiohttp.ClientSession, bot: BotProcess, known: dict[str, str]) -> int:
    sent = {"grant_type": "client_credentials", **known}
    async with client.post(bot.api_url + TOKEN, json=sent) as answer:
        return answer.status


async def status(client: aiohttp.ClientSession, bot: BotProcess, token: str) -> int:
    """200 or 404 where the token is good, 401 where it is not."""
    headers = {"Authorization": f"Bearer {token}"}
    async with client.get(bot.api_url + STATE, headers=headers) as answer:
        return answer.status


async def test_clients_are_added_and_revoked_beside_a_running_bot_and_without_one(
    bot: BotProcess, client: aiohttp.ClientSession
) -> None:
    early = credentials(await operator(bot, "clients", "add", "early"))
    bot.start()
    await bot.ready()
    assert await log_in(client, bot, early) == 200
    scopes = ("--scope", "internal_api", "--scope", "events:publish")
    late = credentials(await operator(bot, "clients", "add", "late", *scopes))
    assert await log_in(client, bot, late) == 200

    again = await operator(bot, "clients", "add", "late")
    assert again.code == FAILED
    assert "is or was in use" in again.told
    assert "Traceback" not in again.told

    listed = await operator(bot, "clients", "list")
    assert "early  internal_api  since" in listed.told
    assert "late  events:publish internal_api  since" in listed.told
    assert (await operator(bot, "clients", "revoke", "early")).code == 0
    assert await log_in(client, bot, early) == 401
    for secret in (early["client_secret"], late["client_secret"]):
        assert secret not in bot.told()

    await bot.kill()
    assert (await operator(bot, "clients", "revoke", "late")).code == 0
    assert (await operator(bot, "clients", "revoke", "nobody")).code == FAILED
    bot.start()
    await bot.ready()
    assert await log_in(client, bot, early) == 401
    assert await log_in(client, bot, late) == 401
    assert await bot.stop() == 0


async def test_keys_are_rotated_beside_a_running_bot_and_no_token_is_lost(
    bot: BotProcess, client: aiohttp.ClientSession
) -> None:
    bot.start()
    await bot.ready()
    tokens = [(await operator(bot, "token", "shop")).told.strip()]
    assert (await operator(bot, "keys", "init")).code == 0
    for _ in range(2):
        rotated = await operator(bot, "keys", "rotate")
        assert rotated.code == 0, rotated.told
        tokens.append((await operator(bot, "token", "shop")).told.strip())

    async def all_are_good() -> bool:
        return {await status(client, bot, token) for token in tokens} == {404}

    await until(all_are_good, deadline=5)
    listed = (await operator(bot, "keys", "list")).told.splitlines()
    assert [line.split()[1] for line in listed] == ["next", "active", "retiring", "retiring"]
    async with client.get(f"{bot.api_url}/.well-known/jwks.json") as answer:
        published = [key["kid"] for key in (await answer.json())["keys"]]
    assert published == [line.split()[0] for line in listed]
    folder = bot.folder / "key.keys"
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert await bot.stop() == 0

    bot.start()
    await bot.ready()
    assert await all_are_good()
    assert await bot.stop() == 0


async def test_a_session_goes_on_after_a_kill_and_its_end_outlives_one(
    bot: BotProcess, client: aiohttp.ClientSession
) -> None:
    bot.start()
    await bot.ready()
    known = credentials(await operator(bot, "clients", "add", "shop"))

    async def post(path: str, **fields: str) -> aiohttp.ClientResponse:
        answer = await client.post(f"{bot.api_url}/api/v1/auth/{path}", data={**known, **fields})
        await answer.read()
        return answer

    first = await (await post("token", grant_type="client_credentials")).json()
    await bot.kill()
    bot.start()
    await bot.ready()
    second = await (await post("refresh", refresh_token=first["refresh_token"])).json()
    assert await status(client, bot, second["access_token"]) == 404
    assert (await post("revoke", token=second["refresh_token"])).status == 200
    await bot.kill()
    bot.start()
    await bot.ready()
    assert await status(client, bot, second["access_token"]) == 401
    assert (await post("refresh", refresh_token=second["refresh_token"])).status == 400
    told = bot.told()
    for secret in (*first.values(), *second.values(), known["client_secret"]):
        if isinstance(secret, str) and len(secret) > 20 and not secret.endswith("Z"):
            assert secret not in told
    assert await bot.stop() == 0


async def test_with_tls_the_commands_trust_the_certificate_of_the_settings_alone(
    bot: BotProcess, client: aiohttp.ClientSession, certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    tls = {"API_TLS_CERT": str(cert), "API_TLS_KEY": str(key)}
    context = ssl.create_default_context(cafile=str(cert))
    bot.start(**tls)
    url = f"https://localhost:{bot.api_port}/readyz"

    async def serves() -> bool:
        try:
            async with client.get(url, ssl=context) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    await until(serves, deadline=30)
    assert "updates" in (await operator(bot, "tree", **tls)).told
    assert credentials(await operator(bot, "clients", "add", "shop", **tls))
    assert (await operator(bot, "tree")).code == FAILED
    assert await bot.stop() == 0


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"API_TLS_CERT": "/nowhere.pem", "API_TLS_KEY": "/nowhere.pem"}, ["CERT", "KEY"]),
        ({"API_TLS_CERT": "/nowhere.pem"}, ["API_TLS_KEY: API_TLS_CERT and API_TLS_KEY are set"]),
        ({"TRUSTED_PROXIES": "10.0.0.0/8,somewhere"}, ["TRUSTED_PROXIES"]),
        ({"API_READ_RATE": "0"}, ["API_READ_RATE"]),
    ],
)
async def test_wrong_settings_of_the_api_are_one_clear_line_each(
    bot: BotProcess, settings: dict[str, str], says: list[str]
) -> None:
    bot.start(**settings)
    assert await bot.ended() == FAILED
    lines = [line for line in bot.told().splitlines() if line.startswith("yabot: ")]
    assert len(lines) == len(says), bot.told()
    for line, text in zip(lines, says, strict=True):
        assert text in line
    assert "Traceback" not in bot.told()


async def test_a_scope_that_does_not_exist_is_told(bot: BotProcess) -> None:
    for command in (("token", "shop"), ("clients", "add", "shop")):
        done = await operator(bot, *command, "--scope", "root")
        assert done.code == FAILED
        assert "--scope: choose from internal_api" in done.told
