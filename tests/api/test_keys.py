"""The signing key is made once, kept from others, and refused where it is no good."""

import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from yabot.api.keys import load_or_create_key
from yabot.errors import ConfigError


def test_a_missing_key_is_made_for_the_owner_alone_and_then_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "jwt.pem"
    first = load_or_create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["jwt.pem"]
    assert load_or_create_key(path).kid == first.kid


def test_a_missing_key_is_a_wrong_setting_where_it_may_not_be_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no key at"):
        load_or_create_key(tmp_path / "jwt.pem", create=False)
    assert not list(tmp_path.iterdir())


def test_starts_at_the_same_time_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "jwt.pem"
    names: list[str] = []
    threads = [
        threading.Thread(target=lambda: names.append(load_or_create_key(path).kid))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(names) == 4
    assert len(set(names)) == 1


def pem(key: object, encryption: object = None) -> bytes:
    encoded = key.private_bytes(  # type: ignore[attr-defined]
        Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
    )
    assert isinstance(encoded, bytes)
    return encoded


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda: b"hello", "no unencrypted PEM private key"),
        (lambda: pem(generate_rsa(65537, 2048), BestAvailableEncryption(b"x")), "no unencrypted"),
        (lambda: pem(generate_rsa(65537, 1024)), "RSA key of 2048 bits"),
        (lambda: pem(generate_ec(SECP256R1())), "RSA key of 2048 bits"),
    ],
)
def test_a_key_that_is_no_good_is_a_wrong_setting(tmp_path: Path, content, says: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "jwt.pem"
    path.write_bytes(content())
    with pytest.raises(ConfigError, match=says):
        load_or_create_key(path)


def test_a_place_where_nothing_can_be_written_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="JWT_PRIVATE_KEY_PATH: can't create"):
        load_or_create_key(tmp_path / "file" / "jwt.pem")
