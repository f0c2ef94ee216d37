"""MongoDB, where it is configured: the connection, and the part of the tree that uses it.

The rule: without MONGODB_URI none of this runs and no driver is loaded.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from supervision import Backoff, Child, Condition, Health, Report, Strategy, Supervisor
from yabot.config import DatabaseConfig
from yabot.domain.story import Story
from yabot.stores.database import DatabaseManager
from yabot.stores.mongo.connection import MongoConnection
from yabot.users.ports import Clock

LATE = 30.0
"""Seconds that a copy may be behind before it is told."""

BETWEEN_RESTARTS = Backoff(base=8.0)


def connection(
    config: DatabaseConfig, clock: Clock, report: Callable[[Report], None]
) -> MongoConnection | None:
    """The way to the server of copies; None where there is none."""
    if config.mongodb_uri is None:
        return None
    from yabot.stores.mongo.address import MongoConfig
    from yabot.stores.mongo.server import MongoServer

    chosen = MongoConfig(config.mongodb_uri, config.mongodb_database, config.mongodb_driver)
    return MongoConnection(lambda: MongoServer(chosen, clock), report=report)


async def look(config: DatabaseConfig) -> tuple[str, str]:
    """What the server is and what to do about it, within a few seconds. Raises ConfigError."""
    mongo = connection(config, lambda: datetime.now(UTC), lambda _report: None)
    if mongo is None:
        return "not configured", ""
    try:
        await mongo.start()
        if mongo.trouble is not None:
            return mongo.trouble, "the bot starts without it; start it, or mend MONGODB_URI"
        database = mongo.server.database
        return f"{database.name} at {database.address}, by {config.mongodb_driver}", ""
    finally:
        await mongo.close()


def branch(database: DatabaseManager, story: Story) -> tuple[Supervisor, ...]:
    """The part of the tree; whatever fails in it stays in it."""
    mongo = database.mongo
    if mongo is None:
        return ()
    relay = Child(
        "documents",
        partial(database.document_relay, story),
        detail=partial(_line, database),
        health=partial(_condition, database),
    )
    keeper = Child("mongo", mongo.keeper, detail=mongo.detail, health=mongo.health)
    return (
        Supervisor(
            "mongodb",
            strategy=Strategy.REST_FOR_ONE,
            critical=False,
            backoff=BETWEEN_RESTARTS,
            children=(keeper, relay),
        ),
    )


def _line(database: DatabaseManager) -> str:
    copying, waiting = database.copying, database.documents.waiting()
    lag = f", oldest {database.documents.lag():.1f} s" if waiting else ""
    refused = f", {copying.refused} refused" if copying.refused else ""
    return f"{copying.brought} brought, {waiting} waiting{lag}{refused}"


def _condition(database: DatabaseManager) -> Condition:
    lag, trouble = database.documents.lag(), database.copying.trouble
    if trouble is not None:
        return Condition(Health.DOWN, trouble)
    return Condition(Health.DEGRADED, f"{lag:.0f} s behind") if lag > LATE else Condition(Health.OK)
