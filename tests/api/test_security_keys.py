"""Keys are changed while the bot runs: no token is lost, and no retired key opens anything."""

import fcntl
import json
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from tests.api.conftest import Client
from tests.api.fakes import FakeClock
from tests.api.forging import claims, sign
from tests.api.login import opens
from yabot.api import rotation
from yabot.api.gate import Gate
from yabot.api.keyring import (
    LOOK_AFTER,
    RETIREMENT,
    TABLE,
    Keyring,
    KeyTable,
    folder_of,
    read_table,
)
from yabot.api.keys import SigningKey, load_or_create_key
from yabot.api.rotation import init_keys, list_keys, rotate_keys
from yabot.api.tokens import BadToken, JWTService
from yabot.errors import ConfigError

HALF_MINUTE = timedelta(seconds=LOOK_AFTER)


@pytest.fixture
def path(tmp_path: Path, key: SigningKey, key_path: Path) -> Path:
    """A first key of its own place, so that changing it changes nobody else's."""
    path = tmp_path / "keys" / "jwt.pem"
    path.parent.mkdir()
    path.write_bytes(key_path.read_bytes())
    path.chmod(0o600)
    return path


def states(table: KeyTable) -> list[str]:
    return [entry.state for entry in table.keys]


def test_the_first_key_goes_on_signing_and_another_is_published_next(
    path: Path, clock: FakeClock, key: SigningKey
) -> None:
    table = init_keys(path, clock())
    assert states(table) == ["next", "active"]
    assert table.of("active")[0].kid == key.kid
    assert init_keys(path, clock()) == table
    assert Keyring(path, clock=clock).active.kid == key.kid


def test_every_file_is_for_its_owner_alone(path: Path, clock: FakeClock) -> None:
    rotate_keys(path, clock())
    folder = folder_of(path)
    assert folder.stat().st_mode & 0o777 == 0o700
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file
    assert {file.suffix for file in folder.iterdir()} == {".pem", ".json"}


def test_a_rotation_makes_the_next_key_sign_and_retires_the_one_that_did(
    path: Path, clock: FakeClock
) -> None:
    before = init_keys(path, clock())
    after = rotate_keys(path, clock())
    assert states(after) == ["next", "active", "retiring"]
    assert after.of("active")[0].kid == before.of("next")[0].kid
    assert after.of("retiring")[0].kid == before.of("active")[0].kid
    assert list_keys(path) == after


def test_a_key_that_has_retired_for_long_enough_is_removed_with_its_file(
    path: Path, clock: FakeClock
) -> None:
    init_keys(path, clock())
    rotate_keys(path, clock())
    clock.now += RETIREMENT
    table = rotate_keys(path, clock())
    assert states(table) == ["next", "active", "retiring"]
    files = {file.stem for file in folder_of(path).glob("*.pem")}
    assert files == {entry.kid for entry in table.keys}


def test_a_running_ring_notices_a_rotation_within_half_a_minute(
    path: Path, clock: FakeClock
) -> None:
    ring = Keyring(path, clock=clock)
    tokens = JWTService(ring, clock=clock)
    old = tokens.create_service_token("billing")
    table = rotate_keys(path, clock())
    assert ring.active.kid != table.of("active")[0].kid
    clock.now += HALF_MINUTE
    assert ring.active.kid == table.of("active")[0].kid
    assert tokens.verify(old).client == "billing"
    assert jwt.get_unverified_header(tokens.create_service_token("a"))["kid"] == ring.active.kid


def test_a_running_ring_looks_at_once_for_a_key_that_it_does_not_know(
    path: Path, clock: FakeClock
) -> None:
    ring = Keyring(path, clock=clock)
    for _ in range(2):
        rotate_keys(path, clock())
    token = JWTService(Keyring(path, clock=clock), clock=clock).create_service_token("billing")
    clock.now += timedelta(seconds=1)
    assert JWTService(ring, clock=clock).verify(token).client == "billing"


