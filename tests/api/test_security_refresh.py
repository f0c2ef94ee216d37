"""A refresh token is good once; used twice, it ends its whole session."""

from datetime import timedelta

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervision import Context, Report
from tests.api.conftest import Client
from tests.api.fakes import FakeClock
from tests.api.login import REVOKE, Answer, enrol, log_in, opens, post, refresh
from tests.fakes.identity import MemoryIdentity
from yabot.api.clients import Clients
from yabot.api.gate import Gate
from yabot.api.refresh import GRACE, MOST_SESSIONS, BadRefresh, Refreshed, RefreshTokens, Reused
from yabot.api.revocation import Revocations

pytestmark = pytest.mark.anyio

LATER = GRACE + timedelta(seconds=1)


async def test_a_refresh_token_gives_a_new_pair_and_is_then_spent(
    client: Client, gate: Gate, clock: FakeClock
) -> None:
    shop = await enrol(gate)
    first = await log_in(client, shop)
    second = await refresh(client, shop, first.refresh)
    assert await opens(client, second.access) == 200
    assert second.refresh != first.refresh
    third = await refresh(client, shop, second.refresh)
    assert third.status == 200


async def test_using_a_token_twice_ends_the_session_for_the_thief_and_for_the_honest(
    client: Client, gate: Gate, clock: FakeClock, reports: list[Report]
) -> None:
    shop = await enrol(gate)
    first = await log_in(client, shop)
    second = await refresh(client, shop, first.refresh)
    clock.now += LATER
    stolen = await refresh(client, shop, first.refresh)
    assert (stolen.status, stolen.body["error"]) == (400, "invalid_grant")
    assert (await refresh(client, shop, second.refresh)).status == 400
    for tokens in (first, second):
        assert await opens(client, tokens.access) == 401
    (report,) = reports
    assert (report.context, report.offender) == (Context.ALERT, "client shop")
    assert first.refresh not in str(report)


async def test_an_older_token_of_the_line_ends_it_even_within_the_grace(
    client: Client, gate: Gate
) -> None:
    shop = await enrol(gate)
    first = await log_in(client, shop)
    second = await refresh(client, shop, first.refresh)
    third = await refresh(client, shop, second.refresh)
    assert (await refresh(client, shop, first.refresh)).status == 400
    assert (await refresh(client, shop, third.refresh)).status == 400


async def test_a_lost_answer_is_given_again_with_the_same_one_successor(
    client: Client, gate: Gate, clock: FakeClock
) -> None:
    shop = await enrol(gate)
    first = await log_in(client, shop)
    lost = await refresh(client, shop, first.refresh)
    clock.now += GRACE
    again = await refresh(client, shop, first.refresh)
    assert again.refresh == lost.refresh
    clock.now += LATER
    assert (await refresh(client, shop, again.refresh)).status == 200


async def test_two_uses_at_once_agree_on_one_successor(client: Client, gate: Gate) -> None:
    shop = await enrol(gate)
    first = await log_in(client, shop)
    answers: list[Answer] = []

    async def use() -> None:
        answers.append(await refresh(client, shop, first.refresh))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(use)
    assert {answer.refresh for answer in answers} == {answers[0].refresh}


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_whoever_is_first_nothing_of_a_session_survives_its_end(
    client: Client, gate: Gate, place: int
) -> None:
    """Refreshing and ending a session at once."""
    shop = await enrol(gate)
    first = await log_in(client, shop)
    given = [first]

    async def use() -> None:
        answer = await refresh(client, shop, first.refresh)
        if answer.status == 200:
            given.append(answer)

    async def end() -> None:
        assert (await post(client, REVOKE, shop, token=first.refresh)).status == 200

    at_once = [use, use]
    at_once.insert(place, end)
    async with anyio.create_task_group() as group:
        for ask in at_once:
            group.start_soon(ask)
    for tokens in given:
        assert await opens(client, tokens.access) == 401
        assert (await refresh(client, shop, tokens.refresh)).status == 400


async def test_a_session_ends_after_seven_days_however_often_it_is_refreshed(
    client: Client, gate: Gate, clock: FakeClock
) -> None:
    shop = await enrol(gate)
    tokens = await log_in(client, shop)
    for _ in range(6):
        clock.now += timedelta(days=1)
        tokens = await refresh(client, shop, tokens.refresh)
    clock.now += timedelta(days=1)
    ended = await refresh(client, shop, tokens.refresh)
    assert (ended.status, ended.body["error"]) == (400, "invalid_grant")


