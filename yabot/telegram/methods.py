"""What becomes of every Bot API method that a handler calls inside a turn.

The rule: what changes something waits for the commit, what only asks goes straight out, and what
changes something *and* has an answer that a handler must see is refused. The table is generated
from aiogram's methods by their result, with the exceptions named here.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, get_args, get_origin

from aiogram import methods
from aiogram.methods import TelegramMethod
from aiogram.types import Message, MessageId, SentWebAppMessage

Method = TelegramMethod[Any]


class Treatment(Enum):
    """How one method is treated inside a turn; the recorded ones differ by what they return."""

    DIRECT = "sent at once; it changes nothing that anybody else sees"
    REFUSE = "neither recorded nor sent"
    TRUE = "recorded; gives True"
    MESSAGE = "recorded; gives a provisional message"
    EDITED = "recorded; gives the edited message, or True for an inline one"
    MESSAGE_ID = "recorded; gives a provisional message id"
    FIRST_MESSAGE = "recorded; gives a list with its first message, the only one whose id is kept"
    FIRST_MESSAGE_ID = "recorded; gives a list with its first id, the only one that is kept"
    WEB_APP_MESSAGE = "recorded; gives a sent message without an id"


_BY_RESULT: tuple[tuple[object, Treatment], ...] = (
    (bool, Treatment.TRUE),
    (Message, Treatment.MESSAGE),
    (Message | bool, Treatment.EDITED),
    (MessageId, Treatment.MESSAGE_ID),
    (list[Message], Treatment.FIRST_MESSAGE),
    (list[MessageId], Treatment.FIRST_MESSAGE_ID),
    (SentWebAppMessage, Treatment.WEB_APP_MESSAGE),
)

_EXCEPTIONS: Mapping[str, Treatment] = MappingProxyType(
    {
        # they show that the bot is at work, and are worthless later
        "sendChatAction": Treatment.DIRECT,
        "sendMessageDraft": Treatment.DIRECT,
        "sendRichMessageDraft": Treatment.DIRECT,
        # they make a thing that nobody sees until a later call names it
        "createInvoiceLink": Treatment.DIRECT,
        "createChatInviteLink": Treatment.DIRECT,
        "createChatSubscriptionInviteLink": Treatment.DIRECT,
        "savePreparedInlineMessage": Treatment.DIRECT,
        "savePreparedKeyboardButton": Treatment.DIRECT,
        "uploadStickerFile": Treatment.DIRECT,
        # its result is the edited message, as with every other edit
        "editMessageChecklist": Treatment.EDITED,
        # they belong to whoever takes updates in
        "getUpdates": Treatment.REFUSE,
        "setWebhook": Treatment.REFUSE,
        "deleteWebhook": Treatment.REFUSE,
        "close": Treatment.REFUSE,
        "logOut": Treatment.REFUSE,
    }
)


def treatment_of(method: type[Method]) -> Treatment:
    """Decide from a method's name and result how it is treated."""
    name = method.__api_method__
    if name in _EXCEPTIONS:
        return _EXCEPTIONS[name]
    if name.startswith("get"):
        return Treatment.DIRECT
    result = _comparable(method.__returning__)
    return next((t for kind, t in _BY_RESULT if _comparable(kind) == result), Treatment.REFUSE)


def _comparable(kind: object) -> object:
    """A result type in a form in which `A | B` and `Union[A, B]` are the same."""
    if get_origin(kind) is list:
        return (list, get_args(kind))
    return frozenset(get_args(kind)) or kind


def all_methods() -> list[type[Method]]:
    """Every Bot API method that the installed aiogram knows."""
    named = (getattr(methods, name) for name in methods.__all__)
    return [
        kind
        for kind in named
        if isinstance(kind, type)
        and issubclass(kind, TelegramMethod)
        and kind is not TelegramMethod
    ]


TREATMENTS: Mapping[str, Treatment] = MappingProxyType(
    {kind.__api_method__: treatment_of(kind) for kind in all_methods()}
)
"""Bot API method name to treatment; a method that is not in it is refused."""
