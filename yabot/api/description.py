"""Routes of the API's own description: the OpenAPI document, and a page that reads it.

The rule: the page is one file. It loads nothing from elsewhere, and its policy lets it run exactly
the script and the style that are in it.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path

from yabot.api.openapi.document import describe, to_text
from yabot.api.route import AnyRoute, Asked, Nothing, Reply, Route

HTML = "text/html; charset=utf-8"

PAGE = Path(__file__).parent / "pages" / "docs.html"


class DescriptionRoutes:
    """Describes `others` and itself."""

    def __init__(self, others: Sequence[AnyRoute]) -> None:
        self._others = others

    def routes(self) -> tuple[AnyRoute, ...]:
        """The table."""
        return (
            Route("GET", "/openapi.json", "get_openapi", "This description",
                  Nothing, None, self.document, scope=None),
            Route("GET", "/docs", "get_docs", "A page that shows this description",
                  Nothing, None, self.page, scope=None, answers=(HTML,)),
        )  # fmt: skip

    @cached_property
    def _text(self) -> bytes:
        return to_text(describe((*self._others, *self.routes())))

    async def document(self, _: Asked[Nothing]) -> Reply:
        """The OpenAPI document."""
        return Reply(self._text)

    async def page(self, _: Asked[Nothing]) -> Reply:
        """The page."""
        page, policy = _page()
        return Reply(page, content_type=HTML, headers={"Content-Security-Policy": policy})


@cache
def _page() -> tuple[bytes, str]:
    """The page and its policy, which names the hashes of what is inline (CSP 3)."""
    page = PAGE.read_text("utf-8")
    script, style = (_hash_of(tag, page) for tag in ("script", "style"))
    policy = (
        f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page.encode(), policy


def _hash_of(tag: str, page: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    inline = found[1] if found is not None else ""
    return f"'sha256-{b64encode(sha256(inline.encode()).digest()).decode()}'"
