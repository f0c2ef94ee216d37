"""Who sends a request: from which address, and as which service.

The rule: an address is what the connection says. A header may correct it only where the connection
comes from a proxy that the settings trust.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

ANONYMOUS = "anonymous"
"""Stands for a caller without a name."""

NOWHERE = "unknown"
"""The address of a peer that has none, as on a socket file."""

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Caller:
    """Limits apply to `address`; `authorization` are the headers as they came, for logging in."""

    address: str = NOWHERE
    client: str = ANONYMOUS
    authorization: Sequence[str] = field(default=(), repr=False)


class Addresses:
    """Tells where requests come from, behind the proxies of these networks."""

    def __init__(self, trusted: Iterable[Network] = ()) -> None:
        self._trusted = tuple(trusted)
        self._is_proxy = lru_cache(maxsize=1024)(self._looks_trusted)

    def of(self, request: web.BaseRequest) -> str:
        """The nearest address on the request's way that is no trusted proxy."""
        peer = request.remote or NOWHERE
        if not self._trusted or not self._is_proxy(peer):
            return peer
        return self._forwarded(peer, request.headers.getall("X-Forwarded-For", []))

    def _forwarded(self, peer: str, headers: Sequence[str]) -> str:
        """Walk back from the last hop; what a stranger wrote lies before the first such address."""
        nearest = peer
        for hop in reversed([part.strip() for line in headers for part in line.split(",")]):
            try:
                nearest = str(ip_address(hop))
            except ValueError:
                break
            if not self._is_proxy(nearest):
                break
        return nearest

    def _looks_trusted(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._trusted)


@lru_cache(maxsize=1024)
def neighbourhood(address: str) -> str:
    """What is limited as one: an IPv4 address, or the /64 of an IPv6 one, all of it one host's."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), 64), strict=False))
