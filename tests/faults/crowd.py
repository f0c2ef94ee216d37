"""People inside the local Telegram's process: each presses on as soon as they are answered.

They do what impatient people do: several buttons at the same moment, the same one twice, old ones.
Now and then Telegram tells the bot an update again that it told before. The rule: whoever is not
answered within their patience, in seconds, says what they wait for.
"""

import random
from collections import deque
from collections.abc import Callable, Sequence

import anyio
import orjson

from tests.faults.journey import Journey
from tests.waiting import until
from yabot.sandbox import Sandbox
from yabot.sandbox.model import Bot
from yabot.sandbox.people import press, write
from yabot.sandbox.screens import Screen
from yabot.sandbox.updates import Update
from yabot.sandbox.world import World

PATIENCE = 45.0
FIRST_PERSON = 10_000
SQUARE = "plaza"
"""The fragment to which every way of the story returns, with five ways on."""

MOMENT = 0.01
"""Seconds that a person looks at a screen, about."""


class Walker:
    """One person. `shown` is what the story's message has shown, one after the other."""

    def __init__(self, crowd: "Crowd", user_id: int) -> None:
        self.id = user_id
        self.journey = Journey()
        self.shown: list[str] = []
        self.asked: set[str] = set()
        self.answered: set[str] = set()
        self._crowd = crowd
        self._rng = random.Random(f"{crowd.seed}:{user_id}")
        self._message_id: int | None = None
        self._changed = anyio.Event()
        self._told: deque[Update] = deque(maxlen=20)

    async def arrive(self) -> None:
        """Say hello, take the daily gift, and open the story."""
        await self._say("/start", "the main menu", lambda: self._find(b'"menu:') is not None)
        await self._say("/daily", "the gift", lambda: self._find("🎁".encode()) is not None)
        self.journey.daily()
        await self._say("/story", "the story", lambda: self._find(b'"story:start:') is not None)
        self._message_id = self._find(b'"story:start:')
        self.look()

    async def walk(self) -> None:
        """Press on until the crowd stops."""
        while not self._crowd.stopped:
            await anyio.sleep(self._rng.uniform(0, 2 * MOMENT))
            self.press_at_once(self._picks())
            await self.settled()

    async def go_to_square(self) -> None:
        """Take the shortest known way to the square."""
        while self.journey.at != SQUARE:
            ways = [way for way in self.buttons("story") if way.endswith((SQUARE, "volver"))]
            self.press_at_once(ways[:1])
            await self.settled()

    def press_at_once(self, buttons: Sequence[str]) -> None:
        """Press buttons one right after the other, without waiting for any answer."""
        assert self._message_id is not None
        for data in buttons:
            update_id, query_id = press(
                self._crowd.world, self._crowd.bot, self.id, self._message_id, data
            )
            assert update_id is not None
            self.asked.add(query_id)
            self.journey.press(update_id, data)
            self._crowd.presses += 1
            self._remember(update_id)

    async def settled(self) -> None:
        """Return when every press is answered and the screen shows where they led."""
        await self._sees(
            f"answers to {len(self.asked - self.answered)} presses, and {self.journey.at}",
            lambda: self.asked <= self.answered and self.shown[-1:] == [self.journey.at],
        )

    def buttons(self, kind: str) -> list[str]:
        """The data of the buttons of that kind under the story's message."""
        message = self._screen.message(self._message_id or 0)
        assert message is not None
        rows = orjson.loads(orjson.dumps(message["reply_markup"]))["inline_keyboard"]
        data = [str(button["callback_data"]) for row in rows for button in row]
        return [one for one in data if one.startswith(f"{kind}:")]

    def messages_from_the_bot(self) -> int:
        """How many are on the screen."""
        return sum(self._is_the_bots(number) for number in self._screen.messages)

    def look(self) -> None:
        """Take in what is on the screen now."""
        self.answered.update(str(answer["callback_query_id"]) for answer in self._screen.answers)
        if self._message_id is not None:
            fragment = self.buttons("story")[0].split(":")[1]
            if self.shown[-1:] != [fragment]:
                self.shown.append(fragment)
        self._changed.set()

    def _picks(self) -> list[str]:
        ways = self.buttons("story")
        if self._rng.random() < 0.1:
            return [self._rng.choice(self.buttons("react"))]
        if self.journey.at == SQUARE:
            return self._rng.choices(ways, k=self._rng.randint(2, 6))
        return [self._rng.choice(ways)] * self._rng.choice((1, 1, 1, 2))

    async def _say(self, text: str, wanted: str, condition: Callable[[], bool]) -> None:
        update_id, _ = write(self._crowd.world, self._crowd.bot, self.id, text)
        assert update_id is not None
        self._remember(update_id)
        await self._sees(wanted, condition)

    async def _sees(self, wanted: str, condition: Callable[[], bool]) -> None:
        patience = self._crowd.patience
        with anyio.move_on_after(patience):
            while not condition():
                self._changed = anyio.Event()
                await self._changed.wait()
            return
        raise AssertionError(f"user {self.id} waited {patience:.0f} s for {wanted}")

    def _remember(self, update_id: int) -> None:
        self._told.append(self._crowd.pending(update_id))
        if self._rng.random() < self._crowd.redelivery:
            self._crowd.redeliver(self._rng.choice(self._told))

    def _find(self, text: bytes) -> int | None:
        """The message of the bot that holds this."""
        found = (number for number, body in self._screen.messages.items() if text in body)
        return next((number for number in found if self._is_the_bots(number)), None)

    def _is_the_bots(self, message_id: int) -> bool:
        message = self._screen.message(message_id)
        sender = message["from"] if message is not None else None
        return isinstance(sender, dict) and bool(sender["is_bot"])

    @property
    def _screen(self) -> Screen:
        return self._crowd.world.screen(self._crowd.bot, self.id)


