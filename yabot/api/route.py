"""A route: one declaration, from which both the server and its description are made.

The rule: whatever a caller may know of a route stands in its declaration, and nowhere else.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from yabot.api.tokens import INTERNAL_API
from yabot.domain.decision import Rejected
from yabot.domain.user import Language, User
from yabot.domain.values import UserId
from yabot.services.gateway import Applied, Once


class Input(BaseModel):
    """What comes in with a request: its JSON body, or for GET its query."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Output(BaseModel):
    """What goes out."""

    model_config = ConfigDict(frozen=True)


class Nothing(Input):
    """For a route that takes no input."""


InputT = TypeVar("InputT", bound=Input)


@dataclass(frozen=True, slots=True)
class Asked(Generic[InputT]):
    """One request, read and checked.

    `once` is there when it came with an Idempotency-Key; `accept` is its Accept header.
    """

    input: InputT
    path: Mapping[str, str]
    language: Language
    once: Once | None = None
    accept: str = ""

    @property
    def user_id(self) -> UserId:
        """The user in the path."""
        return self.path["user_id"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a model, text with a content type of its own, or nothing.

    `status` None is the route's.
    """

    body: BaseModel | str | bytes | None
    status: int | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route(Generic[InputT]):
    """Method, path, input, output. `scope` None opens the route to callers without a token.

    `idempotency` tells whether an Idempotency-Key must come, may come, or means nothing here.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    name: str
    summary: str
    input: type[InputT]
    output: type[BaseModel] | None
    handle: Callable[[Asked[InputT]], Awaitable[Reply | Rejected]]
    status: int = 200
    scope: str | None = INTERNAL_API
    idempotency: Literal["required", "optional", "none"] = "none"


AnyRoute: TypeAlias = Route[Any]
"""A route in a table of many; its own input type matters only to itself."""

USER_UNKNOWN = Rejected("user_unknown", "user_unknown", status=404)


def reply(
    outcome: Applied | Rejected, view: Callable[[User], BaseModel] | None = None
) -> Reply | Rejected:
    """The answer to a command: what the caller may see of the user after it, if anything."""
    if isinstance(outcome, Rejected):
        return outcome
    headers = {"Idempotent-Replayed": "true"} if outcome.replayed else {}
    return Reply(view(outcome.user) if view is not None else None, headers=headers)
