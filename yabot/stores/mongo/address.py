"""The address of the document server, as an operator writes it.

The rule: a password stands in the URI alone; whatever is shown of an address has none in it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from yabot.errors import ConfigError

Driver = Literal["motor", "pymongo"]

SCHEMES = ("mongodb://", "mongodb+srv://")

DATABASE = "yabot"
"""The database where neither a setting nor the URI names one."""

SECRETS = ("tlscertificatekeyfilepassword", "authmechanismproperties", "proxypassword")
"""Options whose values are never shown."""

REPLACED = {
    "ssl_ca_certs": "tlsCAFile",
    "ssl_certfile": "tlsCertificateKeyFile, one file with the key and the certificate",
    "ssl_keyfile": "tlsCertificateKeyFile, one file with the key and the certificate",
    "ssl_pem_passphrase": "tlsCertificateKeyFilePassword",
    "ssl_match_hostname": "tlsAllowInvalidHostnames",
    "ssl_crlfile": "a CA that publishes revocations by OCSP",
}
"""Options of older drivers that today's no longer read, and what to write for them."""


@dataclass(frozen=True, slots=True)
class MongoConfig:
    """Where the document server is and which driver reaches it.

    `database` None takes the one that the URI names, else DATABASE. What the URI sets (pool sizes,
    timeouts, TLS) stands above this program's own.
    """

    uri: SecretStr
    database: str | None = None
    driver: Driver = "motor"


def modern(uri: str) -> str:
    """The URI as today's drivers read it: `ssl_cert_reqs=CERT_REQUIRED` is what TLS means anyway.

    Raises ConfigError for what can't be an address, and for other options of older drivers.
    """
    if not uri.startswith(SCHEMES):
        raise ConfigError(["MONGODB_URI: must begin with mongodb:// or mongodb+srv://"])
    if "@" in _after_hosts(uri) or uri.count("@") > 1:
        raise ConfigError(["MONGODB_URI: write %40 for an @ in a user, a password or an option"])
    head, _, query = uri.partition("?")
    options = [part for part in query.replace(";", "&").split("&") if part]
    problems = [
        f"MONGODB_URI: {name} is no longer read; use {REPLACED[name]}"
        for name in map(_name, options)
        if name in REPLACED
    ]
    demands = [option for option in options if _name(option) == "ssl_cert_reqs"]
    problems += _problems_of(demands, has_tls=_has_tls(uri, options))
    if problems:
        raise ConfigError(problems)
    kept = "&".join(option for option in options if option not in demands)
    return f"{head}?{kept}" if kept else head


def shown(uri: str) -> str:
    """The hosts of a URI that `modern` gave, without credentials and options."""
    return _hosts(uri).rpartition("@")[2]


def _problems_of(demands: Sequence[str], *, has_tls: bool) -> Iterator[str]:
    """What is wrong with demands on the server's certificate, written as `ssl_cert_reqs`."""
    if any(demand.partition("=")[2].upper() != "CERT_REQUIRED" for demand in demands):
        yield (
            "MONGODB_URI: ssl_cert_reqs can only be CERT_REQUIRED; "
            "where certificates can't be checked, write tlsAllowInvalidCertificates=true"
        )
    elif demands and not has_tls:
        yield "MONGODB_URI: ssl_cert_reqs without TLS checks nothing; add tls=true"


def _has_tls(uri: str, options: Sequence[str]) -> bool:
    return uri.startswith("mongodb+srv://") or any(
        option.lower() in ("tls=true", "ssl=true") for option in options
    )


def _hosts(uri: str) -> str:
    return re.split(r"[/?]", uri.partition("://")[2], maxsplit=1)[0]


def _after_hosts(uri: str) -> str:
    return uri.partition("://")[2][len(_hosts(uri)) :]


def _name(option: str) -> str:
    return option.partition("=")[0].lower()
