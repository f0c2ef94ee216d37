"""The page of the description loads nothing from elsewhere and runs nothing but its own script."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from tests.api.conftest import Client

pytestmark = pytest.mark.anyio


async def test_the_page_is_one_file_and_its_policy_names_what_is_in_it(client: Client) -> None:
    response = await client.session.get("/docs")
    page = await response.text()
    assert (response.status, response.content_type) == (200, "text/html")
    assert not re.findall(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page)
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (inline,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = b64encode(sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.findall(r"\son\w+=|\sstyle=|javascript:", page)


async def test_the_page_is_readable_without_a_token_as_is_the_document(client: Client) -> None:
    for path in ("/docs", "/openapi.json"):
        assert (await client.session.get(path)).status == 200
