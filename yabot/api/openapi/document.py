"""The whole OpenAPI document of a table of routes."""

from collections.abc import Iterable

import orjson
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from yabot.api.openapi import parameters
from yabot.api.openapi.operations import REF, operation, shared_problems
from yabot.api.openapi.parameters import Schema
from yabot.api.problems import ProblemDetails
from yabot.api.route import AnyRoute

VERSION = "1.0.0"
"""Of the contract: a change that old callers don't survive gets another first number and path."""

HEADERS: Schema = {
    "X-Request-Id": {
        "description": "What the log knows this request by; the caller's own where it sent one.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "A hash of the representation, for If-Match and If-None-Match.",
        "schema": {"type": "string"},
    },
    "Idempotent-Replayed": {
        "description": "`true` where the same key was answered before, and nothing happened now.",
        "schema": {"const": "true"},
    },
    "Link": {
        "description": "The next page, as `rel=next`; left out on the last.",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds after which the request may be sent again.",
        "schema": {"type": "integer", "minimum": 1},
    },
}

TOKEN: Schema = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token of a service; `security` names the scope that it needs.",
}


def describe(routes: Iterable[AnyRoute]) -> Schema:
    """The document, with names in the order of the routes."""
    table = list(routes)
    paths: dict[str, Schema] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route, table)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "YABOT",
            "version": VERSION,
            "summary": "The internal API of the bot: users, besitos, plans, the story, events.",
            "description": "Every answer that is no success is problem details (RFC 9457).",
            "license": {"name": "internal", "identifier": "LicenseRef-internal"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(table),
            "parameters": parameters.HEADERS,
            "headers": HEADERS,
            "responses": shared_problems(table),
            "securitySchemes": {"token": TOKEN},
        },
    }


def to_text(document: Schema) -> bytes:
    """The document as it is committed and served."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _schemas(routes: list[AnyRoute]) -> Schema:
    """The schemas of all bodies: inputs as they are validated, outputs as they are serialised."""
    used: dict[type[BaseModel], JsonSchemaMode] = {ProblemDetails: "serialization"}
    for route in routes:
        if route.has_body:
            used[route.input] = "validation"
        if route.output is not None:
            used[route.output] = "serialization"
    _, found = models_json_schema(list(used.items()), ref_template=REF + "{model}")
    definitions = found["$defs"]
    return {name: definitions[name] for name in sorted(definitions)}
