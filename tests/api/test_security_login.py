"""Tokens are given for a client's secret alone, and what is wrong is told as RFC 6749 has it."""

from base64 import b64encode
from datetime import timedelta

import anyio
import jwt
import pytest

from tests.api.conftest import Client
from tests.api.fakes import FakeClock
from tests.api.login import REFRESH, REVOKE, TOKEN, enrol, log_in, opens, post, post_form
from yabot.api.gate import Gate
from yabot.api.problems import Problem

pytestmark = pytest.mark.anyio


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


async def test_a_client_gets_tokens_that_open_its_routes(client: Client, gate: Gate) -> None:
    shop = await enrol(gate, "shop", "internal_api", "events:publish")
    answer = await log_in(client, shop)
    assert answer.status == 200
    assert answer.body["token_type"] == "Bearer"
    assert answer.body["expires_in"] == 900
    assert answer.body["scope"] == "events:publish internal_api"
    assert answer.body["refresh_token_expires_at"] == "2026-03-08T12:00:00Z"
    assert answer.headers["Cache-Control"] == "no-store"
    assert await opens(client, answer.access) == 200
    claims = jwt.decode(answer.access, options={"verify_signature": False})
    assert claims["sub"] == "shop"
    assert claims["iss"] == "yabot-api"
    assert claims["aud"] == "yabot-internal"
    assert claims["exp"] - claims["iat"] == 900
    assert claims["scope"] == ["events:publish", "internal_api"]


async def test_credentials_come_in_json_in_a_form_or_as_http_basic(
    client: Client, gate: Gate
) -> None:
    shop = await enrol(gate)
    grant = {"grant_type": "client_credentials"}
    in_form = {**grant, "client_id": "shop", "client_secret": shop.secret, "unknown": "ignored"}
    assert (await log_in(client, shop)).status == 200
    assert (await post_form(client, TOKEN, in_form)).status == 200
    assert (await post_form(client, TOKEN, grant, basic("shop", shop.secret))).status == 200
    named = {**grant, "client_id": "shop"}
    assert (await post_form(client, TOKEN, named, basic("shop", shop.secret))).status == 200


async def test_fewer_scopes_are_given_when_fewer_are_asked_for(client: Client, gate: Gate) -> None:
    shop = await enrol(gate, "shop", "internal_api", "ops:read")
    answer = await log_in(client, shop, scope="ops:read")
    assert answer.body["scope"] == "ops:read"
    assert await opens(client, answer.access) == 403


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, 400, "unsupported_grant_type"),
        ({"scope": "admin"}, 400, "invalid_scope"),
        ({"scope": "internal_api admin"}, 400, "invalid_scope"),
        ({"client_secret": "guessed"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": "SHOP"}, 401, "invalid_client"),
        ({"client_id": "a\nb"}, 401, "invalid_client"),
        ({"client_id": "' OR 1=1 --"}, 401, "invalid_client"),
        ({"client_id": None}, 401, "invalid_client"),
    ],
)
async def test_what_is_wrong_is_a_problem_with_the_error_of_the_standard(
    client: Client, gate: Gate, fields: dict[str, str | None], status: int, error: str
) -> None:
    shop = await enrol(gate)
    sent: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_id": "shop",
        "client_secret": shop.secret,
        **fields,
    }
    given = {name: value for name, value in sent.items() if value is not None}
    for answer in (await post(client, TOKEN, **given), await post_form(client, TOKEN, given)):
        assert answer.status == status
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert (answer.body["code"], answer.body["error"]) == (error, error)
        assert ("WWW-Authenticate" in answer.headers) is (status == 401)
        assert shop.secret not in str(answer.body)


