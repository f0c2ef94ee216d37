"""Documents and writes as this program says them, whichever driver carries them."""

from collections.abc import Mapping
from dataclasses import dataclass

Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a bulk: `document` takes the place of what fits `where`; None removes all that.

    It is inserted where nothing fits, unless `insert` is False.
    """

    where: Document
    document: Document | None
    insert: bool = True


@dataclass(frozen=True, slots=True)
class WriteRefused:
    """A write that the server or its format will never take; `place` is its index in the bulk."""

    place: int
    code: int
    error: str
