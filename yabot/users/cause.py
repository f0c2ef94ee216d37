"""Cause: what a turn comes from, for those who follow a chain of events back to its beginning.

The rule: a first message begins a chain under its own key, and whatever it sets off, however much
later, goes on with the chain's correlation and trace. The trace of a message that brought none is
made from its key, so a repetition after a crash belongs to the same trace.
"""

from dataclasses import dataclass
from hashlib import blake2b

from actors import current_envelope
from yabot.domain.decision import Once
from yabot.users.messages import Job
from yabot.users.ports import DueCommand


@dataclass(frozen=True, slots=True)
class Cause:
    """`causation_id` is the key of the turn's own message, `correlation_id` the chain's.

    `traceparent` is the W3C trace context of the chain.
    """

    causation_id: str
    correlation_id: str
    traceparent: str


def first(key: str) -> Cause:
    """The cause of a message that begins a chain."""
    return Cause(key, key, trace_of(key))


def of_job(job: Job) -> Cause:
    """The cause of durable work; a command goes on with the chain that left it."""
    if not isinstance(job, DueCommand) or not job.correlation_id:
        return first(job.key)
    return Cause(job.key, job.correlation_id, job.traceparent or trace_of(job.correlation_id))


def of_question(once: Once | None) -> Cause:
    """The cause of a command that somebody waits for: the request that asked."""
    envelope = current_envelope()
    if envelope is None:
        return first(once.key if once is not None else "")
    correlation_id = envelope.correlation_id
    key = once.key if once is not None else f"api:{correlation_id}"
    return Cause(key, correlation_id, envelope.traceparent or trace_of(correlation_id))


def trace_of(key: str) -> str:
    """A sampled W3C trace context of version 00 whose ids are made from a key."""
    ids = blake2b(key.encode(), digest_size=24).hexdigest()
    return f"00-{ids[:32]}-{ids[32:]}-01"
