"""Seeing all that is kept of a user, and forgetting them, over real HTTP."""

import pytest

from tests.api.conftest import Client
from tests.api.fakes import MemoryUsers
from yabot.api.tokens import JWTService
from yabot.errors import StoreUnavailable

pytestmark = pytest.mark.anyio

USER = "/api/v1/user/1"


async def test_a_user_is_deleted_with_no_content_and_then_unknown(
    client: Client, users: MemoryUsers
) -> None:
    gone = await client.call("DELETE", USER)
    assert gone.status == 204
    assert await gone.read() == b""
    assert "Content-Type" not in gone.headers
    assert users.users == {}
    for path in ("state", "profile", "preferences", "subscription", "besitos", "export"):
        assert (await client.call("GET", f"{USER}/{path}")).status == 404


@pytest.mark.parametrize("user_id", ["2", "nobody", "0"])
async def test_who_is_unknown_can_not_be_deleted(client: Client, user_id: str) -> None:
    response = await client.call("DELETE", f"/api/v1/user/{user_id}")
    assert response.status == 404
    assert (await response.json())["code"] == "user_unknown"


async def test_a_second_deletion_finds_nobody(client: Client) -> None:
    first, second = [await client.call("DELETE", USER) for _ in range(2)]
    assert (first.status, second.status) == (204, 404)


async def test_a_deletion_that_is_repeated_under_its_key_is_answered_alike(
    client: Client, users: MemoryUsers
) -> None:
    first = await client.call("DELETE", USER, idempotency_key="k")
    users.register(1)
    again = await client.call("DELETE", USER, idempotency_key="k")
    assert (first.status, again.status) == (204, 204)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "1" in users.users


async def test_the_key_of_one_deletion_is_no_key_to_another(
    client: Client, users: MemoryUsers
) -> None:
    users.register(2)
    await client.call("DELETE", USER, idempotency_key="k")
    other = await client.call("DELETE", "/api/v1/user/2", idempotency_key="k")
    assert other.status == 422
    assert "2" in users.users


async def test_an_export_tells_its_sections_and_which_of_them_are_cut(client: Client) -> None:
    response = await client.call("GET", f"{USER}/export")
    body = await response.json()
    assert response.status == 200
    assert (body["user_id"], body["made_at"]) == ("1", "2026-03-01T12:00:00Z")
    assert body["sections"]["profile"][0]["username"] == "ana"
    assert body["cut"] == ["ledger"]


@pytest.mark.parametrize(("method", "path"), [("DELETE", USER), ("GET", f"{USER}/export")])
async def test_both_need_a_token_and_wait_for_a_store_that_is_away(
    client: Client, users: MemoryUsers, tokens: JWTService, method: str, path: str
) -> None:
    refused = await client.call(method, path, Authorization="Bearer nonsense")
    assert refused.status == 401
    users.trouble = StoreUnavailable("away", retry_after=2)
    away = await client.call(method, path)
    assert (away.status, away.headers["Retry-After"]) == (503, "2")
    users.trouble = None
    assert "1" in users.users
