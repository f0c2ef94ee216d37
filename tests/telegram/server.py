"""A Bot API server over HTTP whose answers a test decides.

It answers every method with a plausible result; `script` says what the next calls of a method get
instead. What came is in `calls`.
"""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson
from aiohttp import web

TOKEN = "42:TESTTESTTESTTESTTESTTESTTESTTESTTEST"
"""The one token that the server knows."""


@dataclass(frozen=True)
class Received:
    """One call as it came: JSON fields, or form fields with the bytes of files."""

    method: str
    fields: dict[str, object]
    files: dict[str, bytes]


@dataclass(frozen=True)
class Scripted:
    """One answer. `drop` closes the connection instead, `before` runs first."""

    status: int = 200
    body: object = None
    drop: bool = False
    before: Callable[[], Awaitable[None]] | None = None


def ok(result: object = True) -> Scripted:
    """An accepted call."""
    return Scripted(200, {"ok": True, "result": result})


def error(code: int, description: str, retry_after: int | None = None) -> Scripted:
    """A refused call."""
    body: dict[str, object] = {"ok": False, "error_code": code, "description": description}
    if retry_after is not None:
        body["parameters"] = {"retry_after": retry_after}
    return Scripted(code, body)


class BotApi:
    """The server. It listens on a free port of the loopback."""

    def __init__(self) -> None:
        self._next_message = 1000
        self._scripts: dict[str, deque[Scripted]] = defaultdict(deque)
        self._runner: web.AppRunner | None = None
        self.calls: list[Received] = []
        self.on_call: Callable[[Received], Scripted | None] | None = None
        self.url = ""

    def script(self, method: str, *answers: Scripted) -> None:
        """What the next calls of `method` get, one each."""
        self._scripts[method].extend(answers)

    def of(self, method: str) -> list[dict[str, object]]:
        """The fields of the calls of one method, in the order in which they came."""
        return [call.fields for call in self.calls if call.method == method]

    async def start(self) -> None:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_post("/bot{token}/{method}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != TOKEN:
            return _response(error(401, "Unauthorized"))
        call = await _received(request)
        self.calls.append(call)
        scripts = self._scripts[call.method]
        answer = self.on_call(call) if self.on_call is not None else None
        answer = answer or (scripts.popleft() if scripts else None)
        answer = answer or self._plausible(call)
        if answer.before is not None:
            await answer.before()
        if answer.drop:
            assert request.transport is not None
            request.transport.close()
        return _response(answer)

    def _plausible(self, call: Received) -> Scripted:
        if call.method == "getUpdates":
            return ok([])
        if not call.method.startswith(("send", "edit", "copyMessage", "forwardMessage")):
            return ok()
        if call.method == "sendChatAction":
            return ok()
        if call.method.startswith("edit"):
            return ok({"message_id": call.fields.get("message_id")})
        self._next_message += 1
        chat = {"id": call.fields.get("chat_id"), "type": "private"}
        return ok({"message_id": self._next_message, "date": 0, "chat": chat})


async def _received(request: web.Request) -> Received:
    method = request.match_info["method"]
    if request.content_type == "application/json":
        return Received(method, orjson.loads(await request.read()), {})
    fields: dict[str, object] = {}
    files: dict[str, bytes] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[name] = value.file.read()
            value.file.close()
        else:
            fields[name] = value
    return Received(method, fields, files)


def _response(answer: Scripted) -> web.Response:
    body = answer.body if isinstance(answer.body, bytes) else orjson.dumps(answer.body)
    return web.Response(status=answer.status, body=body, content_type="application/json")
