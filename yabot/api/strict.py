"""JSON as it is written, and the types of what is read from it.

The rule: what two readers could take for two things is refused. A name that comes twice, NaN, a
bool for a number, or a moment without its zone never reaches a route.
"""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, NoReturn

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from yabot.api.problems import Problem

_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_DIGITS = re.compile(r"-?[0-9]{1,19}")


def check_json(body: bytes) -> None:
    """Refuse a body that is no JSON, or whose meaning depends on the reader. Raises Problem."""
    try:
        _DECODER.decode(body.decode())
    except _RepeatedName as error:
        raise Problem("name_repeated") from error
    except (ValueError, RecursionError) as error:
        raise Problem("malformed_json") from error


class _RepeatedName(Exception):
    """An object has a name twice."""


def _without_repeats(pairs: list[tuple[str, object]]) -> None:
    if len(pairs) > 1 and len({name for name, _ in pairs}) < len(pairs):
        raise _RepeatedName


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_without_repeats, parse_constant=_no_number)


def _integral(value: object) -> object:
    """JSON has one kind of number, so 16.0 is the integer 16."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _from_digits(value: object) -> object:
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise PydanticCustomError("int_parsing", "not a whole number")
    return value


def _moment(value: object) -> object:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise PydanticCustomError("moment", "not a moment of RFC 3339")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("moment", "no such moment") from error


WHOLE = BeforeValidator(_integral)
"""Makes a strict int take a whole number that is written with a fraction of zero."""

DIGITS = BeforeValidator(_from_digits)
"""Makes an int of a query take digits and nothing else."""

Moment = Annotated[datetime, BeforeValidator(_moment)]
"""A moment of RFC 3339 with its zone; kept in UTC."""
