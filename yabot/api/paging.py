"""Asking for one page of a list, the same for every list."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from yabot.api import cursor as cursors
from yabot.api.route import Input
from yabot.api.strict import DIGITS

PAGE = 20
LARGEST_PAGE = 100


class PageAsked(Input):
    """Which page: `cursor` is the `next` of the page before it."""

    cursor: Annotated[str, Field(pattern=cursors.PATTERN)] | None = None
    limit: Annotated[int, Field(gt=0, le=LARGEST_PAGE), DIGITS] = PAGE

    def position(self, of: str, beginning: int) -> int:
        """Where the page begins in the list named `of`. Raises Problem."""
        return beginning if self.cursor is None else cursors.decode(of, self.cursor)

    def link(self, path: str, cursor: str) -> Mapping[str, str]:
        """The header that names the page behind `cursor` (RFC 8288)."""
        return {"Link": f'<{path}?cursor={cursor}&limit={self.limit}>; rel="next"'}
