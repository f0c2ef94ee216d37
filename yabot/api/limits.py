"""How often one caller may ask: a quota per class of routes, and its answer in standard headers.

The generic cell rate algorithm (ITU-T I.371) keeps one number per caller: the time at which their
quota would be whole again. The headers are those of the IETF draft "RateLimit header fields for
HTTP". The rule: counting is bounded in memory, and nothing in a request but who sent it counts.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from yabot.api.problems import Problem

RateClass = Literal["read", "write", "login", "open"]
"""Routes that read, that change something, that log in, and that need no token."""

CALLERS = 10_000
"""Callers that are remembered per quota; the one not seen for longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Quota:
    """`burst` requests at once, coming back at `rate` per second."""

    name: str
    rate: float
    burst: int

    @property
    def policy(self) -> str:
        """The quota as a header tells it: so many requests in so many seconds."""
        return f'"{self.name}";q={self.burst};w={math.ceil(self.burst / self.rate)}'


QUOTAS: Mapping[RateClass, Quota] = MappingProxyType(
    {
        "read": Quota("read", 1000, 2000),
        "write": Quota("write", 500, 1000),
        "login": Quota("login", 1, 30),
        "open": Quota("open", 200, 400),
    }
)
"""`read` and `write` are counted per client, the others per address."""


def quotas(*, read_rate: int, write_rate: int) -> Mapping[RateClass, Quota]:
    """The quotas, with other rates per second for clients, and bursts of two seconds' worth."""
    read = Quota("read", read_rate, 2 * read_rate)
    return {**QUOTAS, "read": read, "write": Quota("write", write_rate, 2 * write_rate)}


CLIENT_LOGINS = Quota("client", 0.5, 10)
"""Logins of one client from one address."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a quota. `seconds` is until it is whole, or, refused, until the next one."""

    quota: Quota
    granted: bool
    remaining: int
    seconds: int

    def headers(self) -> Mapping[str, str]:
        """The standard headers."""
        name = self.quota.name
        shown = {
            "RateLimit-Policy": self.quota.policy,
            "RateLimit": f'"{name}";r={self.remaining};t={self.seconds}',
        }
        return shown if self.granted else shown | {"Retry-After": str(max(1, self.seconds))}


class Meter:
    """Counts one quota for many callers."""

    def __init__(
        self, quota: Quota, *, clock: Callable[[], float] = time.monotonic, most: int = CALLERS
    ) -> None:
        self.quota = quota
        self._clock = clock
        self._most = most
        self._interval = 1 / quota.rate
        self._depth = quota.burst / quota.rate
        self._whole_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._whole_at)

    def take(self, caller: str) -> Allowance:
        """Count one request, unless the quota is used up."""
        now = self._clock()
        ahead = max(0.0, self._whole_at.get(caller, 0.0) - now)
        after = ahead + self._interval
        if after > self._depth + 1e-9:
            return Allowance(self.quota, False, 0, math.ceil(after - self._depth))
        self._whole_at[caller] = now + after
        self._whole_at.move_to_end(caller)
        if len(self._whole_at) > self._most:
            self._whole_at.popitem(last=False)
        remaining = int((self._depth - after) / self._interval + 1e-6)
        return Allowance(self.quota, True, remaining, math.ceil(after))


class RateLimits:
    """A meter for every class of routes."""

    def __init__(
        self,
        quotas: Mapping[RateClass, Quota] = QUOTAS,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._meters = {name: Meter(quota, clock=clock) for name, quota in quotas.items()}
        self._client_logins = Meter(CLIENT_LOGINS, clock=clock)

    def take(self, rate: RateClass, caller: str) -> Allowance:
        """Count one request of a caller in a class."""
        return self._meters[rate].take(caller)

    def take_login(self, client_id: str, neighbourhood: str) -> None:
        """Count an attempt to log in as a client from somewhere. Raises Problem."""
        allowance = self._client_logins.take(f"{neighbourhood} {client_id}")
        if not allowance.granted:
            raise too_many(allowance)


def too_many(allowance: Allowance) -> Problem:
    """The answer to a request beyond its quota."""
    wait = max(1, allowance.seconds)
    name = allowance.quota.name
    return Problem("too_many_requests", headers=allowance.headers(), quota=name, seconds=wait)
