"""Entity tags: nobody overwrites what they have not seen, and nobody reads again what they have."""

import anyio
import pytest

from tests.api.conftest import Client
from tests.api.fakes import MemoryUsers

pytestmark = pytest.mark.anyio

USER = "/api/v1/user/1"
CHANGES: list[tuple[str, str, dict[str, object]]] = [
    ("PATCH", f"{USER}/state", {"menu_context": "shop"}),
    ("PUT", f"{USER}/preferences", {"theme": "dark"}),
    ("PUT", f"{USER}/profile", {"first_name": "Eva"}),
    ("PUT", f"{USER}/subscription", {"plan_type": "vip"}),
]
READS = ["state", "preferences", "profile", "subscription", "besitos", "besitos/transactions"]


@pytest.mark.parametrize("what", READS)
async def test_what_has_not_changed_is_not_sent_again(client: Client, what: str) -> None:
    first = await client.call("GET", f"{USER}/{what}")
    tag = first.headers["ETag"]
    again = await client.call("GET", f"{USER}/{what}", if_none_match=f'"other", {tag}')
    assert (again.status, await again.read()) == (304, b"")
    assert again.headers["ETag"] == tag
    weak = await client.call("GET", f"{USER}/{what}", if_none_match=f"W/{tag}")
    assert weak.status == 304
    other = await client.call("GET", f"{USER}/{what}", if_none_match='"other"')
    assert other.status == 200


@pytest.mark.parametrize(("method", "path", "sent"), CHANGES)
async def test_a_change_with_the_tag_of_what_was_read_is_made(
    client: Client, method: str, path: str, sent: dict[str, object]
) -> None:
    tag = (await client.call("GET", path)).headers["ETag"]
    changed = await client.call(method, path, json=sent, if_match=f'"other" , {tag}')
    assert changed.status == 200
    read = await client.call("GET", path)
    assert changed.headers["ETag"] == read.headers["ETag"] != tag


@pytest.mark.parametrize(("method", "path", "sent"), CHANGES)
async def test_a_change_of_what_has_changed_meanwhile_is_refused(
    client: Client, users: MemoryUsers, method: str, path: str, sent: dict[str, object]
) -> None:
    tag = (await client.call("GET", path)).headers["ETag"]
    assert (await client.call(method, path, json=sent, if_match=tag)).status == 200
    before = users.users["1"]
    stale = await client.call(method, path, json=sent, if_match=tag)
    assert stale.status == 412
    assert (await stale.json())["code"] == "precondition_failed"
    assert users.users["1"] == before


@pytest.mark.parametrize(("method", "path", "sent"), CHANGES)
async def test_a_change_without_a_tag_is_refused(
    client: Client, users: MemoryUsers, method: str, path: str, sent: dict[str, object]
) -> None:
    before = users.users["1"]
    response = await client.call(method, path, json=sent, if_match=None)
    assert response.status == 428
    assert (await response.json())["code"] == "precondition_missing"
    assert users.users["1"] == before


@pytest.mark.parametrize("tag", ["abc", 'W/"abc"', '"abc', '"a" "b"', "**"])
async def test_a_tag_that_is_no_strong_tag_is_refused(client: Client, tag: str) -> None:
    response = await client.call("PUT", f"{USER}/preferences", json={}, if_match=tag)
    assert response.status == 400
    assert (await response.json())["code"] == "precondition_invalid"


async def test_of_many_changes_with_one_tag_one_is_made(client: Client, users: MemoryUsers) -> None:
    tag = (await client.call("GET", f"{USER}/profile")).headers["ETag"]
    statuses: list[int] = []

    async def rename(number: int) -> None:
        sent = {"first_name": f"Ana {number}"}
        response = await client.call("PUT", f"{USER}/profile", json=sent, if_match=tag)
        statuses.append(response.status)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(rename, number)
    assert sorted(statuses) == [200, *[412] * 19]


async def test_a_repeated_key_is_answered_though_its_tag_is_stale_by_now(client: Client) -> None:
    tag = (await client.call("GET", f"{USER}/profile")).headers["ETag"]
    sent = {"first_name": "Eva"}
    first, again = [
        await client.call("PUT", f"{USER}/profile", json=sent, if_match=tag, idempotency_key="k")
        for _ in range(2)
    ]
    assert (first.status, again.status) == (200, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["ETag"] == first.headers["ETag"]
    assert await again.read() == await first.read()


async def test_a_refused_change_under_a_key_can_be_made_under_it_later(client: Client) -> None:
    sent = {"first_name": "Eva"}
    path = f"{USER}/profile"
    stale = await client.call("PUT", path, json=sent, if_match='"old"', idempotency_key="k")
    tag = (await client.call("GET", path)).headers["ETag"]
    fresh = await client.call("PUT", path, json=sent, if_match=tag, idempotency_key="k")
    assert (stale.status, fresh.status) == (412, 200)
