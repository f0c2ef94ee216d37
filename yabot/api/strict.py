"""JSON that has one meaning, and numbers in a query.

The rule: what two readers could take for two things is refused. A name that comes twice or NaN
never reaches a route; `domain/written.py` says what a number and a moment are.
"""

import json
import re
from typing import NoReturn

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from yabot.api.problems import Problem

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


def _from_digits(value: object) -> object:
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise PydanticCustomError("int_parsing", "not a whole number")
    return value


DIGITS = BeforeValidator(_from_digits)
"""Makes an int of a query take digits and nothing else."""
