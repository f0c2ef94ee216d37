"""Every answer that is not a success is problem details, with a code, an id and no secret."""

import asyncio
import gzip
import json

import pytest

from actors import ActorCrashed
from tests.api.conftest import Client, Observed
from tests.api.fakes import MemoryUsers
from yabot.api.deadline import Deadline, DeadlineGateway, granted
from yabot.api.kinds import KINDS
from yabot.domain.commands import MoveBesitos
from yabot.errors import DeadlinePassed, Overloaded, StoreUnavailable

pytestmark = pytest.mark.anyio

STATE = "/api/v1/user/1/state"
MOVES = "/api/v1/user/1/besitos/transactions"
FIELDS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


async def test_a_path_that_is_no_route_is_404(client: Client) -> None:
    response = await client.call("GET", "/api/v1/nothing")
    assert response.status == 404
    assert response.content_type == "application/problem+json"
    body = await response.json()
    assert set(body) == FIELDS
    assert body["code"] == "no_such_route"
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert body["instance"] == f"urn:yabot:request:{body['request_id']}"


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
async def test_a_method_that_a_path_does_not_take_is_405(client: Client, method: str) -> None:
    response = await client.call(method, STATE)
    assert response.status == 405
    assert (await response.json())["code"] == "method_not_allowed"
    assert response.headers["Allow"] == "GET, HEAD, PATCH"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nul", b'{"amount": 1,}', b"\xff\xfe", b'{"reason": "\\ud800"}', b"[" * 5000],
)
async def test_a_body_that_is_not_json_is_400(client: Client, body: bytes) -> None:
    response = await client.raw("POST", MOVES, body, idempotency_key="k")
    assert response.status == 400
    assert (await response.json())["code"] == "malformed_json"


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"amount": True, "reason": "x"}, "/amount"),
        ({"amount": "5", "reason": "x"}, "/amount"),
        ({"amount": 1.5, "reason": "x"}, "/amount"),
        ({"amount": 10**30, "reason": "x"}, "/amount"),
        ({"amount": None, "reason": "x"}, "/amount"),
        ({"reason": "x"}, "/amount"),
        ({"amount": 5, "reason": ""}, "/reason"),
        ({"amount": 5, "reason": "x" * 65}, "/reason"),
        ({"amount": 5, "reason": "x", "balance": 9}, "/balance"),
        ([], ""),
        ("text", ""),
    ],
)
async def test_input_that_does_not_fit_is_422_and_is_pointed_at(
    client: Client, users: MemoryUsers, sent: object, pointer: str
) -> None:
    response = await client.call("POST", MOVES, json=sent, idempotency_key="k")
    assert response.status == 422
    body = await response.json()
    assert body["code"] == "invalid_input"
    assert [error["pointer"] for error in body["errors"]] == [pointer]
    assert users.users["1"].balance == 0


async def test_a_body_of_nothing_but_faults_makes_no_long_answer(client: Client) -> None:
    sent = {f"x{number}": 1 for number in range(5_000)}
    response = await client.call("POST", MOVES, json=sent)
    assert response.status == 422
    assert len((await response.json())["errors"]) == 20
    assert len(await response.read()) < 4096


