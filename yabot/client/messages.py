"""What a client sends, and what it makes of the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from yabot.api.problems import ProblemDetails
from yabot.client.errors import Changed, Refused

BodyT = TypeVar("BodyT")
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer(Generic[BodyT]):
    """What the API answered.

    `etag` goes into `if_match` of a change to what was read. `replayed` tells that the same key had
    been answered before, and nothing happened now.
    """

    body: BodyT
    etag: str = ""
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it is sent. `key` None: sending it twice might do it twice."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    key: str | None = None

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again after an answer was lost."""
        return self.method == "GET" or self.key is not None


@dataclass(frozen=True, slots=True)
class Raw:
    """A success as it came."""

    body: bytes
    etag: str
    replayed: bool


def keyed(
    method: str,
    path: str,
    body: BaseModel | None = None,
    *,
    if_match: str | None = None,
    key: str | None = None,
) -> Request:
    """A change, under a key of its own unless one is given."""
    return Request(
        method,
        path,
        headers={} if if_match is None else {"If-Match": if_match},
        body=None if body is None else to_json(body),
        key=key or uuid4().hex,
    )


def to_json(body: BaseModel) -> bytes:
    """A body as it is sent: what was not set is left out."""
    return body.model_dump_json(exclude_unset=True).encode()


def parsed(raw: Raw, model: type[ModelT]) -> Answer[ModelT]:
    """The model in a success."""
    return Answer(model.model_validate_json(raw.body), raw.etag, raw.replayed)


def retry_after(headers: Mapping[str, str]) -> float:
    """The seconds that an answer asks to wait; a date, which a proxy may send, asks for nothing."""
    asked = headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 0.0


def refusal(status: int, body: bytes) -> Refused:
    """The no in an answer, whoever gave it."""
    try:
        problem = ProblemDetails.model_validate_json(body)
    except ValidationError:
        problem = ProblemDetails(
            type="about:blank",
            title="",
            status=status,
            detail="this was not answered by the API",
            instance="",
            code="unknown",
            request_id="",
        )
    return Changed(problem) if status == 412 else Refused(problem)
