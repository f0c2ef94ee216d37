"""How a Bot API call is written down: one JSON object, with its uploads inside.

The rule: what is written is complete; sending it later needs neither the bot nor a file. Uploads
come first in the object, under `UPLOADS`, as base64, and the call names them as `attach://<name>`.
"""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from aiogram import Bot
from aiogram.client.default import Default
from aiogram.types import InlineKeyboardMarkup, InputFile
from pydantic import BaseModel, PrivateAttr

from yabot.domain.values import Instant
from yabot.errors import CannotRecord
from yabot.telegram.methods import Method

UPLOADS = "$uploads"
_HAS_UPLOADS = b'{"' + UPLOADS.encode() + b'":'

UPLOAD_LIMIT = 2 * 1024 * 1024
"""Bytes that one recorded call may upload; a file sent before goes by its file_id at any size."""


class WrittenKeyboard(InlineKeyboardMarkup):
    """Buttons that are sent again and again and never change: their JSON is written once."""

    _written: bytes = PrivateAttr(b"")

    @property
    def written(self) -> bytes:
        """The JSON of the buttons."""
        if not self._written:
            self._written = self.model_dump_json(exclude_none=True).encode()
        return self._written


class Upload(BaseModel):
    """One file of a written call."""

    filename: str
    base64: str

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return base64.b64decode(self.base64)


async def encode(method: Method, bot: Bot, now: Instant) -> bytes:
    """Write a call down, with the bot's defaults filled in; time spans count from `now`.

    Raises CannotRecord when its uploads are larger than UPLOAD_LIMIT.
    """
    files: dict[str, InputFile] = {}

    def plain(value: object) -> object:
        match value:
            case WrittenKeyboard():
                return orjson.Fragment(value.written)
            case BaseModel():
                return _fields(value, bot)
            case InputFile():
                name = f"file{len(files)}"
                files[name] = value
                return f"attach://{name}"
            case timedelta():
                return round((now + value).timestamp())
            case datetime():
                return round(value.timestamp())
            case _:
                raise TypeError(f"{type(value).__name__} has no place in a Bot API call")

    body = orjson.dumps(_fields(method, bot), plain, orjson.OPT_PASSTHROUGH_DATETIME)
    if not files:
        return body
    uploads = await _read(files, bot, type(method).__api_method__)
    return _HAS_UPLOADS + orjson.dumps(uploads) + b"," + body[1:]


def decode(params: bytes) -> tuple[dict[str, object], Mapping[str, Upload]]:
    """Read a written call back: its fields, and its uploads by name."""
    fields: dict[str, Any] = orjson.loads(params)
    uploads = fields.pop(UPLOADS, {})
    return fields, {name: Upload.model_validate(upload) for name, upload in uploads.items()}


def has_uploads(params: bytes) -> bool:
    """Whether a written call carries files."""
    return params.startswith(_HAS_UPLOADS)


def _fields(model: BaseModel, bot: Bot) -> dict[str, object]:
    """The fields that say something, with the bot's defaults in the place of their names."""
    given = model.__dict__
    if model.__pydantic_extra__:
        given = {**given, **model.__pydantic_extra__}
    fields: dict[str, object] = {}
    for name, value in given.items():
        meant = bot.default[value.name] if type(value) is Default else value
        if meant is not None:
            fields[name] = meant
    return fields


async def _read(files: Mapping[str, InputFile], bot: Bot, method: str) -> dict[str, object]:
    uploads: dict[str, object] = {}
    left = UPLOAD_LIMIT
    for name, file in files.items():
        content = bytearray()
        async for chunk in file.read(bot):
            content += chunk
            left -= len(chunk)
            if left < 0:
                raise CannotRecord(
                    f"{method}: a turn keeps at most {UPLOAD_LIMIT // 1024} KiB of uploads a call; "
                    "send larger files through `direct_bot` and then by their file_id"
                )
        uploads[name] = {
            "filename": file.filename or name,
            "base64": base64.b64encode(content).decode(),
        }
    return uploads
