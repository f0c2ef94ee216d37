"""The names under which events stand in Redis.

The rule: a user's events are all in one stream, so their order is a fact and not a repair.
"""

from zlib import crc32

from yabot.domain.values import UserId

PARTITIONS = 16
"""Streams over which users are spread. Changing it breaks the order of whoever moves."""

FIELD = b"e"
"""The one field of an entry: the envelope as JSON."""

EXTERNAL_STREAM = "yabot:external"
"""The stream on which other services tell of users; what was handled is taken out of it."""


def partition_of(user_id: UserId) -> int:
    """The number of the stream that holds the events of a user, or of `system`."""
    return crc32(user_id.encode()) % PARTITIONS


def stream_key(partition: int) -> str:
    """The key of a stream."""
    return f"yabot:events:{partition}"
