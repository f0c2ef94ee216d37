"""Ids of events: unique on every node, and no system call for each.

A random prefix per process and a count: 64 bits keep processes apart, the count keeps events apart.
"""

import secrets
from collections.abc import Iterator
from itertools import count


def event_ids() -> Iterator[str]:
    """Ids without end."""
    prefix = secrets.token_hex(8)
    return (f"{prefix}-{number:x}" for number in count(1))
