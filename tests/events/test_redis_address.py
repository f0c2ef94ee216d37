"""What REDIS_URL may be, and what is said of one that can't be."""

import pytest
from pydantic import SecretStr

from yabot.errors import ConfigError
from yabot.events.redis import connect
from yabot.events.redis_address import RedisAddress, parse


def parsed(url: str, password: str | None = None) -> RedisAddress:
    return parse(SecretStr(url), SecretStr(password) if password is not None else None)


def secret(address: RedisAddress) -> str | None:
    given = address.login.password
    return given.get_secret_value() if given is not None else None


@pytest.mark.parametrize(
    ("url", "kind", "hosts", "rest"),
    [
        ("redis://h", "server", (("h", 6379),), ("", "", 0, False)),
        ("redis://h:1/2", "server", (("h", 1),), ("", "", 2, False)),
        ("rediss://h:1/", "server", (("h", 1),), ("", "", 0, True)),
        ("redis://[::1]:7/3", "server", (("::1", 7),), ("", "", 3, False)),
        ("unix:///run/redis.sock?db=4", "socket", (), ("/run/redis.sock", "", 4, False)),
        (
            "redis+sentinel://a,b:2/mine/5",
            "sentinel",
            (("a", 26379), ("b", 2)),
            ("", "mine", 5, False),
        ),
        ("rediss+sentinel://a/m", "sentinel", (("a", 26379),), ("", "m", 0, True)),
        ("redis+cluster://a:1,b", "cluster", (("a", 1), ("b", 6379)), ("", "", 0, False)),
        ("rediss+cluster://a/0", "cluster", (("a", 6379),), ("", "", 0, True)),
    ],
)
def test_every_form_of_an_address_is_understood(
    url: str, kind: str, hosts: object, rest: object
) -> None:
    found = parsed(url)
    assert (found.kind, found.hosts) == (kind, hosts)
    assert (found.path, found.master, found.database, found.tls) == rest


def test_a_password_comes_from_its_own_setting_or_from_the_url_and_may_hold_anything() -> None:
    assert secret(parsed("redis://h", "a/b@c")) == "a/b@c"
    assert secret(parsed("redis://:a%2Fb%40c@h")) == "a/b@c"
    assert secret(parsed("redis://h")) is None
    both = parsed("redis://me:pass@h")
    assert (both.login.username, secret(both)) == ("me", "pass")
    named = parsed("redis://me@h", "pass")
    assert (named.login.username, secret(named)) == ("me", "pass")


def test_sentinels_may_ask_for_a_login_of_their_own() -> None:
    found = parsed("redis+sentinel://:p@a/m?sentinel_username=s&sentinel_password=q")
    assert found.sentinel_login.username == "s"
    assert found.sentinel_login.password == SecretStr("q")
    assert secret(found) == "p"


def test_certificates_are_named_as_files() -> None:
    assert parsed("rediss://h?ssl_ca_certs=/etc/ca.pem").files == {"ssl_ca_certs": "/etc/ca.pem"}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "must begin with"),
        ("http://h", "must begin with"),
        ("redis:h", "must begin with"),
        ("redis://", "name its hosts"),
        ("redis://h:x", "name its hosts"),
        ("redis://h:99999", "at most 65535"),
        ("redis://a,b", "several hosts"),
        ("redis://h/x", "whole number"),
        ("redis://h/1/2", "whole number"),
        ("redis+cluster://h/1", "a cluster has only 0"),
        ("redis+sentinel://h", "master's name"),
        ("redis+sentinel://h/", "master's name"),
        ("unix://run/redis", "whole path"),
        ("redis://h?timeout=3", "unknown option timeout"),
        ("redis://h?ssl_ca_certs=x", "write rediss"),
        ("redis://:p@ss@h", "write %40 for @"),
        ("redis://:p/w@h", "%2F for /"),
        ("redis://:p/w?x=1@h", "%3F for"),
    ],
)
def test_an_address_that_can_not_be_is_told_as_a_setting_without_its_secrets(
    url: str, told: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        connect(SecretStr(url))
    (problem,) = raised.value.problems[:1]
    assert problem.startswith("REDIS_URL: ")
    assert told in problem
    assert "p@ss" not in str(raised.value)
    assert "p/w" not in str(raised.value)


def test_two_passwords_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="keep one of them") as raised:
        parsed("redis://:first@h", "second")
    assert "first" not in str(raised.value)
    assert "second" not in str(raised.value)


def test_what_is_shown_holds_no_secret() -> None:
    for url, shown in {
        "redis://me:secret@h:1/2": "h:1",
        "redis+sentinel://:secret@a,b/m?sentinel_password=secret": "a:26379,b:26379/m",
        "redis+cluster://:secret@[::1]:3": "[::1]:3",
        "unix://:secret@/run/redis": "/run/redis",
    }.items():
        found = parsed(url)
        assert found.shown == shown
        assert "secret" not in repr(found)
