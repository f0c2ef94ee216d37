"""Delivery: a handler gets its event in the end, or its failure is told; nothing hangs for ever."""

import asyncio
import sys
from dataclasses import dataclass

import anyio
import pytest

from tests.events.consumers import event
from tests.events.subscribers import Subscriber
from yabot.errors import HandlerExited
from yabot.events import delivery
from yabot.events.base import BaseEvent
from yabot.events.bus import EventBus
from yabot.events.consumer import EventConsumer
from yabot.events.delivery import ATTEMPTS, EVERY_EVENT, Delivery, Handler
from yabot.events.envelope import CloudEvent
from yabot.events.errors import InvalidEvent, NewerVersion

pytestmark = pytest.mark.anyio


@dataclass
class Counts:
    """What the metrics would be told."""

    processed: int = 0
    failed: int = 0

    def event_processed(self, seconds: float) -> None:
        assert seconds >= 0
        self.processed += 1

    def event_failed(self) -> None:
        self.failed += 1


def to(*handlers: Handler, name: str = EVERY_EVENT, counts: Counts | None = None) -> Delivery:
    return Delivery("g", {name: list(handlers)}, counts)


async def test_every_handler_of_its_name_and_of_all_names_gets_an_event() -> None:
    named, every, other = Subscriber(), Subscriber(), Subscriber()
    handlers: dict[str, list[Handler]] = {"guessed": [named], "*": [every], "other": [other]}
    assert await Delivery("g", handlers).deliver(event("1", 4)) is None
    assert named.numbers == every.numbers == [4]
    assert other.numbers == []


async def test_a_handler_has_several_attempts_and_others_are_called_once() -> None:
    sound, shaky, counts = Subscriber(), Subscriber(fails=ATTEMPTS - 1), Counts()
    assert await to(sound, shaky, counts=counts).deliver(event("1", 1)) is None
    assert sound.numbers == shaky.numbers == [1]
    assert counts == Counts(processed=2, failed=0)


async def test_a_handler_that_gives_up_is_told_and_the_others_still_get_the_event() -> None:
    sound, broken, counts = Subscriber(), Subscriber(fails=ATTEMPTS), Counts()
    error = await to(broken, sound, counts=counts).deliver(event("1", 1))
    assert isinstance(error, ValueError)
    assert sound.numbers == [1]
    assert counts == Counts(processed=1, failed=1)


async def test_a_handler_that_hangs_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "HANDLING", 0.01)

    async def hang(_: BaseEvent) -> None:
        await anyio.sleep_forever()

    assert isinstance(await to(hang).deliver(event("1", 1)), TimeoutError)


async def test_a_handler_that_cancels_itself_has_failed() -> None:
    async def cancel(_: BaseEvent) -> None:
        raise asyncio.CancelledError

    async def cancel_later(_: BaseEvent) -> None:
        await anyio.sleep(0.001)
        raise asyncio.CancelledError

    for handler in (cancel, cancel_later):
        error = await to(handler).deliver(event("1", 1))
        assert "cancelled itself" in str(error)


async def test_a_handler_that_wants_to_end_the_process_has_failed() -> None:
    async def leave(_: BaseEvent) -> None:
        sys.exit("done")

    async def break_off(_: BaseEvent) -> None:
        raise KeyboardInterrupt

    async def leave_from_a_group(event: BaseEvent) -> None:
        try:
            await leave(event)
        except SystemExit as error:
            raise BaseExceptionGroup("a group of tasks", [OSError(), error]) from None

    for handler in (leave, break_off, leave_from_a_group):
        assert isinstance(await to(handler).deliver(event("1", 1)), HandlerExited)


async def test_what_is_no_exception_and_no_exit_is_nothing_to_keep() -> None:
    class Alarm(BaseException):
        pass

    async def sound_it(_: BaseEvent) -> None:
        raise Alarm

    with pytest.raises(Alarm):
        await to(sound_it).deliver(event("1", 1))


async def test_a_real_cancellation_is_no_failure() -> None:
    counts = Counts()
    with anyio.move_on_after(0.01) as scope:
        await to(_forever, counts=counts).deliver(event("1", 1))
    assert scope.cancelled_caught
    assert counts == Counts()


async def test_what_can_not_be_read_is_given_up_at_once() -> None:
    heard, counts = Subscriber(), Counts()
    to_heard = to(heard, counts=counts)
    newer = event("1", 1, name="besitos_added", version=99)
    assert isinstance(await to_heard.deliver(newer), NewerVersion)
    assert isinstance(await to_heard.deliver(event("1", 1, name="reaction_detected")), InvalidEvent)
    assert heard.got == []
    assert counts == Counts(failed=2)


async def test_what_nobody_wants_is_not_even_read() -> None:
    heard = Subscriber()
    newer = event("1", 1, name="besitos_added", version=99)
    assert await to(heard, name="guessed").deliver(newer) is None


def test_a_dead_letter_holds_the_envelope_and_the_error() -> None:
    given_up = event("1", 5)
    letter = to().dead_letter(given_up, ValueError("not today"))
    assert letter.kind == "event"
    assert letter.key == f"g:{given_up.id}"
    assert letter.user_id == "1"
    assert letter.error == "g: ValueError: not today"
    assert CloudEvent.from_json(letter.body) == given_up


@pytest.mark.parametrize("name", ["", "a b", "A", "a:b", "{a}", "a" * 65, "redis", "external"])
def test_what_can_not_name_a_group_is_refused_in_the_bot_and_outside(name: str) -> None:
    with pytest.raises(ValueError, match="group"):
        EventBus(None).subscribe("x", _forever, group=name)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="group"):
        EventConsumer("redis://127.0.0.1", name)


async def _forever(_: BaseEvent) -> None:
    await anyio.sleep_forever()
