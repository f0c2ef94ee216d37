"""Routes for administrators: which services may log in.

The rule: a secret is in one answer, the one that makes its client.
"""

from typing import Annotated

from pydantic import Field

from yabot.api.clients import KnownClient
from yabot.api.gate import Gate
from yabot.api.oauth import AUTH
from yabot.api.route import REPLAYED, AnyRoute, Asked, Input, Nothing, Output, Reply, Route
from yabot.api.scopes import ADMIN, INTERNAL_API
from yabot.domain.values import Instant
from yabot.identity import ApiClient

CLIENTS = f"{AUTH}/clients"


class ClientRequest(Input):
    """A service and what it may do."""

    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]{1,64}$")]
    scopes: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)] = (INTERNAL_API,)


class ClientAnswer(Output):
    """A service that may log in, or, revoked, no longer."""

    client_id: str
    scopes: tuple[str, ...]
    created_at: Instant
    revoked_at: Instant | None


class NewClientAnswer(ClientAnswer):
    """With its secret, which can't be told again: null where the request was repeated."""

    client_secret: str | None = Field(repr=False)


class ClientsAnswer(Output):
    """All of them, by name."""

    clients: tuple[ClientAnswer, ...]


class ClientRoutes:
    """The clients, over the gate."""

    def __init__(self, gate: Gate) -> None:
        self._clients = gate.clients

    def routes(self) -> tuple[AnyRoute, ...]:
        """The table."""
        return (
            Route("GET", CLIENTS, "list_clients", "The services that may log in",
                  Nothing, ClientsAnswer, self.all, scope=ADMIN),
            Route("POST", CLIENTS, "create_client", "Let a service log in",
                  ClientRequest, NewClientAnswer, self.create, status=201, scope=ADMIN,
                  idempotency="required",
                  errors=((409, "client_exists"), (422, "client_unusable"))),
            Route("DELETE", f"{CLIENTS}/{{client_id}}", "revoke_client", "Refuse a service",
                  Nothing, ClientAnswer, self.revoke, scope=ADMIN,
                  errors=((404, "client_unknown"),)),
        )  # fmt: skip

    async def all(self, _: Asked[Nothing]) -> Reply:
        """Every client."""
        clients = tuple(shown(client) for client in await self._clients.all())
        return Reply(ClientsAnswer(clients=clients))

    async def create(self, asked: Asked[ClientRequest]) -> Reply:
        """A new client, once per key."""
        name, scopes = asked.input.client_id, asked.input.scopes
        try:
            made = await self._clients.add(name, scopes, asked.once)
        except KnownClient as known:
            client = shown(known.client).model_dump()
            return Reply(NewClientAnswer(**client, client_secret=None), headers=REPLAYED)
        client = shown(made.client).model_dump()
        return Reply(NewClientAnswer(**client, client_secret=made.secret))

    async def revoke(self, asked: Asked[Nothing]) -> Reply:
        """No more of this client."""
        return Reply(shown(await self._clients.revoke(asked.path["client_id"])))


def shown(client: ApiClient) -> ClientAnswer:
    """A client as others may see it."""
    return ClientAnswer(
        client_id=client.client_id,
        scopes=tuple(sorted(client.scopes)),
        created_at=client.created_at,
        revoked_at=client.revoked_at,
    )
