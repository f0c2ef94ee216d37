"""Keyring: the keys that sign and verify, as the key folder has them now.

    next ──▶ active ──▶ retiring ──▶ gone

*next* is published before it signs, *active* signs, *retiring* still verifies what it signed. The
rule: the folder is the truth and another process may change it, so it is looked at again when an
unknown key is asked for, and every half minute; what can't be read then changes nothing.

A first key at JWT_PRIVATE_KEY_PATH alone is a ring of one. The folder, once `yabot keys init` has
made it, is `<that path without its suffix>.keys`: a table and a file for each key.
"""

import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from yabot.api.keys import SigningKey, load_key, load_or_create_key
from yabot.errors import ConfigError
from yabot.users.ports import Clock

LOOK_AFTER = 30.0
"""Seconds after which the folder is looked at again."""

LOOK_AGAIN = 1.0
"""Seconds between two looks for an unknown key: a look is one `stat`, but strangers cause it."""

RETIREMENT = timedelta(minutes=20)
"""How long a retiring key verifies: longer than its last token lives, and was signed late."""

TABLE = "keys.json"

KeyState = Literal["next", "active", "retiring"]

log = structlog.get_logger(__name__)


class KeyEntry(BaseModel):
    """A key in the table; its file is `<kid>.pem`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kid: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    state: KeyState
    since: AwareDatetime


class KeyTable(BaseModel):
    """All keys; one of them is active."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[KeyEntry, ...]

    @model_validator(mode="after")
    def _has_one_active(self) -> Self:
        if [entry.state for entry in self.keys].count("active") != 1:
            raise ValueError("one key must be active")
        return self

    def of(self, state: KeyState) -> tuple[KeyEntry, ...]:
        """The keys in this state."""
        return tuple(entry for entry in self.keys if entry.state == state)


@dataclass(frozen=True, slots=True)
class Held:
    """A key in memory, and what the table says of it; None for one without a table."""

    key: SigningKey
    public: RSAPublicKey
    entry: KeyEntry | None


class Keyring:
    """The keys below one path. Raises ConfigError where they can't be read at first.

    A missing first key is made, unless `create` forbids it.
    """

    def __init__(self, path: Path, *, clock: Clock, create: bool = True) -> None:
        self._path = path
        self._clock = clock
        self._looked = clock().timestamp()
        self._seen: tuple[int, int] | None = None
        self._held: Mapping[str, Held] = {}
        seen = _stamp(path)
        if seen is None:
            key = load_or_create_key(path, create=create)
            self._held = {key.kid: Held(key, key.public, None)}
            self._active = key
        else:
            self._take(read_table(path), seen)

    @property
    def active(self) -> SigningKey:
        """The key that signs."""
        self._look(LOOK_AFTER)
        return self._active

    def find(self, kid: str) -> RSAPublicKey | None:
        """The key of this name, if what it signed is still good."""
        self._look(LOOK_AFTER)
        held = self._held.get(kid)
        if held is None:
            self._look(LOOK_AGAIN)
            held = self._held.get(kid)
        return held.public if held is not None and self._is_good(held) else None

    def published(self) -> Sequence[Mapping[str, str]]:
        """The public keys as JSON Web Keys (RFC 7517)."""
        self._look(LOOK_AFTER)
        return [_jwk(kid, held.public) for kid, held in self._held.items() if self._is_good(held)]

    def _is_good(self, held: Held) -> bool:
        entry = held.entry
        if entry is None or entry.state != "retiring":
            return True
        return self._clock() < entry.since + RETIREMENT

    def _look(self, after: float) -> None:
        now = self._clock().timestamp()
        if abs(now - self._looked) < after:
            return
        self._looked = now
        seen = _stamp(self._path)
        if seen is None or seen == self._seen:
            return
        try:
            self._take(read_table(self._path), seen)
        except ConfigError as error:
            log.warning("keys.unreadable", reason=str(error))
        else:
            log.info("keys.changed", active=self._active.kid, keys=len(self._held))

    def _take(self, table: KeyTable, seen: tuple[int, int]) -> None:
        """Hold the keys of a table, reading only those that are new."""
        held: dict[str, Held] = {}
        for entry in table.keys:
            known = self._held.get(entry.kid)
            key = known.key if known is not None else _load(self._path, entry)
            held[entry.kid] = Held(key, key.public, entry)
        (active,) = table.of("active")
        self._held, self._active, self._seen = held, held[active.kid].key, seen


def folder_of(path: Path) -> Path:
    """Where the keys lie whose first one is at `path`."""
    return path.with_suffix(".keys")


def read_table(path: Path) -> KeyTable:
    """The table in the folder of `path`. Raises ConfigError."""
    table = folder_of(path) / TABLE
    try:
        return KeyTable.model_validate_json(table.read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigError(
            [f"JWT_PRIVATE_KEY_PATH: {table} can't be used; restore the folder or remove it"]
        ) from error


def _load(path: Path, entry: KeyEntry) -> SigningKey:
    file = folder_of(path) / f"{entry.kid}.pem"
    key = load_key(file, ours=True)
    if key.kid != entry.kid:
        raise ConfigError([f"JWT_PRIVATE_KEY_PATH: {file} holds another key; restore the folder"])
    return key


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when the table is replaced; None where there is none."""
    try:
        status = os.stat(folder_of(path) / TABLE)  # noqa: PTH116 - asked for by requests
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _jwk(kid: str, key: RSAPublicKey) -> Mapping[str, str]:
    numbers = key.public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": kid,
        "n": _number(numbers.n),
        "e": _number(numbers.e),
    }


def _number(value: int) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return urlsafe_b64encode(raw).decode().rstrip("=")
