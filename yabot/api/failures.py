"""Failed attempts to get in: counted, told once per burst, and slowed down.

The rule: failing is limited per address and never keeps out who shows a good token, so nobody can
lock a service out by failing in its place.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import structlog

from supervision import Context, Report
from yabot.api.caller import ANONYMOUS, neighbourhood
from yabot.api.limits import Meter, Quota, too_many

Kind = Literal["token", "secret", "refresh", "reuse", "scope"]
"""A bearer token, a client's secret, a refresh token, one that was used before, a missing scope."""

FAILURES = Quota("failures", 1 / 3, 20)
"""Failures of one address; beyond them it is told 429 and the log stays silent."""

ALERTS = Quota("alerts", 1 / 60, 1)
"""Reports about one address."""

log = structlog.get_logger(__name__)


class Failures:
    """Counts failures; `report` is told of those that somebody should look at."""

    def __init__(
        self, report: Callable[[Report], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._report = report
        self._clock = clock
        self._failures = Meter(FAILURES, clock=clock)
        self._alerts = Meter(ALERTS, clock=clock)
        self._counts: Counter[Kind] = Counter()

    def note(self, kind: Kind, reason: str, *, address: str, client: str = ANONYMOUS) -> None:
        """Somebody failed. Raises Problem when they fail too often.

        That is a client where one is named, and else an address.
        """
        self._counts[kind] += 1
        offender = neighbourhood(address) if client == ANONYMOUS else f"client {client}"
        allowance = self._failures.take(offender)
        if not allowance.granted:
            self._alert(offender, f"more than {FAILURES.burst} failed attempts to get in")
            raise too_many(allowance)
        log.warning("api.refused", kind=kind, reason=reason, address=address, client=client)

    def alarm(self, reason: str, *, address: str, client: str) -> None:
        """Something happened that an honest client does not do."""
        self._counts["reuse"] += 1
        log.warning("api.alarm", reason=reason, address=address, client=client)
        self._alert(f"client {client}", reason)

    def counts(self) -> Mapping[str, float]:
        """How many there were since the start, by kind."""
        return MappingProxyType({kind: float(self._counts[kind]) for kind in KINDS})

    def _alert(self, offender: str, reason: str) -> None:
        if self._alerts.take(offender).granted:
            self._report(Report("api", Context.ALERT, reason, offender, self._clock()))


KINDS: tuple[Kind, ...] = ("token", "secret", "refresh", "reuse", "scope")
