"""A revoked token is refused at once, however good it is otherwise, and after a restart too."""

from datetime import timedelta

import pytest

from tests.api.conftest import Client
from tests.api.fakes import FakeClock
from tests.api.login import REVOKE, enrol, log_in, opens, post, refresh
from tests.fakes.identity import MemoryIdentity
from yabot.api.gate import Gate
from yabot.api.revocation import SKEW, Revocations

pytestmark = pytest.mark.anyio


async def test_a_revoked_access_token_is_refused_though_it_was_good_just_now(
    client: Client, gate: Gate
) -> None:
    shop = await enrol(gate)
    tokens, others = await log_in(client, shop), await log_in(client, shop)
    assert await opens(client, tokens.access) == 200
    assert (await post(client, REVOKE, shop, token=tokens.access)).status == 200
    assert await opens(client, tokens.access) == 401
    assert await opens(client, others.access) == 200
    assert (await refresh(client, shop, tokens.refresh)).status == 200


async def test_a_client_revokes_its_own_tokens_and_an_administrator_everybodys(
    client: Client, gate: Gate
) -> None:
    shop, rival = await enrol(gate), await enrol(gate, "rival")
    admin = await enrol(gate, "admin", "admin")
    tokens = await log_in(client, shop)
    refused = await post(client, REVOKE, rival, token=tokens.access)
    assert (refused.status, refused.body["error"]) == (400, "invalid_grant")
    assert await opens(client, tokens.access) == 200
    assert (await post(client, REVOKE, admin, token=tokens.access)).status == 200
    assert await opens(client, tokens.access) == 401


@pytest.mark.parametrize("token", ["a.b.c", "unknown.token", "x", "eyJhbGciOiJub25lIn0.e30."])
async def test_revoking_what_is_no_token_is_fine(client: Client, gate: Gate, token: str) -> None:
    shop = await enrol(gate)
    assert (await post(client, REVOKE, shop, token=token)).status == 200


async def test_what_is_revoked_stays_so_over_a_restart(clock: FakeClock) -> None:
    store = MemoryIdentity()
    first = Revocations(store, clock=clock)
    await first.add("token", clock() + timedelta(minutes=15))
    second = Revocations(store, clock=clock)
    await second.open()
    assert second.cover("shop", "token")
    assert not second.cover("shop", "another", "")


async def test_a_revocation_is_forgotten_when_its_token_would_have_ended(clock: FakeClock) -> None:
    store = MemoryIdentity()
    revocations = Revocations(store, clock=clock)
    for number in range(50):
        await revocations.add(f"token {number}", clock() + timedelta(minutes=15))
        clock.now += timedelta(minutes=1)
    assert len(revocations) <= 17
    clock.now += timedelta(minutes=15) + SKEW
    await revocations.add("last", clock() + timedelta(minutes=15))
    assert len(revocations) == 1
    assert len(await store.revocations(clock())) == 1
