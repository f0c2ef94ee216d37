"""The base of every domain value: frozen, validated at the edge, refusing unknown fields."""

from typing import Annotated, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

UserId: TypeAlias = str
"""Telegram's user id in decimal. Actors of updates without a user use `chat:<id>` or `bot:<id>`."""

Besitos = Annotated[int, Field(strict=True, ge=-1_000_000_000, le=1_000_000_000)]
"""A whole number of the virtual currency."""

Instant: TypeAlias = AwareDatetime
"""A moment with its zone; the whole system keeps UTC."""

Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.\-]+$")]
"""A name that may stand in a file, a button or a URL: 1 to 64 of letters, digits, `_`, `.`, `-`."""


class Value(BaseModel):
    """An immutable value. Change it with `model_copy(update=...)`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
