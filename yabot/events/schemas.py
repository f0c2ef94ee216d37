"""What the data of an event looks like, and how older data becomes what this release works with.

The rule: reading is forgiving where writing is not. A field that a newer release has added to a
known version is passed over, an older version goes up step by step through `UPCASTS`, and a newer
version is refused, because nobody here can know what it means.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from pydantic import ValidationError

from yabot.domain.events import EVENTS, Event
from yabot.events.errors import InvalidEvent, NewerVersion

Data: TypeAlias = Mapping[str, object]
"""The fields of an event, as JSON values."""

UPCASTS: Mapping[tuple[str, int], Callable[[Data], Data]] = {}
"""How data of an event's version becomes that of the next one; pure, one step each."""


class Schemas:
    """Models by the name of their event, with the steps from their older versions."""

    def __init__(
        self,
        models: Mapping[str, type[Event]],
        upcasts: Mapping[tuple[str, int], Callable[[Data], Data]],
    ) -> None:
        missing = [
            f"{name} v{version}"
            for name, model in models.items()
            for version in range(1, model.version)
            if (name, version) not in upcasts
        ]
        if missing:
            raise ValueError(f"nothing says how to read {', '.join(missing)}")
        self._models = models
        self._upcasts = upcasts
        self._fields = {name: frozenset(model.model_fields) for name, model in models.items()}

    def upcast(self, name: str, version: int, data: Data) -> Data:
        """The data in the shape of this release; that of an unknown name stays as it is.

        Raises NewerVersion.
        """
        model = self._models.get(name)
        if model is None or version == model.version:
            return data
        if version > model.version:
            raise NewerVersion(
                f"{name} is of version {version}, and this release reads up to "
                f"{model.version}; it can be replayed after an upgrade"
            )
        for step in range(version, model.version):
            data = self._upcasts[name, step](data)
        return data

    def fact(self, name: str, data: Data) -> Event | None:
        """The model of data in the shape of this release; None for a name that has none.

        Raises InvalidEvent where the data is not what the name promises.
        """
        model = self._models.get(name)
        if model is None:
            return None
        known = self._fields[name]
        if not data.keys() <= known:
            data = {field: value for field, value in data.items() if field in known}
        return _validated(model, data)

    def check(self, name: str, data: Data) -> Event | None:
        """The model of an event before it is published; None for a name that has none.

        Raises InvalidEvent, which names every field that is wrong, missing or unknown.
        """
        model = self._models.get(name)
        return _validated(model, data) if model is not None else None


SCHEMAS = Schemas(EVENTS, UPCASTS)
"""The events of this release."""


def _validated(model: type[Event], data: Data) -> Event:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in each['loc']) or 'data'}: {each['msg']}"
            for each in error.errors(include_url=False)
        )
        raise InvalidEvent(f"{model.name} v{model.version}: {wrong}") from error
