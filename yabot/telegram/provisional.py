"""What a recorded call gives back: values that stand for what Telegram will make of it.

The rule: a message that is not sent yet is `-id` of its call; whoever sends later calls puts the
real id in its place. Filling a value directly costs a hundredth of validating it.
"""

from typing import TypeVar

from aiogram import Bot
from aiogram.types import (
    Chat,
    InlineKeyboardMarkup,
    Message,
    MessageId,
    SentWebAppMessage,
    TelegramObject,
)

from yabot.domain.values import Instant
from yabot.telegram.methods import Method, Treatment

T = TypeVar("T", bound=TelegramObject)

_COPIED = (
    "text",
    "message_thread_id",
    "business_connection_id",
    "caption",
    "entities",
    "caption_entities",
)


def result_of(treatment: Treatment, method: Method, call_id: int, bot: Bot, now: Instant) -> object:
    """The value that `method`, recorded as `call_id` at `now`, gives to its handler."""
    match treatment:
        case Treatment.MESSAGE:
            return _message(method, -call_id, bot, now)
        case Treatment.EDITED:
            edited: int | None = getattr(method, "message_id", None)
            return True if edited is None else _message(method, edited, bot, now)
        case Treatment.MESSAGE_ID:
            return _fill(MessageId, {"message_id": -call_id}, bot)
        case Treatment.FIRST_MESSAGE:
            return [_message(method, -call_id, bot, now)]
        case Treatment.FIRST_MESSAGE_ID:
            return [_fill(MessageId, {"message_id": -call_id}, bot)]
        case Treatment.WEB_APP_MESSAGE:
            return SentWebAppMessage(inline_message_id=None)
        case _:
            return True


def _message(method: Method, message_id: int, bot: Bot, now: Instant) -> Message:
    given = method.__dict__
    markup = given.get("reply_markup")
    fields = {name: given[name] for name in _COPIED if name in given}
    fields["message_id"] = message_id
    fields["date"] = now
    fields["chat"] = _chat(given.get("chat_id", 0), bot)
    fields["from_user"] = bot._me
    fields["reply_markup"] = markup if isinstance(markup, InlineKeyboardMarkup) else None
    return _fill(Message, fields, bot)


def _chat(chat_id: int | str, bot: Bot) -> Chat:
    """The chat as far as its id tells; a public name stands in for the id it hides."""
    if isinstance(chat_id, str):
        return _fill(Chat, {"id": chat_id, "type": "channel", "username": chat_id.lstrip("@")}, bot)
    if chat_id > 0:
        return _fill(Chat, {"id": chat_id, "type": "private"}, bot)
    kind = "supergroup" if str(chat_id).startswith("-100") else "group"
    return _fill(Chat, {"id": chat_id, "type": kind}, bot)


def _fill(kind: type[T], fields: dict[str, object], bot: Bot) -> T:
    """A value of `kind` with these fields and its defaults, unvalidated and bound to `bot`."""
    value = kind.__new__(kind)
    defaults = _DEFAULTS.get(kind)
    if defaults is None:
        defaults = _DEFAULTS[kind] = {
            name: field.get_default() for name, field in kind.model_fields.items()
        }
    object.__setattr__(value, "__dict__", {**defaults, **fields})
    object.__setattr__(value, "__pydantic_fields_set__", set(fields))
    object.__setattr__(value, "__pydantic_extra__", {})
    object.__setattr__(value, "__pydantic_private__", {"_bot": bot})
    return value


_DEFAULTS: dict[type[TelegramObject], dict[str, object]] = {}
