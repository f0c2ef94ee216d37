"""Another process that hears what the bot tells: who has earned how many besitos.

    REDIS_URL=redis://localhost python -m examples.consumer

Start several: they share the work, and everybody's events still come in order. An event may come
twice, after a death in the wrong moment, so what must be counted once remembers the last sequence.
"""

import os
from collections import Counter

from yabot.events.base import BaseEvent
from yabot.events.consumer import EventConsumer

consumer = EventConsumer(
    os.environ["REDIS_URL"], group="leaderboard", password=os.environ.get("REDIS_PASSWORD")
)
earned: Counter[str] = Counter()


@consumer.on("besitos_added")
async def count(event: BaseEvent) -> None:
    """Count what was earned, and show the three who have earned most."""
    earned[event.user_id or ""] += int(str(event.payload["amount"]))
    best = ", ".join(f"{user} {amount}" for user, amount in earned.most_common(3))
    print(f"{event.user_id} #{event.sequence}: {best}", flush=True)  # noqa: T201


if __name__ == "__main__":
    consumer.run()
