"""Cursors: where the next page of a list begins.

The rule: a cursor is opaque and belongs to one list. It opens nothing that its holder could not
read anyway, so its check is against mix-ups and typing, not against forgery.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b

from yabot.api.problems import Problem

POSITION = 8
CHECK = 4
"""Bytes of a cursor: the key of the last row that was seen, and what ties it to its list."""

FARTHEST = (1 << 63) - 1
"""The last position that a table can have."""

PATTERN = "^[A-Za-z0-9_-]{16}$"


def encode(of: str, position: int) -> str:
    """The cursor behind `position` (0 to FARTHEST) in the list named `of`."""
    body = position.to_bytes(POSITION, "big")
    return urlsafe_b64encode(body + _check(of, body)).decode()


def decode(of: str, cursor: str) -> int:
    """The position in a cursor of the list named `of`. Raises Problem."""
    raw = urlsafe_b64decode(cursor)
    body, check = raw[:POSITION], raw[POSITION:]
    position = int.from_bytes(body, "big")
    if check != _check(of, body) or position > FARTHEST:
        raise Problem("cursor_invalid")
    return position


def _check(of: str, body: bytes) -> bytes:
    return blake2b(of.encode() + b"\0" + body, digest_size=CHECK).digest()
