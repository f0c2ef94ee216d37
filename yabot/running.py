"""Running the application as a process: its loop, its signals, its exit.

SIGTERM and Ctrl-C stop in order; a second one of either ends at once. Settings that turn out wrong
only when they are used (a refused token, a used port) end the start with ConfigError.
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import structlog

from yabot import interpreter
from yabot.app import BotApplication
from yabot.config import ConfigManager, Settings
from yabot.errors import ConfigError
from yabot.loop import Loop
from yabot.ops.logging import configure_logging
from yabot.sandbox import JournalError, Sandbox

Say = Callable[[str], None]

log = structlog.get_logger(__name__)


def run_application(application: BotApplication, *, say: Say) -> None:
    """Run the bot until it is told to stop. Raises ConfigError, Escalated."""
    _prepare(application.config.settings)
    _in_loop(application, say, "YABOT is running. Ctrl-C stops it.")


def run_demo(config: ConfigManager, sandbox_database: Path, *, say: Say) -> None:
    """Run the bot and a local Telegram in one process. Raises ConfigError, Escalated."""
    _prepare(config.settings)
    port = config.settings.sandbox_port
    page = f"http://127.0.0.1:{port}"
    scheme = "http" if config.settings.api_tls_cert is None else "https"
    api = f"{scheme}://{config.settings.api_host}:{config.settings.api_port}"
    welcome = (
        f"\n  Chat with the bot    {page}\n  Its internal API     {api}/health\n"
        "  Its live tree        yabot tree\n\nCtrl-C stops it; everybody's state is kept."
    )
    sandbox = Sandbox("127.0.0.1", port, database=str(sandbox_database))
    _in_loop(BotApplication(config), say, welcome, beside=sandbox)


def _in_loop(
    application: BotApplication, say: Say, welcome: str, *, beside: Sandbox | None = None
) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            if beside is not None:
                await _start_beside(stack, beside)
            stop = anyio.Event()
            _stop_on_signal(stop)
            await application.serve(stop, ready=lambda: _ready(say, welcome))

    anyio.run(main, backend="asyncio", backend_options={"loop_factory": Loop})


async def _start_beside(stack: AsyncExitStack, sandbox: Sandbox) -> None:
    try:
        await stack.enter_async_context(sandbox)
    except OSError as error:
        raise ConfigError(
            [f"SANDBOX_PORT: can't listen there ({error}); choose another port"]
        ) from None
    except JournalError as error:
        raise ConfigError([str(error)]) from None


def _stop_on_signal(stop: anyio.Event) -> None:
    """The first signal stops in order; with it, the next one gets back its deadly meaning."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def asked(number: signal.Signals) -> None:
        log.info("process.stopping", signal=number.name)
        stop.set()
        for each in numbers:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)

    for number in numbers:
        loop.add_signal_handler(number, asked, number)


def _ready(say: Say, welcome: str) -> None:
    interpreter.settle()
    say(welcome)
    sys.stdout.flush()


def _prepare(settings: Settings) -> None:
    secrets = (
        settings.bot_token,
        settings.webhook_secret,
        settings.redis_password,
        settings.sqlite_key,
    )
    configure_logging(
        settings.log_level,
        settings.log_format,
        secrets=[secret.get_secret_value() for secret in secrets if secret is not None],
    )
