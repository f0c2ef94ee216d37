"""SqliteUserNames: from the name that people call each other by to a user."""

from yabot.domain.values import UserId
from yabot.stores.reader import Reader

NAMED = """
    SELECT user_id FROM user_profiles WHERE username = ? COLLATE NOCASE
    ORDER BY last_login DESC LIMIT 1"""


class SqliteUserNames:
    """The names, as `UserNames` says."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def find(self, username: str) -> UserId | None:
        """Who bears the name, as `UserNames.find` says."""
        row = await self._reader.row(NAMED, username)
        return row[0] if row is not None else None
