"""One attempt to bring one recorded call to Telegram, and what its answer means.

The rule: an answer of Telegram is a value, `Sent`, `Refused` or `Throttled`; only its absence is an
error, and only that counts at the breaker. A call whose effect is there already counts as sent.
"""

from collections import OrderedDict
from dataclasses import dataclass

import orjson

from supervision import Breaker
from yabot.errors import TelegramRefused, TelegramUnavailable
from yabot.telegram.client import TelegramClient
from yabot.telegram.methods import TREATMENTS, Treatment
from yabot.users.ports import Clock, QueuedCall, ReplyOutbox

ANSWER_LIFE = 150.0
"""Seconds in which Telegram takes the answer to a press."""

IDS_IN_MEMORY = 10_000

_SENDS = (
    Treatment.MESSAGE,
    Treatment.MESSAGE_ID,
    Treatment.FIRST_MESSAGE,
    Treatment.FIRST_MESSAGE_ID,
)
_ALREADY_DONE = ("message is not modified", "query is too old", "message to delete not found")
_GONE = ("chat not found", "user is deactivated", "bot was blocked by the user")


@dataclass(frozen=True, slots=True)
class Sent:
    """Telegram has done it, or it needs no more doing; `message_id` is what it sent, if it did."""

    message_id: int | None = None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Telegram will never do it; `unreachable` when the row's user can't be written to at all."""

    error: str
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Throttled:
    """Telegram asks to wait so many seconds."""

    seconds: float


class Delivery:
    """Sends single calls, with real message ids in the place of provisional ones."""

    def __init__(
        self, client: TelegramClient, breaker: Breaker, outbox: ReplyOutbox, clock: Clock
    ) -> None:
        self._client = client
        self._breaker = breaker
        self._outbox = outbox
        self._clock = clock
        self._ids: OrderedDict[int, int] = OrderedDict()

    async def attempt(self, row: QueuedCall) -> Sent | Refused | Throttled:
        """Try once. Raises TelegramUnavailable, BreakerOpen, StoreUnavailable, ConfigError."""
        if self._is_stale(row):
            return Sent(stale=True)
        try:
            params = await self._with_real_ids(row.call.params)
        except (LookupError, ValueError) as error:
            return Refused(str(error))
        async with self._breaker:
            try:
                result = await self._client.call(row.call.method, params)
            except TelegramRefused as error:
                return _judge(row, error)
            except TelegramUnavailable as error:
                if error.retry_after is None:
                    raise
                return Throttled(error.retry_after)
            return self._sent(row, result)

    def _is_stale(self, row: QueuedCall) -> bool:
        if not row.call.lane.startswith("answer:"):
            return False
        return (self._clock() - row.created_at).total_seconds() > ANSWER_LIFE

    def _sent(self, row: QueuedCall, result: object) -> Sent:
        if TREATMENTS.get(row.call.method) not in _SENDS:
            return Sent()
        first = result[0] if isinstance(result, list) and result else result
        message_id = first.get("message_id") if isinstance(first, dict) else None
        if not isinstance(message_id, int):
            return Sent()
        self._ids[row.call.id] = message_id
        if len(self._ids) > IDS_IN_MEMORY:
            self._ids.popitem(last=False)
        return Sent(message_id)

    async def _with_real_ids(self, params: bytes) -> bytes:
        """The call as Telegram must see it; LookupError for a message that was never sent."""
        if b'message_id":-' not in params and b'message_ids":[' not in params:
            return params
        fields = orjson.loads(params)
        for holder in (fields, fields.get("reply_parameters")):
            if isinstance(holder, dict):
                await self._replace(holder)
        return orjson.dumps(fields)

    async def _replace(self, holder: dict[str, object]) -> None:
        for name in ("message_id", "reply_to_message_id"):
            value = holder.get(name)
            if isinstance(value, int) and value < 0:
                holder[name] = await self._real(value)
        several = holder.get("message_ids")
        if isinstance(several, list):
            holder["message_ids"] = [await self._real(i) if i < 0 else i for i in several]

    async def _real(self, provisional: int) -> int:
        known = self._ids.get(-provisional)
        if known is None:
            known = await self._outbox.real_message_id(provisional)
        if known is None:
            raise LookupError(
                f"message {provisional} has no id at Telegram: it was refused or is too old"
            )
        return known


def _judge(row: QueuedCall, error: TelegramRefused) -> Sent | Refused:
    reason = str(error)
    if any(phrase in reason for phrase in _ALREADY_DONE):
        return Sent()
    gone = error.code == 403 or any(phrase in reason for phrase in _GONE)
    private = row.call.lane == f"chat:{row.user_id}"
    return Refused(reason, unreachable=gone and private)
