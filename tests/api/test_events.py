"""Telling the bot what happened elsewhere, over real HTTP."""

import orjson
import pytest

from tests.api.conftest import Client
from tests.api.fakes import MemoryUsers
from yabot.api.misfits import ES

pytestmark = pytest.mark.anyio

EVENTS = "/api/v1/events"
GRANTED = {
    "type": "yabot.external.besitos.granted.v1",
    "subject": "1",
    "data": {"amount": 5, "reason": "survey"},
}


@pytest.fixture
def publisher(client: Client) -> Client:
    client.token = client.tokens.create_service_token("shop", scopes=("events:publish",))
    return client


async def test_an_event_takes_effect_once_per_key(publisher: Client, users: MemoryUsers) -> None:
    first, again = [
        await publisher.call("POST", EVENTS, json=GRANTED, idempotency_key="e-1") for _ in range(2)
    ]
    assert (first.status, again.status) == (200, 200)
    assert await first.json() == await again.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert users.users["1"].balance == 5


async def test_another_event_under_the_same_key_is_refused(
    publisher: Client, users: MemoryUsers
) -> None:
    await publisher.call("POST", EVENTS, json=GRANTED, idempotency_key="e-1")
    other = {**GRANTED, "data": {"amount": 500, "reason": "survey"}}
    response = await publisher.call("POST", EVENTS, json=other, idempotency_key="e-1")
    assert response.status == 422
    assert (await response.json())["code"] == "key_reused"
    assert users.users["1"].balance == 5


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"type": "yabot.external.unheard.of.v1"}, 422, "event_type_unknown"),
        ({"type": "yabot.user.user_registered.v1"}, 422, "event_type_unknown"),
        ({"data": {"amount": -5, "reason": "x"}}, 422, "event_data_invalid"),
        ({"data": {}}, 422, "event_data_invalid"),
        ({"subject": "2"}, 404, "user_unknown"),
        ({"subject": "me"}, 422, "invalid_input"),
        ({"id": "e-1"}, 422, "invalid_input"),
    ],
)
async def test_an_event_that_is_not_taken_changes_nothing(
    publisher: Client, users: MemoryUsers, change: dict[str, object], status: int, code: str
) -> None:
    response = await publisher.call("POST", EVENTS, json={**GRANTED, **change})
    assert (response.status, (await response.json())["code"]) == (status, code)
    assert users.users["1"].balance == 0


@pytest.mark.parametrize(
    ("kind", "data", "pointers"),
    [
        ("besitos.granted", {}, ["/data/amount", "/data/reason"]),
        ("besitos.granted", {"amount": True, "reason": "x"}, ["/data/amount"]),
        ("besitos.granted", {"amount": 5.5, "reason": "x"}, ["/data/amount"]),
        ("payment.received", {"plan": "vip", "end_date": 1_800_000_000}, ["/data/end_date"]),
        ("payment.received", {"plan": "vip", "end_date": "2027-01-01"}, ["/data/end_date"]),
    ],
)
async def test_data_that_does_not_fit_is_pointed_at_in_the_language_of_the_caller(
    publisher: Client, kind: str, data: object, pointers: list[str]
) -> None:
    sent = {"type": f"yabot.external.{kind}.v1", "subject": "1", "data": data}
    answer = await publisher.call("POST", EVENTS, json=sent)
    body = await answer.json()
    assert (answer.status, body["code"]) == (422, "event_data_invalid")
    assert [error["pointer"] for error in body["errors"]] == pointers
    assert {error["detail"] for error in body["errors"]} <= set(ES.values())


async def test_a_whole_number_is_taken_however_it_is_written(
    publisher: Client, users: MemoryUsers
) -> None:
    body = orjson.dumps(GRANTED).replace(b'"amount":5', b'"amount":5.0')
    assert b"5.0" in body
    assert (await publisher.raw("POST", EVENTS, body)).status == 200
    assert users.users["1"].balance == 5


async def test_publishing_needs_its_own_scope_and_a_key(client: Client) -> None:
    refused = await client.call("POST", EVENTS, json=GRANTED)
    assert refused.status == 403
    client.token = client.tokens.create_service_token("shop", scopes=("events:publish",))
    keyless = await client.call("POST", EVENTS, json=GRANTED, idempotency_key=None)
    assert keyless.status == 400
