"""A caller's trace goes on in everything that its request sets off."""

import pytest

from actors import current_envelope
from tests.api.conftest import Client
from tests.api.fakes import MemoryUsers
from yabot.api.tracing import traceparent
from yabot.domain.values import UserId

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "hello",
        TRACE.upper(),
        TRACE + "-00",
        TRACE + "\n",
        "ff" + TRACE[2:],
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
    ],
)
def test_a_header_that_is_not_exactly_right_is_as_good_as_none(header: str) -> None:
    assert traceparent({"traceparent": header}) is None


def test_a_right_header_is_carried_on() -> None:
    assert traceparent({"traceparent": TRACE}) == TRACE
    assert traceparent({}) is None


@pytest.mark.anyio
@pytest.mark.parametrize(("sent", "carried"), [(TRACE, TRACE), ("nonsense", None)])
async def test_a_request_hands_its_ids_to_whatever_it_asks(
    client: Client,
    users: MemoryUsers,
    monkeypatch: pytest.MonkeyPatch,
    sent: str,
    carried: str | None,
) -> None:
    seen: list[tuple[str, str | None]] = []
    read = users.get

    async def get(user_id: UserId, *, timeout: float | None = None) -> object:
        envelope = current_envelope()
        assert envelope is not None
        seen.append((envelope.correlation_id, envelope.traceparent))
        return await read(user_id, timeout=timeout)

    monkeypatch.setattr(users, "get", get)
    answer = await client.call(
        "GET", "/api/v1/user/1/state", traceparent=sent, x_request_id="request-7"
    )
    assert answer.status == 200
    assert seen == [("request-7", carried)]