def test_unknown_keys_cost_at_most_one_look_a_second(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = Keyring(path, clock=clock)
    looks: list[object] = []
    stat = os.stat

    def counted(file: Path) -> os.stat_result:
        looks.append(file)
        return stat(file)

    monkeypatch.setattr("yabot.api.keyring.os.stat", counted)
    clock.now += timedelta(seconds=1)
    for number in range(100):
        assert ring.find(f"unknown-{number}") is None
    assert len(looks) == 1


@pytest.mark.anyio
async def test_a_key_is_rotated_in_mid_flight_and_no_request_is_refused(
    client: Client, gate: Gate, path: Path, clock: FakeClock
) -> None:
    gate.keys.__init__(path, clock=clock)  # type: ignore[misc]
    held = [gate.tokens.create_service_token("billing")]
    for _ in range(3):
        rotate_keys(path, clock())
        held.append(
            JWTService(Keyring(path, clock=clock), clock=clock).create_service_token("billing")
        )
        clock.now += timedelta(seconds=2)
        assert {await opens(client, token) for token in held} == {200}


@pytest.mark.anyio
async def test_a_retired_key_opens_nothing_even_for_a_token_seen_before(
    client: Client, gate: Gate, path: Path, clock: FakeClock, key: SigningKey
) -> None:
    gate.keys.__init__(path, clock=clock)  # type: ignore[misc]
    rotate_keys(path, clock())
    clock.now += RETIREMENT - timedelta(seconds=1)
    now = int(clock().timestamp())
    token = sign(key, claims(iat=now, exp=now + 900))
    assert await opens(client, token) == 200
    clock.now += timedelta(seconds=1)
    assert await opens(client, token) == 401


@pytest.mark.anyio
async def test_public_keys_are_published_with_nothing_private(
    client: Client, gate: Gate, path: Path, clock: FakeClock
) -> None:
    gate.keys.__init__(path, clock=clock)  # type: ignore[misc]
    table = rotate_keys(path, clock())
    clock.now += HALF_MINUTE
    response = await client.session.get("/.well-known/jwks.json")
    assert response.status == 200
    assert response.headers["Cache-Control"] == "public, max-age=300"
    published = (await response.json())["keys"]
    assert [entry["kid"] for entry in published] == [entry.kid for entry in table.keys]
    assert {name for entry in published for name in entry} == {"kty", "use", "alg", "kid", "n", "e"}


@pytest.mark.anyio
async def test_another_service_verifies_a_token_with_the_published_keys(
    client: Client, gate: Gate
) -> None:
    published = await (await client.session.get("/.well-known/jwks.json")).json()
    keys = jwt.PyJWKSet.from_dict(published)
    kid = jwt.get_unverified_header(client.token)["kid"]
    options = {"verify_exp": False, "verify_iat": False}
    read = jwt.decode(
        client.token,
        keys[kid],
        algorithms=["RS256"],
        audience="yabot-internal",
        issuer="yabot-api",
        options=options,  # type: ignore[arg-type]
    )
    assert read["sub"] == "billing"


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / TABLE).write_text("{"),
        lambda folder: (folder / TABLE).write_text('{"keys": []}'),
        lambda folder: (folder / TABLE).write_text(json.dumps({"keys": [{"kid": "../../x"}]})),
        lambda folder: [file.unlink() for file in folder.glob("*.pem")],
        lambda folder: (folder / TABLE).unlink(),
    ],
)
def test_a_folder_that_is_damaged_changes_nothing_while_the_bot_runs(
    path: Path, clock: FakeClock, damage: Callable[[Path], object]
) -> None:
    init_keys(path, clock())
    ring = Keyring(path, clock=clock)
    tokens = JWTService(ring, clock=clock)
    token = tokens.create_service_token("billing")
    rotate_keys(path, clock())
    damage(folder_of(path))
    clock.now += HALF_MINUTE
    assert tokens.verify(token).client == "billing"
    assert tokens.verify(tokens.create_service_token("billing")).client == "billing"


def test_a_folder_that_is_damaged_ends_a_start_with_one_line(path: Path, clock: FakeClock) -> None:
    init_keys(path, clock())
    (folder_of(path) / TABLE).write_text("{")
    with pytest.raises(ConfigError, match="can't be used") as caught:
        Keyring(path, clock=clock)
    assert len(caught.value.problems) == 1


def test_a_file_that_holds_another_key_ends_a_start(path: Path, clock: FakeClock) -> None:
    table = init_keys(path, clock())
    first, second = (folder_of(path) / f"{entry.kid}.pem" for entry in table.keys)
    second.write_bytes(first.read_bytes())
    with pytest.raises(ConfigError, match="holds another key"):
        Keyring(path, clock=clock)


def test_rotations_at_the_same_time_follow_one_another(path: Path, clock: FakeClock) -> None:
    init_keys(path, clock())
    threads = [threading.Thread(target=rotate_keys, args=(path, clock())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    table = read_table(path)
    assert states(table) == ["next", "active", "retiring", "retiring", "retiring"]
    Keyring(path, clock=clock)


def test_a_rotation_does_not_wait_for_ever_for_another(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = init_keys(path, clock())
    monkeypatch.setattr(rotation, "PATIENCE", 0.1)
    descriptor = os.open(folder_of(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="another command is changing"):
            rotate_keys(path, clock())
    finally:
        os.close(descriptor)
    assert read_table(path) == table


def test_what_a_rotation_that_died_left_is_removed_by_the_next(
    path: Path, clock: FakeClock
) -> None:
    init_keys(path, clock())
    stray = folder_of(path) / "stray.pem"
    stray.write_text("half")
    rotate_keys(path, clock())
    assert not stray.exists()


def test_a_missing_first_key_is_made_and_an_unknown_kid_is_refused(
    tmp_path: Path, clock: FakeClock, key: SigningKey
) -> None:
    ring = Keyring(tmp_path / "new.pem", clock=clock)
    assert load_or_create_key(tmp_path / "new.pem", create=False).kid == ring.active.kid
    with pytest.raises(BadToken, match="unknown key"):
        JWTService(ring, clock=clock).verify(sign(key, claims()))
