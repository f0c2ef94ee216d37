"""Another service beside a real bot: a token, and users who have said hello."""

from collections.abc import Sequence

import aiohttp

from tests.people import Person
from tests.processes import BotProcess
from tests.waiting import until
from yabot.api.keyring import Keyring
from yabot.api.scopes import SCOPES
from yabot.api.tokens import JWTService
from yabot.app import utc_now
from yabot.client import Client, FixedToken, Refused


def token_of(bot: BotProcess) -> str:
    """A token that opens every route of the bot, which has been started."""
    keys = Keyring(bot.folder / "key.pem", clock=utc_now)
    return JWTService(keys, clock=utc_now).create_service_token("billing", scopes=tuple(SCOPES))


def caller(bot: BotProcess, *, patience: float = 60.0, connections: int = 100) -> Client:
    """A client of the bot's API."""
    token = FixedToken(token_of(bot))
    return Client(bot.api_url, token, patience=patience, connections=connections)


async def greeted(
    api: Client, client: aiohttp.ClientSession, telegram_url: str, ids: Sequence[int]
) -> None:
    """Have these people say hello, and return when the bot knows them."""
    for number in ids:
        await Person(client, telegram_url, number).says("/start")
    for number in ids:

        async def known(user_id: str = str(number)) -> bool:
            try:
                return bool((await api.get_state(user_id)).etag)
            except Refused:
                return False

        await until(known)
