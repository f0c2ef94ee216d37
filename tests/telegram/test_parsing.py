"""Updates that are built from aiogram's fields are what validation would have made of them."""

from collections.abc import Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from aiogram import Bot
from aiogram.types import TelegramObject
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.telegram.updates import CHAT, USER, message, press
from yabot.telegram.parsing import KINDS, MILLISECONDS, TurnUpdate, parse

BOT = Bot("42:TESTTESTTESTTESTTESTTESTTESTTESTTEST")

KEYBOARD: dict[str, object] = {
    "inline_keyboard": [
        [{"text": "go", "callback_data": "go"}, {"text": "site", "url": "https://example.com"}],
        [{"text": "app", "web_app": {"url": "https://example.com/app"}}],
    ]
}
PHOTO = [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 2, "file_size": 3}]
MEMBER = {"status": "member", "user": USER}
GROUP = {"id": -1001, "type": "supergroup", "title": "Friends", "is_forum": True}


def query(**fields: object) -> dict[str, object]:
    body = {"id": "q", "from": USER, "chat_instance": "1", "data": "go", **fields}
    return {"update_id": 1, "callback_query": body}


BUILT: dict[str, dict[str, object]] = {
    "text": message("hello"),
    "command": message("/start", entities=[{"type": "bot_command", "offset": 0, "length": 6}]),
    "mention": message(entities=[{"type": "text_mention", "offset": 0, "length": 2, "user": USER}]),
    "photo": message(photo=PHOTO, caption="look", media_group_id="1"),
    "reply": message(reply_to_message=message("first")["message"]),
    "contact": message(contact={"phone_number": "1", "first_name": "Ana", "user_id": 7}),
    "location": message(location={"latitude": 1.5, "longitude": -2.25}),
    "payment": message(
        successful_payment={
            "currency": "XTR",
            "total_amount": 5,
            "invoice_payload": "vip",
            "telegram_payment_charge_id": "a",
            "provider_payment_charge_id": "b",
        }
    ),
    "group": message(chat=GROUP, message_thread_id=5, is_topic_message=True),
    "edited": {"update_id": 2, "edited_message": {**message()["message"], "edit_date": 1715946001}},  # type: ignore[dict-item]
    "press": press(),
    "press under buttons": query(message={**message()["message"], "reply_markup": KEYBOARD}),  # type: ignore[dict-item]
    "press on inline": query(inline_message_id="i"),
    "inline": {
        "update_id": 3,
        "inline_query": {"id": "1", "from": USER, "query": "cats", "offset": ""},
    },
    "new field": message(mood="fine", chat={**CHAT, "shoe_size": {"eu": 38}}),
}

VALIDATED: dict[str, dict[str, object]] = {
    "out of reach": query(message={"chat": CHAT, "message_id": 5, "date": 0}),
    "forwarded": message(
        forward_origin={"type": "user", "date": 1715946000, "sender_user": USER},
    ),
    "joined": {
        "update_id": 4,
        "my_chat_member": {
            "chat": CHAT,
            "from": USER,
            "date": 1715946000,
            "old_chat_member": {"status": "kicked", "user": USER, "until_date": 0},
            "new_chat_member": MEMBER,
        },
    },
    "null": message(caption=None),
    "whole number for a fraction": message(location={"latitude": 1, "longitude": 2}),
    "number as text": message(message_id="5"),
    "name instead of alias": {
        "update_id": 5,
        "callback_query": {"id": "q", "from_user": USER, "chat_instance": "1"},
    },
    "moment in milliseconds": message(date=MILLISECONDS * 100),
}

WRONG: dict[str, dict[str, object]] = {
    "no message id": {"update_id": 6, "message": {"date": 1715946000, "chat": CHAT}},
    "text is a number": message(text=5),  # type: ignore[arg-type]
    "chat is text": message(chat="7"),
    "photo is no list": message(photo={}),
    "entity is no object": message(entities=["bold"]),
    "no update id": {"message": message()["message"]},
}


def validated(raw: Mapping[str, object]) -> TurnUpdate:
    return TurnUpdate.model_validate(raw, context={"bot": BOT})