class Crowd:
    """Many people at a time. `redelivery` is the share of updates that are told again."""

    def __init__(
        self,
        sandbox: Sandbox,
        people: int,
        *,
        seed: int = 1,
        redelivery: float = 0.0,
        patience: float = PATIENCE,
    ) -> None:
        self.seed = seed
        self.patience = patience
        self.redelivery = redelivery
        self.presses = 0
        self.redelivered = 0
        self.stopped = False
        self._sandbox = sandbox
        self.walkers = {
            user_id: Walker(self, user_id) for user_id in range(FIRST_PERSON, FIRST_PERSON + people)
        }
        before = sandbox.world.watch

        def watch(user_id: int) -> None:
            before(user_id)
            if user_id in self.walkers:
                self.walkers[user_id].look()

        sandbox.world.watch = watch

    @property
    def world(self) -> World:
        return self._sandbox.world

    @property
    def bot(self) -> Bot:
        return self.world.addressed_bot()

    async def live(self) -> None:
        """Arrive and press until `stop`."""
        async with anyio.create_task_group() as group:
            for walker in self.walkers.values():
                group.start_soon(self._live, walker)

    async def each(self, part: Callable[[Walker], object]) -> None:
        """Let everybody do one coroutine's part at the same time."""
        async with anyio.create_task_group() as group:
            for walker in self.walkers.values():
                group.start_soon(part, walker)  # type: ignore[arg-type]

    def stop(self) -> None:
        """Press no more; who waits for an answer still waits."""
        self.stopped = True

    async def more(self, presses: int, *, deadline: float = 60) -> None:
        """Return after that many further presses."""
        wanted = self.presses + presses
        await until(lambda: self.presses >= wanted, deadline=deadline)

    def pending(self, update_id: int) -> Update:
        """An update that the bot has not confirmed yet."""
        return next(update for update in reversed(list(self.bot.updates)) if update.id == update_id)

    def redeliver(self, update: Update) -> None:
        """Tell the bot again what it was told before."""
        self.redelivered += 1
        self.bot.updates.append(update)

    async def _live(self, walker: Walker) -> None:
        await walker.arrive()
        await walker.walk()
