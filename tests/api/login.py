"""A service that logs in over HTTP, for tests."""

from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.api.conftest import Client
from yabot.api.clients import NewClient
from yabot.api.gate import Gate

TOKEN = "/api/v1/auth/token"
REFRESH = "/api/v1/auth/refresh"
REVOKE = "/api/v1/auth/revoke"
AUTH_PAGES = (TOKEN, REFRESH, REVOKE)
"""They ask for a secret instead of a token."""


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def access(self) -> str:
        assert self.status == 200, self.body
        return str(self.body["access_token"])

    @property
    def refresh(self) -> str:
        assert self.status == 200, self.body
        return str(self.body["refresh_token"])


async def enrol(gate: Gate, name: str = "shop", *scopes: str) -> NewClient:
    """Make a client."""
    return await gate.clients.add(name, scopes or ("internal_api",))


async def post(
    client: Client,
    path: str,
    who: NewClient | None = None,
    headers: dict[str, str] | None = None,
    /,
    **fields: object,
) -> Answer:
    """Send JSON, with a client's credentials in it if one is given."""
    if who is not None:
        fields = {"client_id": who.client.client_id, "client_secret": who.secret, **fields}
    async with client.session.post(path, json=fields, headers=headers) as response:
        return await _read(response)


async def post_form(
    client: Client, path: str, fields: dict[str, str], headers: dict[str, str] | None = None
) -> Answer:
    """Send a form, as RFC 6749 has it."""
    async with client.session.post(path, data=fields, headers=headers) as response:
        return await _read(response)


async def log_in(client: Client, who: NewClient, **fields: object) -> Answer:
    """Ask for tokens."""
    return await post(client, TOKEN, who, grant_type="client_credentials", **fields)


async def refresh(client: Client, who: NewClient, token: str, **fields: object) -> Answer:
    """Exchange a refresh token."""
    return await post(client, REFRESH, who, refresh_token=token, **fields)


async def opens(client: Client, token: str, path: str = "/api/v1/user/1/state") -> int:
    """The status that a route answers to a token."""
    response = await client.call("GET", path, authorization=f"Bearer {token}")
    return response.status


async def _read(response: aiohttp.ClientResponse) -> Answer:
    text = await response.read()
    body = await response.json(content_type=None) if text else {}
    return Answer(response.status, body, dict(response.headers))
