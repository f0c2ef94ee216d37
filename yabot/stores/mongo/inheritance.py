"""What another database has known of a user, as far as the server still has it.

The rule: only a server that holds others' users is asked, and a user is new only when that is
certain: while it can't be known, whoever asks waits.
"""

import structlog
from pydantic import ValidationError

from yabot.domain.user import UserDocument
from yabot.domain.values import UserId
from yabot.errors import StoreUnavailable
from yabot.stores.deliveries import Deliveries
from yabot.stores.mongo.connection import MongoConnection

SOON = 0.1
"""Seconds: the mark is read as soon as the server answers."""

log = structlog.get_logger(__name__)


class Inheritance:
    """Finds the document of a user whom this database does not know."""

    def __init__(self, deliveries: Deliveries, connection: MongoConnection) -> None:
        self._deliveries = deliveries
        self._connection = connection

    async def find(self, user_id: UserId) -> UserDocument | None:
        """The user's document; None for a new user and for one who was deleted.

        Raises StoreUnavailable while that can't be known.
        """
        inherits = self._deliveries.inherits
        if inherits is False or not user_id.isdecimal():
            return None
        if inherits is None:
            told = "whether MongoDB knows this user is not known yet"
            raise StoreUnavailable(told, retry_after=SOON)
        found = await self._connection.call(lambda store: store.get(user_id))
        if found is None or found.body is None:
            return None
        try:
            return UserDocument.model_validate_json(found.body)
        except ValidationError as error:
            log.error("document.unreadable", user=user_id, error=str(error))
            return None
