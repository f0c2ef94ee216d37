"""Raw updates as Telegram sends them."""

from itertools import count

_ids = count(1)

USER: dict[str, object] = {
    "id": 7,
    "is_bot": False,
    "first_name": "Ana",
    "username": "ana",
    "language_code": "en",
}
CHAT: dict[str, object] = {"id": 7, "type": "private", "first_name": "Ana"}


def message(text: str = "hello", **fields: object) -> dict[str, object]:
    """A private message of user 7."""
    body = {
        "message_id": 1,
        "date": 1715946000,
        "chat": CHAT,
        "from": USER,
        "text": text,
        **fields,
    }
    return {"update_id": next(_ids), "message": body}


def press(data: str = "go") -> dict[str, object]:
    """User 7 presses a button under message 5."""
    shown = {
        "message_id": 5,
        "date": 1715946000,
        "chat": CHAT,
        "from": {"id": 42, "is_bot": True, "first_name": "Yabot"},
        "text": "menu",
    }
    query = {"id": "q1", "from": USER, "chat_instance": "1", "data": data, "message": shown}
    return {"update_id": next(_ids), "callback_query": query}
