"""Calls about services: events, logging in, and which services may."""

from yabot.api.admin import ClientAnswer, ClientRequest, ClientsAnswer, NewClientAnswer
from yabot.api.events import EventPage, EventTaken, EventTold
from yabot.api.oauth import AUTH, Keys, RefreshRequest, RevokeRequest, TokenAnswer, TokenRequest
from yabot.client.calling import Connection
from yabot.client.messages import Answer, Request, parsed, to_json


class ServiceCalls(Connection):
    """What has no key here is sent again only where the API says that nothing happened."""

    async def list_events(
        self, *, cursor: str | None = None, limit: int | None = None
    ) -> Answer[EventPage]:
        """A page of the events that are kept, oldest first."""
        return await self.read("/api/v1/events", EventPage, cursor=cursor, limit=limit)

    async def publish_event(
        self, event: EventTold, *, key: str | None = None
    ) -> Answer[EventTaken]:
        """Tell what happened elsewhere, once."""
        return await self.change("POST", "/api/v1/events", event, EventTaken, key=key)

    async def create_token(self, request: TokenRequest) -> Answer[TokenAnswer]:
        """Tokens for credentials. A client with ClientCredentials does it by itself."""
        raw = await self.send(Request("POST", f"{AUTH}/token", body=to_json(request)))
        return parsed(raw, TokenAnswer)

    async def refresh_token(self, request: RefreshRequest) -> Answer[TokenAnswer]:
        """Tokens for a refresh token, which ends with it."""
        raw = await self.send(Request("POST", f"{AUTH}/refresh", body=to_json(request)))
        return parsed(raw, TokenAnswer)

    async def revoke_token(self, request: RevokeRequest) -> None:
        """End a token or a session."""
        await self.send(Request("POST", f"{AUTH}/revoke", body=to_json(request)))

    async def list_clients(self) -> Answer[ClientsAnswer]:
        """The services that may log in."""
        return await self.read(f"{AUTH}/clients", ClientsAnswer)

    async def create_client(
        self, request: ClientRequest, *, key: str | None = None
    ) -> Answer[NewClientAnswer]:
        """Let a service log in; its secret is in the first answer only, and lost with it."""
        return await self.change("POST", f"{AUTH}/clients", request, NewClientAnswer, key=key)

    async def revoke_client(self, client_id: str) -> Answer[ClientAnswer]:
        """Refuse a service from now on."""
        raw = await self.send(Request("DELETE", f"{AUTH}/clients/{client_id}"))
        return parsed(raw, ClientAnswer)

    async def get_keys(self) -> Answer[Keys]:
        """The keys that verify tokens."""
        return await self.read("/.well-known/jwks.json", Keys)
