"""`python -m yabot.sandbox`: the sandbox as its own process.

The rule: one line with the URL when it is ready; one line with the reason and exit code 2 when
it cannot start; SIGTERM and SIGINT stop it cleanly.
"""

import argparse
import asyncio
import errno
import os
import signal
import sys
from collections.abc import Sequence

from yabot.sandbox.journal import JournalError
from yabot.sandbox.server import Sandbox

CANNOT_START = 2


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m yabot.sandbox", description="A local Telegram for bots."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8090, help="port to listen on, 0 for any")
    parser.add_argument("--database", default="data/sandbox.db", help="SQLite file, or :memory:")
    parser.add_argument(
        "--token", action="append", default=[], help="accept only this bot token (repeatable)"
    )
    parser.add_argument(
        "--no-throttle", action="store_true", help="do not limit polls that repeat an offset"
    )
    return parser.parse_args(argv)


async def serve(options: argparse.Namespace) -> None:
    """Run until a signal asks to stop."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    sandbox = Sandbox(
        options.host,
        options.port,
        database=options.database,
        tokens=options.token,
        throttle_repeated_offset=not options.no_throttle,
    )
    async with sandbox:
        sys.stdout.write(f"sandbox ready at {sandbox.url}\n")
        sys.stdout.flush()
        await stopped.wait()


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments(argv)
    try:
        asyncio.run(serve(options))
    except JournalError as error:
        sys.stderr.write(f"the sandbox cannot start: {error}\n")
        return CANNOT_START
    except OSError as error:
        busy = error.errno == errno.EADDRINUSE
        reason = (
            "is in use; choose another one with --port" if busy else os.strerror(error.errno or 0)
        )
        sys.stderr.write(
            f"the sandbox cannot start: port {options.port} on {options.host} {reason}\n"
        )
        return CANNOT_START
    return 0


if __name__ == "__main__":
    sys.exit(main())