async def test_a_number_that_does_not_exist_is_no_amount(client: Client) -> None:
    for number in (b"NaN", b"Infinity", b"1e999"):
        body = b'{"amount": %s, "reason": "x"}' % number
        response = await client.raw("POST", MOVES, body, idempotency_key="k")
        assert response.status in {400, 422}, number


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("PUT", "preferences", {"language": "fr"}),
        ("PUT", "preferences", {"notifications_enabled": 1}),
        ("PUT", "preferences", {"time_zone": "Mars/Olympus"}),
        ("PUT", "preferences", {"time_zone": "../../etc/passwd"}),
        ("PUT", "profile", {"user_id": "2"}),
        ("PUT", "profile", {"telegram_user_id": 2}),
        ("PUT", "subscription", {}),
        ("PUT", "subscription", {"plan_type": "gold"}),
        ("PUT", "subscription", {"plan_type": "vip", "end_date": "2026-02-28T00:00:00Z"}),
        ("PUT", "subscription", {"plan_type": "vip", "end_date": "2026-04-01T00:00:00"}),
        ("PUT", "subscription", {"plan_type": "vip", "end_date": "9999-12-31T23:59:59-12:00"}),
        ("PUT", "subscription", {"plan_type": "vip", "end_date": 1800000000}),
        ("PATCH", "state", {"menu_context": "a b"}),
        ("PATCH", "state", {"user_id": "2"}),
        ("POST", "interactions", {"action": "nowhere"}),
        ("POST", "interactions", {}),
        ("POST", "vip-access", {"feature": ""}),
    ],
)
async def test_wrong_input_changes_nothing(
    client: Client, users: MemoryUsers, method: str, path: str, sent: object
) -> None:
    before = users.users["1"]
    response = await client.call(method, f"/api/v1/user/1/{path}", json=sent)
    assert response.status == 422, await response.text()
    assert users.users["1"] == before


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=101", 422),
        ("limit=1e9", 422),
        ("before=-1", 422),
        ("before=99999999999999999999", 422),
        ("page=2", 422),
        ("limit=1&limit=2", 400),
    ],
)
async def test_a_query_that_does_not_fit_is_refused(
    client: Client, query: str, status: int
) -> None:
    response = await client.call("GET", f"{MOVES}?{query}")
    assert response.status == status
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", MOVES, {"amount": 5, "reason": "x"}),
        ("PUT", "/api/v1/user/1/preferences", {"theme": "dark"}),
        ("DELETE", "/api/v1/user/1", None),
    ],
)
async def test_a_change_that_comes_with_a_query_is_refused_and_not_made_without_it(
    client: Client, users: MemoryUsers, method: str, path: str, sent: object
) -> None:
    before = users.users["1"]
    response = await client.call(method, f"{path}?dry_run=true", json=sent)
    assert response.status == 422
    assert [error["pointer"] for error in (await response.json())["errors"]] == ["/dry_run"]
    assert users.users["1"] == before


async def test_a_secret_is_not_told_back_wherever_it_was_put(client: Client) -> None:
    secret = client.token.rsplit(".", 1)[-1][:43]
    answers = [
        await client.call("GET", f"/nowhere/{secret}"),
        await client.call("GET", f"/api/v1/user/{secret}/state"),
        await client.call("POST", f"/api/v1/user/{secret}/state"),
        await client.call("GET", f"/api/v1/narrative/{secret}"),
        await client.call("GET", f"{STATE}?{secret}"),
        await client.call("GET", f"{STATE}?access_token={secret}"),
        await client.call("GET", f"{MOVES}?cursor={secret}"),
        await client.call("POST", MOVES, json={"amount": 1, "reason": "x", secret: 1}),
        await client.call("POST", MOVES, json={"amount": secret, "reason": secret * 2}),
        await client.call("POST", "/api/v1/user/1/interactions", json={"action": secret}),
        await client.call("PUT", "/api/v1/user/1/preferences", json={"time_zone": secret}),
        await client.call("GET", STATE, authorization=f"Bearer {secret}"),
        await client.call("POST", MOVES, json={}, idempotency_key=secret + " "),
        await client.call("GET", STATE, x_request_timeout=secret),
        await client.call("PATCH", STATE, json={}, if_match=secret),
    ]
    for number, answer in enumerate(answers):
        assert answer.status >= 400, number
        assert secret not in await answer.text(), number
        assert secret not in str(answer.headers), number


async def test_a_body_beyond_64_kib_is_413(client: Client) -> None:
    body = json.dumps({"amount": 1, "reason": "x" * 65536}).encode()
    response = await client.raw("POST", MOVES, body, idempotency_key="k")
    assert response.status == 413
    assert (await response.json())["code"] == "body_too_large"


async def test_a_small_body_that_unpacks_beyond_64_kib_is_413(client: Client) -> None:
    body = gzip.compress(b" " * 10_000_000)
    assert len(body) < 64 * 1024
    response = await client.raw("POST", MOVES, body, idempotency_key="k", content_encoding="gzip")
    assert response.status == 413


