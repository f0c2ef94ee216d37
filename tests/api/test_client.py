"""The client: a method for each operation, and changes that happen once whatever gets lost."""

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Mapping

import anyio
import orjson
import pytest

from tests.api.conftest import Client as Raw
from tests.api.cutting import cutting
from tests.api.fakes import MemoryUsers
from tests.api.test_openapi import DOCUMENT
from yabot import client as exported
from yabot.api.admin import ClientRequest
from yabot.api.oauth import RefreshRequest, RevokeRequest, TokenRequest
from yabot.client import (
    AccessAsked,
    Changed,
    Client,
    EventTold,
    FixedToken,
    Interaction,
    Movement,
    PlanChange,
    PreferencesChange,
    ProfileChange,
    Refused,
    StatePatch,
    Unreachable,
    messages,
)
from yabot.client.calling import Connection
from yabot.errors import DeadlinePassed, StoreUnavailable

pytestmark = pytest.mark.anyio

GIFT = Movement(amount=5, reason="gift")

ARGUMENTS: Mapping[str, object] = {
    "user_id": "1",
    "fragment_id": "plaza",
    "client_id": "billing",
    "letter_id": 7,
    "if_match": '"tag"',
    "patch": StatePatch(menu_context="shop"),
    "interaction": Interaction(action="shop"),
    "movement": GIFT,
    "asked": AccessAsked(feature="terrace"),
    "event": EventTold(type="yabot.external.notice.v1", subject="1", data={"text": "hello"}),
}

CHANGES = {
    "put_preferences": PreferencesChange(theme="dark"),
    "put_profile": ProfileChange(first_name="Eva"),
    "put_subscription": PlanChange(plan_type="vip"),
    "create_token": TokenRequest(grant_type="client_credentials"),
    "refresh_token": RefreshRequest(refresh_token="r"),
    "revoke_token": RevokeRequest(token="t"),
    "create_client": ClientRequest(client_id="billing"),
}


class Sent(Exception):
    """The request that a method made."""

    def __init__(self, request: messages.Request) -> None:
        super().__init__(request)
        self.request = request


class Recording(Client):
    """Makes requests and does not send them."""

    async def send(self, request: messages.Request) -> messages.Raw:
        raise Sent(request)


def operations() -> dict[str, tuple[str, str, dict[str, object]]]:
    paths = orjson.loads(DOCUMENT.read_bytes())["paths"]
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize("name", sorted(operations()))
async def test_every_operation_has_a_method_that_sends_what_it_declares(name: str) -> None:
    method, path, operation = operations()[name]
    call = getattr(Recording("http://api"), name)
    needed = [
        each.name
        for each in inspect.signature(call).parameters.values()
        if each.default is inspect.Parameter.empty
    ]
    given = {each: ARGUMENTS[each] if each in ARGUMENTS else CHANGES[name] for each in needed}
    with pytest.raises(Sent) as caught:
        await call(**given)
    request = caught.value.request
    assert request.method == method
    assert re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request.path)
    assert (request.body is not None) == ("requestBody" in operation)
    references = {each.get("$ref", "").rpartition("/")[2] for each in operation["parameters"]}  # type: ignore[attr-defined]
    assert ("If-Match" in request.headers) == ("If-Match" in references)
    keys = {"Idempotency-Key", "Idempotency-Key-if-any"}
    assert (request.key is not None) == bool(references & keys)


def test_the_client_has_no_method_that_the_document_has_not() -> None:
    public = {
        name
        for name, _ in inspect.getmembers(Client, inspect.isroutine)
        if not name.startswith("_") and not hasattr(Connection, name)
    }
    assert public - {"transactions"} == set(operations())
    assert set(exported.__all__) <= set(dir(exported))


@pytest.fixture
async def api(client: Raw) -> AsyncIterator[Client]:
    token = client.tokens.create_service_token("billing")
    url = f"http://127.0.0.1:{client.port}"
    async with Client(url, FixedToken(token), patience=5.0) as api:
        yield api


