"""What each route answers, over real HTTP."""

from collections.abc import Callable

import pytest

from tests.api.conftest import Client, Observed
from tests.api.fakes import FakeClock, MemoryUsers
from yabot.api.server import APIServer

pytestmark = pytest.mark.anyio

USER = "/api/v1/user/1"


async def test_the_state_of_a_user_is_told(client: Client) -> None:
    response = await client.call("GET", f"{USER}/state")
    body = await response.json()
    assert response.status == 200
    assert body["user_id"] == "1"
    assert body["current_state"]["menu_context"] == "main_menu"
    assert body["preferences"]["language"] == "es"
    assert body["last_activity"] == "2026-03-01T12:00:00Z"


async def test_a_patch_of_the_state_changes_what_it_names(client: Client) -> None:
    response = await client.call("PATCH", f"{USER}/state", json={"current_fragment": "plaza"})
    body = await response.json()
    assert response.status == 200
    assert body["current_state"]["narrative_progress"]["current_fragment"] == "plaza"
    assert body["current_state"]["menu_context"] == "main_menu"


async def test_preferences_are_read_and_set(client: Client) -> None:
    sent = {"language": "en", "theme": "dark"}
    changed = await client.call("PUT", f"{USER}/preferences", json=sent)
    read = await client.call("GET", f"{USER}/preferences")
    assert changed.status == read.status == 200
    assert await read.json() == await changed.json()
    assert await read.json() == {
        "language": "en",
        "notifications_enabled": True,
        "theme": "dark",
        "time_zone": "UTC",
    }


async def test_a_profile_is_read_and_corrected(client: Client) -> None:
    changed = await client.call("PUT", f"{USER}/profile", json={"first_name": "Eva"})
    read = await client.call("GET", f"{USER}/profile")
    assert changed.status == 200
    body = await read.json()
    assert (body["first_name"], body["username"]) == ("Eva", "ana")


async def test_a_plan_is_read_and_set_and_its_end_is_kept_in_utc(client: Client) -> None:
    sent = {"plan_type": "vip", "end_date": "2026-04-01T02:00:00+02:00"}
    changed = await client.call("PUT", f"{USER}/subscription", json=sent)
    read = await client.call("GET", f"{USER}/subscription")
    assert changed.status == 200
    body = await read.json()
    assert (body["plan_type"], body["status"], body["active"]) == ("vip", "active", True)
    assert body["end_date"] == "2026-04-01T00:00:00Z"


async def test_a_plan_that_is_over_is_told_as_not_active(client: Client, clock: FakeClock) -> None:
    sent = {"plan_type": "vip", "end_date": "2026-03-02T00:00:00Z"}
    await client.call("PUT", f"{USER}/subscription", json=sent)
    clock.now = clock.now.replace(day=3)
    client.token = client.tokens.create_service_token("billing")
    response = await client.call("GET", f"{USER}/subscription")
    assert (await response.json())["active"] is False


async def test_a_vip_feature_opens_for_a_vip_only(client: Client) -> None:
    refused = await client.call("POST", f"{USER}/vip-access", json={"feature": "terrace"})
    assert refused.status == 403
    assert (await refused.json())["code"] == "vip_required"
    await client.call("PUT", f"{USER}/subscription", json={"plan_type": "vip"})
    opened = await client.call("POST", f"{USER}/vip-access", json={"feature": "terrace"})
    assert opened.status == 200
    assert await opened.json() == {"user_id": "1", "feature": "terrace", "access_granted": True}


async def test_an_interaction_opens_a_menu(client: Client) -> None:
    response = await client.call("POST", f"{USER}/interactions", json={"action": "shop"})
    assert response.status == 200
    assert (await response.json())["menu_context"] == "shop"


async def test_the_daily_gift_is_an_interaction_that_works_once_a_day(client: Client) -> None:
    first = await client.call("POST", f"{USER}/interactions", json={"action": "daily"})
    second = await client.call("POST", f"{USER}/interactions", json={"action": "daily"})
    assert (await first.json())["balance"] == 10
    assert second.status == 409
    assert (await second.json())["code"] == "daily_taken"


async def test_besitos_move_and_the_ledger_pages_newest_first(client: Client) -> None:
    for number in range(1, 6):
        sent = {"amount": number, "reason": f"gift {number}"}
        moved = await client.call(
            "POST", f"{USER}/besitos/transactions", json=sent, idempotency_key=f"key-{number}"
        )
        assert moved.status == 201
    assert (await moved.json()) == {
        "user_id": "1",
        "amount": 5,
        "reason": "gift 5",
        "balance": 15,
    }
    balance = await client.call("GET", f"{USER}/besitos")
    assert await balance.json() == {"user_id": "1", "balance": 15}

    seen: list[int] = []
    path = f"{USER}/besitos/transactions?limit=2"
    while path:
        page = await client.call("GET", path)
        seen += [line["amount"] for line in (await page.json())["items"]]
        path = str(page.links["next"]["url"]) if "next" in page.links else ""
    assert seen == [5, 4, 3, 2, 1]


async def test_the_last_page_of_a_ledger_has_no_next(client: Client) -> None:
    page = await client.call("GET", f"{USER}/besitos/transactions")
    assert await page.json() == {"items": [], "next": None}


