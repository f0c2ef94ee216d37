"""MongoServer: one document server, from its address to the copies on it."""

from yabot.stores.mongo.address import MongoConfig
from yabot.stores.mongo.client import MongoDatabase
from yabot.stores.mongo.documents import MongoDocuments
from yabot.stores.mongo.preparing import prepare
from yabot.users.ports import Clock


class MongoServer:
    """Made inside the event loop that uses it. Raises ConfigError for a wrong address.

    `documents` works once `verify` has returned.
    """

    def __init__(self, config: MongoConfig, clock: Clock) -> None:
        self.database = MongoDatabase(config)
        self.documents = MongoDocuments(self.database, clock)

    async def verify(self) -> None:
        """Make what is missing there and compare the rest.

        Raises StoreUnavailable, and SchemaDifference.
        """
        await prepare(self.database)

    async def close(self) -> None:
        """Give the connections up."""
        await self.database.close()
