"""A MongoDB address is understood or refused in a clear line, and its password is never shown."""

from typing import get_args

import pytest
from pydantic import SecretStr

from yabot.errors import ConfigError
from yabot.stores.mongo.address import Driver, MongoConfig, modern, shown
from yabot.stores.mongo.client import MongoDatabase

pytestmark = pytest.mark.anyio

SECRET = "s3cr3tword"


def config(uri: str, database: str | None = None, driver: Driver = "pymongo") -> MongoConfig:
    return MongoConfig(SecretStr(uri), database, driver)


def refusal(uri: str, database: str | None = None, driver: Driver = "pymongo") -> str:
    """The one line that a wrong address is refused with."""
    with pytest.raises(ConfigError) as refused:
        MongoDatabase(config(uri, database, driver))
    (line,) = refused.value.problems
    return line


def test_the_design_documents_own_address_is_understood() -> None:
    uri = "mongodb://username:password@host:27017/database?ssl=true&ssl_cert_reqs=CERT_REQUIRED"
    assert modern(uri) == "mongodb://username:password@host:27017/database?ssl=true"
    assert modern("mongodb+srv://h.example.org/?ssl_cert_reqs=CERT_REQUIRED") == (
        "mongodb+srv://h.example.org/"
    )


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("ssl=true&ssl_cert_reqs=CERT_NONE", "tlsAllowInvalidCertificates=true"),
        ("ssl_cert_reqs=CERT_REQUIRED", "add tls=true"),
        ("ssl=true&ssl_ca_certs=/ca.pem", "use tlsCAFile"),
        ("ssl=true&ssl_certfile=/c.pem", "use tlsCertificateKeyFile"),
        ("tls=true&tls=false", "Duplicate"),
        ("maxPoolSize=many", "maxpoolsize"),
        ("frobnicate=1", "frobnicate"),
        ("tls", "key=value"),
        ("tls=true&tlsCAFile=/no/such/file", "/no/such/file"),
    ],
)
async def test_an_option_that_can_not_be_honoured_is_told_with_what_to_write(
    query: str, told: str
) -> None:
    line = refusal(f"mongodb://user:{SECRET}@host/?{query}")
    assert line.startswith("MONGODB_URI: ")
    assert told in line
    assert SECRET not in line


@pytest.mark.parametrize("driver", get_args(Driver))
@pytest.mark.parametrize(
    "uri",
    [
        "",
        f"postgres://user:{SECRET}@host",
        "mongodb://",
        f"mongodb://user:{SECRET}",
        f"mongodb://user:{SECRET}@",
        f"mongodb://user:{SECRET}/x@host",
        f"mongodb://user:{SECRET}?x=1@host",
        f"mongodb://user:12/{SECRET}@host",
        f"mongodb://user:{SECRET}@more@host",
        f"mongodb://user:{SECRET}:more@host",
        f"mongodb://user:{SECRET}%zz@host",
        f"mongodb://user:{SECRET}@host:port",
        f"mongodb://user:{SECRET}@host:70000",
        f"mongodb://user:{SECRET}@,",
        f"mongodb+srv://user:{SECRET}@host:27017",
        f"mongodb://user:{SECRET}@host/a$b",
        f"mongodb://user:p@host/?tls=true&tlsCertificateKeyFilePassword={SECRET}&no=1",
        f"mongodb://user:p@host/?authMechanismProperties={SECRET}",
    ],
)
async def test_an_address_that_can_not_be_read_is_one_line_without_its_password(
    uri: str, driver: Driver
) -> None:
    line = refusal(uri, driver=driver)
    assert line.startswith("MONGODB_URI: ")
    assert SECRET not in line


@pytest.mark.parametrize("name", ["a b", "a.b", "a$b", ""])
async def test_a_database_that_can_not_have_its_name_is_told(name: str) -> None:
    assert refusal("mongodb://host", name).startswith("MONGODB_DATABASE: ")


@pytest.mark.parametrize(
    ("uri", "database", "name"),
    [
        ("mongodb://host", None, "yabot"),
        ("mongodb://host/prod", None, "prod"),
        ("mongodb://host/prod", "test", "test"),
    ],
)
async def test_the_database_is_the_set_one_else_the_uris_else_ours(
    uri: str, database: str | None, name: str
) -> None:
    opened = MongoDatabase(config(uri, database))
    assert opened.name == name
    await opened.close()


async def test_an_address_is_shown_by_its_hosts_alone() -> None:
    uri = f"mongodb://user:{SECRET}@one:27017,[::1]:2/prod?replicaSet=r&appname=x"
    assert shown(modern(uri)) == "one:27017,[::1]:2"
    assert SECRET not in repr(config(uri))
