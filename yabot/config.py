"""Settings, from the environment or `.env`, checked as a whole before anything starts.

The rule: nothing else reads the environment, and a start lists every problem at once, each with the
variable's name and what to do.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from yabot.domain.user import Language
from yabot.errors import ConfigError

BOT_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,}")
WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
MONGODB_URI = re.compile(r"mongodb(\+srv)?://([^/?]*@)?[^/?@]+([/?].*)?")
REDIS_URL = re.compile(r"rediss?(\+sentinel|\+cluster)?://[^/?\s].*|unix://([^/@]*@)?/.+")
SQLITE_KEY = re.compile(r"[0-9A-Fa-f]{64}")


def _listed(value: object) -> object:
    return [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return [ip_network(part.strip()) for part in value.split(",") if part.strip()]
    except ValueError:
        raise ValueError("must list IP addresses or networks, as in 127.0.0.1,10.0.0.0/8") from None


Port = Annotated[int, Field(ge=0, le=65535)]
MongoDriver = Literal["motor", "pymongo"]
Rate = Annotated[int, Field(ge=1, le=1_000_000)]
Network = IPv4Network | IPv6Network
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
Ids = Annotated[frozenset[int], NoDecode, BeforeValidator(_listed)]


class Settings(BaseSettings):
    """Everything that can be set. A field's name in capitals is its variable."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True, validate_default=True
    )

    bot_token: SecretStr | None = None
    telegram_api_url: str = "https://api.telegram.org"
    updates_mode: Literal["polling", "webhook"] = "polling"
    webhook_url: str | None = None
    webhook_secret: SecretStr | None = None
    webhook_host: str = "127.0.0.1"
    webhook_port: Port = 8081
    mongodb_uri: SecretStr | None = None
    mongodb_database: str | None = None
    mongodb_driver: MongoDriver = "motor"
    sqlite_database_path: Path = Path("data/yabot.db")
    sqlite_key: SecretStr | None = None
    redis_url: SecretStr | None = None
    redis_password: SecretStr | None = None
    api_host: str = "127.0.0.1"
    api_port: Port = 8080
    api_tls_cert: Path | None = None
    api_tls_key: Path | None = None
    api_read_rate: Rate = 1000
    api_write_rate: Rate = 500
    trusted_proxies: Networks = ()
    jwt_private_key_path: Path = Path("data/jwt_private_key.pem")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    sandbox_port: Port = 8090
    content_path: Path | None = None
    default_language: Language = "es"
    admin_ids: Ids = frozenset()
    turn_timeout: Annotated[float, Field(gt=0, le=120)] = 10.0
    event_retention: Annotated[int, Field(ge=60)] = 86_400
    event_stream_maxlen: Annotated[int, Field(ge=100)] = 100_000
    yabot_fault: str | None = None

    @field_validator("log_level", "log_format", "updates_mode", "default_language", mode="before")
    @classmethod
    def _in_lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("bot_token")
    @classmethod
    def _is_a_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not BOT_TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("is not of the form 123456:ABC...; copy it again from @BotFather")
        return value

    @field_validator("telegram_api_url", "webhook_url")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/") if value is not None else None

    @field_validator("webhook_url", "webhook_secret")
    @classmethod
    def _is_there_for_a_webhook(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.data.get("updates_mode") == "webhook":
            raise ValueError("must be set when UPDATES_MODE is webhook")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _is_a_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not WEBHOOK_SECRET.fullmatch(value.get_secret_value()):
            raise ValueError("may hold 1 to 256 of A-Z, a-z, 0-9, _ and -")
        return value

    @field_validator("api_tls_key")
    @classmethod
    def _comes_with_a_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) is not (info.data.get("api_tls_cert") is None):
            raise ValueError("API_TLS_CERT and API_TLS_KEY are set together or not at all")
        return value

    @field_validator("sqlite_key")
    @classmethod
    def _is_a_raw_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not SQLITE_KEY.fullmatch(value.get_secret_value()):
            raise ValueError("must be 64 hex digits; make a key with: openssl rand -hex 32")
        return value

    @field_validator("mongodb_uri")
    @classmethod
    def _is_mongodb(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not MONGODB_URI.fullmatch(value.get_secret_value()):
            raise ValueError("must begin with mongodb:// or mongodb+srv://, and name a host")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not REDIS_URL.fullmatch(value.get_secret_value()):
            raise ValueError(
                "must begin with redis://, rediss://, redis+sentinel://, redis+cluster:// or "
                "unix://, and name a host or a socket"
            )
        return value


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """What the stores are opened with; without a key the file is not encrypted.

    `mongodb_uri` None means that documents are in SQLite alone; `mongodb_database` None takes the
    one that the address names.
    """

    sqlite_path: Path
    event_retention: int
    sqlite_key: SecretStr | None = None
    mongodb_uri: SecretStr | None = None
    mongodb_database: str | None = None
    mongodb_driver: MongoDriver = "motor"


@dataclass(frozen=True, slots=True)
class RedisConfig:
    """What the Redis bridge connects with; `url` None means that events stay in this process.

    A stream keeps about `stream_maxlen` events.
    """

    url: SecretStr | None
    password: SecretStr | None
    stream_maxlen: int


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """Where the internal API listens, its keys, and what a client may ask per second.

    `tls` holds the files of the certificate and its key; None is plain HTTP. `proxies` may say in
    X-Forwarded-For where a request comes from.
    """

    host: str
    port: int
    private_key: Path
    tls: tuple[Path, Path] | None = None
    proxies: tuple[Network, ...] = ()
    read_rate: int = 1000
    write_rate: int = 500


class ConfigManager:
    """Reads the settings once and hands each part of the system its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @classmethod
    def load(cls, **given: object) -> "ConfigManager":
        """Read the environment; `given` stands above it. Raises ConfigError with every problem."""
        try:
            return cls(Settings(**given))  # type: ignore[arg-type]
        except ValidationError as error:
            raise ConfigError([_told(e["loc"], e["msg"]) for e in error.errors()]) from None

    def get_database_config(self) -> DatabaseConfig:
        """The stores' part. A link stands for its file: whoever owns one owns the other."""
        s = self.settings
        path = s.sqlite_database_path
        return DatabaseConfig(
            path.resolve() if path.is_symlink() else path,
            s.event_retention,
            s.sqlite_key,
            s.mongodb_uri,
            s.mongodb_database,
            s.mongodb_driver,
        )

    def get_redis_config(self) -> RedisConfig:
        """The Redis bridge's part."""
        s = self.settings
        return RedisConfig(s.redis_url, s.redis_password, s.event_stream_maxlen)

    def get_api_config(self) -> ApiConfig:
        """The internal API's part."""
        s = self.settings
        cert, key = s.api_tls_cert, s.api_tls_key
        return ApiConfig(
            s.api_host,
            s.api_port,
            s.jwt_private_key_path,
            tls=(cert, key) if cert is not None and key is not None else None,
            proxies=s.trusted_proxies,
            read_rate=s.api_read_rate,
            write_rate=s.api_write_rate,
        )


def _told(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]).upper() if location else "settings"
    return f"{name}: {message.removeprefix('Value error, ')}"
