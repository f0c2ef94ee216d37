"""What two readers could take for two things is refused."""

import random

import pytest

from tests.api.conftest import Client
from tests.api.fakes import MemoryHistory, MemoryUsers
from yabot.api import cursor
from yabot.api.problems import Problem

pytestmark = pytest.mark.anyio

MOVES = "/api/v1/user/1/besitos/transactions"


@pytest.mark.parametrize(
    "body",
    [
        b'{"amount": 1, "amount": 100, "reason": "x"}',
        b'{"amount": 1, "\\u0061mount": 100, "reason": "x"}',
        b'{"amount": 1, "reason": "x", "more": {"a": 1, "a": 2}}',
    ],
)
async def test_a_name_that_comes_twice_is_refused(
    client: Client, users: MemoryUsers, body: bytes
) -> None:
    response = await client.raw("POST", MOVES, body)
    assert response.status == 400
    assert (await response.json())["code"] == "name_repeated"
    assert users.users["1"].balance == 0


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b"0x1", b"1."])
async def test_what_is_no_number_of_json_is_refused(client: Client, number: bytes) -> None:
    response = await client.raw("POST", MOVES, b'{"amount": %s, "reason": "x"}' % number)
    assert response.status == 400
    assert (await response.json())["code"] == "malformed_json"


@pytest.mark.parametrize("number", [b"16", b"16.0", b"1.6e1", b"160E-1"])
async def test_a_whole_number_is_taken_however_it_is_written(
    client: Client, users: MemoryUsers, number: bytes
) -> None:
    response = await client.raw("POST", MOVES, b'{"amount": %s, "reason": "x"}' % number)
    assert response.status == 201
    assert users.users["1"].balance == 16


@pytest.mark.parametrize(
    "moment",
    ["2026-04-01", "1800000000", "2026-04-01T00:00:00", "2026-04-01 00:00:00Z", "20260401T000000Z",
     "2026-02-30T00:00:00Z", "2026-04-01T24:00:00Z", "2026-04-01T00:00:00+2"],
)  # fmt: skip
async def test_a_moment_that_is_not_of_rfc_3339_is_refused(client: Client, moment: str) -> None:
    sent = {"plan_type": "vip", "end_date": moment}
    response = await client.call("PUT", "/api/v1/user/1/subscription", json=sent)
    assert response.status == 422
    (error,) = (await response.json())["errors"]
    assert (error["pointer"], error["code"]) == ("/end_date", "moment")


@pytest.mark.parametrize("limit", ["2.0", "+2", "1_0", " 2", "2 ", "٢", "", "true"])
async def test_a_limit_is_digits(client: Client, limit: str) -> None:
    response = await client.call("GET", f"{MOVES}?limit={limit}".replace("+", "%2B"))
    assert response.status == 422


async def test_faults_of_the_input_are_told_in_the_language_of_the_caller(client: Client) -> None:
    sent = {"amount": "5", "reason": ""}
    details = [
        [error["detail"] for error in (await response.json())["errors"]]
        for response in [
            await client.call("POST", MOVES, json=sent, accept_language=language)
            for language in ("es", "en")
        ]
    ]
    assert details == [
        ["Debe ser un número entero.", "Debe tener al menos 1 caracteres."],
        ["Must be a whole number.", "Must have at least 1 characters."],
    ]


@pytest.mark.parametrize("code", ["no_such_route", "method_not_allowed", "unauthorized"])
async def test_every_problem_speaks_the_language_of_the_caller(client: Client, code: str) -> None:
    method, path, token = {
        "no_such_route": ("GET", "/nowhere", client.token),
        "method_not_allowed": ("DELETE", MOVES, client.token),
        "unauthorized": ("GET", MOVES, "nonsense"),
    }[code]
    details = set()
    for language in ("es", "en"):
        response = await client.call(
            method, path, accept_language=language, authorization=f"Bearer {token}"
        )
        assert response.headers["Content-Language"] == language
        assert (await response.json())["code"] == code
        details.add((await response.json())["detail"])
    assert len(details) == 2


def test_a_cursor_gives_its_position_back_to_its_own_list_only() -> None:
    for position in (0, 1, 20, cursor.FARTHEST):
        made = cursor.encode("one", position)
        assert cursor.decode("one", made) == position
        with pytest.raises(Problem, match="cursor_invalid"):
            cursor.decode("two", made)


async def test_a_cursor_of_another_list_or_of_nobody_is_refused(client: Client) -> None:
    another = cursor.encode("/api/v1/user/2/besitos/transactions", 5)
    beyond_every_table = cursor.encode(MOVES, cursor.FARTHEST + 1)
    for given in (another, beyond_every_table, "A" * 16):
        response = await client.call("GET", f"{MOVES}?cursor={given}")
        assert response.status == 400
        assert (await response.json())["code"] == "cursor_invalid"
    for given in ("", "5", "A" * 15, "A" * 17, "ñ" * 16):
        assert (await client.call("GET", f"{MOVES}?cursor={given}")).status == 422


async def test_events_come_page_by_page_each_once_and_in_order(
    client: Client, history: MemoryHistory
) -> None:
    count = random.Random(7).randrange(40, 60)
    for number in range(count):
        history.add(data={"number": number})
    seen, path = [], "/api/v1/events?limit=7"
    while path:
        page = await client.call("GET", path)
        body = await page.json()
        seen += [event["data"]["number"] for event in body["items"]]
        assert (body["next"] is None) == ("next" not in page.links)
        path = str(page.links["next"]["url"]) if "next" in page.links else ""
        history.add(data={"number": len(history.kept)})
    assert seen == list(range(len(seen)))
    assert len(seen) > count
