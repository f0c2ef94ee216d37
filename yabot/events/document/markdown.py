"""The events as a page for people."""

from collections.abc import Iterator, Mapping
from itertools import groupby

import orjson

from yabot.domain.events import EVENTS, Event
from yabot.domain.external import EXTERNAL
from yabot.domain.values import Value
from yabot.events.document.asyncapi import ENVELOPE, data_schema, told_schema
from yabot.events.document.sample import SAMPLE
from yabot.events.document.yaml import Json
from yabot.events.envelope import type_of
from yabot.events.group_memory import dead_key, gaps_key
from yabot.events.publishers import PUBLISHERS
from yabot.events.streams import EXTERNAL_STREAM, FIELD, PARTITIONS, stream_key

INTRODUCTION = f"""# Events

An event is a fact that the commit of a turn has left: it exists exactly when its change does.
Handlers in the bot subscribe to it by name, `bus.subscribe("besitos_added", handler, group="...")`.
Other services read it from Redis: it stands in the stream `{stream_key(0).removesuffix("0")}<n>`
of its user, n being the CRC-32 of the subject modulo {PARTITIONS}, as a CloudEvent in the field
`{FIELD.decode()}`. Programs find the same in [`asyncapi.yaml`](asyncapi.yaml).

What a reader can rely on:

- An event comes at least once. Its `id` tells whether it has come before.
- The events of a user come in order: `sequence` counts them without a gap. After a restore from a
  backup the `epoch` is higher, and the count goes on from where the backup was.
- A field that is added leaves the version as it is, so a reader passes over fields that it does not
  know and does without those that are not always there. Any other change is a new version, which
  stands in `type`.
- An event of a version that a reader does not know is set aside until there is one that does.
- What a group could not handle stands in `{dead_key("<group>")}`, for `yabot dead-letters`; what
  never came is told in the log and kept in `{gaps_key("<group>")}`.
- `user_deleted` asks every reader to forget the user too. What was told of them before leaves the
  streams only as these are trimmed to EVENT_STREAM_MAXLEN entries.

Publishing from the code of the bot is `await bus.publish("name", {{...}})`. In a turn the event
joins the turn's commit, so there is nothing that could fail; elsewhere it is a commit of its own on
the stream `system`, tried again while the store is away. A payload that its model forbids raises
`InvalidEvent`, which names the fields.

The models are in [`yabot/domain/events.py`](../yabot/domain/events.py), and how an older version is
read is in [`yabot/events/schemas.py`](../yabot/events/schemas.py).

## The envelope
"""


TOLD_BY_OTHERS = f"""
## What other services may tell

An event of one of these types becomes a command to the user in its `subject`. It is put on the
stream `{EXTERNAL_STREAM}`, in the field `{FIELD.decode()}`, or told by `POST /api/v1/events`. It
needs `specversion`, `id`, `source`, `type`, `time`, `subject` and `data`, and takes effect once by
its `source` and `id`, for 48 hours. What is refused is a dead letter of the group `external`; tried
again within that time it gets the same answer, unless its user was not known yet."""


def markdown() -> str:
    """The whole page."""
    return "\n".join(_page())


def _page() -> Iterator[str]:
    yield INTRODUCTION
    yield "| attribute | meaning |"
    yield "|---|---|"
    yield from _attributes()
    yield "\n```json"
    yield orjson.dumps(orjson.loads(SAMPLE.to_json()), option=orjson.OPT_INDENT_2).decode()
    yield "```"
    models = sorted(EVENTS.values(), key=lambda model: (model.aggregate, model.name))
    for aggregate, group in groupby(models, key=lambda model: model.aggregate):
        yield f"\n## About {aggregate}"
        for model in group:
            yield from _event(model)
    yield TOLD_BY_OTHERS
    for name, told in sorted(EXTERNAL.items()):
        yield f"\n### `{name}`\n"
        yield from _described(told, told_schema(told))
    yield ""


def _attributes() -> Iterator[str]:
    for name, schema in _mapping(ENVELOPE["properties"]).items():
        facts = _mapping(schema)
        meaning = facts.get("description") or f"Always `{facts.get('const', '{...}')}`."
        if name == "data":
            meaning = "The event's own fields, below."
        yield f"| `{name}` | {str(meaning).replace('<', '&lt;')} |"


def _event(model: type[Event]) -> Iterator[str]:
    yield f"\n### `{model.name}`\n"
    publishers = [each if " " in each else f"`{each}`" for each in PUBLISHERS[model.name]]
    origin = f"`{type_of(model.name, model.version)}`, published by {', '.join(publishers)}."
    yield from _described(model, data_schema(model), origin, "always there")


def _described(
    model: type[Value], schema: Mapping[str, Json], origin: str = "", required_is: str = "needed"
) -> Iterator[str]:
    """What an event says, where it comes from, and its fields."""
    yield (model.__doc__ or "").strip().split("\n\n")[0]
    if origin:
        yield f"\n{origin}"
    fields = _mapping(schema.get("properties", {}))
    if not fields:
        return
    required = schema.get("required", [])
    assert isinstance(required, list)
    yield f"\n| field | type | {required_is} |"
    yield "|---|---|---|"
    for name, field in fields.items():
        yield f"| `{name}` | {_type(_mapping(field))} | {'yes' if name in required else 'no'} |"


def _type(schema: Mapping[str, Json]) -> str:
    """A schema in a few words."""
    choices = schema.get("anyOf")
    if isinstance(choices, list):
        return " or ".join(_type(_mapping(choice)) for choice in choices)
    values = schema.get("enum")
    if isinstance(values, list):
        return ", ".join(f"`{value}`" for value in values)
    return str(schema.get("format") or schema.get("type") or "anything")


def _mapping(value: Json) -> Mapping[str, Json]:
    assert isinstance(value, Mapping)
    return value
