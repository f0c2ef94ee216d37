"""Runs one update as the user's actor does: load, handle, commit or nothing."""

from collections.abc import Callable, Mapping

import orjson
from aiogram import Bot, Router

from tests.fakes import MemoryUsers
from yabot.domain.values import Instant
from yabot.telegram.dispatch import TurnHandler, build_dispatcher
from yabot.telegram.notices import render
from yabot.telegram.routing import actor_key
from yabot.users.ports import Call
from yabot.users.turn import Turn, current_turn


class Turns:
    """A bot made of routers, over users in memory."""

    def __init__(
        self, bot: Bot, users: MemoryUsers, clock: Callable[[], Instant], *routers: Router
    ) -> None:
        self._bot = bot
        self._users = users
        self._clock = clock
        dispatcher = build_dispatcher(routers, default_language="es", data={"colour": "blue"})
        self._handle = TurnHandler(bot, dispatcher)

    async def run(self, update: Mapping[str, object]) -> tuple[Call, ...]:
        """One whole turn; gives the calls that its commit has left. Raises what the turn raised."""
        user_id = actor_key(update, self._bot.id)
        turn = Turn(
            key=f"tg:42:{update['update_id']}",
            user_id=user_id,
            now=self._clock(),
            stored=await self._users.load(user_id),
            store=self._users,
        )
        token = current_turn.set(turn)
        try:
            await self._handle(turn, update)
            render(turn)
            commit = turn.to_commit()
        finally:
            current_turn.reset(token)
            turn.close()
        await self._users.commit(commit)
        return commit.calls


def params(call: Call) -> dict[str, object]:
    """The fields of a recorded call."""
    fields: dict[str, object] = orjson.loads(call.params)
    return fields
