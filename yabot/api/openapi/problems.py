"""Which problems a route may answer: what every request can meet, and what its declaration adds."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from yabot.api.kinds import KINDS
from yabot.api.openapi.parameters import names_in
from yabot.api.route import AnyRoute

EVERYWHERE = (
    "malformed_request",
    "parameter_repeated",
    "timeout_invalid",
    "expectation_failed",
    "invalid_input",
    "too_many_requests",
    "internal_error",
    "busy",
    "unavailable",
    "deadline_passed",
)


def problems_of(route: AnyRoute) -> Mapping[int, Sequence[str]]:
    """The codes by status, both in order."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for code in _codes(route):
        found[KINDS[code].status].append(code)
    if route.conditional:
        found[412].append("precondition_failed")
    if route.idempotency != "none":
        found[422].append("key_reused")
    for status, code in route.errors:
        found[status].append(code)
    return {status: sorted(found[status]) for status in sorted(found)}


def _codes(route: AnyRoute) -> Iterator[str]:
    yield from EVERYWHERE
    if names_in(route.path):
        yield "no_such_route"
    if route.scope is not None:
        yield from ("unauthorized", "insufficient_scope")
    if route.conditional:
        yield from ("precondition_missing", "precondition_invalid")
    if route.idempotency != "none":
        yield from ("idempotency_key_invalid", "in_progress")
    if route.idempotency == "required":
        yield "idempotency_key_missing"
    if route.has_body:
        yield from ("malformed_json", "name_repeated", "malformed_body", "body_too_slow",
                    "body_too_large", "unsupported_media_type")  # fmt: skip
