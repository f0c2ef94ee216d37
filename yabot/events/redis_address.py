"""Where Redis is: the forms that REDIS_URL may have, as one value.

    redis://host:port/db                         one server
    unix:///path/to/socket?db=0                  the same, on this machine
    redis+sentinel://host1:port,host2/master/db  the master that these sentinels name
    redis+cluster://host1:port,host2             a cluster, found through any of its nodes

`rediss` in place of `redis` is TLS; `user:password@` stands before the hosts. The rule: a secret is
never part of an error or of what is shown.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote

from pydantic import SecretStr

from yabot.errors import ConfigError

Kind = Literal["server", "socket", "sentinel", "cluster"]

SCHEMES: Mapping[str, tuple[Kind, bool]] = {
    "redis": ("server", False),
    "rediss": ("server", True),
    "unix": ("socket", False),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}

PORT = 6379
SENTINEL_PORT = 26379

HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@/?#\s]+))(?::([0-9]{1,5}))?")

TLS_OPTIONS = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
"""Files, as redis-py names them: who is trusted, and who we are where the server asks."""

OPTIONS: Mapping[Kind, frozenset[str]] = {
    "server": TLS_OPTIONS,
    "socket": frozenset({"db"}),
    "sentinel": TLS_OPTIONS | {"sentinel_username", "sentinel_password"},
    "cluster": TLS_OPTIONS,
}
"""What may stand after `?`."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to a server; both None where it does not ask."""

    username: str | None = None
    password: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A parsed REDIS_URL. `path` is of a socket, `master` the name that sentinels know.

    `files` holds those of TLS_OPTIONS that are given.
    """

    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    master: str = ""
    database: int = 0
    tls: bool = False
    login: Login = Login()
    sentinel_login: Login = Login()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The address without its secrets."""
        hosts = ",".join(_joined(host, port) for host, port in self.hosts)
        return f"{self.path or hosts}{self.master and '/'}{self.master}"


def parse(url: SecretStr, password: SecretStr | None = None) -> RedisAddress:
    """The address in a URL. `password` is REDIS_PASSWORD. Raises ConfigError with every problem."""
    scheme, separator, rest = url.get_secret_value().partition("://")
    if not separator or scheme not in SCHEMES:
        raise ConfigError([f"REDIS_URL: must begin with one of {', '.join(SCHEMES)}, and ://"])
    kind, tls = SCHEMES[scheme]
    place, _, query = rest.partition("?")
    given, at, after = place.rpartition("@")
    hosts, *path = after.split("/") if kind != "socket" else ["", after]
    options = dict(parse_qsl(query, keep_blank_values=True))
    login = _login(given, at, password)
    if "@" in given + query or "/" in given:
        raise ConfigError(["REDIS_URL: in a secret, write %40 for @, %2F for / and %3F for ?"])
    problems = list(_problems(kind, hosts, path, options, tls=tls))
    if password is not None and ":" in given:
        problems.append("REDIS_PASSWORD: REDIS_URL holds a password too; keep one of them")
    if problems:
        raise ConfigError(problems)
    sentinel = options.get("sentinel_password")
    return RedisAddress(
        kind,
        tuple(_hosts(hosts, SENTINEL_PORT if kind == "sentinel" else PORT)),
        path=path[0] if kind == "socket" else "",
        master=unquote(path[0]) if kind == "sentinel" else "",
        database=_database(kind, path, options) or 0,
        tls=tls,
        login=login,
        sentinel_login=Login(
            options.get("sentinel_username"), SecretStr(sentinel) if sentinel else None
        ),
        files={name: value for name, value in options.items() if name in TLS_OPTIONS},
    )


def _login(given: str, at: str, password: SecretStr | None) -> Login:
    user, _, secret = given.partition(":")
    if at and secret:
        password = SecretStr(unquote(secret))
    return Login(unquote(user) or None, password)


def _problems(
    kind: Kind, hosts: str, path: list[str], options: Mapping[str, str], *, tls: bool
) -> Iterator[str]:
    """What is wrong with the parts of a URL, without repeating what may be secret."""
    if kind == "socket":
        if not path[0].startswith("/"):
            yield "REDIS_URL: unix:// takes the whole path of a socket, as in unix:///run/redis"
    elif not all(HOST.fullmatch(part) for part in hosts.split(",")):
        yield "REDIS_URL: must name its hosts as host:port, with commas between several"
    elif any(port > 65_535 for _, port in _hosts(hosts, 0)):
        yield "REDIS_URL: a port is at most 65535"
    elif kind == "server" and "," in hosts:
        yield "REDIS_URL: several hosts need redis+sentinel:// or redis+cluster://"
    if kind == "sentinel" and not (path and path[0]):
        yield "REDIS_URL: redis+sentinel:// needs the master's name, as in .../mymaster"
    if _database(kind, path, options) is None:
        yield "REDIS_URL: the database is a whole number; a cluster has only 0"
    if unknown := sorted(set(options) - OPTIONS[kind]):
        known = ", ".join(sorted(OPTIONS[kind])) or "none"
        yield f"REDIS_URL: unknown option {', '.join(unknown)}; known here: {known}"
    if not tls and TLS_OPTIONS & set(options):
        yield "REDIS_URL: certificates without TLS do nothing; write rediss"


def _database(kind: Kind, path: list[str], options: Mapping[str, str]) -> int | None:
    """The number of the database, None for what is no such number."""
    match kind:
        case "socket":
            told = [options.get("db", "0")]
        case "sentinel":
            told = path[1:]
        case _:
            told = path
    number = told[0] if told and told[0] else "0"
    if len(told) > 1 or not re.fullmatch("[0-9]{1,5}", number):
        return None
    return None if kind == "cluster" and int(number) else int(number)


def _hosts(hosts: str, port: int) -> Iterator[tuple[str, int]]:
    for found in filter(None, map(HOST.fullmatch, hosts.split(","))):
        yield found[1] or found[2], int(found[3] or port)


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
