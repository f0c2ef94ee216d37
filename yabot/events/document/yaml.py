"""YAML for what JSON can hold: enough to write a document that people read.

The rule: a string that could be taken for anything else is quoted as in JSON, which YAML contains.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import orjson

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"

PLAIN = re.compile(r"[A-Za-z$/#][A-Za-z0-9_$/#.()-]*( [A-Za-z0-9_$/(][A-Za-z0-9_$/().,;'-]*)*")
"""Text that needs no quotes."""

MEANING = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that some reader takes for something other than text."""


def to_yaml(value: Mapping[str, Json]) -> str:
    """A mapping as a YAML document, in its own order."""
    return "\n".join(_mapping(value, "")) + "\n"


def _mapping(value: Mapping[str, Json], indent: str) -> Iterator[str]:
    for key, item in value.items():
        yield from _entry(f"{indent}{_text(key)}:", item, indent + "  ")


def _sequence(value: Sequence[Json], indent: str) -> Iterator[str]:
    for item in value:
        if isinstance(item, Mapping) and item:
            first, *rest = _mapping(item, indent + "  ")
            yield f"{indent}- {first.lstrip()}"
            yield from rest
        else:
            yield from _entry(f"{indent}-", item, indent + "  ")


def _entry(head: str, item: Json, indent: str) -> Iterator[str]:
    if isinstance(item, Mapping) and item:
        yield head
        yield from _mapping(item, indent)
    elif isinstance(item, Sequence) and not isinstance(item, str) and item:
        yield head
        yield from _sequence(item, indent)
    else:
        yield f"{head} {_text(item) if isinstance(item, str) else orjson.dumps(item).decode()}"


def _text(value: str) -> str:
    plain = PLAIN.fullmatch(value) and "#" not in value[:1] and value.lower() not in MEANING
    return value if plain else orjson.dumps(value).decode()
