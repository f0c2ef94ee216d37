"""A dead letter goes back once per key."""

import pytest

from tests.api.conftest import Client
from tests.api.fakes import MemoryLetters

pytestmark = pytest.mark.anyio

REPLAY = "/ops/dead-letters/7/replay"


@pytest.fixture
def operator(client: Client) -> Client:
    client.token = client.tokens.create_service_token("operator", scopes=["ops:write"])
    return client


async def test_a_letter_goes_back_once_per_key(operator: Client, letters: MemoryLetters) -> None:
    letters.waiting = {7}
    first = await operator.call("POST", REPLAY, idempotency_key="k")
    letters.waiting = {7}
    again = await operator.call("POST", REPLAY, idempotency_key="k")
    assert (first.status, again.status) == (200, 200)
    assert await first.json() == await again.json() == {"letter_id": 7}
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert letters.waiting == {7}


async def test_without_a_key_it_stays(operator: Client, letters: MemoryLetters) -> None:
    letters.waiting = {7}
    refused = await operator.call("POST", REPLAY, idempotency_key=None)
    assert (refused.status, (await refused.json())["code"]) == (400, "idempotency_key_missing")
    assert letters.waiting == {7}


@pytest.mark.parametrize("number", ["8", "0", "-7", "7.0", "x", "9" * 30])
async def test_a_letter_that_is_not_there_is_404(
    operator: Client, letters: MemoryLetters, number: str
) -> None:
    letters.waiting = {7}
    for method, path in (("POST", f"{number}/replay"), ("DELETE", number)):
        answer = await operator.call(method, f"/ops/dead-letters/{path}")
        assert (answer.status, (await answer.json())["code"]) == (404, "letter_unknown")
    assert letters.waiting == {7}
