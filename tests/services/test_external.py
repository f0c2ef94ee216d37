"""What other services tell of a user becomes a command to that user, once, or a clear no."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from tests.services.living import Living
from yabot.domain.commands import ChangePreferences
from yabot.domain.decision import Applied, Rejected
from yabot.domain.external import EXTERNAL
from yabot.events.envelope import CloudEvent
from yabot.services.external import ExternalEvents

pytestmark = pytest.mark.anyio

PAYMENT = "yabot.external.payment.received.v1"
GRANT = "yabot.external.besitos.granted.v1"
NOTICE = "yabot.external.notice.v1"
FIVE: Mapping[str, object] = {"amount": 5, "reason": "raffle"}


@dataclass(frozen=True)
class Told:
    """An event as another service tells it."""

    type: str
    data: Mapping[str, object] = field(default_factory=dict)
    id: str = "e1"
    subject: str | None = "1"
    source: str = "/shop"


@pytest.fixture
async def external(bot: Living) -> ExternalEvents:
    """User 1 is known."""
    await bot.register("1")
    return ExternalEvents(bot.directory)


async def test_besitos_that_another_service_gives_are_added_once(
    bot: Living, external: ExternalEvents
) -> None:
    first = await external.accept(Told(GRANT, FIVE))
    again = await external.accept(Told(GRANT, FIVE))
    assert isinstance(first, Applied)
    assert isinstance(again, Applied)
    assert (first.replayed, again.replayed) == (False, True)
    assert (await bot.user("1")).balance == 5
    assert bot.events("1").count("besitos_added") == 1


async def test_a_payment_opens_the_plan(bot: Living, external: ExternalEvents) -> None:
    data = {"plan": "vip", "end_date": "2026-12-22T12:00:00Z"}
    assert isinstance(await external.accept(Told(PAYMENT, data)), Applied)
    plan = (await bot.user("1")).subscription
    assert (plan.plan_type, plan.end_date) == ("vip", datetime(2026, 12, 22, 12, tzinfo=UTC))


async def test_a_notice_reaches_the_chat_of_who_wants_it(
    bot: Living, external: ExternalEvents
) -> None:
    assert isinstance(await external.accept(Told(NOTICE, {"text": "Fair on Sunday"})), Applied)
    assert "Fair on Sunday" in bot.calls("1")[0].decode()
    await bot.directory.apply("1", ChangePreferences(notifications_enabled=False))
    refused = await external.accept(Told(NOTICE, {"text": "Again"}, id="e2"))
    assert isinstance(refused, Rejected)
    assert refused.code == "notifications_off"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (Told("yabot.external.fireworks.v1"), "event_type_unknown"),
        (Told("yabot.besitos.besitos_added.v1", FIVE), "event_type_unknown"),
        (Told(GRANT, {"amount": -5, "reason": "theft"}), "event_data_invalid"),
        (Told(GRANT, {"amount": "5", "reason": "raffle"}), "event_data_invalid"),
        (Told(GRANT, {**FIVE, "colour": "red"}), "event_data_invalid"),
        (Told(PAYMENT, {"plan": "free"}), "event_data_invalid"),
        (Told(NOTICE, {}), "event_data_invalid"),
        (Told(GRANT, FIVE, subject=None), "event_subject_missing"),
        (Told(GRANT, FIVE, subject="chat:7"), "event_subject_missing"),
        (Told(GRANT, FIVE, subject="99"), "user_unknown"),
        (Told(PAYMENT, {"plan": "vip", "end_date": "2020-01-01T00:00:00Z"}), "end_date_past"),
    ],
)
async def test_what_can_not_be_taken_is_refused_with_its_reason(
    told: Told, code: str, bot: Living, external: ExternalEvents
) -> None:
    before = await bot.user("1")
    outcome = await external.accept(told)
    assert isinstance(outcome, Rejected)
    assert outcome.code == code
    assert outcome.status in (404, 422)
    assert (await bot.user("1")).balance == before.balance


async def test_wrong_data_is_told_by_field(external: ExternalEvents) -> None:
    outcome = await external.accept(Told(GRANT, {"amount": 0, "reason": ""}))
    assert isinstance(outcome, Rejected)
    problem = str(outcome.params["problem"])
    assert "amount: " in problem
    assert "reason: " in problem


async def test_an_id_that_stood_for_something_else_is_refused(
    bot: Living, external: ExternalEvents
) -> None:
    await external.accept(Told(GRANT, FIVE))
    outcome = await external.accept(Told(GRANT, {**FIVE, "amount": 6}))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "key_reused"
    assert (await bot.user("1")).balance == 5


async def test_what_came_before_its_user_can_be_told_again(
    bot: Living, external: ExternalEvents
) -> None:
    early = Told(GRANT, FIVE, subject="99")
    assert isinstance(await external.accept(early), Rejected)
    await bot.register("99")
    assert isinstance(await external.accept(early), Applied)
    assert (await bot.user("99")).balance == 5


async def test_the_same_id_from_another_service_is_another_event(
    bot: Living, external: ExternalEvents
) -> None:
    for source in ("/shop", "/raffle"):
        outcome = await external.accept(Told(GRANT, FIVE, source=source))
        assert isinstance(outcome, Applied)
        assert not outcome.replayed
    assert (await bot.user("1")).balance == 10


async def test_an_envelope_from_the_stream_is_taken_as_it_is(
    bot: Living, external: ExternalEvents
) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    event = CloudEvent(id="e7", type=GRANT, time=now, subject="1", source="/shop", data=FIVE)
    assert isinstance(await external.accept(CloudEvent.from_json(event.to_json())), Applied)
    assert (await bot.user("1")).balance == 5


def test_every_type_says_where_it_is_from_and_its_version() -> None:
    for name in EXTERNAL:
        assert name.startswith("yabot.external.")
        assert name.endswith(".v1")