async def test_a_body_of_another_type_is_415(client: Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
        response = await client.raw("POST", MOVES, b"{}", kind=kind, idempotency_key="k")
        assert response.status == 415


async def test_a_body_that_stays_away_is_408(client: Client) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(
        f"POST {MOVES} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {client.token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 20\r\nIdempotency-Key: k\r\n"
        'X-Request-Timeout: 0.1\r\n\r\n{"amo'.encode()
    )
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in head


@pytest.mark.parametrize(
    "request_line",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ],
)
async def test_what_is_no_http_request_is_400_as_a_problem_too(
    client: Client, observed: Observed, request_line: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(request_line)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"400"
    assert b"Server: yabot\r\n" in head
    problem = json.loads(body)
    assert set(problem) == FIELDS
    assert problem["code"] == "malformed_request"
    assert problem["detail"] == KINDS["malformed_request"].es, "the language of the settings"
    assert observed.calls == [("OTHER", "unmatched", 400)]


async def test_an_expectation_that_nobody_knows_is_417(client: Client) -> None:
    response = await client.call("GET", STATE, expect="the-inquisition")
    assert response.status == 417
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("trouble", "status", "retry_after"),
    [
        (StoreUnavailable("the disk is away", retry_after=2.5), 503, "3"),
        (Overloaded("too much", retry_after=0.2), 503, "1"),
        (DeadlinePassed("user 1 did not answer in time"), 504, None),
        (ActorCrashed("users/1", ValueError("secret-of-the-house")), 500, None),
        (ZeroDivisionError("secret-of-the-house"), 500, None),
    ],
)
async def test_trouble_inside_is_told_without_its_inside(
    client: Client,
    users: MemoryUsers,
    trouble: Exception,
    status: int,
    retry_after: str | None,
) -> None:
    users.trouble = trouble
    response = await client.call("GET", STATE)
    assert response.status == status
    assert response.content_type == "application/problem+json"
    assert response.headers.get("Retry-After") == retry_after
    assert "secret-of-the-house" not in await response.text()
    users.trouble = None
    assert (await client.call("GET", STATE)).status == 200


async def test_a_request_has_the_time_that_it_asks_for(client: Client, users: MemoryUsers) -> None:
    users.delay = 5.0
    response = await client.call("GET", STATE, x_request_timeout="0.05")
    assert response.status == 504
    assert (await response.json())["code"] == "deadline_passed"
    (granted,) = users.timeouts
    assert granted is not None
    assert 0 < granted <= 0.05


async def test_the_time_of_a_request_is_shared_by_all_it_asks(users: MemoryUsers) -> None:
    users.delay = 0.1
    gateway = DeadlineGateway(users)
    async with Deadline(granted({"X-Request-Timeout": "5"})):
        await gateway.get("1")
        await gateway.apply("1", MoveBesitos(amount=1, reason="x"), timeout=60.0)
        await gateway.get("1", timeout=0.2)
    first, second, third = users.timeouts
    assert first is not None
    assert second is not None
    assert 4 < second <= first - 0.09
    assert third == 0.2
    assert first <= 5


async def test_a_request_may_ask_for_thirty_seconds_at_most(
    client: Client, users: MemoryUsers
) -> None:
    sent = {"amount": 1, "reason": "x"}
    await client.call("POST", MOVES, json=sent, idempotency_key="k", x_request_timeout="9999")
    (granted,) = users.timeouts
    assert granted is not None
    assert 29 < granted <= 30


async def test_the_time_that_a_body_takes_is_not_given_again(
    client: Client, users: MemoryUsers
) -> None:
    body = b'{"amount": 1, "reason": "x"}'
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(
        f"POST {MOVES} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {client.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Idempotency-Key: k\r\nX-Request-Timeout: 5\r\n\r\n".encode()
    )
    await writer.drain()
    await asyncio.sleep(0.5)  # how long the body stays away
    writer.write(body)
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 201 ")
    writer.close()
    await writer.wait_closed()
    (left,) = users.timeouts
    assert left is not None
    assert left <= 4.6


@pytest.mark.parametrize("seconds", ["soon", "0", "-1", "nan", "inf", ""])
async def test_a_timeout_that_is_no_time_is_400(client: Client, seconds: str) -> None:
    response = await client.call("GET", STATE, x_request_timeout=seconds)
    assert response.status == 400
    assert (await response.json())["code"] == "timeout_invalid"


async def test_a_request_keeps_the_id_that_its_caller_gave(client: Client) -> None:
    response = await client.call("GET", STATE, x_request_id="abc-123")
    assert response.headers["X-Request-Id"] == "abc-123"


@pytest.mark.parametrize("given", ["a b", "x" * 65, "a;b", ""])
async def test_an_id_that_is_no_id_is_replaced(client: Client, given: str) -> None:
    response = await client.call("GET", STATE, x_request_id=given)
    assert len(response.headers["X-Request-Id"]) == 32