def assert_alike(one: object, other: object) -> None:
    """Everything is the same, and not only what `==` looks at."""
    assert type(one) is type(other)
    if isinstance(one, TelegramObject) and isinstance(other, TelegramObject):
        assert one == other
        assert one.model_fields_set == other.model_fields_set
        assert one.model_extra == other.model_extra
        assert one.bot is other.bot
        assert one.__dict__.keys() == other.__dict__.keys()
        for name, value in one.__dict__.items():
            assert_alike(value, other.__dict__[name])
    elif isinstance(one, list) and isinstance(other, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_alike(a, b)
    else:
        assert one == other


@pytest.mark.parametrize("raw", [*BUILT.values(), *VALIDATED.values()], ids=[*BUILT, *VALIDATED])
def test_an_update_is_what_validation_makes_of_it(raw: dict[str, object]) -> None:
    assert_alike(parse(raw, BOT), validated(raw))


@pytest.mark.parametrize("raw", BUILT.values(), ids=BUILT)
def test_common_updates_are_built_without_validation(
    raw: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TurnUpdate, "model_validate", None)
    assert parse(raw, BOT).update_id == raw["update_id"]


@pytest.mark.parametrize("raw", WRONG.values(), ids=WRONG)
def test_what_validation_refuses_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        parse(raw, BOT)


def test_the_bot_is_mounted_in_every_part() -> None:
    sender = parse(press(), BOT).callback_query
    assert sender is not None
    assert sender.message is not None
    assert sender.bot is sender.from_user.bot is sender.message.chat.bot is BOT


def test_the_json_that_was_parsed_is_left_alone() -> None:
    raw = press()
    before = repr(raw)
    parse(raw, BOT)
    assert repr(raw) == before


SIMPLE: dict[object, st.SearchStrategy[object]] = {
    int: st.integers(-(2**52), 2**52),
    str: st.text(max_size=5),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    datetime: st.integers(-5, 2 * MILLISECONDS),
}
NOISE: st.SearchStrategy[object] = st.one_of(
    st.none(), st.integers(), st.text(max_size=2), st.lists(st.integers(), max_size=1)
)


def plain(annotation: object) -> list[object]:
    """The types of an annotation without None and without the notes of `Annotated`."""
    if get_origin(annotation) in (Union, UnionType):
        return [one for each in get_args(annotation) for one in plain(each) if one is not NoneType]
    if get_origin(annotation) is Annotated:
        return plain(get_args(annotation)[0])
    return [annotation]


@st.composite
def json_of(draw: st.DrawFn, annotation: object, depth: int) -> Any:
    """JSON that looks like a type of aiogram; now and then it is something else."""
    if draw(st.integers(0, 60)) == 60:
        return draw(NOISE)
    kind = draw(st.sampled_from(plain(annotation)))
    if kind in SIMPLE:
        return draw(SIMPLE[kind])
    if get_origin(kind) is list:
        (inner,) = get_args(kind)
        return [draw(json_of(inner, depth)) for _ in range(draw(st.integers(0, 2)))]
    if isinstance(kind, type) and issubclass(kind, TelegramObject):
        return draw(object_of(kind, depth - 1))
    return draw(NOISE)


@st.composite
def object_of(draw: st.DrawFn, kind: type[TelegramObject], depth: int) -> dict[str, Any]:
    """An object with its required fields and, while it is not too deep, a few others."""
    fields = kind.model_fields
    others = [name for name, field in fields.items() if not field.is_required()]
    given = [name for name, field in fields.items() if field.is_required()] if depth > -3 else []
    if depth > 0 and others:
        given += draw(st.lists(st.sampled_from(others), max_size=4, unique=True))
    return {
        fields[name].alias or name: draw(json_of(fields[name].annotation, depth)) for name in given
    }


@st.composite
def updates(draw: st.DrawFn) -> dict[str, Any]:
    """An update of any kind."""
    kind = draw(st.sampled_from(KINDS))
    annotation = TurnUpdate.model_fields[kind].annotation
    return {"update_id": draw(SIMPLE[int]), kind: draw(json_of(annotation, 4))}


@settings(max_examples=400, suppress_health_check=list(HealthCheck), deadline=None)
@given(updates())
def test_whatever_comes_is_what_validation_makes_of_it(raw: dict[str, Any]) -> None:
    try:
        expected = validated(raw)
    except ValidationError:
        with pytest.raises(ValidationError):
            parse(raw, BOT)
    else:
        assert_alike(parse(raw, BOT), expected)
