"""The stored answer of a command with a key, as JSON: a repetition gets what the first one got."""

import orjson

from yabot.domain.decision import Applied, Rejected
from yabot.domain.user import User


def encode(outcome: Applied | Rejected) -> bytes:
    """The JSON of an outcome."""
    if isinstance(outcome, Rejected):
        return orjson.dumps({"rejected": outcome})
    return b'{"user":' + outcome.user.__pydantic_serializer__.to_json(outcome.user) + b"}"


def decode(body: bytes) -> Applied | Rejected:
    """The outcome behind stored JSON, marked as replayed."""
    answer = orjson.loads(body)
    if "rejected" in answer:
        return Rejected(**answer["rejected"])
    return Applied(User.model_validate(answer["user"]), replayed=True)
