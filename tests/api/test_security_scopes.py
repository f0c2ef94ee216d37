"""Every route opens for the scope that it declares, and for no other."""

import re
from collections.abc import Callable, Iterable

import pytest

from tests.api.conftest import Client
from tests.api.fakes import MemoryUsers
from tests.api.login import AUTH_PAGES
from yabot.api.route import AnyRoute
from yabot.api.scopes import SCOPES
from yabot.api.server import APIServer

pytestmark = pytest.mark.anyio

OPEN = {
    "/livez",
    "/readyz",
    "/health",
    "/health/database",
    "/health/redis",
    "/health/supervisors",
    "/metrics",
    "/docs",
    "/openapi.json",
    "/.well-known/jwks.json",
    *AUTH_PAGES,
}
"""The paths that need no token; any other one must declare a scope."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def path_of(route: AnyRoute) -> str:
    """The path with something for each of its names."""
    return re.sub(r"\{\w+\}", "7", route.path)


@pytest.fixture
def routes(make_server: Callable[[], APIServer]) -> Iterable[AnyRoute]:
    return make_server()._routes


async def test_every_route_passes_its_own_scope_and_refuses_each_other_one(
    client: Client, routes: Iterable[AnyRoute]
) -> None:
    tokens = {
        scope: client.tokens.create_service_token(f"only-{scope.replace(':', '-')}", scopes=[scope])
        for scope in SCOPES
    }
    wrong = []
    for route in routes:
        if route.scope is None:
            continue
        assert route.scope in SCOPES
        for scope, token in tokens.items():
            sent = {"authorization": f"Bearer {token}"}
            response = await client.call(route.method, path_of(route), **sent)
            passed = response.status not in {401, 403, 429}
            if passed is not (scope == route.scope):
                wrong.append(f"{route.method} {route.path} with {scope}: {response.status}")
    assert not wrong, "\n".join(wrong)


async def test_a_token_of_every_scope_opens_no_more_than_the_table_says(
    client: Client, routes: Iterable[AnyRoute]
) -> None:
    client.token = client.tokens.create_service_token("all", scopes=list(SCOPES))
    declared = {(route.method, route.path) for route in routes}
    for path in sorted({route.path for route in routes}):
        some = next(route for route in routes if route.path == path)
        for method in METHODS:
            if (method, path) not in declared:
                response = await client.call(method, path_of(some), json={})
                assert response.status == 405, (method, path)


async def test_a_token_without_any_scope_opens_nothing(
    client: Client, routes: Iterable[AnyRoute]
) -> None:
    for route in routes:
        if route.scope is not None:
            client.token = client.tokens.create_service_token(route.name, scopes=[])
            response = await client.call(route.method, path_of(route))
            assert response.status == 403, route.name


async def test_only_the_known_pages_need_no_token(routes: Iterable[AnyRoute]) -> None:
    assert {route.path for route in routes if route.scope is None} <= OPEN


async def test_no_user_is_told_apart_from_one_that_is_not_there_without_a_token(
    client: Client,
) -> None:
    bodies = []
    for user in ("1", "999", "9" * 30, "x"):
        response = await client.session.get(f"/api/v1/user/{user}/state")
        body = await response.json()
        bodies.append((response.status, body["code"], body["detail"]))
    assert set(bodies) == {bodies[0]}
    assert bodies[0][0] == 401


async def test_guessing_the_ids_of_users_tells_who_exists_and_nothing_else(
    client: Client, users: MemoryUsers
) -> None:
    users.register(2)
    guesses = [*range(1, 6), 10**18, 10**19, -1, "0", "01", "1.0", "0x1", "%00", "1%2f2", "١"]
    statuses = {}
    for guess in guesses:
        response = await client.call("GET", f"/api/v1/user/{guess}/state")
        statuses[guess] = response.status
        body = await response.json()
        assert body.get("user_id") == (str(guess) if response.status == 200 else None)
    assert {guess for guess, status in statuses.items() if status == 200} == {1, 2}
    assert set(statuses.values()) == {200, 404}