async def test_a_wrong_secret_and_an_unknown_client_are_told_alike(
    client: Client, gate: Gate
) -> None:
    await enrol(gate)
    grant = {"grant_type": "client_credentials", "client_secret": "guessed"}
    known = await post(client, TOKEN, client_id="shop", **grant)
    unknown = await post(client, TOKEN, client_id="nobody", **grant)
    for answer in (known, unknown):
        del answer.body["request_id"], answer.body["instance"]
    assert known.body == unknown.body


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic not-base64!"},
        {"Authorization": "Basic c2hvcA=="},
        {"Authorization": "Bearer c2hvcDpzaG9w"},
        {"Authorization": "Basic /w=="},
    ],
)
async def test_a_header_that_holds_no_credentials_is_400(
    client: Client, headers: dict[str, str]
) -> None:
    answer = await post(client, TOKEN, None, headers, grant_type="client_credentials")
    assert (answer.status, answer.body["error"]) == (400, "invalid_request")


async def test_credentials_in_two_ways_at_once_are_400(client: Client, gate: Gate) -> None:
    shop = await enrol(gate)
    twice = {"grant_type": "client_credentials", "client_secret": shop.secret}
    answer = await post_form(client, TOKEN, twice, basic("shop", shop.secret))
    assert (answer.status, answer.body["error"]) == (400, "invalid_request")
    other = {"grant_type": "client_credentials", "client_id": "other"}
    answer = await post_form(client, TOKEN, other, basic("shop", shop.secret))
    assert (answer.status, answer.body["error"]) == (400, "invalid_request")


async def test_a_parameter_that_comes_twice_is_400(client: Client) -> None:
    response = await client.raw(
        "POST",
        TOKEN,
        b"grant_type=client_credentials&client_id=a&client_id=b",
        kind="application/x-www-form-urlencoded",
    )
    assert response.status == 400


async def test_secrets_in_the_query_are_refused(client: Client, gate: Gate) -> None:
    shop = await enrol(gate)
    query = f"grant_type=client_credentials&client_id=shop&client_secret={shop.secret}"
    answer = await post(client, f"{TOKEN}?{query}")
    assert (answer.status, answer.body["code"]) == (422, "invalid_input")
    assert shop.secret not in str(answer.body)


@pytest.mark.parametrize("path", [REFRESH, REVOKE])
async def test_refreshing_and_revoking_need_the_secret_too(
    client: Client, gate: Gate, path: str
) -> None:
    shop = await enrol(gate)
    token = (await log_in(client, shop)).refresh
    answer = await post(client, path, refresh_token=token, token=token)
    assert (answer.status, answer.body["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(("path", "field"), [(REFRESH, "refresh_token"), (REVOKE, "token")])
async def test_a_request_without_its_token_is_400(
    client: Client, gate: Gate, path: str, field: str
) -> None:
    shop = await enrol(gate)
    answer = await post(client, path, shop)
    assert (answer.status, answer.body["error"]) == (400, "invalid_request")


async def test_a_secret_is_kept_as_a_digest_alone(gate: Gate) -> None:
    made = await enrol(gate)
    (kept,) = await gate.clients.all()
    assert made.secret not in repr(kept)
    assert made.secret not in repr(made)
    assert len(made.secret) >= 43


async def test_a_name_is_given_once(gate: Gate) -> None:
    await enrol(gate)
    with pytest.raises(Problem, match="client_exists"):
        await enrol(gate)
    await gate.clients.revoke("shop")
    with pytest.raises(Problem, match="client_exists"):
        await enrol(gate)


@pytest.mark.parametrize("name", ["operator", "anonymous"])
async def test_a_name_with_a_meaning_of_its_own_is_given_to_nobody(gate: Gate, name: str) -> None:
    with pytest.raises(Problem, match="client_exists"):
        await enrol(gate, name)


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "../x", "x" * 65])
async def test_a_client_needs_a_plain_name(gate: Gate, name: str) -> None:
    with pytest.raises(Problem, match="client_unusable"):
        await enrol(gate, name)


