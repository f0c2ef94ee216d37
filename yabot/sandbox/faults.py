"""Trouble on order: a test says which calls shall fail, and how.

The rule: a fault only touches calls of bots, never the driver API, and ends after `times` calls.
"""

from dataclasses import asdict, dataclass

from yabot.sandbox.errors import ApiError, DriverError, ServerFault, TooManyRequests
from yabot.sandbox.parameters import Parameters

DROPS = ("", "before", "after")
TOO_MANY_REQUESTS = 429
MAX_DELAY = 120.0


class ConnectionDropped(Exception):
    """Close the connection without an answer."""


@dataclass(slots=True)
class Fault:
    """One order for trouble.

    method: in lower case, '' for any.
    chat_id: only calls about this chat; 0 for any.
    status: answer with this error code; 0 to answer as usual.
    retry_after: seconds, sent along with the status.
    drop: '' or close the connection 'before' or 'after' the call took effect.
    delay: seconds before the call is handled.
    times: how many calls are still to be hit; 0 for all until the faults are cleared.
    """

    method: str = ""
    chat_id: int = 0
    status: int = 0
    retry_after: int | None = None
    drop: str = ""
    delay: float = 0.0
    times: int = 1

    def hits(self, method: str, parameters: Parameters) -> bool:
        if self.method and self.method != method:
            return False
        return not self.chat_id or str(parameters.values.get("chat_id")) == str(self.chat_id)

    def error(self) -> ApiError | None:
        """The refusal that this fault answers with, if any."""
        if not self.status:
            return None
        if self.status == TOO_MANY_REQUESTS:
            return TooManyRequests(self.retry_after or 1)
        return ServerFault(self.status, self.retry_after)


class Faults:
    """The orders that are still open, oldest first."""

    def __init__(self) -> None:
        self._open: list[Fault] = []

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, order: Parameters) -> None:
        """Take an order from its JSON form. Raises DriverError when it says nothing."""
        drop: object = order.values.get("drop")
        if isinstance(drop, bool):
            drop = "before" if drop else ""
        delay = order.number("delay")
        status = order.integer("status")
        if (drop or "") not in DROPS:
            raise DriverError("drop must be true, 'before' or 'after'")
        if status and not 400 <= status < 600:
            raise DriverError("status must be between 400 and 599")
        if not (drop or delay or status):
            raise DriverError("a fault needs a status, a drop or a delay")
        fault = Fault(
            method=order.text("method").lower(),
            chat_id=order.integer("chat_id"),
            status=status,
            retry_after=order.integer("retry_after") if "retry_after" in order else None,
            drop=str(drop or ""),
            delay=min(max(delay, 0.0), MAX_DELAY),
            times=order.integer("times", 1),
        )
        self._open.append(fault)

    def take(self, method: str, parameters: Parameters) -> Fault | None:
        """The fault that hits this call, counted down."""
        for fault in self._open:
            if fault.hits(method, parameters):
                if fault.times == 1:
                    self._open.remove(fault)
                elif fault.times:
                    fault.times -= 1
                return fault
        return None

    def clear(self) -> None:
        self._open.clear()

    def listed(self) -> list[dict[str, object]]:
        return [asdict(fault) for fault in self._open]
