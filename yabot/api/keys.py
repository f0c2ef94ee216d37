"""The RSA key that signs tokens: where it lies, who may read it, and what it is called.

The rule: a private key is written once, whole, with mode 0600, and never leaves its file.
"""

import hashlib
import os
import secrets
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from yabot.errors import ConfigError

KEY_BITS = 2048

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and its name in the header of a token."""

    kid: str
    private: RSAPrivateKey

    @property
    def public(self) -> RSAPublicKey:
        """The half that verifies."""
        return self.private.public_key()


def load_or_create_key(path: Path, *, create: bool = True) -> SigningKey:
    """Read the PEM key at `path`; a missing one is made there if `create` allows it.

    Raises ConfigError.
    """
    if not path.exists():
        if not create:
            raise ConfigError(
                [f"JWT_PRIVATE_KEY_PATH: no key at {path}; put an RSA key (PEM) there"]
            )
        write_key(path, new_key())
        log.info("key.created", path=str(path))
    return load_key(path)


def load_key(path: Path, *, ours: bool = False) -> SigningKey:
    """Read the PEM key at `path`. Raises ConfigError.

    The numbers of a key that is `ours` are not proved again: that takes a tenth of a second.
    """
    try:
        pem = path.read_bytes()
        readable = path.stat().st_mode & 0o077
    except OSError as error:
        raise ConfigError([f"JWT_PRIVATE_KEY_PATH: can't read {path}: {error.strerror}"]) from error
    if readable:
        log.warning("key.readable_by_others", path=str(path), advice="chmod 600")
    try:
        key = load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=ours)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            [f"JWT_PRIVATE_KEY_PATH: {path} holds no unencrypted PEM private key; replace it"]
        ) from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < KEY_BITS:
        raise ConfigError(
            [f"JWT_PRIVATE_KEY_PATH: {path} must hold an RSA key of {KEY_BITS} bits or more"]
        )
    return SigningKey(_name_of(key.public_key()), key)


def new_key() -> SigningKey:
    """A key that nobody has seen before."""
    key = generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return SigningKey(_name_of(key.public_key()), key)


def write_key(path: Path, key: SigningKey) -> None:
    """Make a key appear at `path` in one step; a key that is there already stays.

    Raises ConfigError.
    """
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
    except OSError as error:
        raise ConfigError(
            [f"JWT_PRIVATE_KEY_PATH: can't create {path}: {error.strerror}; choose another place"]
        ) from error


def _name_of(key: RSAPublicKey) -> str:
    """The first 16 characters of the key's SHA-256, so that a name always means one key."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return urlsafe_b64encode(hashlib.sha256(der).digest()).decode()[:16]