async def test_a_client_needs_scopes_that_exist(gate: Gate) -> None:
    with pytest.raises(Problem, match="client_unusable"):
        await enrol(gate, "shop", "root")


async def test_a_revoked_client_is_refused_with_all_its_tokens_at_once(
    client: Client, gate: Gate
) -> None:
    shop = await enrol(gate)
    tokens = await log_in(client, shop)
    assert await opens(client, tokens.access) == 200
    await gate.clients.revoke("shop")
    assert await opens(client, tokens.access) == 401
    assert (await log_in(client, shop)).status == 401
    assert (await post(client, REFRESH, shop, refresh_token=tokens.refresh)).status == 401


async def test_an_administrator_adds_lists_and_revokes_clients(client: Client, gate: Gate) -> None:
    client.token = client.tokens.create_service_token("operator", scopes=["admin"])
    made = await client.call("POST", "/api/v1/auth/clients", json={"client_id": "shop"})
    assert made.status == 201
    body = await made.json()
    assert body["scopes"] == ["internal_api"]
    again = await client.call("POST", "/api/v1/auth/clients", json={"client_id": "shop"})
    assert (again.status, (await again.json())["code"]) == (409, "client_exists")
    grant = {"grant_type": "client_credentials"}
    credentials = {name: body[name] for name in ("client_id", "client_secret")}
    assert (await post(client, TOKEN, **grant, **credentials)).status == 200

    listed = await (await client.call("GET", "/api/v1/auth/clients")).json()
    assert [entry["client_id"] for entry in listed["clients"]] == ["shop"]
    assert body["client_secret"] not in str(listed)

    gone = await client.call("DELETE", "/api/v1/auth/clients/shop")
    assert gone.status == 200
    assert (await gone.json())["revoked_at"] is not None
    assert (await post(client, TOKEN, **grant, **credentials)).status == 401
    unknown = await client.call("DELETE", "/api/v1/auth/clients/nobody")
    assert unknown.status == 404


async def test_a_client_is_made_once_per_key_and_its_secret_is_told_once(
    client: Client, gate: Gate
) -> None:
    path, shop = "/api/v1/auth/clients", {"client_id": "shop"}
    client.token = client.tokens.create_service_token("operator", scopes=["admin"])
    first, again = [
        await client.call("POST", path, json=shop, idempotency_key="k") for _ in range(2)
    ]
    assert (first.status, again.status) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    told, repeated = await first.json(), await again.json()
    assert repeated == {**told, "client_secret": None}
    other = await client.call("POST", path, json={"client_id": "other"}, idempotency_key="k")
    assert (other.status, (await other.json())["code"]) == (422, "key_reused")
    keyless = await client.call("POST", path, json={"client_id": "other"}, idempotency_key=None)
    assert (keyless.status, (await keyless.json())["code"]) == (400, "idempotency_key_missing")
    assert [known.client_id for known in await gate.clients.all()] == ["shop"]


async def test_making_a_client_many_times_at_once_under_one_key_makes_one(
    client: Client, gate: Gate
) -> None:
    client.token = client.tokens.create_service_token("operator", scopes=["admin"])
    answers: list[tuple[int, bool]] = []

    async def make() -> None:
        sent = {"client_id": "shop"}
        answer = await client.call("POST", "/api/v1/auth/clients", json=sent, idempotency_key="k")
        answers.append((answer.status, (await answer.json())["client_secret"] is not None))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(make)
    assert sorted(answers) == [(201, False)] * 4 + [(201, True)]


async def test_an_access_token_ends_and_the_session_goes_on(
    client: Client, gate: Gate, clock: FakeClock
) -> None:
    shop = await enrol(gate)
    tokens = await log_in(client, shop)
    clock.now += timedelta(minutes=15, seconds=5)
    assert await opens(client, tokens.access) == 401
    renewed = await post(client, REFRESH, shop, refresh_token=tokens.refresh)
    assert await opens(client, renewed.access) == 200
