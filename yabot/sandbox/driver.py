"""The driver API: playing the people, over HTTP.

The rule: everything a test, a load generator or the chat page can do goes through here, as JSON,
and a mistake is answered with {"error": what is wrong}.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import orjson
from aiohttp import web

from yabot.sandbox import people
from yabot.sandbox.api import CALLS, BotApi
from yabot.sandbox.errors import ApiError, DriverError
from yabot.sandbox.model import Bot
from yabot.sandbox.parameters import Parameters, decode
from yabot.sandbox.signals import Signals
from yabot.sandbox.view import chat_view, statistics
from yabot.sandbox.world import World

MAX_WAIT = 60.0
DEFAULT_WAIT = 25.0
ALL = 200

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def driver_application(world: World, api: BotApi, signals: Signals) -> web.Application:
    """The routes below /sandbox."""
    driver = Driver(world, api, signals)
    application = web.Application(middlewares=[answer_errors])
    application.add_routes(
        [
            web.post("/users/{user}/messages", driver.write),
            web.post("/users/{user}/presses", driver.press),
            web.post("/users/{user}/block", driver.block),
            web.post("/users/{user}/unblock", driver.unblock),
            web.get("/users/{user}/chat", driver.chat),
            web.get("/users/{user}/wait", driver.wait),
            web.get("/wait", driver.watch),
            web.put("/users/{user}", driver.introduce),
            web.post("/chats", driver.found_group),
            web.get("/calls", driver.calls),
            web.get("/faults", driver.list_faults),
            web.post("/faults", driver.add_fault),
            web.delete("/faults", driver.clear_faults),
            web.get("/stats", driver.stats),
        ]
    )
    return application


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as JSON; pages of other origins are refused, since a browser would let them in."""
    origin = request.headers.get("Origin")
    try:
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise DriverError("the sandbox is driven from its own page only", status=403)
        return await handler(request)
    except DriverError as error:
        return _json({"error": str(error)}, error.status)
    except ApiError as error:
        return _json({"error": str(error)}, error.code)
    except web.HTTPException as error:
        return _json({"error": error.reason}, error.status)


class Driver:
    """The handlers of the driver API."""

    def __init__(self, world: World, api: BotApi, signals: Signals) -> None:
        self._world = world
        self._api = api
        self._signals = signals

    async def write(self, request: web.Request) -> web.Response:
        body = await _body(request)
        update_id, message = people.write(
            self._world,
            self._bot(request),
            _user_id(request),
            body.text("text"),
            body.integer("chat_id"),
            body.integer("reply_to_message_id"),
        )
        return _json({"update_id": update_id, "message": message})

    async def press(self, request: web.Request) -> web.Response:
        body = await _body(request)
        update_id, query_id = people.press(
            self._world,
            self._bot(request),
            _user_id(request),
            body.integer("message_id"),
            body.text("data"),
            body.integer("chat_id"),
        )
        return _json({"update_id": update_id, "callback_query_id": query_id})

    async def block(self, request: web.Request) -> web.Response:
        bot = self._bot(request)
        return _json({"update_id": people.block(self._world, bot, _user_id(request), blocked=True)})

    async def unblock(self, request: web.Request) -> web.Response:
        bot = self._bot(request)
        user_id = _user_id(request)
        return _json({"update_id": people.block(self._world, bot, user_id, blocked=False)})

    async def introduce(self, request: web.Request) -> web.Response:
        body = await _body(request)
        user = self._world.user(_user_id(request))
        user.first_name = body.text("first_name") or user.first_name
        user.username = body.text("username", user.username).removeprefix("@")
        user.language_code = body.text("language_code", user.language_code)
        self._world.save_user(user)
        return _json(user.card())

    async def chat(self, request: web.Request) -> web.Response:
        return self._view(request)

    async def wait(self, request: web.Request) -> web.Response:
        """Answer when the user's screen differs from the one that had the cursor `after`."""
        query = Parameters(request.query)
        user = self._world.user(_user_id(request))
        timeout = _seconds(query)
        if user.cursor == query.integer("after", -1):
            await self._signals.wait(user.id, timeout=timeout)
        return self._view(request)

    async def watch(self, request: web.Request) -> web.Response:
        """`wait` for many users over one connection: those of `watch` whose screen changed.

        watch: user:cursor:chat, comma separated, chat 0 for the private one.
        """
        query, bot = Parameters(request.query), self._bot(request)
        watched = [_watched(item) for item in query.text("watch").split(",") if item]
        if all(self._world.user(user).cursor == cursor for user, cursor, _ in watched):
            keys = [user for user, _, _ in watched]
            await self._signals.wait(*keys, timeout=_seconds(query))
        chats = [
            chat_view(self._world, bot, self._world.user(user), chat, ALL)
            for user, cursor, chat in watched
            if self._world.user(user).cursor != cursor
        ]
        return _json({"chats": chats})

    async def found_group(self, request: web.Request) -> web.Response:
        body = await _body(request)
        members = body.array("members") or []
        title = body.text("title").strip()
        if not title or not members or not all(isinstance(member, int) for member in members):
            raise DriverError("a group needs a title and members, a list of user ids")
        group = self._world.add_group(title, [int(str(member)) for member in members])
        return _json({"chat": group.chat(), "members": group.members})

    async def calls(self, request: web.Request) -> web.Response:
        query = Parameters(request.query)
        after = query.integer("after")
        if after >= self._api.calls.count and "timeout" in query:
            await self._signals.wait(CALLS, timeout=_seconds(query))
        calls = self._api.calls
        return _json({"cursor": calls.count, "calls": calls.after(after)})

    async def list_faults(self, _request: web.Request) -> web.Response:
        return _json({"faults": self._api.faults.listed()})

    async def add_fault(self, request: web.Request) -> web.Response:
        self._api.faults.add(await _body(request))
        return _json({"faults": self._api.faults.listed()})

    async def clear_faults(self, _request: web.Request) -> web.Response:
        self._api.faults.clear()
        return _json({"faults": []})

    async def stats(self, _request: web.Request) -> web.Response:
        return _json(statistics(self._world, self._api.calls))

    def _view(self, request: web.Request) -> web.Response:
        query = Parameters(request.query)
        bot, user = self._bot(request), self._world.user(_user_id(request))
        return _json(
            chat_view(self._world, bot, user, query.integer("chat_id"), query.integer("limit", ALL))
        )

    def _bot(self, request: web.Request) -> Bot:
        return self._world.addressed_bot(Parameters(request.query).integer("bot"))


async def _body(request: web.Request) -> Parameters:
    body = await request.read()
    return Parameters(decode("application/json", body))


def _user_id(request: web.Request) -> int:
    text = request.match_info["user"]
    if not text.isdecimal():
        raise DriverError(f"{text!r} is no user id: it must be a whole number")
    return int(text)


def _seconds(query: Parameters) -> float:
    return min(max(query.number("timeout", DEFAULT_WAIT), 0.0), MAX_WAIT)


def _watched(item: str) -> tuple[int, int, int]:
    try:
        user, cursor, chat = item.split(":")
        return int(user), int(cursor), int(chat)
    except ValueError:
        raise DriverError(f"{item!r} is not user:cursor:chat") from None


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
