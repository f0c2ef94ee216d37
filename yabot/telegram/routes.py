"""The way of an update through aiogram's routers, worked out once instead of for every update.

aiogram wraps its middlewares anew for each update and asks router after router, though none of that
depends on the update. The rule: middlewares, filters and handlers see what they would see in
`Dispatcher.feed_update`, in the same order; a kind for which a router has filters or outer
middlewares of its own takes aiogram's way.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiogram import Bot, Dispatcher, Router
from aiogram.dispatcher.event.bases import REJECTED, UNHANDLED, SkipHandler
from aiogram.dispatcher.event.handler import FilterObject, HandlerObject
from aiogram.dispatcher.event.telegram import TelegramEventObserver
from aiogram.dispatcher.middlewares.manager import MiddlewareManager
from aiogram.types import TelegramObject, Update

Data = dict[str, Any]
Enter = Callable[[TelegramObject, Data], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Door:
    """One handler: its filters, and the way into it through the inner middlewares."""

    handler: HandlerObject
    filters: tuple[FilterObject, ...]
    enter: Enter


@dataclass(slots=True)
class Station:
    """The handlers of one router; the stations of the routers inside it come next, up to `end`."""

    router: Router
    doors: tuple[Door, ...]
    end: int = 0


class Routes:
    """Does what `feed_update` of this dispatcher does; what is registered later is not seen."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._stations = {kind: _stations(dispatcher, kind) for kind in dispatcher.observers}
        wrap = MiddlewareManager.wrap_middlewares
        self._listener = dispatcher.update.handlers[0]
        self._inside = wrap(dispatcher.update.middleware, self._listen)
        self._enter = wrap(dispatcher.update.outer_middleware, self._trigger)
        if dispatcher.update.handlers[1:] or self._listener.filters:
            self._enter = wrap(dispatcher.update.outer_middleware, dispatcher.update.trigger)

    async def feed(self, bot: Bot, update: Update, data: Mapping[str, object]) -> Any:
        """What the handler returned, or UNHANDLED; raises what it raised. `bot` is mounted."""
        told = {"dispatcher": self._dispatcher, **self._dispatcher.workflow_data, **data}
        return await self._enter(update, {**told, "bot": bot})

    async def _trigger(self, update: Update, **data: Any) -> Any:
        data["handler"] = self._listener
        try:
            return await self._inside(update, data)
        except SkipHandler:
            return UNHANDLED

    async def _listen(self, update: Update, **data: Any) -> Any:
        kind = update.event_type
        event: TelegramObject = getattr(update, kind)
        data["event_update"] = update
        stations = self._stations.get(kind)
        if stations is None:
            return await self._dispatcher.propagate_event(kind, event, **data)
        place = 0
        while place < len(stations):
            response = await _offer(stations[place], event, data)
            if response is REJECTED:
                place = stations[place].end
            elif response is UNHANDLED:
                place += 1
            else:
                return response
        return UNHANDLED


async def _offer(station: Station, event: TelegramObject, data: Data) -> Any:
    """The first handler whose filters all pass takes the event, unless it skips it."""
    data = {**data, "event_router": station.router}
    for door in station.doors:
        data["handler"] = door.handler
        found = await _passed(door, event, data)
        if found is None:
            continue
        data = found
        try:
            return await door.enter(event, data)
        except SkipHandler:
            continue
    return UNHANDLED


async def _passed(door: Door, event: TelegramObject, data: Data) -> Data | None:
    """The data with what the filters found; None when one of them says no."""
    for each in door.filters:
        if each.magic is not None:
            found = each.magic.resolve(event)
        else:
            found = await each.call(event, **data)
        if not found:
            return None
        if isinstance(found, dict):
            data = {**data, **found}
    return data


def _stations(dispatcher: Dispatcher, kind: str) -> list[Station] | None:
    """The routers with handlers of a kind, as they are asked; None when aiogram must ask them."""
    if not all(_is_plain(router, kind) for router in dispatcher.chain_tail):
        return None
    stations: list[Station] = []
    _collect(dispatcher, kind, stations)
    return stations


def _is_plain(router: Router, kind: str) -> bool:
    """Whether nothing but its handlers decides what the router does with a kind."""
    observer = router.observers.get(kind)
    return type(router) in (Router, Dispatcher) and (
        observer is None or not (observer.outer_middleware or observer._handler.filters)
    )


def _collect(router: Router, kind: str, stations: list[Station]) -> None:
    observer = router.observers.get(kind)
    station = Station(router, _doors(observer) if observer is not None else ())
    if station.doors:
        stations.append(station)
    for inner in router.sub_routers:
        _collect(inner, kind, stations)
    station.end = len(stations)


def _doors(observer: TelegramEventObserver) -> tuple[Door, ...]:
    middlewares = observer._resolve_middlewares()
    wrap = MiddlewareManager.wrap_middlewares
    return tuple(
        Door(each, tuple(each.filters or ()), wrap(middlewares, each.call))
        for each in observer.handlers
    )
