"""The document is valid, current and complete: what it says is what the server does."""

import ast
import difflib
from collections.abc import Callable
from pathlib import Path
from string import Formatter

import orjson
import pytest
from aiohttp import web
from openapi_spec_validator import validate

from tests.api.conftest import Client
from yabot.api.kinds import KINDS
from yabot.api.openapi.document import describe, to_text
from yabot.api.server import APIServer
from yabot.api.table import declared
from yabot.domain.texts import TEXTS

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "openapi.json"


def test_the_committed_document_is_what_the_routes_declare() -> None:
    declares = to_text(describe(declared())).decode().splitlines()
    committed = DOCUMENT.read_text("utf-8").splitlines()
    differences = list(difflib.unified_diff(committed, declares, "docs/openapi.json", "routes"))
    assert not differences, "\n".join(
        ["run `python -m yabot.api.openapi`, or undo this:", *differences[:80]]
    )


def test_the_document_is_valid_openapi() -> None:
    validate(orjson.loads(to_text(describe(declared()))))


@pytest.mark.anyio
async def test_what_is_served_is_the_committed_document(client: Client) -> None:
    response = await client.session.get("/openapi.json")
    assert response.content_type == "application/json"
    assert await response.read() == DOCUMENT.read_bytes()


@pytest.mark.anyio
async def test_the_router_and_the_document_have_the_same_routes(
    client: Client, make_server: Callable[[], APIServer]
) -> None:
    app = web.Application()
    make_server().register_endpoints(app)
    served = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None
    }
    paths = orjson.loads(DOCUMENT.read_bytes())["paths"]
    described = {(method.upper(), path) for path, item in paths.items() for method in item}
    heads = {("HEAD", path) for method, path in described if method == "GET"}
    assert described | heads == served
    for method, path in described:
        response = await client.call(method, path.replace("{", "").replace("}", ""))
        body = await response.json() if response.content_type.endswith("json") else {}
        assert body.get("code") not in {"no_such_route", "method_not_allowed"}, (method, path)


def test_every_schema_is_said_in_words_of_json_schema() -> None:
    """A bound that pydantic can't place is left in its own words, which no reader knows."""
    text = DOCUMENT.read_text("utf-8")
    assert not [word for word in ("ge", "gt", "le", "lt", "min_length") if f'"{word}":' in text]


def test_every_operation_has_a_name_of_its_own_and_a_scope_or_none() -> None:
    names = [route.name for route in declared()]
    assert len(names) == len(set(names))
    for route in declared():
        operation = describe([route])["paths"][route.path][route.method.lower()]  # type: ignore[index]
        expected = [{"token": [route.scope]}] if route.scope is not None else []
        assert operation["security"] == expected


def test_every_code_that_a_route_declares_has_words_and_its_own_status() -> None:
    for route in declared():
        for status, code in route.errors:
            assert KINDS[code].status == status, (route.name, code)


def test_what_a_users_rules_refuse_is_said_to_a_service_as_one() -> None:
    for language, texts in TEXTS.items():
        for code in KINDS.keys() & texts.keys():
            words = KINDS[code].words(language)
            assert words != texts[code], code
            fields = {name for _, name, _, _ in Formatter().parse(words) if name}
            assert fields <= {name for _, name, _, _ in Formatter().parse(texts[code]) if name}


def test_every_replacement_needs_a_tag_and_every_change_by_post_a_key() -> None:
    without_keys = {
        route.name
        for route in declared()
        if route.method == "POST" and route.idempotency != "required"
    }
    assert without_keys == {
        "create_token",
        "refresh_token",
        "revoke_token",
    }, "RFC 6749 and RFC 7009 know no such header"
    for route in declared():
        assert route.conditional == (route.method in {"PUT", "PATCH"})


def test_problems_are_named_in_the_code_only_where_they_have_words() -> None:
    named = set()
    for path in (ROOT / "yabot").rglob("*.py"):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if "yabot.api.problems" in text else ():
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem":
                named |= {
                    constant.value
                    for argument in node.args[:1]
                    for constant in ast.walk(argument)
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
                }
    assert named <= set(KINDS)
    assert len(named) > 20


@pytest.mark.parametrize("code", sorted(KINDS))
def test_a_problem_says_the_same_with_the_same_fields_in_both_languages(code: str) -> None:
    kind = KINDS[code]
    spanish, english = (
        {name for _, name, _, _ in Formatter().parse(text) if name} for text in (kind.es, kind.en)
    )
    assert spanish == english
    assert kind.es != kind.en
