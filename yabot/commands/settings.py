"""What every command begins with: its settings, and a clear line for each problem with them.

The rule: nothing heavy is imported before a command needs it, so that `--help` is there at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from yabot.errors import ConfigError

if TYPE_CHECKING:
    from yabot.config import ConfigManager

DEMO_TOKEN = "1000001:demo-token-of-the-local-telegram"  # noqa: S105
DEMO_DATABASE = Path("data/demo.db")


def load_config(**given: object) -> "ConfigManager":
    """The settings of the environment and of `.env`, and those that are given."""
    from yabot.config import ConfigManager

    return ConfigManager.load(**given)


def quiet_config(*, demo: bool = False) -> "ConfigManager":
    """The settings for a command that works on the file itself and logs only what is wrong."""
    from yabot.ops.logging import configure_logging

    configure_logging("warning", "console")
    return demo_config() if demo else load_config()


def demo_config() -> "ConfigManager":
    """The environment's settings, with what the demo chooses where the environment is silent."""
    settings = load_config().settings
    chosen: dict[str, object] = {
        "sqlite_database_path": DEMO_DATABASE,
        "log_format": "console",
        "log_level": "warning",
    }
    given = {name: value for name, value in chosen.items() if name not in settings.model_fields_set}
    url = f"http://127.0.0.1:{settings.sandbox_port}"
    return load_config(**given, bot_token=DEMO_TOKEN, telegram_api_url=url)


@contextmanager
def problems_told() -> Iterator[None]:
    """A line for each problem, and exit code 2."""
    try:
        yield
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(f"yabot: {problem}", err=True)
        raise typer.Exit(2) from None
