"""What other services may tell the bot of a user: events of the types here, and no others.

The rule: an event from outside changes nothing by itself. It becomes a command to the user whom it
is about, who takes or refuses it like any other.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from yabot.domain.commands import Command, MoveBesitos, SetSubscription, Tell
from yabot.domain.decision import Rejected
from yabot.domain.values import Amount, Value
from yabot.domain.written import WHOLE, Moment


class ExternalEvent(Value, ABC):
    """The data of an event from outside. Subclasses say which command it becomes."""

    @abstractmethod
    def command(self) -> Command:
        """The command to the user whom the event is about."""


class PaymentReceived(ExternalEvent):
    """Somebody has paid for a plan, up to `end_date` or, without one, for ever."""

    plan: Literal["premium", "vip"]
    end_date: Moment | None = None

    def command(self) -> Command:
        """Set the plan."""
        return SetSubscription(plan=self.plan, end_date=self.end_date)


class BesitosGranted(ExternalEvent):
    """Another service gives besitos away."""

    amount: Annotated[Amount, WHOLE]
    reason: Annotated[str, Field(min_length=1, max_length=64)]

    def command(self) -> Command:
        """Add them."""
        return MoveBesitos(amount=self.amount, reason=self.reason)


class NoticeGiven(ExternalEvent):
    """Another service has something to say to the user."""

    text: Annotated[str, Field(min_length=1, max_length=1000)]

    def command(self) -> Command:
        """Say it."""
        return Tell(text=self.text)


EXTERNAL: Mapping[str, type[ExternalEvent]] = MappingProxyType(
    {
        "yabot.external.payment.received.v1": PaymentReceived,
        "yabot.external.besitos.granted.v1": BesitosGranted,
        "yabot.external.notice.v1": NoticeGiven,
    }
)
"""Every type of event that is taken from outside."""


def read(type_: str, data: Mapping[str, object]) -> Command | Rejected:
    """The command in an event's data; a no for an unknown type and for data that is not its."""
    model = EXTERNAL.get(type_)
    if model is None:
        return Rejected("event_type_unknown", "event_type_unknown", status=422)
    try:
        return model.model_validate(data).command()
    except ValidationError as error:
        problem = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'data'}: {each['msg']}"
            for each in error.errors(include_url=False, include_input=False)
        )
        params = {"problem": problem[:500]}
        return Rejected("event_data_invalid", "event_data_invalid", status=422, params=params)
