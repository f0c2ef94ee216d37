"""The trace context of a request, as W3C Trace Context has it.

The rule: a header that is not exactly right is as good as none; a request is never refused for it.
"""

import re
from collections.abc import Mapping

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


def traceparent(headers: Mapping[str, str]) -> str | None:
    """The caller's trace context; None where there is none that could be carried on."""
    given = headers.get("traceparent", "")
    return given if _TRACEPARENT.fullmatch(given) else None
