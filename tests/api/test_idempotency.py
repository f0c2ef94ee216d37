"""A request with an Idempotency-Key happens once, whatever is repeated and however often."""

import anyio
import pytest

from tests.api.conftest import Client
from tests.api.fakes import MemoryUsers

pytestmark = pytest.mark.anyio

PATH = "/api/v1/user/1/besitos/transactions"
GIFT = {"amount": 5, "reason": "gift"}


async def test_a_repeated_key_moves_besitos_once_and_gets_the_same_answer(
    client: Client, users: MemoryUsers
) -> None:
    first = await client.call("POST", PATH, json=GIFT, idempotency_key="k")
    again = await client.call("POST", PATH, json=GIFT, idempotency_key="k")
    assert (first.status, again.status) == (201, 201)
    assert await first.json() == await again.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert users.users["1"].balance == 5


async def test_a_body_that_only_looks_different_is_the_same_request(
    client: Client, users: MemoryUsers
) -> None:
    await client.raw("POST", PATH, b'{"amount": 5, "reason": "gift"}', idempotency_key="k")
    again = await client.raw("POST", PATH, b'{"reason":"gift","amount":5.0}', idempotency_key="k")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert users.users["1"].balance == 5


async def test_the_same_key_with_another_body_is_refused(client: Client) -> None:
    await client.call("POST", PATH, json=GIFT, idempotency_key="k")
    other = await client.call(
        "POST", PATH, json={"amount": 500, "reason": "gift"}, idempotency_key="k"
    )
    assert other.status == 422
    assert (await other.json())["code"] == "key_reused"


async def test_the_same_key_for_another_user_is_refused_and_tells_nothing(
    client: Client, users: MemoryUsers
) -> None:
    users.register(2)
    await client.call("POST", PATH, json=GIFT, idempotency_key="k")
    other = await client.call(
        "POST", "/api/v1/user/2/besitos/transactions", json=GIFT, idempotency_key="k"
    )
    assert other.status == 422
    assert "balance" not in await other.json()
    assert users.users["2"].balance == 0


async def test_clients_do_not_share_keys(client: Client, users: MemoryUsers) -> None:
    await client.call("POST", PATH, json=GIFT, idempotency_key="k")
    client.token = client.tokens.create_service_token("support")
    await client.call("POST", PATH, json=GIFT, idempotency_key="k")
    assert users.users["1"].balance == 10


async def test_routes_do_not_share_keys(client: Client) -> None:
    await client.call("POST", PATH, json=GIFT, idempotency_key="k")
    other = await client.call(
        "PUT", "/api/v1/user/1/preferences", json={"theme": "dark"}, idempotency_key="k"
    )
    assert other.status == 200


async def test_a_no_is_repeated_as_the_same_no(client: Client) -> None:
    spend = {"amount": -5, "reason": "hat"}
    first = await client.call("POST", PATH, json=spend, idempotency_key="k")
    await client.call("POST", PATH, json=GIFT, idempotency_key="gift")
    again = await client.call("POST", PATH, json=spend, idempotency_key="k")
    assert first.status == again.status == 409
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    codes = {(await response.json())["code"] for response in (first, again)}
    assert codes == {"besitos_insufficient"}


@pytest.mark.parametrize(
    ("path", "sent"),
    [("interactions", {"action": "daily"}), ("vip-access", {"feature": "terrace"})],
)
async def test_every_change_by_post_happens_once_per_key(
    client: Client, users: MemoryUsers, path: str, sent: dict[str, object]
) -> None:
    await client.call("PUT", "/api/v1/user/1/subscription", json={"plan_type": "vip"})
    first, again = [
        await client.call("POST", f"/api/v1/user/1/{path}", json=sent, idempotency_key="k")
        for _ in range(2)
    ]
    assert (first.status, again.status) == (200, 200)
    assert await first.read() == await again.read()
    assert again.headers["Idempotent-Replayed"] == "true"
    keyless = await client.call("POST", f"/api/v1/user/1/{path}", json=sent, idempotency_key=None)
    assert keyless.status == 400


async def test_a_repetition_waits_for_the_first_and_is_told_when_its_time_is_over(
    client: Client, users: MemoryUsers
) -> None:
    users.delay = 1.0
    statuses: dict[str, int] = {}

    async def first() -> None:
        response = await client.call("POST", PATH, json=GIFT, idempotency_key="k")
        statuses["first"] = response.status

    async with anyio.create_task_group() as group:
        group.start_soon(first)
        with anyio.fail_after(5):
            await users.asked.wait()
        hasty = await client.call(
            "POST", PATH, json=GIFT, idempotency_key="k", x_request_timeout="0.1"
        )
        other = await client.call(
            "POST", PATH, json=GIFT, idempotency_key="another", x_request_timeout="0.1"
        )
    assert (hasty.status, hasty.headers["Retry-After"]) == (409, "1")
    assert (await hasty.json())["code"] == "in_progress"
    assert other.status == 504
    assert statuses["first"] == 201
    patient = await client.call("POST", PATH, json=GIFT, idempotency_key="k")
    assert (patient.status, patient.headers["Idempotent-Replayed"]) == (201, "true")


async def test_a_movement_without_a_key_is_refused(client: Client, users: MemoryUsers) -> None:
    response = await client.call("POST", PATH, json=GIFT, idempotency_key=None)
    assert response.status == 400
    assert (await response.json())["code"] == "idempotency_key_missing"
    assert users.users["1"].balance == 0


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", "ñ"])
async def test_a_key_that_is_no_key_is_refused(client: Client, given: str) -> None:
    response = await client.call("POST", PATH, json=GIFT, idempotency_key=given)
    assert response.status == 400
    assert (await response.json())["code"] == "idempotency_key_invalid"


async def test_fifty_repetitions_at_once_move_besitos_once(
    client: Client, users: MemoryUsers
) -> None:
    statuses: list[int] = []

    async def repeat() -> None:
        response = await client.call("POST", PATH, json=GIFT, idempotency_key="k")
        statuses.append(response.status)

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(repeat)
    assert statuses == [201] * 50
    assert users.users["1"].balance == 5
    assert len(users.lines) == 1
