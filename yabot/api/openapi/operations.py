"""One route as an OpenAPI operation."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus

from yabot.api.openapi.parameters import Schema, names_in, parameters_of
from yabot.api.openapi.problems import problems_of
from yabot.api.problems import CONTENT_TYPE
from yabot.api.route import JSON, AnyRoute

REF = "#/components/schemas/"

NAMED = 3
"""Codes up to which an answer is shared, under a name that tells them."""

RETRY = frozenset({409, 429, 503})
"""Statuses that tell when to come back."""


def operation(route: AnyRoute, routes: Iterable[AnyRoute]) -> Schema:
    """The operation of a route among `routes`, to which its answers link."""
    described: Schema = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [tag_of(route)],
        "security": [{"token": [route.scope]}] if route.scope is not None else [],
        "parameters": parameters_of(route),
        "responses": dict(sorted(_responses(route, list(routes)))),
        "x-rate-limit": route.rate_class,
    }
    if route.has_body:
        schema = {"$ref": REF + route.input.__name__}
        described["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": schema} for kind in route.accepts},
        }
    return described


def tag_of(route: AnyRoute) -> str:
    """The group of a route: what comes behind the version, or `operations` outside of it."""
    parts = route.path.split("/")
    return parts[3] if parts[1:3] == ["api", "v1"] else "operations"


def _responses(route: AnyRoute, routes: list[AnyRoute]) -> Iterator[tuple[str, Schema]]:
    yield str(route.status), _success(route, routes)
    for status in route.statuses:
        yield str(status), _answer(route, status, {})
    if route.tagged and route.method == "GET":
        yield "304", {"description": "Not Modified", "headers": _headers("X-Request-Id", "ETag")}
    for status, codes in problems_of(route).items():
        if status in route.statuses:
            continue
        if len(codes) <= NAMED:
            yield str(status), {"$ref": f"#/components/responses/{_name(codes)}"}
        else:
            yield str(status), _problem(status, codes)


def _success(route: AnyRoute, routes: list[AnyRoute]) -> Schema:
    headers = _headers("X-Request-Id")
    if route.tagged:
        headers |= _headers("ETag")
    if route.idempotency != "none":
        headers |= _headers("Idempotent-Replayed")
    if _is_paged(route):
        headers |= _headers("Link")
    answer = _answer(route, route.status, headers)
    links = dict(_links(route, routes))
    if links:
        answer["links"] = links
    return answer


def _answer(route: AnyRoute, status: int, headers: Schema) -> Schema:
    answer: Schema = {"description": HTTPStatus(status).phrase}
    if headers:
        answer["headers"] = headers
    if route.output is not None:
        answer["content"] = {JSON: {"schema": {"$ref": REF + route.output.__name__}}}
    elif status != HTTPStatus.NO_CONTENT:
        answer["content"] = {
            kind.partition(";")[0]: {"schema": _any(kind)} for kind in route.answers
        }
    return answer


def _any(kind: str) -> Schema:
    return {"type": "object"} if kind == JSON else {"type": "string"}


def shared_problems(routes: Iterable[AnyRoute]) -> Schema:
    """The answers that operations refer to, by name."""
    found = {
        _name(codes): _problem(status, codes)
        for route in routes
        for status, codes in problems_of(route).items()
        if len(codes) <= NAMED
    }
    return {name: found[name] for name in sorted(found)}


def _name(codes: Sequence[str]) -> str:
    return "_or_".join(codes)


def _problem(status: int, codes: Sequence[str]) -> Schema:
    names = ("X-Request-Id", "Retry-After") if status in RETRY else ("X-Request-Id",)
    schema = {"$ref": f"{REF}ProblemDetails", "properties": {"code": {"enum": list(codes)}}}
    return {
        "description": HTTPStatus(status).phrase,
        "headers": _headers(*names),
        "content": {CONTENT_TYPE: {"schema": schema}},
    }


def _headers(*names: str) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _is_paged(route: AnyRoute) -> bool:
    return route.method == "GET" and "cursor" in route.input.model_fields


def _links(route: AnyRoute, routes: list[AnyRoute]) -> Iterator[tuple[str, Schema]]:
    """Where a caller goes from here: to what they changed, to changing what they saw, on."""
    if _is_paged(route):
        yield "next", _link(route, {"query.cursor": "$response.body#/next"})
    for other in routes:
        if other.path != route.path or other is route:
            continue
        if route.method == "GET" and other.conditional:
            yield other.name, _link(other, {"header.If-Match": "$response.header.ETag"})
        elif route.method != "GET" and other.method == "GET":
            yield other.name, _link(other, {})


def _link(to: AnyRoute, given: Mapping[str, str]) -> Schema:
    path = {f"path.{name}": f"$request.path.{name}" for name in names_in(to.path)}
    return {"operationId": to.name, "parameters": {**path, **given}}
