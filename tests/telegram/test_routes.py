"""The way that is worked out once is the way that aiogram's dispatcher takes."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiogram import Bot, Dispatcher, F, Router
from aiogram.dispatcher.event.bases import REJECTED, UNHANDLED, CancelHandler, SkipHandler
from aiogram.filters import Command, Filter, StateFilter
from aiogram.fsm.storage.memory import MemoryStorage
from aiogram.types import CallbackQuery, ErrorEvent, Message, TelegramObject

from tests.telegram.updates import message, press
from yabot.telegram.parsing import parse
from yabot.telegram.routes import Routes

pytestmark = pytest.mark.anyio

Trace = list[object]
Setup = Callable[[Dispatcher, Trace], None]
Next = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]

BOT = Bot("42:TESTTESTTESTTESTTESTTESTTESTTESTTEST")


def told(data: dict[str, Any]) -> dict[str, object]:
    """What a handler is told, in a form in which two dispatchers can be compared."""
    shown = {"event_router": "name", "handler": "flags"}
    return {
        name: getattr(value, shown[name]) if name in shown else type(value).__name__
        for name, value in sorted(data.items())
    }


def tells(trace: Trace, name: str, answer: object = None) -> Callable[..., Awaitable[object]]:
    """A handler that notes all that it was told; an answer that is an error is raised."""

    async def handler(event: TelegramObject, **data: Any) -> object:
        trace.append((name, type(event).__name__, told(data), data.get("found")))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return handler


def passes(trace: Trace, name: str) -> Callable[..., Awaitable[object]]:
    """A middleware that notes what it sees and adds to what comes behind it."""

    async def middleware(handler: Next, event: TelegramObject, data: dict[str, Any]) -> Any:
        trace.append((name, type(event).__name__, told(data)))
        data[f"from_{name}"] = name
        result = await handler(event, data)
        trace.append((name, "after", repr(result), sorted(data)))
        return result

    return middleware


class Finds(Filter):
    """A filter that gives something to its handler, or says no."""

    def __init__(self, trace: Trace, name: str, answer: object) -> None:
        self._trace = trace
        self._name = name
        self._answer = answer

    async def __call__(self, event: TelegramObject, **data: Any) -> Any:
        self._trace.append((self._name, told(data)))
        return self._answer


def nobody(dispatcher: Dispatcher, trace: Trace) -> None:
    dispatcher.include_router(Router(name="empty"))


def first_of_several(dispatcher: Dispatcher, trace: Trace) -> None:
    for name, pattern in (("a", F.text == "bye"), ("b", F.text.len() == 5), ("c", F.text)):
        router = Router(name=name)
        router.message.register(tells(trace, name), pattern)
        router.callback_query.register(tells(trace, name), F.data == "bye")
        dispatcher.include_router(router)
    dispatcher.callback_query.register(tells(trace, "root"), flags={"slow": True})


def filters_that_find(dispatcher: Dispatcher, trace: Trace) -> None:
    router = Router(name="finding")
    no, yes = Finds(trace, "no", False), Finds(trace, "yes", {"found": 1, "turn": "mine"})
    router.message.register(tells(trace, "never"), yes, no)
    router.message.register(tells(trace, "skips", SkipHandler()), yes, F.text.as_("text"))
    router.message.register(tells(trace, "takes", "done"), Finds(trace, "more", {"found": 2}))
    dispatcher.include_router(router)


def plain_functions(dispatcher: Dispatcher, trace: Trace) -> None:
    router = Router(name="plain")

    def short(event: Message, colour: str) -> bool:
        trace.append(("filter", colour))
        return True

    def handler(event: Message, colour: str) -> str:
        trace.append(("handler", colour))
        return "from a thread"

    router.message.register(handler, short)
    dispatcher.include_router(router)


def nested(dispatcher: Dispatcher, trace: Trace) -> None:
    outer, inner, late = Router(name="outer"), Router(name="inner"), Router(name="late")
    outer.include_router(inner)
    dispatcher.include_routers(outer, late)
    dispatcher.message.register(tells(trace, "root gives on", UNHANDLED))
    dispatcher.message.register(tells(trace, "not asked"))
    outer.message.register(tells(trace, "outer skips", SkipHandler()))
    inner.message.register(tells(trace, "inner", UNHANDLED))
    late.message.register(tells(trace, "late", "done"))
    outer.callback_query.register(tells(trace, "outer rejects", REJECTED))
    inner.callback_query.register(tells(trace, "not asked"))
    late.callback_query.register(tells(trace, "late"))


def inner_middlewares(dispatcher: Dispatcher, trace: Trace) -> None:
    router = Router(name="wrapped")
    router.message.middleware(passes(trace, "router"))
    dispatcher.message.middleware(passes(trace, "root"))
    dispatcher.update.middleware(passes(trace, "inside"))
    dispatcher.update.outer_middleware(passes(trace, "outside"))
    router.message.register(tells(trace, "skips", SkipHandler()))
    router.message.register(tells(trace, "takes", "done"))
    dispatcher.include_router(router)


def outer_middlewares(dispatcher: Dispatcher, trace: Trace) -> None:
    inner_middlewares(dispatcher, trace)
    dispatcher.sub_routers[0].message.outer_middleware(passes(trace, "before filters"))


def filters_of_a_router(dispatcher: Dispatcher, trace: Trace) -> None:
    for name, text in (("a", "bye"), ("b", "hello")):
        router, inside = Router(name=name), Router(name=f"in {name}")
        router.message.filter(F.text == text, Finds(trace, name, {"found": name}))
        inside.message.register(tells(trace, name))
        router.include_router(inside)
        dispatcher.include_router(router)


def a_router_of_its_own_kind(dispatcher: Dispatcher, trace: Trace) -> None:
    class Loud(Router):
        async def propagate_event(
            self, update_type: str, event: TelegramObject, **kwargs: Any
        ) -> Any:
            trace.append(("loud", update_type))
            return await super().propagate_event(update_type, event, **kwargs)

    router = Loud(name="loud")
    router.message.register(tells(trace, "takes"))
    dispatcher.include_router(router)


def states_and_commands(dispatcher: Dispatcher, trace: Trace) -> None:
    router = Router(name="states")
    router.message.register(tells(trace, "asked"), StateFilter("asking"))
    router.message.register(tells(trace, "command"), Command("hello", prefix="h"))
    router.message.register(tells(trace, "no state"), StateFilter(None))
    dispatcher.include_router(router)


def errors(dispatcher: Dispatcher, trace: Trace) -> None:
    async def caught(event: ErrorEvent, **data: Any) -> str:
        trace.append(("error", repr(event.exception), told(data)))
        return "caught"

    router = Router(name="failing")
    router.message.register(tells(trace, "fails", ValueError("no")))
    router.callback_query.register(tells(trace, "cancels", CancelHandler()))
    dispatcher.errors.register(caught)
    dispatcher.include_router(router)


def uncaught(dispatcher: Dispatcher, trace: Trace) -> None:
    dispatcher.message.register(tells(trace, "fails", KeyError("no")))


def another_listener(dispatcher: Dispatcher, trace: Trace) -> None:
    dispatcher.update.register(tells(trace, "all updates", "done"))
    dispatcher.message.register(tells(trace, "skips", SkipHandler()))


def class_based(dispatcher: Dispatcher, trace: Trace) -> None:
    class Handler:
        async def take(self, query: CallbackQuery, event_router: Router, colour: str) -> str:
            trace.append((event_router.name, colour, query.data))
            return colour

    dispatcher.callback_query.register(Handler().take, F.data.in_({"go"}))


SETUPS: list[Setup] = [
    nobody,
    first_of_several,
    filters_that_find,
    plain_functions,
    nested,
    inner_middlewares,
    outer_middlewares,
    filters_of_a_router,
    a_router_of_its_own_kind,
    states_and_commands,
    errors,
    uncaught,
    another_listener,
    class_based,
]

AIOGRAMS_OWN = (outer_middlewares, filters_of_a_router, a_router_of_its_own_kind)


def built(setup: Setup, trace: Trace) -> Dispatcher:
    dispatcher = Dispatcher(storage=MemoryStorage(), name="root", season="winter")
    setup(dispatcher, trace)
    return dispatcher


async def outcome(work: Awaitable[object]) -> object:
    try:
        return await work
    except Exception as error:
        return repr(error)


@pytest.mark.parametrize("raw", [message("hello"), press("go")], ids=["message", "press"])
@pytest.mark.parametrize("setup", SETUPS)
async def test_everyone_sees_the_same_in_the_same_order(
    setup: Setup, raw: dict[str, object]
) -> None:
    here: Trace = []
    there: Trace = []
    data = {"turn": object(), "colour": "blue"}

    routes = Routes(built(setup, here))
    ours = await outcome(routes.feed(BOT, parse(raw, BOT), data))
    theirs = await outcome(built(setup, there).feed_update(BOT, parse(raw, BOT), **data))

    assert here == there
    assert ours == theirs


@pytest.mark.parametrize("setup", SETUPS)
async def test_aiogram_is_asked_only_where_a_router_decides_more_than_by_its_handlers(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = built(setup, [])
    routes = Routes(dispatcher)
    asked: list[str] = []

    async def propagate(kind: str, event: TelegramObject, **data: Any) -> Any:
        asked.append(kind)

    monkeypatch.setattr(dispatcher, "propagate_event", propagate)
    await outcome(routes.feed(BOT, parse(message("hello"), BOT), {"colour": "blue"}))
    expected = ["message"] if setup in AIOGRAMS_OWN else []
    assert [kind for kind in asked if kind != "error"] == expected
