"""The gate: everything that decides who comes in, from where and how often, made to fit together.

The rule: a request passes here once, and what the gate finds is all that is known of its sender.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from supervision import Report
from yabot.api.auth import AuthService
from yabot.api.caller import ANONYMOUS, Addresses, Caller, Network, neighbourhood
from yabot.api.clients import Clients
from yabot.api.failures import Failures
from yabot.api.keyring import Keyring
from yabot.api.limits import QUOTAS, Allowance, Quota, RateClass, RateLimits
from yabot.api.refresh import RefreshTokens
from yabot.api.revocation import Revocations
from yabot.api.tokens import JWTService
from yabot.identity import IdentityStore
from yabot.users.ports import Clock

PER_CLIENT: frozenset[RateClass] = frozenset({"read", "write"})
"""Classes that are counted by client; the others by where a request comes from."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Keys, tokens, clients, sessions, revocations, failures, limits and addresses."""

    keys: Keyring
    tokens: JWTService
    auth: AuthService
    clients: Clients
    refresh: RefreshTokens
    revocations: Revocations
    failures: Failures
    limits: RateLimits
    addresses: Addresses

    @classmethod
    def over(
        cls,
        keys: Keyring,
        store: IdentityStore,
        *,
        clock: Clock,
        report: Callable[[Report], None],
        quotas: Mapping[RateClass, Quota] = QUOTAS,
        proxies: Iterable[Network] = (),
    ) -> "Gate":
        """A gate whose identities are in `store`; requests may come by way of `proxies`."""
        tokens = JWTService(keys, clock=clock)
        revocations = Revocations(store, clock=clock)
        failures = Failures(report)
        return cls(
            keys=keys,
            tokens=tokens,
            auth=AuthService(tokens, revocations, failures, clock=clock),
            clients=Clients(store, revocations, clock=clock),
            refresh=RefreshTokens(store, revocations, clock=clock),
            revocations=revocations,
            failures=failures,
            limits=RateLimits(quotas),
            addresses=Addresses(proxies),
        )

    async def open(self) -> None:
        """Learn what is revoked. Raises StoreUnavailable."""
        await self.revocations.open()

    def admit(self, rate: RateClass, caller: Caller) -> Allowance:
        """Count a request in its class."""
        by_client = rate in PER_CLIENT and caller.client != ANONYMOUS
        return self.limits.take(rate, caller.client if by_client else neighbourhood(caller.address))
