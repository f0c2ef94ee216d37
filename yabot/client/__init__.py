"""A typed client of the API, for other services: one method for every operation of the document.

    async with Client("http://127.0.0.1:8080", ClientCredentials("billing", secret)) as api:
        moved = await api.create_transaction("42", Movement(amount=5, reason="gift"))

    users, services, operators   the operations
    calling                      tokens, keys, and sending again what can be sent again
    tokens                       where a token comes from
    errors                       what can go wrong

The bodies are the API's own models, so client and server can't drift apart.
"""

from yabot.api.besitos import Movement
from yabot.api.events import EventTold
from yabot.api.interactions import Interaction
from yabot.api.subscriptions import AccessAsked, PlanChange
from yabot.api.users import PreferencesChange, ProfileChange, StatePatch
from yabot.client.errors import ApiError, Changed, Refused, Unreachable
from yabot.client.messages import Answer
from yabot.client.operators import OperatorCalls
from yabot.client.services import ServiceCalls
from yabot.client.tokens import ClientCredentials, FixedToken, TokenSource
from yabot.client.users import UserCalls

__all__ = [
    "AccessAsked",
    "Answer",
    "ApiError",
    "Changed",
    "Client",
    "ClientCredentials",
    "EventTold",
    "FixedToken",
    "Interaction",
    "Movement",
    "PlanChange",
    "PreferencesChange",
    "ProfileChange",
    "Refused",
    "StatePatch",
    "TokenSource",
    "Unreachable",
]


class Client(UserCalls, ServiceCalls, OperatorCalls):
    """The whole API. Use it as an async context; it may be shared by tasks."""