async def test_a_fragment_is_told_in_the_language_asked_for(client: Client) -> None:
    spanish = await client.call("GET", "/api/v1/narrative/plaza")
    english = await client.call("GET", "/api/v1/narrative/plaza?language=en")
    accepted = await client.call("GET", "/api/v1/narrative/plaza", accept_language="en-GB,es;q=0.5")
    assert (await spanish.json())["title"] == "La plaza de las velas"
    assert await english.json() == await accepted.json()
    body = await english.json()
    assert body["title"] == "The square of candles"
    assert len(body["choices"]) == 5
    assert body["metadata"]["vip_required"] is False


async def test_a_fragment_that_does_not_exist_is_404(client: Client) -> None:
    response = await client.call("GET", "/api/v1/narrative/nowhere")
    assert response.status == 404
    assert (await response.json())["code"] == "fragment_unknown"


def test_the_table_has_every_route_of_the_contract(
    make_server: Callable[[], APIServer],
) -> None:
    user = "/api/v1/user/{user_id}"
    table = {(route.method, route.path) for route in make_server()._routes}
    assert table >= {
        ("POST", "/api/v1/auth/token"),
        ("POST", "/api/v1/auth/refresh"),
        ("POST", "/api/v1/auth/revoke"),
        ("GET", "/.well-known/jwks.json"),
        ("GET", f"{user}/state"),
        ("PATCH", f"{user}/state"),
        ("GET", f"{user}/preferences"),
        ("PUT", f"{user}/preferences"),
        ("GET", f"{user}/profile"),
        ("PUT", f"{user}/profile"),
        ("GET", f"{user}/export"),
        ("DELETE", user),
        ("GET", f"{user}/subscription"),
        ("PUT", f"{user}/subscription"),
        ("GET", f"{user}/besitos"),
        ("GET", f"{user}/besitos/transactions"),
        ("POST", f"{user}/besitos/transactions"),
        ("POST", f"{user}/vip-access"),
        ("POST", f"{user}/interactions"),
        ("GET", "/api/v1/narrative/{fragment_id}"),
        ("GET", "/api/v1/events"),
        ("POST", "/api/v1/events"),
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/health"),
        ("GET", "/health/database"),
        ("GET", "/health/redis"),
        ("GET", "/health/supervisors"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
    }
    names = [route.name for route in make_server()._routes]
    assert len(set(names)) == len(names)


READS = [
    "state",
    "preferences",
    "profile",
    "export",
    "subscription",
    "besitos",
    "besitos/transactions",
]


@pytest.mark.parametrize("what", READS)
@pytest.mark.parametrize("who", ["404", "nobody", "-1", "0", "1" * 30, "chat:5", "%00"])
async def test_reading_of_an_unknown_user_is_404(client: Client, what: str, who: str) -> None:
    response = await client.call("GET", f"/api/v1/user/{who}/{what}")
    assert response.status == 404
    assert (await response.json())["code"] == "user_unknown"


@pytest.mark.parametrize(
    ("method", "what", "sent"),
    [
        ("PATCH", "state", {"menu_context": "shop"}),
        ("PUT", "preferences", {"theme": "dark"}),
        ("PUT", "profile", {"first_name": "Eva"}),
        ("PUT", "subscription", {"plan_type": "vip"}),
        ("POST", "besitos/transactions", {"amount": 1, "reason": "gift"}),
        ("POST", "vip-access", {}),
        ("POST", "interactions", {"action": "shop"}),
    ],
)
async def test_changing_an_unknown_user_is_404_and_creates_nobody(
    client: Client, users: MemoryUsers, method: str, what: str, sent: dict[str, object]
) -> None:
    response = await client.call(
        method, f"/api/v1/user/404/{what}", json=sent, idempotency_key="key-1"
    )
    assert response.status == 404
    assert (await response.json())["code"] == "user_unknown"
    assert set(users.users) == {"1"}


async def test_a_no_speaks_the_language_of_the_caller(client: Client) -> None:
    sent = {"amount": -5, "reason": "hat"}
    path = f"{USER}/besitos/transactions"
    spanish = await client.call("POST", path, json=sent, idempotency_key="a")
    english = await client.call(
        "POST", path, json=sent, idempotency_key="b", accept_language="en;q=0.8, fr"
    )
    assert spanish.status == english.status == 409
    assert (await spanish.json())["detail"] == "El usuario tiene 0 besitos y harían falta 5."
    assert (await english.json())["detail"] == "The user has 0 besitos, and 5 would be needed."


async def test_a_get_route_answers_head_without_a_body(client: Client) -> None:
    response = await client.call("HEAD", f"{USER}/state")
    assert response.status == 200
    assert int(response.headers["Content-Length"]) > 0
    assert await response.read() == b""


async def test_metrics_know_routes_by_their_declaration(client: Client, observed: Observed) -> None:
    await client.call("GET", f"{USER}/state")
    await client.call("GET", "/nowhere")
    assert observed.calls == [
        ("GET", "/api/v1/user/{user_id}/state", 200),
        ("GET", "unmatched", 404),
    ]
