"""`yabot doctor`: looks at everything a start depends on, and says what to do about each fault."""

import os
import resource
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio

from yabot.api.keyring import TABLE, folder_of
from yabot.api.rotation import list_keys
from yabot.api.tls import tls_context
from yabot.config import ConfigManager, Settings
from yabot.content.loader import load_content
from yabot.errors import ConfigError
from yabot.stores.capacity import LOW_DISK
from yabot.stores.inspect import inspect_database
from yabot.wiring import copies, streaming

ENOUGH_FILES = 4096
"""Open files for ten thousand users over few connections, with room for clients of the API."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` is empty when it is well."""

    what: str
    seen: str
    advice: str = ""

    @property
    def well(self) -> bool:
        """Whether nothing needs to be done."""
        return not self.advice

    def line(self) -> str:
        """The finding as a person reads it."""
        mark = "ok  " if self.well else "FAIL"
        advice = f"\n        {self.advice}" if self.advice else ""
        return f"{mark}  {self.what}: {self.seen}{advice}"


def examine(config: ConfigManager) -> list[Finding]:
    """Look at everything; what can't be looked at is a finding as well."""
    return [_look(what, look, config.settings) for what, look in EXAMINATIONS.items()]


Look = Callable[[Settings], tuple[str, str]]


def _look(what: str, look: Look, settings: Settings) -> Finding:
    try:
        return Finding(what, *look(settings))
    except ConfigError as error:
        return Finding(what, "not usable", "; ".join(error.problems))
    except OSError as error:
        return Finding(what, str(error), "make this path readable and writable for this user")


def _token(settings: Settings) -> tuple[str, str]:
    if settings.bot_token is None:
        return "not set", "put BOT_TOKEN=... from @BotFather into .env, or run `yabot demo`"
    return "set", ""


def _mode(settings: Settings) -> tuple[str, str]:
    if settings.updates_mode == "webhook":
        return f"webhook at {settings.webhook_url}", ""
    return "polling", ""


def _database(settings: Settings) -> tuple[str, str]:
    key = settings.sqlite_key
    opened_with = None if key is None else key.get_secret_value()
    return inspect_database(settings.sqlite_database_path, opened_with), ""


def _mongodb(settings: Settings) -> tuple[str, str]:
    config = ConfigManager(settings).get_database_config()
    if config.mongodb_uri is None:
        return "not configured, documents are in SQLite", ""
    return anyio.run(copies.look, config)


def _redis(settings: Settings) -> tuple[str, str]:
    return anyio.run(streaming.look, ConfigManager(settings).get_redis_config())


def _disk(settings: Settings) -> tuple[str, str]:
    folder = _existing(settings.sqlite_database_path.absolute().parent)
    if not os.access(folder, os.W_OK):
        return f"{folder} can't be written", "give this user the right to write there"
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    advice = "" if free >= LOW_DISK else "free some space: commits fail on a full disk"
    return f"{free // 1024**2} MB free in {folder}", advice


def _keys(settings: Settings) -> tuple[str, str]:
    path = settings.jwt_private_key_path
    folder = folder_of(path)
    if not folder.exists() and not path.exists():
        return f"{path} will be made at the first start", ""
    files = [*folder.glob("*.pem"), *folder.glob(TABLE)] if folder.exists() else [path]
    readable = [str(file) for file in files if file.stat().st_mode & 0o077]
    if readable:
        return "others can read them", f"chmod 600 {' '.join(readable)}"
    states = [f"{key.kid} {key.state}" for key in list_keys(path).keys]
    return ", ".join(states), ""


def _tls(settings: Settings) -> tuple[str, str]:
    config = ConfigManager(settings).get_api_config()
    if config.tls is None:
        return "not configured, the API speaks plain HTTP", ""
    tls_context(*config.tls)
    return f"{config.tls[0]}", ""


def _story(settings: Settings) -> tuple[str, str]:
    story, items = load_content(settings.content_path)
    counts = ", ".join(f"{len(of)} in {name}" for name, of in sorted(story.fragments.items()))
    return f"fragments: {counts}; items: {len(items)}", ""


def _files(_settings: Settings) -> tuple[str, str]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    advice = "" if soft >= ENOUGH_FILES else f"raise it: ulimit -n {ENOUGH_FILES}"
    return f"{soft}", advice


def _ports(settings: Settings) -> tuple[str, str]:
    wanted = {"API_PORT": (settings.api_host, settings.api_port)}
    if settings.updates_mode == "webhook":
        wanted["WEBHOOK_PORT"] = (settings.webhook_host, settings.webhook_port)
    taken = list(_taken(wanted))
    advice = "a running bot holds them; otherwise choose other ports" if taken else ""
    return ", ".join(taken) or "free", advice


def _taken(wanted: dict[str, tuple[str, int]]) -> Iterator[str]:
    for name, (host, port) in wanted.items():
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                yield f"{name} {host}:{port} ({error.strerror})"


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


EXAMINATIONS: dict[str, Look] = {
    "bot token": _token,
    "updates": _mode,
    "database": _database,
    "mongodb": _mongodb,
    "redis": _redis,
    "disk": _disk,
    "signing keys": _keys,
    "tls": _tls,
    "story": _story,
    "open files": _files,
    "ports": _ports,
}
