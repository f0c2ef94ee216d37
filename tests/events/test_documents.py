"""The documents of events are made from the models, say all of them, and are up to date."""

from difflib import unified_diff
from pathlib import Path

import orjson
import pytest

from yabot.domain.events import EVENTS
from yabot.domain.external import EXTERNAL
from yabot.events.base import BaseEvent
from yabot.events.document import documents
from yabot.events.document.asyncapi import ENVELOPE, asyncapi, data_schema
from yabot.events.document.sample import SAMPLE
from yabot.events.document.yaml import Json, to_yaml
from yabot.events.envelope import CloudEvent
from yabot.events.streams import EXTERNAL_STREAM, stream_key

DOCS = Path(__file__).parents[2] / "docs"


def at(document: Json, *path: str) -> Json:
    """What stands in a document under a path of names."""
    for name in path:
        assert isinstance(document, dict), path
        document = document[name]
    return document


def references(document: Json) -> list[str]:
    if isinstance(document, dict):
        own = [value for key, value in document.items() if key == "$ref" and isinstance(value, str)]
        return own + [found for value in document.values() for found in references(value)]
    if isinstance(document, list):
        return [found for value in document for found in references(value)]
    return []


@pytest.mark.parametrize("name", sorted(documents()))
def test_a_document_is_up_to_date(name: str) -> None:
    made, kept = documents()[name], (DOCS / name).read_text("utf-8")
    difference = unified_diff(kept.splitlines(), made.splitlines(), "kept", "made", lineterm="")
    assert made == kept, "run `python -m yabot.events.document`:\n" + "\n".join(difference)


def test_the_same_models_make_the_same_bytes() -> None:
    assert documents() == documents()


def test_every_event_is_in_both_documents() -> None:
    page = documents()["events.md"]
    for name in EVENTS:
        assert f"### `{name}`" in page
        assert at(asyncapi(), "components", "messages", name)
        assert at(asyncapi(), "channels", "events", "messages", name)


def test_what_other_services_may_tell_is_in_both_documents() -> None:
    page = documents()["events.md"]
    assert at(asyncapi(), "channels", "external", "address") == EXTERNAL_STREAM
    for name, model in EXTERNAL.items():
        assert f"### `{name}`" in page
        assert at(asyncapi(), "channels", "external", "messages", name)
        schema = at(asyncapi(), "components", "schemas", name)
        assert list(at(schema, "properties")) == list(model.model_fields)  # type: ignore[arg-type]
        assert at(schema, "additionalProperties") is False


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi()
    found = references(document)
    assert len(found) > 3 * len(EVENTS)
    for reference in found:
        assert at(document, *reference.removeprefix("#/").split("/"))


def test_the_channel_is_the_stream_of_every_partition() -> None:
    address = at(asyncapi(), "channels", "events", "address")
    numbers = at(asyncapi(), "channels", "events", "parameters", "partition", "enum")
    assert isinstance(address, str)
    assert isinstance(numbers, list)
    keys = [address.replace("{partition}", str(number)) for number in numbers]
    assert keys == [stream_key(partition) for partition in range(len(numbers))]


def test_the_sample_is_an_event_as_it_is_sent() -> None:
    sent = orjson.loads(SAMPLE.to_json())
    assert BaseEvent.of(CloudEvent.from_json(SAMPLE.to_json())).fact
    assert set(sent) == set(at(ENVELOPE, "properties"))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_a_schema_requires_only_what_a_reader_can_rely_on(name: str) -> None:
    schema, fields = data_schema(EVENTS[name]), EVENTS[name].model_fields
    assert list(at(schema, "properties")) == list(fields)  # type: ignore[arg-type]
    assert schema.get("required", []) == [n for n, field in fields.items() if field.is_required()]
    assert "additionalProperties" not in schema


def test_yaml_quotes_what_could_be_taken_for_something_else() -> None:
    value: dict[str, Json] = {
        "plain": "Some words, and (more).",
        "number": "1.0",
        "flag": "no",
        "empty": "",
        "note": "a: b # c",
        "lines": "a\nb",
        "ñ": 'say "hi"',
        "true": True,
        "none": None,
        "nothing": {},
        "nobody": [],
        "list": [1, "2", {"a": 1, "b": [{}]}, ["x"]],
    }
    assert to_yaml(value) == "\n".join(
        [
            "plain: Some words, and (more).",
            'number: "1.0"',
            'flag: "no"',
            'empty: ""',
            'note: "a: b # c"',
            'lines: "a\\nb"',
            '"ñ": "say \\"hi\\""',
            '"true": true',
            "none: null",
            "nothing: {}",
            "nobody: []",
            "list:",
            "  - 1",
            '  - "2"',
            "  - a: 1",
            "    b:",
            "      - {}",
            "  -",
            "    - x",
            "",
        ]
    )
