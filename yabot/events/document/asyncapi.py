"""The events as an AsyncAPI 3 document.

The rule: a schema says what a reader may rely on. It therefore requires only what was there in the
first release of a version, and it allows fields that are not named.
"""

from collections.abc import Iterator, Mapping

import orjson

from yabot.domain.events import EVENTS, Event
from yabot.events.document.sample import SAMPLE
from yabot.events.document.yaml import Json
from yabot.events.envelope import SOURCE, type_of
from yabot.events.publishers import PUBLISHERS
from yabot.events.streams import FIELD, PARTITIONS, stream_key

ABOUT = (
    "Facts about users that other services may build on. Each stands in the stream of its user, as "
    "one entry whose only field holds a CloudEvent in JSON. An event comes at least once, in order "
    "per user; a reader de-duplicates by id."
)

ENVELOPE: Mapping[str, Json] = {
    "type": "object",
    "required": [
        "specversion",
        "id",
        "source",
        "type",
        "time",
        "datacontenttype",
        "sequence",
        "epoch",
        "data",
    ],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "The same event always has the same id."},
        "source": {"const": SOURCE},
        "type": {
            "type": "string",
            "description": "yabot.<aggregate>.<event>.v<version>; a breaking change is a new one.",
        },
        "time": {"type": "string", "format": "date-time", "description": "When it was committed."},
        "subject": {
            "type": "string",
            "description": "The user whose event it is; absent for an event of nobody.",
        },
        "datacontenttype": {"const": "application/json"},
        "sequence": {
            "type": "string",
            "pattern": "^[0-9]+$",
            "description": "Counts the events of a user, without a gap within an epoch.",
        },
        "epoch": {
            "type": "string",
            "pattern": "^[0-9]+$",
            "description": "Grows when the database is restored from a backup.",
        },
        "correlationid": {
            "type": "string",
            "description": "Shared by everything that one first message has set off.",
        },
        "causationid": {
            "type": "string",
            "description": "The key of the message that made the event: tg:, cmd: or api:.",
        },
        "traceparent": {"type": "string", "description": "The W3C trace context of the chain."},
        "data": {"type": "object"},
    },
}
"""What every event has, as a JSON Schema."""


def asyncapi() -> Mapping[str, Json]:
    """The whole document."""
    names = sorted(EVENTS)
    channel = {"$ref": "#/channels/events"}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "YABOT events", "version": "1.0.0", "description": ABOUT},
        "defaultContentType": "application/cloudevents+json",
        "servers": {
            "redis": {
                "host": "localhost:6379",
                "protocol": "redis",
                "description": "The server that REDIS_URL names.",
            }
        },
        "channels": {
            "events": {
                "address": stream_key(0).removesuffix("0") + "{partition}",
                "title": "Events of users",
                "description": (
                    f"A Redis stream; field {FIELD.decode()} of an entry holds the event. "
                    f"The partition of a user is the CRC-32 of the subject modulo {PARTITIONS}, "
                    "that of an event of nobody is made from the word system."
                ),
                "parameters": {
                    "partition": {
                        "description": "The number of the stream.",
                        "enum": [str(partition) for partition in range(PARTITIONS)],
                    }
                },
                "servers": [{"$ref": "#/servers/redis"}],
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
            }
        },
        "operations": {
            "publish": {
                "action": "send",
                "channel": channel,
                "summary": "What a commit leaves, in the order of commits.",
                "messages": [{"$ref": f"#/channels/events/messages/{name}"} for name in names],
            }
        },
        "components": {
            "messages": {name: _message(EVENTS[name]) for name in names},
            "schemas": {
                "envelope": ENVELOPE,
                **{name: data_schema(EVENTS[name]) for name in names},
            },
        },
    }


def data_schema(model: type[Event]) -> Mapping[str, Json]:
    """The JSON Schema of an event's data."""
    made = model.model_json_schema()
    shared = made.pop("$defs", {})
    made.pop("additionalProperties", None)
    return dict(_untitled(made, shared))


def _message(model: type[Event]) -> Mapping[str, Json]:
    type_ = type_of(model.name, model.version)
    message: dict[str, Json] = {
        "name": type_,
        "title": model.name,
        "summary": " ".join((model.__doc__ or "").split("\n\n")[0].split()),
        "description": f"Published by {', '.join(PUBLISHERS[model.name])}.",
        "contentType": "application/cloudevents+json",
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/envelope"},
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": type_},
                        "data": {"$ref": f"#/components/schemas/{model.name}"},
                    },
                },
            ]
        },
    }
    if SAMPLE.type == type_:
        message["examples"] = [{"payload": orjson.loads(SAMPLE.to_json())}]
    return message


def _plain(schema: Json, shared: Mapping[str, Json]) -> Json:
    """A schema that stands for itself: without references, and titles that repeat names."""
    if isinstance(schema, Mapping):
        referred = schema.get("$ref")
        if isinstance(referred, str):
            return _plain(shared[referred.removeprefix("#/$defs/")], shared)
        return dict(_untitled(schema, shared))
    if isinstance(schema, list):
        return [_plain(item, shared) for item in schema]
    return schema


def _untitled(schema: Mapping[str, Json], shared: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for key, value in schema.items():
        if key == "properties" and isinstance(value, Mapping):
            yield key, {name: _plain(field, shared) for name, field in value.items()}
        elif key != "title":
            yield key, _plain(value, shared)
