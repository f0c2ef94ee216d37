"""What comes in the path, the query and the headers of a request, as OpenAPI parameters."""

import re
from collections.abc import Iterator, Mapping

from pydantic import TypeAdapter

from yabot.api import idempotency
from yabot.api.deadline import LONGEST_TIMEOUT
from yabot.api.route import AnyRoute, Input, Nothing
from yabot.domain.values import Identifier

Schema = dict[str, object]

USER_ID: Schema = {"type": "string", "pattern": "^[1-9][0-9]{0,18}$"}

PATH: Mapping[str, tuple[Schema, str]] = {
    "user_id": (USER_ID, "Telegram's id of the user."),
    "fragment_id": (TypeAdapter(Identifier).json_schema(), "The name of a fragment."),
    "letter_id": ({"type": "string", "pattern": "^[0-9]{1,18}$"}, "The number of a dead letter."),
    "client_id": (TypeAdapter(Identifier).json_schema(), "The name of a service."),
}
"""The schema and the meaning of names that stand in paths; any other is a text."""


def parameters_of(route: AnyRoute) -> list[Schema]:
    """All parameters of a route, in the order in which they are read."""
    return [*_path(route), *_query(route), *_headers(route)]


def _path(route: AnyRoute) -> Iterator[Schema]:
    for name in names_in(route.path):
        schema, meaning = PATH.get(name, ({"type": "string"}, ""))
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": meaning,
            "schema": schema,
        }


def _query(route: AnyRoute) -> Iterator[Schema]:
    model: type[Input] = route.input
    if route.method != "GET" or model is Nothing:
        return
    schema = model.model_json_schema()
    for name, field in schema["properties"].items():
        yield {"name": name, "in": "query", "required": name in schema.get("required", ()),
               "schema": _without_null(field)}  # fmt: skip


def _headers(route: AnyRoute) -> Iterator[Schema]:
    if route.idempotency == "required":
        yield _ref("Idempotency-Key")
    elif route.idempotency == "optional":
        yield _ref("Idempotency-Key-if-any")
    if route.conditional:
        yield _ref("If-Match")
    elif route.tagged:
        yield _ref("If-None-Match")
    yield _ref("X-Request-Timeout")
    yield _ref("Accept-Language")


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/parameters/{name}"}


def _header(name: str, meaning: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": "header", "required": required, "description": meaning,
            "schema": schema}  # fmt: skip


_KEY: Schema = {"type": "string", "pattern": idempotency.PATTERN}
_KEY_MEANING = "New for every thing to be done, the same when it is repeated."

HEADERS: Mapping[str, Schema] = {
    "Idempotency-Key": _header("Idempotency-Key", _KEY_MEANING, _KEY, required=True),
    "Idempotency-Key-if-any": _header("Idempotency-Key", _KEY_MEANING, _KEY),
    "If-Match": _header(
        "If-Match",
        "The ETag of what is to be changed, as it was read; `*` for whatever it is now.",
        {"type": "string", "pattern": r'^(\*|"[!#-~]*"(, ?"[!#-~]*")*)$'},
        required=True,
    ),
    "If-None-Match": _header(
        "If-None-Match", "An ETag; 304 while it is still the right one.", {"type": "string"}
    ),
    "X-Request-Timeout": _header(
        "X-Request-Timeout",
        f"Seconds that the answer may take; beyond {LONGEST_TIMEOUT:.0f}, as many as that.",
        {"type": "number", "exclusiveMinimum": 0},
    ),
    "Accept-Language": _header(
        "Accept-Language", "The language of texts: `es` or `en`.", {"type": "string"}
    ),
}
"""Headers that operations share, by the name under which they refer to them."""


def names_in(path: str) -> list[str]:
    """The names that stand in a path, in order."""
    return re.findall(r"{(\w+)}", path)


def _without_null(field: Schema) -> Schema:
    """A query can't say null: what may be null in the model may be left out in the query."""
    options = field.get("anyOf")
    if not isinstance(options, list):
        return {name: value for name, value in field.items() if name != "title"}
    (schema,) = [option for option in options if option != {"type": "null"}]
    return dict(schema)