async def test_what_was_read_is_changed_under_its_tag_and_a_stale_tag_is_told(api: Client) -> None:
    read = await api.get_profile("1")
    changed = await api.put_profile("1", ProfileChange(first_name="Eva"), if_match=read.etag)
    assert changed.body.first_name == "Eva"
    with pytest.raises(Changed) as caught:
        await api.put_profile("1", ProfileChange(first_name="Lea"), if_match=read.etag)
    assert caught.value.code == "precondition_failed"
    assert (await api.get_profile("1")).etag == changed.etag


async def test_a_no_is_an_error_with_its_code_and_its_faults(api: Client) -> None:
    with pytest.raises(Refused) as caught:
        await api.create_transaction("1", Movement(amount=-5, reason="hat"))
    assert (caught.value.status, caught.value.code) == (409, "besitos_insufficient")
    wrong = Movement.model_construct(amount="5", reason="hat")  # type: ignore[arg-type]
    wrong.__pydantic_fields_set__.update({"amount", "reason"})
    with pytest.warns(UserWarning, match="serializ"), pytest.raises(Refused) as caught:
        await api.create_transaction("1", wrong)
    assert [fault.pointer for fault in caught.value.errors] == ["/amount"]


async def test_all_movements_come_in_order_over_many_pages(api: Client, users: MemoryUsers) -> None:
    for number in range(1, 251):
        users.lines.append(("1", users.line(number)))
    assert [line.id async for line in api.transactions("1")] == list(range(250, 0, -1))


async def test_what_is_ill_is_an_answer_of_the_probes(api: Client) -> None:
    assert (await api.get_health()).body.status == "pass"
    assert "yabot_up" in await api.get_metrics()
    assert (await api.get_openapi())["openapi"] == "3.1.0"


async def test_a_client_waits_as_long_as_the_api_asks_and_then_does_it_once(
    api: Client, users: MemoryUsers
) -> None:
    users.trouble = StoreUnavailable("away", retry_after=1)
    begun = anyio.current_time()

    async def heal() -> None:
        await users.asked.wait()
        users.trouble = None

    async with anyio.create_task_group() as group:
        group.start_soon(heal)
        moved = await api.create_transaction("1", GIFT)
    assert anyio.current_time() - begun >= 1.0
    assert (moved.body.balance, users.users["1"].balance) == (5, 5)


async def test_a_client_gives_up_when_its_patience_is_over_and_tells_the_key(
    api: Client, users: MemoryUsers
) -> None:
    users.trouble = DeadlinePassed("no answer")
    api._patience = 0.3
    with pytest.raises(Unreachable) as caught:
        await api.create_transaction("1", GIFT, key="mine")
    assert caught.value.key == "mine"
    assert len(users.timeouts) > 1


async def test_a_change_whose_answer_was_lost_is_repeated_under_its_key(
    client: Raw, users: MemoryUsers
) -> None:
    token = FixedToken(client.token)
    async with cutting(client.port, losses=2) as (way, url), Client(url, token) as api:
        moved = await api.create_transaction("1", GIFT)
    assert moved.replayed
    assert users.users["1"].balance == 5
    keys = {re.search(rb"(?i)idempotency-key: (\S+)", head)[1] for head in way.lost}  # type: ignore[index]
    assert (len(way.lost), len(keys)) == (2, 1)


async def test_a_token_is_not_carried_to_where_an_answer_points() -> None:
    heads: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(redirect, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Client(f"http://127.0.0.1:{port}", FixedToken("secret")) as api:
            with pytest.raises(Refused) as caught:
                await api.get_besitos("1")
    assert (caught.value.status, len(heads)) == (307, 1)


async def test_what_has_no_key_is_not_repeated_after_a_lost_answer(client: Raw) -> None:
    async with cutting(client.port, losses=9) as (way, url), Client(url) as api:
        with pytest.raises(Unreachable):
            await api.create_token(TokenRequest(grant_type="client_credentials"))
    assert len(way.lost) == 1


@pytest.mark.parametrize(
    ("asked", "seconds"), [("3", 3.0), ("", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0)]
)
def test_a_date_to_come_back_at_is_no_error(asked: str, seconds: float) -> None:
    assert messages.retry_after({"Retry-After": asked}) == seconds