async def test_another_client_can_neither_use_nor_end_a_token(client: Client, gate: Gate) -> None:
    shop, rival = await enrol(gate), await enrol(gate, "rival")
    tokens = await log_in(client, shop)
    assert (await refresh(client, rival, tokens.refresh)).status == 400
    assert (await post(client, REVOKE, rival, token=tokens.refresh)).status == 400
    assert await opens(client, tokens.access) == 200
    assert (await refresh(client, shop, tokens.refresh)).status == 200


async def test_after_its_end_a_session_gives_nothing_more(client: Client, gate: Gate) -> None:
    shop = await enrol(gate)
    tokens = await log_in(client, shop)
    assert (await post(client, REVOKE, shop, token=tokens.refresh)).status == 200
    assert (await refresh(client, shop, tokens.refresh)).status == 400
    assert await opens(client, tokens.access) == 401
    assert (await post(client, REVOKE, shop, token=tokens.refresh)).status == 200


@pytest.mark.parametrize("token", ["", ".", "a.b", "x" * 300, "a.b.c", "ü.ö", "\u0000.x", "' --.x"])
async def test_what_was_never_given_is_refused(client: Client, gate: Gate, token: str) -> None:
    shop = await enrol(gate)
    assert (await refresh(client, shop, token)).status == 400


async def test_a_refresh_token_opens_no_route_and_an_access_token_refreshes_nothing(
    client: Client, gate: Gate
) -> None:
    shop = await enrol(gate)
    tokens = await log_in(client, shop)
    assert await opens(client, tokens.refresh) == 401
    assert (await refresh(client, shop, tokens.access)).status == 400


async def test_a_successor_may_have_fewer_scopes_and_never_more(client: Client, gate: Gate) -> None:
    shop = await enrol(gate, "shop", "internal_api", "ops:read")
    tokens = await log_in(client, shop, scope="internal_api")
    assert (await refresh(client, shop, tokens.refresh, scope="ops:read")).status == 400
    assert (await refresh(client, shop, tokens.refresh)).body["scope"] == "internal_api"


async def test_a_refusal_for_its_scopes_does_not_spend_the_token(
    client: Client, gate: Gate, clock: FakeClock
) -> None:
    shop = await enrol(gate, "shop", "internal_api", "ops:read")
    tokens = await log_in(client, shop, scope="internal_api")
    for scope in ("admin", "ops:read"):
        refused = await refresh(client, shop, tokens.refresh, scope=scope)
        assert (refused.status, refused.body["error"]) == (400, "invalid_scope")
    clock.now += LATER
    assert (await refresh(client, shop, tokens.refresh)).status == 200


async def test_sessions_of_a_client_are_bounded_and_the_oldest_ends_first(gate: Gate) -> None:
    shop = await enrol(gate)
    issued = [
        await gate.refresh.issue(shop.client, shop.client.scopes) for _ in range(MOST_SESSIONS + 1)
    ]
    good = 0
    for refreshed in issued:
        try:
            await gate.refresh.exchange(refreshed.token, shop.client)
            good += 1
        except BadRefresh:
            continue
    assert good == MOST_SESSIONS


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 3, 11])), max_size=14))
def test_whatever_is_used_when_a_line_has_at_most_one_good_end(
    steps: list[tuple[int, int]],
) -> None:
    """A model: the line of tokens so far; only its end, or right after it the one before, works."""

    async def check() -> None:
        clock = FakeClock()
        store = MemoryIdentity()
        revocations = Revocations(store, clock=clock)
        shop = (await Clients(store, revocations, clock=clock).add("shop", ["internal_api"])).client
        tokens = RefreshTokens(store, revocations, clock=clock)
        line = [(await tokens.issue(shop, shop.scopes)).token]
        used_at, ended = clock.now, False
        for back, seconds in steps:
            clock.now += timedelta(seconds=seconds)
            place = max(0, len(line) - 1 - back)
            try:
                got: Refreshed | BadRefresh = await tokens.exchange(line[place], shop)
            except BadRefresh as error:
                got = error
            assert ended or isinstance(got, Refreshed | Reused)
            last = place == len(line) - 1
            repeated = place == len(line) - 2 and clock.now - used_at <= GRACE
            assert isinstance(got, Refreshed) is (not ended and (last or repeated))
            if isinstance(got, BadRefresh):
                ended = True
            elif last:
                line.append(got.token)
                used_at = clock.now
            else:
                assert got.token == line[-1]

    anyio.run(check)
