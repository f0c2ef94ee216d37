"""A local Telegram as a process, in which people come a thousand at a time.

It prints its URL, and a line with their updates and seconds after each thousand, the last ones too.
"""

import argparse
import asyncio
import json

from benchmarks.street.people import FIRST_USER, Crowd
from yabot.sandbox import Sandbox

AT_ONCE = 1000


class Visitors(Crowd):
    """People who only come in and open the story: that makes them live."""

    async def _person(self, user: int, gate: asyncio.Semaphore) -> None:
        async with gate:
            await self._say(user, "/start")
            await self._say(user, "/story")


async def main(people: int, in_flight: int) -> None:
    """Serve, wait for a bot, and let them all come; the process stays until it is ended."""
    async with Sandbox() as sandbox:
        print(sandbox.url, flush=True)
        while not sandbox.world.bots:
            await asyncio.sleep(0.01)
        crowd = Visitors(sandbox, in_flight)
        last = FIRST_USER + people
        for first in range(FIRST_USER, last, AT_ONCE):
            seconds = await crowd.live(range(first, min(first + AT_ONCE, last)))
            told = {"updates": len(crowd.latencies), "seconds": seconds}
            print(json.dumps(told), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    chosen = parser.parse_args()
    asyncio.run(main(chosen.people, chosen.in_flight))
