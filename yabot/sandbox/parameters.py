"""The arguments of one Bot API call, however they were sent.

Telegram takes JSON, form-urlencoded and multipart bodies and query strings, and a number, a
boolean or a nested object may arrive as a string in any of them. The one rule: a method reads
its arguments through the typed readers below and never looks at how they came.
"""

from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import parse_qsl

import orjson
from aiohttp import BodyPartReader, MultipartReader

from yabot.sandbox.errors import BadRequest

TRUE = frozenset({"true", "yes", "1", "t", "y"})
FORM = "application/x-www-form-urlencoded"


class Parameters:
    """Named arguments with Telegram's tolerant reading of types."""

    __slots__ = ("values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name, default)
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if value is None:
            return default
        raise BadRequest(f'field "{name}" must be of type String')

    def integer(self, name: str, default: int = 0) -> int:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, str | int | float):
            with suppress(ValueError, OverflowError):
                return int(value)
        raise BadRequest(f'field "{name}" must be of type Number')

    def number(self, name: str, default: float = 0.0) -> float:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, str | int | float):
            with suppress(ValueError):
                return float(value)
        raise BadRequest(f'field "{name}" must be of type Number')

    def boolean(self, name: str) -> bool:
        value = self.values.get(name)
        return value.strip().lower() in TRUE if isinstance(value, str) else bool(value)

    def mapping(self, name: str) -> dict[str, object] | None:
        """A nested object, sent as such or as its JSON text; None when absent."""
        value = self._nested(name)
        if value is None:
            return None
        if isinstance(value, dict):
            return value
        raise BadRequest("object expected as " + name.replace("_", " "))

    def array(self, name: str) -> list[object] | None:
        """A nested list, sent as such or as its JSON text; None when absent."""
        value = self._nested(name)
        if value is None:
            return None
        if isinstance(value, list):
            return value
        raise BadRequest(f"can't parse {name.replace('_', ' ')}: expected an Array")

    def _nested(self, name: str) -> object:
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            nested: object = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise BadRequest(f"can't parse {name.replace('_', ' ')} JSON object") from None
        return nested


def decode(content_type: str, body: bytes) -> dict[str, object]:
    """The arguments in a JSON or urlencoded body; a body without a known type has none.

    Raises BadRequest when the body is not what its type says.
    """
    if not body:
        return {}
    try:
        if content_type == "application/json":
            value = orjson.loads(body)
            if isinstance(value, dict):
                return value
        elif content_type == FORM:
            return dict(parse_qsl(body.decode(), keep_blank_values=True))
        else:
            return {}
    except ValueError:
        pass
    raise BadRequest("can't parse request body")


async def decode_multipart(reader: MultipartReader) -> dict[str, object]:
    """The arguments in a multipart body; an uploaded file is kept as its name and size only."""
    values: dict[str, object] = {}
    async for part in reader:
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        if part.filename is None:
            values[part.name] = await part.text()
        else:
            content = await part.read()
            values[part.name] = {"file_name": part.filename, "file_size": len(content)}
    return values
