"""What a recorded call gives back: values that stand for what Telegram will make of it.

The rule: a message that is not sent yet is `-id` of its call; whoever sends later calls puts the
real id in its place.
"""

from aiogram import Bot
from aiogram.types import Chat, InlineKeyboardMarkup, Message, MessageId, SentWebAppMessage

from yabot.domain.values import Instant
from yabot.telegram.filling import fill
from yabot.telegram.methods import Method, Treatment

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
            return fill(MessageId, {"message_id": -call_id}, bot)
        case Treatment.FIRST_MESSAGE:
            return [_message(method, -call_id, bot, now)]
        case Treatment.FIRST_MESSAGE_ID:
            return [fill(MessageId, {"message_id": -call_id}, bot)]
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
    return fill(Message, fields, bot)


def _chat(chat_id: int | str, bot: Bot) -> Chat:
    """The chat as far as its id tells; a public name stands in for the id it hides."""
    if isinstance(chat_id, str):
        return fill(Chat, {"id": chat_id, "type": "channel", "username": chat_id.lstrip("@")}, bot)
    if chat_id > 0:
        return fill(Chat, {"id": chat_id, "type": "private"}, bot)
    kind = "supergroup" if str(chat_id).startswith("-100") else "group"
    return fill(Chat, {"id": chat_id, "type": kind}, bot)
