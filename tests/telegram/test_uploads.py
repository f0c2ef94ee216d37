"""A recorded call carries its files; what is too large for that is refused."""

from collections.abc import Callable
from datetime import datetime

import pytest
from aiogram import Bot, Router
from aiogram.types import (
    BufferedInputFile,
    InputMediaPhoto,
    Message,
)

from tests.fakes import MemoryUsers
from tests.telegram.turns import Turns
from tests.telegram.updates import message
from yabot.errors import CannotRecord
from yabot.telegram.encoding import UPLOAD_LIMIT, decode

pytestmark = pytest.mark.anyio

Now = Callable[[], datetime]


async def test_a_small_upload_is_kept_inside_the_call(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def photo(event: Message) -> None:
        await event.answer_photo(BufferedInputFile(b"pixels", "a.png"), caption='"$uploads":')

    (call,) = await Turns(bot, users, clock, router).run(message())
    fields, uploads = decode(call.params)

    assert fields == {"chat_id": 7, "photo": "attach://file0", "caption": '"$uploads":'}
    assert uploads["file0"].filename == "a.png"
    assert uploads["file0"].content == b"pixels"


async def test_uploads_inside_an_album_are_kept_too(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def album(event: Message) -> None:
        files = [BufferedInputFile(name.encode(), name) for name in ("a", "b")]
        await event.answer_media_group([InputMediaPhoto(media=file) for file in files])

    (call,) = await Turns(bot, users, clock, router).run(message())
    fields, uploads = decode(call.params)

    assert fields["media"] == [
        {"type": "photo", "media": "attach://file0"},
        {"type": "photo", "media": "attach://file1"},
    ]
    assert [uploads[name].content for name in ("file0", "file1")] == [b"a", b"b"]


async def test_a_large_upload_is_refused_with_what_to_do(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def photo(event: Message) -> None:
        await event.answer_photo(BufferedInputFile(bytes(UPLOAD_LIMIT + 1), "a.png"))

    with pytest.raises(CannotRecord, match=r"2048 KiB .* file_id"):
        await Turns(bot, users, clock, router).run(message())
