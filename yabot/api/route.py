"""A route: one declaration, from which come the server's checks and every description of it.

The dispatch, the OpenAPI document, its page, the limits and the metrics all read it. The rule:
whatever a caller may know of a route stands in its declaration, and nowhere else.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from yabot.api.caller import Caller
from yabot.api.etag import unchanged
from yabot.api.limits import RateClass
from yabot.api.scopes import INTERNAL_API
from yabot.domain.decision import Precondition, Rejected
from yabot.domain.user import Language, User
from yabot.domain.values import UserId
from yabot.services.gateway import Applied, Once

JSON = "application/json"

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Idempotency = Literal["required", "optional", "none"]

CONDITIONAL: frozenset[Method] = frozenset({"PUT", "PATCH"})
"""Methods that replace what their caller has read: they need the tag of it, in `If-Match`."""


class Input(BaseModel):
    """What comes in with a request: its body, or for GET its query."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Output(BaseModel):
    """What goes out: these fields and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Nothing(Input):
    """For a route that takes no input."""


InputT = TypeVar("InputT", bound=Input)
AskedT = TypeVar("AskedT", bound=Input, covariant=True)


@dataclass(frozen=True, slots=True)
class Asked(Generic[AskedT]):
    """One request, read and checked.

    `once` is there when it came with an Idempotency-Key, `if_match` is what the caller has seen of
    the resource, `accept` what they want it as.
    """

    input: AskedT
    path: Mapping[str, str]
    language: Language
    caller: Caller
    once: Once | None = None
    if_match: str = "*"
    accept: str = ""

    @property
    def user_id(self) -> UserId:
        """The user in the path."""
        return self.path["user_id"]

    def unchanged(self, view: Callable[[User], BaseModel]) -> Precondition:
        """That the user still looks as the caller has seen them; `view` is the resource."""
        return unchanged(self.if_match, view)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a model, text with a content type of its own, or nothing.

    `status` None is the route's.
    """

    body: BaseModel | str | bytes | None
    status: int | None = None
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route(Generic[InputT]):
    """Method, path, input, output.

    `scope` None opens the route to callers without a token. `idempotency` tells whether an
    Idempotency-Key must come, may come, or means nothing here. `errors` are the codes, with their
    statuses, that it answers beyond those of every route. `rate` is the class of its limit, where
    it is not what the method and the scope make it.
    `answers` are the content types of its output, `accepts` those of its body, `statuses` its
    further statuses that come with an output.
    """

    method: Method
    path: str
    name: str
    summary: str
    input: type[InputT]
    output: type[BaseModel] | None
    handle: Callable[[Asked[InputT]], Awaitable[Reply | Rejected]]
    status: int = 200
    scope: str | None = INTERNAL_API
    idempotency: Idempotency = "none"
    errors: tuple[tuple[int, str], ...] = ()
    rate: RateClass | None = None
    answers: tuple[str, ...] = (JSON,)
    accepts: tuple[str, ...] = (JSON,)
    statuses: tuple[int, ...] = ()

    @property
    def rate_class(self) -> RateClass:
        """The class of its limit."""
        if self.rate is not None:
            return self.rate
        if self.scope is None:
            return "open"
        return "read" if self.method == "GET" else "write"

    @property
    def conditional(self) -> bool:
        """Whether it needs `If-Match`."""
        return self.method in CONDITIONAL

    @property
    def tagged(self) -> bool:
        """Whether its answer carries the tag of a resource."""
        return self.output is not None and (self.conditional or self.method == "GET")

    @property
    def has_body(self) -> bool:
        """Whether its input comes in the body."""
        return self.method != "GET" and self.input is not Nothing


AnyRoute: TypeAlias = Route[Any]
"""A route in a table of many; its own input type matters only to itself."""

AnyAsked: TypeAlias = Asked[Any]
"""A request whose input was checked against the model of its own route."""

UNKNOWN_USER = (404, "user_unknown")
USER_UNKNOWN = Rejected("user_unknown", "user_unknown", status=404)

REPLAYED: Mapping[str, str] = MappingProxyType({"Idempotent-Replayed": "true"})
"""Tells that the same key was answered before, and nothing happened now."""


def reply(
    outcome: Applied | Rejected, view: Callable[[User], BaseModel] | None = None
) -> Reply | Rejected:
    """The answer to a command: what the caller may see of the user after it, if anything."""
    if isinstance(outcome, Rejected):
        return outcome
    headers = REPLAYED if outcome.replayed else {}
    return Reply(view(outcome.user) if view is not None else None, headers=headers)
