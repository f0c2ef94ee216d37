"""Numbers and moments as JSON from outside writes them.

The rule: what two readers could take for two things is refused. A bool is no number, and a moment
has its zone; but JSON has one kind of number, so 16.0 is the integer 16.
"""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def _integral(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _moment(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise PydanticCustomError("moment", "not a moment of RFC 3339")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("moment", "no such moment") from error


WHOLE = BeforeValidator(_integral)
"""Makes a strict int take a whole number that is written with a fraction of zero."""

Moment = Annotated[datetime, BeforeValidator(_moment)]
"""A moment of RFC 3339 with its zone; kept in UTC."""
