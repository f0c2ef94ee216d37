"""From an update's JSON to aiogram's objects, without validating what is plainly right.

Most updates are built from a table of aiogram's own fields: a number where a number belongs, an
object where an object belongs, at a quarter of the price of validation. The rule: the result equals
a validated one. Whatever the table can't answer for makes the whole update go through validation.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, TypeAlias, TypeVar, Union, get_args, get_origin

from aiogram import Bot
from aiogram.types import InaccessibleMessage, Message, TelegramObject, Update
from pydantic import PlainSerializer
from pydantic.fields import FieldInfo

from yabot.telegram.filling import bound, defaults_of

KINDS = tuple(name for name in Update.model_fields if name != "update_id")
"""Every kind of update that the installed aiogram knows."""

MILLISECONDS = 20_000_000_000
"""From this number on, validation takes a moment for milliseconds."""

T = TypeVar("T", bound=TelegramObject)
Read: TypeAlias = Callable[[Any, Bot], object]


class TurnUpdate(Update):
    """An update that names its kind by looking, not by a cache that compares whole models."""

    @property
    def event_type(self) -> str:
        """The field that is set; an empty string for a kind newer than aiogram."""
        fields = self.__dict__
        return next((kind for kind in KINDS if fields[kind] is not None), "")


class Unfamiliar(Exception):
    """A value that only validation can judge."""


class Builder(Generic[T]):
    """Builds one kind of object. The table has the name, the plain type and the reader by key."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._table: dict[str, tuple[str, type | None, Read]] = {}
        self._renamed: dict[str, str] = {}
        self._defaults: dict[str, object] = {}
        self._size = len(kind.model_fields)

    def learn(self, builders: "dict[type[TelegramObject], Builder[Any]]") -> None:
        """Fill the table, with the builders of the kinds inside this one."""
        for name, field in self._kind.model_fields.items():
            plain, read = _reader(field, builders)
            self._table[field.alias or name] = (name, plain, read)
            if field.alias is not None:
                self._renamed[field.alias] = name
                self._table[name] = (name, None, _refuse)
        self._defaults = defaults_of(self._kind)

    def __call__(self, raw: Any, bot: Bot) -> T:
        """The object of this JSON, bound to `bot`. Raises Unfamiliar."""
        if type(raw) is not dict:
            raise Unfamiliar
        values = self._defaults.copy()
        extra: dict[str, object] = {}
        table = self._table
        for key, value in raw.items():
            if key in table:
                name, plain, read = table[key]
                values[name] = value if type(value) is plain else read(value, bot)
            else:
                extra[key] = value
        if len(values) != self._size:
            raise Unfamiliar
        given = set(raw)
        for key, name in self._renamed.items():
            if key in given:
                given.remove(key)
                given.add(name)
        return bound(self._kind, values, given, extra, bot)


def parse(update: Mapping[str, object], bot: Bot) -> TurnUpdate:
    """The update, with `bot` mounted in all of its parts. Raises pydantic's ValidationError."""
    try:
        return _BUILD(update, bot)
    except Unfamiliar:
        return TurnUpdate.model_validate(update, context={"bot": bot})


def _builder(kind: type[T], builders: dict[type[TelegramObject], Builder[Any]]) -> Builder[T]:
    """The builder of a kind; kinds may contain themselves."""
    if kind not in builders:
        builders[kind] = Builder(kind)
        builders[kind].learn(builders)
    return builders[kind]


def _reader(
    field: FieldInfo, builders: dict[type[TelegramObject], Builder[Any]]
) -> tuple[type | None, Read]:
    """The type whose values are taken as they are, and what reads all others."""
    if not all(isinstance(each, PlainSerializer) for each in field.metadata):
        return None, _refuse
    if field.default_factory is not None:
        return None, _refuse
    return _reader_of(field.annotation, builders)


def _reader_of(
    annotation: object, builders: dict[type[TelegramObject], Builder[Any]]
) -> tuple[type | None, Read]:
    choices = _choices(annotation)
    if choices == {Message, InaccessibleMessage}:
        build = _builder(Message, builders)
        return None, lambda raw, bot: build(_accessible(raw), bot)
    if len(choices) != 1:
        return None, _refuse
    (only,) = choices
    if only in (int, str, bool, float):
        return only, _refuse
    if only is datetime:
        return None, _moment
    if get_origin(only) is list:
        return None, _list_of(*_reader_of(get_args(only)[0], builders))
    if isinstance(only, type) and issubclass(only, TelegramObject) and _is_ordinary(only):
        return None, _builder(only, builders)
    return None, _refuse


def _choices(annotation: object) -> set[Any]:
    """The types that an annotation allows, apart from None."""
    if get_origin(annotation) in (Union, UnionType):
        parts = (_choices(each) for each in get_args(annotation) if each is not NoneType)
        return set().union(*parts)
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        if all(isinstance(each, PlainSerializer) for each in metadata):
            return {inner}
    return {annotation}


def _is_ordinary(kind: type[TelegramObject]) -> bool:
    """Whether nothing but its fields decides what validation makes of a kind."""
    validators = kind.__pydantic_decorators__
    return (
        set(validators.model_validators) == {"remove_unset"}
        and not validators.field_validators
        and set(kind.__private_attributes__) == {"_bot"}
    )


def _list_of(plain: type | None, read: Read) -> Read:
    def read_list(raw: Any, bot: Bot) -> object:
        if type(raw) is not list:
            raise Unfamiliar
        return [each if type(each) is plain else read(each, bot) for each in raw]

    return read_list


def _moment(raw: Any, _bot: Bot) -> datetime:
    if type(raw) is not int or not 0 <= raw < MILLISECONDS:
        raise Unfamiliar
    return datetime.fromtimestamp(raw, UTC)


def _accessible(raw: Any) -> object:
    """A message that its chat still shows; one that is out of reach has no date."""
    if type(raw) is not dict or not raw.get("date"):
        raise Unfamiliar
    return raw


def _refuse(_raw: Any, _bot: Bot) -> object:
    raise Unfamiliar


_BUILD = _builder(TurnUpdate, {})
