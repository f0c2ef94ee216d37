"""A local Telegram with a crowd in it, as one process.

It prints its URL, `begun` when the warm-up is over, and then one line of results.

The people act inside the sandbox's process, so that driving them costs no HTTP and the bot is what
is measured. Each person sends /start and /story, goes to the story's hub, and presses its five
buttons at the same moment: eight updates, thirteen calls back or more.
"""

import argparse
import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from yabot.sandbox import Sandbox
from yabot.sandbox.model import Bot
from yabot.sandbox.people import press, write

FIRST_USER = 10_000
WARM_UP = 100
"""People who come first and are not counted: the bot has started when they are done."""

PATIENCE = 120.0


@dataclass
class Crowd:
    """People, at most `in_flight` of them in the middle of something."""

    sandbox: Sandbox
    in_flight: int
    latencies: list[float] = field(default_factory=list)
    _changed: dict[int, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    def __post_init__(self) -> None:
        world = self.sandbox.world
        before = world.watch

        def watch(user_id: int) -> None:
            before(user_id)
            self._changed[user_id].set()

        world.watch = watch

    async def live(self, people: range) -> float:
        """Let these people do their part; returns the seconds it took."""
        self.latencies.clear()
        began = time.perf_counter()
        async with asyncio.timeout(PATIENCE):
            await self._all(people)
        return time.perf_counter() - began

    async def _all(self, people: range) -> None:
        gate = asyncio.Semaphore(self.in_flight)
        async with asyncio.TaskGroup() as group:
            for user in people:
                group.create_task(self._person(user, gate))

    async def _person(self, user: int, gate: asyncio.Semaphore) -> None:
        async with gate:
            await self._say(user, "/start")
            await self._say(user, "/story")
            await self._press(user, self._story_buttons(user)[:1])
            await self._press(user, self._story_buttons(user)[:5])

    async def _say(self, user: int, text: str) -> None:
        began = time.perf_counter()
        write(self.sandbox.world, self._bot, user, text)
        own = self._newest(user)
        while self._newest(user) == own:
            await self._change(user)
        self.latencies.append(time.perf_counter() - began)

    async def _press(self, user: int, buttons: Collection[str]) -> None:
        began = time.perf_counter()
        world, bot, number = self.sandbox.world, self._bot, self._newest(user)
        waiting = {press(world, bot, user, number, data)[1] for data in buttons}
        while waiting:
            answers = {str(a["callback_query_id"]) for a in world.screen(bot, user).answers}
            self.latencies += [time.perf_counter() - began] * len(waiting & answers)
            waiting -= answers
            if waiting:
                await self._change(user)

    async def _change(self, user: int) -> None:
        self._changed[user].clear()
        await self._changed[user].wait()

    @property
    def _bot(self) -> Bot:
        return self.sandbox.world.addressed_bot()

    def _newest(self, user: int) -> int:
        return next(reversed(self.sandbox.world.screen(self._bot, user).messages))

    def _story_buttons(self, user: int) -> list[str]:
        """The data of the newest message's buttons that go on with the story."""
        message = self.sandbox.world.screen(self._bot, user).message(self._newest(user))
        markup = message["reply_markup"] if message is not None else {}
        assert isinstance(markup, dict)
        data = [str(b["callback_data"]) for row in markup["inline_keyboard"] for b in row]
        return [one for one in data if one.startswith("story:")]


async def main(people: int, in_flight: int) -> None:
    """Serve, wait for a bot, let the crowd live, and tell."""
    async with Sandbox() as sandbox:
        print(sandbox.url, flush=True)
        while not sandbox.world.bots:
            await asyncio.sleep(0.01)
        crowd = Crowd(sandbox, in_flight)
        await crowd.live(range(1, 1 + WARM_UP))
        print("begun", flush=True)
        seconds = await crowd.live(range(FIRST_USER, FIRST_USER + people))
        latencies = sorted(crowd.latencies)
        result = {
            "updates": len(latencies),
            "seconds": seconds,
            "p50_ms": latencies[len(latencies) // 2] * 1000,
            "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        }
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=200)
    chosen = parser.parse_args()
    asyncio.run(main(chosen.people, chosen.in_flight))
