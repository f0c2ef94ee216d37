"""The base of every domain value: frozen, validated at the edge, refusing unknown fields."""

from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

UserId: TypeAlias = str
"""Telegram's user id in decimal. Actors of updates without a user use `chat:<id>` or `bot:<id>`."""

PersonId = Annotated[str, Field(pattern=r"^[0-9]{1,19}$")]
"""The `UserId` of a person, who has a private chat."""

TelegramId = Annotated[int, Field(gt=0, lt=2**63)]
"""A person's id at Telegram, as a database can keep it."""

Besitos = Annotated[int, Field(strict=True, ge=-1_000_000_000, le=1_000_000_000)]
"""A whole number of the virtual currency."""

Amount = Annotated[int, Field(strict=True, gt=0, le=1_000_000)]
"""Besitos that change hands at a time."""

Instant: TypeAlias = AwareDatetime
"""A moment with its zone; the whole system keeps UTC."""

Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.\-]+$")]
"""A name that may stand in a file, a button or a URL: 1 to 64 of letters, digits, `_`, `.`, `-`."""


# The setters of the slots, as a frozen value refuses setattr; object.__setattr__ looks each one up.
_set_fields, _set_known, _set_extra, _set_private = (
    vars(BaseModel)[slot].__set__
    for slot in (
        "__dict__",
        "__pydantic_fields_set__",
        "__pydantic_extra__",
        "__pydantic_private__",
    )
)


class Value(BaseModel):
    """An immutable value. Change it with `model_copy(update=...)`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's own. A value has neither extra fields nor private ones to copy.

        Nobody changes a set of fields either, so one may be shared.
        """
        if deep:
            return super().model_copy(update=update, deep=True)
        changes = update or {}
        known = self.__pydantic_fields_set__
        copy = object.__new__(type(self))
        _set_fields(copy, {**self.__dict__, **changes})
        _set_known(copy, known if changes.keys() <= known else known | changes.keys())
        _set_extra(copy, None)
        _set_private(copy, None)
        return copy
