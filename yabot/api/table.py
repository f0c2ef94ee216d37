"""The table of all routes: what is here is served and described, and nothing else is.

The rule: every answer comes from a route of this table, so whoever checks the table checks the API.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from yabot.api.admin import ClientRoutes
from yabot.api.besitos import BesitosRoutes
from yabot.api.dead_letters import DeadLetterRoutes, DeadLetters
from yabot.api.description import DescriptionRoutes
from yabot.api.events import EventRoutes, History
from yabot.api.gate import Gate
from yabot.api.interactions import InteractionRoutes
from yabot.api.ledger import Ledger
from yabot.api.narrative import NarrativeRoutes
from yabot.api.oauth import AuthRoutes
from yabot.api.probes import ProbeRoutes, Probes
from yabot.api.route import AnyRoute
from yabot.api.subscriptions import SubscriptionRoutes
from yabot.api.users import UserRoutes
from yabot.services.coordinator import CoordinatorService
from yabot.services.external import ExternalEvents
from yabot.services.narrative import NarrativeService
from yabot.services.subscriptions import SubscriptionService
from yabot.services.users import UserService
from yabot.users.ports import Clock


@dataclass(frozen=True, slots=True)
class APIServices:
    """What the routes are built over. Build them on a DeadlineGateway."""

    users: UserService
    coordinator: CoordinatorService
    subscriptions: SubscriptionService
    narrative: NarrativeService
    external: ExternalEvents
    ledger: Ledger
    history: History
    dead_letters: DeadLetters
    probes: Probes


def routes(services: APIServices, gate: Gate, clock: Clock) -> Iterator[AnyRoute]:
    """Every route of the API, in the order of its description."""
    users, coordinator = services.users, services.coordinator
    yield from UserRoutes(users).routes()
    yield from SubscriptionRoutes(users, services.subscriptions, coordinator, clock).routes()
    yield from BesitosRoutes(users, coordinator, services.ledger).routes()
    yield from InteractionRoutes(coordinator).routes()
    yield from NarrativeRoutes(services.narrative).routes()
    yield from EventRoutes(services.history, services.external).routes()
    yield from AuthRoutes(gate).routes()
    yield from ClientRoutes(gate).routes()
    yield from DeadLetterRoutes(services.dead_letters).routes()
    yield from ProbeRoutes(services.probes).routes()


def with_description(others: Iterable[AnyRoute]) -> tuple[AnyRoute, ...]:
    """These routes, and those that describe them all."""
    table = tuple(others)
    return (*table, *DescriptionRoutes(table).routes())


def declared() -> tuple[AnyRoute, ...]:
    """Every route, to be described and not to be called: there is nothing behind it."""
    nothing: Any = _Nothing()
    return with_description(routes(nothing, nothing, nothing))


class _Nothing:
    """Stands for whatever routes are built over."""

    def __getattr__(self, name: str) -> Self:
        return self
