"""One event as it looks on its way, for both documents."""

from datetime import UTC, datetime

import orjson

from yabot.domain.events import BesitosAdded
from yabot.events.envelope import CloudEvent, type_of

SAMPLE = CloudEvent(
    id="9f1c2ab34d5e6f70-2a",
    type=type_of(BesitosAdded.name, BesitosAdded.version),
    time=datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC),
    subject="7001",
    sequence=42,
    correlationid="tg:42:900017",
    causationid="cmd:318",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    data=orjson.loads(BesitosAdded(amount=5, balance=120, reason="reaction:lighthouse").to_json()),
)
"""Besitos that a durable command has added, three messages after the update that began it all."""
