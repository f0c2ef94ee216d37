"""The commands for the API's identities: its clients, its keys, a token made by hand.

The rule: keys are files and are changed as files. Clients are rows: a bot that runs is asked by its
API, with a token that the key in the settings signs; where none runs, the command becomes the
database's owner for as long as it takes.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import anyio

from yabot.api import rotation
from yabot.api.admin import CLIENTS, ClientAnswer, ClientsAnswer, NewClientAnswer, shown
from yabot.api.clients import OPERATOR, Clients
from yabot.api.keyring import Keyring, KeyTable
from yabot.api.problems import Problem
from yabot.api.revocation import Revocations
from yabot.api.scopes import ADMIN, INTERNAL_API, SCOPES
from yabot.api.tokens import JWTService, is_service_name
from yabot.commands.backups import connector_of, locked
from yabot.commands.remote import NobodyThere, Remote
from yabot.config import ConfigManager, DatabaseConfig
from yabot.errors import ConfigError, StoreUnavailable
from yabot.stores.connections import open_reading, open_writing
from yabot.stores.identity import SqliteIdentity
from yabot.stores.migrations import MigrationManager
from yabot.stores.opening import problem
from yabot.stores.reader import Reader
from yabot.stores.writer import Writer

T = TypeVar("T")


def mint_token(config: ConfigManager, service: str, scopes: Sequence[str] | None) -> str:
    """An access token for a service, for the scope of the API if none is named.

    Raises ConfigError.
    """
    wanted = _checked(service, scopes)
    keys = Keyring(config.get_api_config().private_key, clock=_now)
    return JWTService(keys, clock=_now).create_service_token(service, scopes=wanted)


def init_keys(config: ConfigManager) -> KeyTable:
    """Make the key folder. Raises ConfigError."""
    return rotation.init_keys(config.get_api_config().private_key, _now())


def rotate_keys(config: ConfigManager) -> KeyTable:
    """Let the next key sign. Raises ConfigError."""
    return rotation.rotate_keys(config.get_api_config().private_key, _now())


def list_keys(config: ConfigManager) -> KeyTable:
    """The keys. Raises ConfigError."""
    return rotation.list_keys(config.get_api_config().private_key)


def key_lines(table: KeyTable) -> str:
    """A line for each key."""
    return "\n".join(f"{key.kid}  {key.state:8}  since {_time(key.since)}" for key in table.keys)


def client_lines(clients: Sequence[ClientAnswer]) -> str:
    """A line for each client."""
    return "\n".join(
        f"{client.client_id}  {' '.join(client.scopes)}  since {_time(client.created_at)}"
        + (f"  revoked {_time(client.revoked_at)}" if client.revoked_at else "")
        for client in clients
    )


def add_client(config: ConfigManager, name: str, scopes: Sequence[str] | None) -> NewClientAnswer:
    """Let a service log in, for the scope of the API if none is named. Raises ConfigError."""
    wanted = _checked(name, scopes)

    async def here(clients: Clients) -> NewClientAnswer:
        made = await clients.add(name, wanted)
        return NewClientAnswer(**shown(made.client).model_dump(), client_secret=made.secret)

    sent = {"client_id": name, "scopes": list(wanted)}
    answer = ask(config, "POST", CLIENTS, sent)
    return NewClientAnswer.model_validate(answer) if answer else _locally(config, here)


def list_clients(config: ConfigManager) -> Sequence[ClientAnswer]:
    """All clients, revoked ones too. Raises ConfigError."""

    async def here(clients: Clients) -> Sequence[ClientAnswer]:
        return [shown(client) for client in await clients.all()]

    answer = ask(config, "GET", CLIENTS)
    return ClientsAnswer.model_validate(answer).clients if answer else _locally(config, here)


def revoke_client(config: ConfigManager, name: str) -> ClientAnswer:
    """Refuse a service. Raises ConfigError."""
    _checked(name, None)

    async def here(clients: Clients) -> ClientAnswer:
        return shown(await clients.revoke(name))

    answer = ask(config, "DELETE", f"{CLIENTS}/{name}")
    return ClientAnswer.model_validate(answer) if answer else _locally(config, here)


def remote_of(config: ConfigManager) -> Remote:
    """Where the bot of these settings answers."""
    api = config.get_api_config()
    return Remote(api.host, api.port, api.tls[0] if api.tls is not None else None)


def ask(
    config: ConfigManager, method: str, path: str, sent: object = None, *, scope: str = ADMIN
) -> object:
    """What the running bot answers; None where none runs. Raises ConfigError."""
    remote = remote_of(config)
    try:
        remote.fetch("/livez")
    except NobodyThere:
        return None
    keys = Keyring(config.get_api_config().private_key, clock=_now, create=False)
    token = JWTService(keys, clock=_now).create_service_token(OPERATOR, scopes=(scope,))
    return remote.call(method, path, token, sent)


def _locally(config: ConfigManager, work: Callable[[Clients], Awaitable[T]]) -> T:
    """Do it on the file, as its owner. Raises ConfigError."""
    database = config.get_database_config()

    async def run() -> T:
        async with _opened(database) as clients:
            try:
                return await work(clients)
            except Problem as error:
                refused = ConfigError([error.detail("en")])
            except StoreUnavailable as error:
                refused = ConfigError([f"SQLITE_DATABASE_PATH: {error}"])
        raise refused

    try:
        return anyio.run(run)
    except (OSError, sqlite3.Error) as error:
        raise problem(database.sqlite_path, error) from error


@asynccontextmanager
async def _opened(database: DatabaseConfig) -> AsyncIterator[Clients]:
    path, connector = database.sqlite_path, connector_of(database)
    async with locked(database):
        writer = Writer(partial(open_writing, path, connector))
        reader = Reader(partial(open_reading, path, connector))
        try:
            await MigrationManager(await writer.connection()).migrate()
            async with anyio.create_task_group() as group:
                group.start_soon(writer.run)
                store = SqliteIdentity(writer, reader)
                yield Clients(store, Revocations(store, clock=_now), clock=_now)
                group.cancel_scope.cancel()
        finally:
            await reader.close()
            await writer.close()


def _checked(name: str, scopes: Sequence[str] | None) -> Sequence[str]:
    """The scopes, if a service may have this name and these. Raises ConfigError."""
    if not is_service_name(name):
        raise ConfigError(["a service's name has 1 to 64 of letters, digits, `_`, `.` and `-`"])
    wanted = scopes or (INTERNAL_API,)
    if not SCOPES.keys() >= set(wanted):
        raise ConfigError([f"--scope: choose from {', '.join(SCOPES)}"])
    return wanted


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _now() -> datetime:
    return datetime.now(UTC)
