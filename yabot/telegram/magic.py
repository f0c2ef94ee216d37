"""Magic filters (`F.text == "x"`) answered in the event loop.

aiogram runs every filter that is no coroutine on a thread, at a hundred microseconds a check; a
magic filter only looks at attributes. The rule: what a filter answers never changes, only where.
"""

from collections.abc import Iterator

from aiogram import Dispatcher
from aiogram.dispatcher.event.handler import FilterObject


def answer_in_loop(dispatcher: Dispatcher) -> None:
    """Make every magic filter a coroutine; call it when every router is included."""
    for each in _filters(dispatcher):
        if each.magic is not None and not each.awaitable:
            _make_coroutine(each)


def _make_coroutine(each: FilterObject) -> None:
    resolve = each.callback

    async def answer(*args: object, **kwargs: object) -> object:
        return resolve(*args, **kwargs)

    each.callback = answer
    each.awaitable = True


def _filters(dispatcher: Dispatcher) -> Iterator[FilterObject]:
    for router in dispatcher.chain_tail:
        for observer in router.observers.values():
            for handler in (observer._handler, *observer.handlers):
                yield from handler.filters or ()
