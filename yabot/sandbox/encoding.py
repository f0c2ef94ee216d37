"""JSON text that is kept for long.

The rule: what stays in memory is encoded here. `orjson.dumps` returns the start of a buffer of
4 KB, and keeping the result keeps the buffer; a copy takes only what the text needs.
"""

import orjson


def encode(value: object) -> bytes:
    """A value as JSON text, in memory of its own size."""
    return memoryview(orjson.dumps(value)).tobytes()
