"""Where a request comes from is what its connection says, or a proxy that is trusted."""

from ipaddress import ip_network
from unittest.mock import Mock

import pytest
from multidict import CIMultiDict

from yabot.api.caller import NOWHERE, Addresses

PROXIES = ("10.0.0.0/8", "fd00::/8")


def address(peer: str | None, *forwarded: str, trusted: tuple[str, ...] = PROXIES) -> str:
    request = Mock()
    request.remote = peer
    request.headers = CIMultiDict(("X-Forwarded-For", line) for line in forwarded)
    return Addresses(ip_network(network) for network in trusted).of(request)


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("203.0.113.1", ["198.51.100.1"], "203.0.113.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["nonsense, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        (None, ["198.51.100.1"], NOWHERE),
    ],
)
def test_the_nearest_address_that_is_no_trusted_proxy_counts(
    peer: str | None, forwarded: list[str], seen: str
) -> None:
    assert address(peer, *forwarded) == seen


def test_without_trusted_proxies_the_header_says_nothing() -> None:
    assert address("10.0.0.1", "198.51.100.1", trusted=()) == "10.0.0.1"
