"""Which actor an update belongs to.

The rule: the user who caused it, over all kinds of updates; who posts in a chat's own name is that
chat; what nobody caused belongs to the bot.
"""

from collections.abc import Mapping

from yabot.domain.values import UserId

_SPEAKS_AS_CHAT = ("sender_chat", "actor_chat", "voter_chat")


def actor_key(update: Mapping[str, object], bot_id: int) -> UserId:
    """The key of the actor that handles a raw update: `<user id>`, `chat:<id>` or `bot:<id>`."""
    event = next((part for part in update.values() if isinstance(part, Mapping)), {})
    chat = _id(event, "chat")
    speaker = next(filter(None, (_id(event, field) for field in _SPEAKS_AS_CHAT)), None)
    if speaker is not None:
        return f"chat:{chat or speaker}"
    user = _id(event, "from") or _id(event, "user") or _booster(event)
    if user is not None:
        return user
    if chat is None:
        return f"bot:{bot_id}"
    return chat if _is_private(event) else f"chat:{chat}"


def _id(event: Mapping[str, object], field: str) -> str | None:
    part = event.get(field)
    found = part.get("id") if isinstance(part, Mapping) else None
    return str(found) if isinstance(found, int) else None


def _booster(event: Mapping[str, object]) -> str | None:
    """Who boosts a chat: the user of a premium boost, not the one who was given another."""
    boost = event.get("boost")
    source = boost.get("source") if isinstance(boost, Mapping) else None
    if not isinstance(source, Mapping) or source.get("source") != "premium":
        return None
    return _id(source, "user")


def _is_private(event: Mapping[str, object]) -> bool:
    """A private chat has the id of the user on its other side."""
    chat = event.get("chat")
    return isinstance(chat, Mapping) and chat.get("type") == "private"
