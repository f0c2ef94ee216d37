"""The stored answer of a command with a key, as JSON: a repetition gets what the first one got."""

from dataclasses import replace

import orjson

from yabot.domain.decision import Applied, Rejected
from yabot.domain.user import User

NOBODY = b'{"user":null}'
"""The answer to a deletion: it holds nothing of who was deleted."""


def encode(outcome: Applied | Rejected) -> bytes:
    """The JSON of an outcome."""
    if isinstance(outcome, Rejected):
        return orjson.dumps({"rejected": outcome})
    user = outcome.after
    if user is None:
        return NOBODY
    return b'{"user":' + user.__pydantic_serializer__.to_json(user) + b"}"


def decode(body: bytes) -> Applied | Rejected:
    """The outcome behind stored JSON, marked as replayed."""
    answer = orjson.loads(body)
    if "rejected" in answer:
        return replace(Rejected(**answer["rejected"]), replayed=True)
    user = answer["user"]
    return Applied(User.model_validate(user) if user is not None else None, replayed=True)
