"""The events as an AsyncAPI 3 document: those that the bot sends, and those that it takes.

The rule: a schema says what a reader may rely on. It therefore requires only what was there in the
first release of a version, and it allows fields that are not named. What the bot takes is strict.
"""

from collections.abc import Iterator, Mapping

import orjson

from yabot.domain.events import EVENTS, Event
from yabot.domain.external import EXTERNAL, ExternalEvent
from yabot.domain.values import Value
from yabot.events.document.sample import SAMPLE
from yabot.events.document.yaml import Json
from yabot.events.envelope import SOURCE, type_of
from yabot.events.publishers import PUBLISHERS
from yabot.events.streams import EXTERNAL_STREAM, FIELD, PARTITIONS, stream_key

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
            "description": "The key of the message that made the event: tg:, cmd:, api: or ext:.",
        },
        "traceparent": {"type": "string", "description": "The W3C trace context of the chain."},
        "data": {"type": "object"},
    },
}
"""What every event has, as a JSON Schema."""

TOLD: Mapping[str, Json] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "time", "subject", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "With `source` it names the event: what comes "
               "again under both takes effect once."},
        "source": {"type": "string", "description": "The service that tells it."},
        "type": {"type": "string", "description": "One of those below."},
        "time": {"type": "string", "format": "date-time"},
        "subject": {"type": "string", "pattern": "^[0-9]{1,19}$",
                    "description": "The user whom it is about."},
        "data": {"type": "object"},
    },
}  # fmt: skip
"""What an event of another service has."""


def asyncapi() -> Mapping[str, Json]:
    """The whole document."""
    names, told = sorted(EVENTS), dict(sorted(EXTERNAL.items()))
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
            },
            "external": {
                "address": EXTERNAL_STREAM,
                "title": "Events of other services",
                "description": (
                    f"A Redis stream; field {FIELD.decode()} of an entry holds the event. "
                    "It becomes a command to its user, once, and is taken out of the stream; "
                    "what is refused is a dead letter of the group external."
                ),
                "servers": [{"$ref": "#/servers/redis"}],
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in told},
            },
        },
        "operations": {
            "publish": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "summary": "What a commit leaves, in the order of commits.",
                "messages": [{"$ref": f"#/channels/events/messages/{name}"} for name in names],
            },
            "accept": {
                "action": "receive",
                "channel": {"$ref": "#/channels/external"},
                "summary": "What another service tells of a user.",
                "messages": [{"$ref": f"#/channels/external/messages/{name}"} for name in told],
            },
        },
        "components": {
            "messages": {
                **{name: _message(EVENTS[name]) for name in names},
                **{name: _told_message(name, model) for name, model in told.items()},
            },
            "schemas": {
                "envelope": ENVELOPE,
                "told": TOLD,
                **{name: data_schema(EVENTS[name]) for name in names},
                **{name: told_schema(model) for name, model in told.items()},
            },
        },
    }


def data_schema(model: type[Event]) -> Mapping[str, Json]:
    """The JSON Schema of an event's data."""
    made = model.model_json_schema()
    shared = made.pop("$defs", {})
    made.pop("additionalProperties", None)
    return dict(_untitled(made, shared))


def told_schema(model: type[ExternalEvent]) -> Mapping[str, Json]:
    """The JSON Schema of the data of an event of another service."""
    made = model.model_json_schema()
    made.pop("description", None)
    return dict(_untitled(made, made.pop("$defs", {})))


def _message(model: type[Event]) -> Mapping[str, Json]:
    type_ = type_of(model.name, model.version)
    message: dict[str, Json] = {
        "name": type_,
        "title": model.name,
        "summary": _summary(model),
        "description": f"Published by {', '.join(PUBLISHERS[model.name])}.",
        "contentType": "application/cloudevents+json",
        "payload": _payload("envelope", type_, model.name),
    }
    if SAMPLE.type == type_:
        message["examples"] = [{"payload": orjson.loads(SAMPLE.to_json())}]
    return message


def _told_message(name: str, model: type[ExternalEvent]) -> Mapping[str, Json]:
    return {
        "name": name,
        "summary": _summary(model),
        "contentType": "application/cloudevents+json",
        "payload": _payload("told", name, name),
    }


def _summary(model: type[Value]) -> str:
    return " ".join((model.__doc__ or "").split("\n\n")[0].split())


def _payload(envelope: str, type_: str, data: str) -> Mapping[str, Json]:
    schemas = "#/components/schemas/"
    own = {"type": {"const": type_}, "data": {"$ref": schemas + data}}
    return {"allOf": [{"$ref": schemas + envelope}, {"type": "object", "properties": own}]}


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
