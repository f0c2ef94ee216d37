"""Each kind of update goes to the actor of whoever caused it."""

import pytest
from aiogram.types import Update

from yabot.telegram.routing import actor_key

USER: dict[str, object] = {"id": 7, "is_bot": False, "first_name": "Ana"}
GROUP = {"id": -1001, "type": "supergroup", "title": "Group"}
PRIVATE = {"id": 7, "type": "private", "first_name": "Ana"}
CHANNEL = {"id": -1009, "type": "channel", "title": "News"}
BY_FROM: dict[str, object] = {"from": USER, "chat": GROUP}
PREMIUM: dict[str, object] = {"source": "premium", "user": USER}
GIFT: dict[str, object] = {"source": "gift_code", "user": USER}

WALK: dict[str, list[tuple[dict[str, object], str]]] = {
    "message": [
        (BY_FROM, "7"),
        ({"from": USER, "chat": PRIVATE, "successful_payment": {}}, "7"),
        ({"from": {"id": 1087968824}, "sender_chat": GROUP, "chat": GROUP}, "chat:-1001"),
        ({"from": {"id": 777000}, "sender_chat": CHANNEL, "chat": GROUP}, "chat:-1001"),
    ],
    "edited_message": [(BY_FROM, "7")],
    "channel_post": [({"sender_chat": CHANNEL, "chat": CHANNEL}, "chat:-1009")],
    "edited_channel_post": [({"sender_chat": CHANNEL, "chat": CHANNEL}, "chat:-1009")],
    "business_connection": [({"id": "b", "user": USER, "user_chat_id": 7}, "7")],
    "business_message": [(BY_FROM, "7")],
    "edited_business_message": [(BY_FROM, "7")],
    "deleted_business_messages": [({"business_connection_id": "b", "chat": PRIVATE}, "7")],
    "guest_message": [(BY_FROM, "7")],
    "message_reaction": [
        ({"chat": GROUP, "user": USER}, "7"),
        ({"chat": GROUP, "actor_chat": GROUP}, "chat:-1001"),
    ],
    "message_reaction_count": [({"chat": CHANNEL}, "chat:-1009")],
    "inline_query": [({"id": "1", "from": USER}, "7")],
    "chosen_inline_result": [({"result_id": "1", "from": USER}, "7")],
    "callback_query": [({"id": "1", "from": USER, "message": {"chat": GROUP}}, "7")],
    "shipping_query": [({"id": "1", "from": USER}, "7")],
    "pre_checkout_query": [({"id": "1", "from": USER}, "7")],
    "purchased_paid_media": [({"from": USER, "paid_media_payload": "x"}, "7")],
    "poll": [({"id": "1", "question": "?"}, "bot:42")],
    "poll_answer": [
        ({"poll_id": "1", "user": USER}, "7"),
        ({"poll_id": "1", "voter_chat": GROUP}, "chat:-1001"),
    ],
    "my_chat_member": [({"from": USER, "chat": PRIVATE}, "7")],
    "chat_member": [(BY_FROM, "7")],
    "chat_join_request": [(BY_FROM, "7")],
    "chat_boost": [
        ({"chat": CHANNEL, "boost": {"source": PREMIUM}}, "7"),
        ({"chat": CHANNEL, "boost": {"source": GIFT}}, "chat:-1009"),
    ],
    "removed_chat_boost": [({"chat": CHANNEL, "source": PREMIUM}, "chat:-1009")],
    "managed_bot": [({"user": USER, "bot": {"id": 9}}, "7")],
    "subscription": [({"user": USER}, "7")],
    "stopped_message_generation": [({"chat": PRIVATE}, "7"), ({"chat": GROUP}, "chat:-1001")],
}


@pytest.mark.parametrize("kind", [name for name in Update.model_fields if name != "update_id"])
def test_every_kind_of_update_has_its_actor(kind: str) -> None:
    for event, key in WALK[kind]:
        assert actor_key({"update_id": 1, kind: event}, 42) == key


def test_an_update_of_an_unknown_kind_is_routed_by_what_it_carries() -> None:
    assert actor_key({"update_id": 1, "telepathy": {"from": USER}}, 42) == "7"
    assert actor_key({"update_id": 1, "silence": {}}, 42) == "bot:42"
    assert actor_key({"update_id": 1}, 42) == "bot:42"


def test_fields_of_a_wrong_type_lead_to_the_bot_and_not_to_an_error() -> None:
    assert actor_key({"update_id": 1, "message": {"from": "x", "chat": 5}}, 42) == "bot:42"
