"""A bare aiohttp server: what the API's routes cost without anything of ours.

`python -m benchmarks.api.bare PORT`: GET answers a stored state, POST parses its body.
"""

import asyncio
import sys

import orjson
import uvloop
from aiohttp import web

from yabot import interpreter

USER = "/api/v1/user/{user_id}"
STATE = orjson.dumps(
    {"user_id": "1", "current_state": {"menu_context": "main_menu"}, "pad": "x" * 350}
)


async def get_state(_: web.Request) -> web.Response:
    """What GET state answers, from memory."""
    return web.Response(body=STATE, content_type="application/json")


async def post_interaction(request: web.Request) -> web.Response:
    """What POST interactions answers, without doing anything."""
    asked = orjson.loads(await request.read())
    return web.Response(body=orjson.dumps(asked), content_type="application/json")


async def main(port: int) -> None:
    """Serve until killed."""
    app = web.Application()
    app.router.add_get(f"{USER}/state", get_state)
    app.router.add_post(f"{USER}/interactions", post_interaction)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    interpreter.settle()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
