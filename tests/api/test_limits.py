"""A quota grants bursts and a rate, and never more, to each caller by themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yabot.api.caller import neighbourhood
from yabot.api.limits import Meter, Quota, RateLimits


class Time:
    """A steady clock that tests move, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def test_a_burst_is_granted_and_then_one_at_the_rate(time: Time) -> None:
    meter = Meter(Quota("read", rate=2, burst=4), clock=time)
    assert [meter.take("a").granted for _ in range(5)] == [True, True, True, True, False]
    time.now += 0.5
    assert [meter.take("a").granted for _ in range(2)] == [True, False]
    time.now += 100
    assert [meter.take("a").granted for _ in range(5)] == [True, True, True, True, False]


def test_what_is_left_is_told_and_when_to_come_back(time: Time) -> None:
    meter = Meter(Quota("login", rate=0.1, burst=3), clock=time)
    told = [meter.take("a") for _ in range(4)]
    assert [allowance.remaining for allowance in told] == [2, 1, 0, 0]
    assert [allowance.seconds for allowance in told] == [10, 20, 30, 10]
    assert told[0].headers() == {
        "RateLimit-Policy": '"login";q=3;w=30',
        "RateLimit": '"login";r=2;t=10',
    }
    assert told[3].headers()["Retry-After"] == "10"
    time.now += 10
    assert meter.take("a").granted


def test_callers_do_not_share_a_quota(time: Time) -> None:
    meter = Meter(Quota("read", rate=1, burst=1), clock=time)
    assert meter.take("a").granted
    assert meter.take("b").granted
    assert not meter.take("a").granted


def test_classes_do_not_share_a_quota(time: Time) -> None:
    limits = RateLimits({"read": Quota("read", 1, 1), "write": Quota("write", 1, 1)}, clock=time)
    assert limits.take("read", "a").granted
    assert limits.take("write", "a").granted
    assert not limits.take("read", "a").granted


def test_the_memory_is_bounded_and_the_least_seen_is_forgotten(time: Time) -> None:
    meter = Meter(Quota("read", rate=1, burst=1), clock=time, most=3)
    for caller in "abcab":
        meter.take(caller)
    assert not meter.take("c").granted
    for caller in "defg":
        meter.take(caller)
    assert len(meter) == 3
    assert meter.take("a").granted


def test_a_refusal_costs_nothing_more(time: Time) -> None:
    meter = Meter(Quota("read", rate=1, burst=1), clock=time)
    meter.take("a")
    for _ in range(1000):
        assert not meter.take("a").granted
    time.now += 1
    assert meter.take("a").granted


@given(
    rate=st.integers(1, 100),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 2, allow_nan=False), min_size=1, max_size=200),
)
def test_no_span_of_time_grants_more_than_the_burst_and_the_rate(
    rate: int, burst: int, pauses: list[float]
) -> None:
    time = Time()
    meter = Meter(Quota("x", rate, burst), clock=time)
    granted: list[float] = []
    for pause in pauses:
        time.now += pause
        if meter.take("a").granted:
            granted.append(time.now)
    for first, began in enumerate(granted):
        for last in range(first, len(granted)):
            span = granted[last] - began
            assert last - first + 1 <= burst + rate * span + 1e-3


@given(rate=st.integers(1, 100), burst=st.integers(1, 50), count=st.integers(1, 100))
def test_who_keeps_to_the_rate_is_never_refused(rate: int, burst: int, count: int) -> None:
    time = Time()
    meter = Meter(Quota("x", rate, burst), clock=time)
    for _ in range(count):
        assert meter.take("a").granted
        time.now += 1 / rate + 1e-6


@pytest.mark.parametrize(
    ("address", "limited_as"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("unknown", "unknown"),
    ],
)
def test_one_host_is_limited_as_one(address: str, limited_as: str) -> None:
    assert neighbourhood(address) == limited_as
