"""A forged token opens nothing: every way that is known of, and every bit."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.api.conftest import Client
from tests.api.fakes import FakeClock
from tests.api.forging import (
    NOW,
    Forge,
    by_short_key,
    claims,
    deep_claim,
    deep_header,
    es256,
    hmac_token,
    hs256_jwk,
    other_key,
    own_jwk,
    part,
    public,
    raw_header,
    raw_payload,
    respelled,
    sign,
    swapped,
    unsigned,
    with_claims,
    with_header,
)
from yabot.api.gate import Gate
from yabot.api.keyring import Keyring
from yabot.api.keys import SigningKey
from yabot.api.tokens import LONGEST_TOKEN, BadToken, JWTService
from yabot.errors import ConfigError

STATE = "/api/v1/user/1/state"

ATTACKS: dict[str, Forge] = {
    "alg none": lambda key: unsigned(key, "none"),
    "alg nOnE": lambda key: unsigned(key, "nOnE"),
    "alg null": lambda key: unsigned(key, None),
    "alg none with a signature": lambda key: unsigned(key, "none") + "x",
    "HS256 with the public PEM": lambda key: hmac_token(public(key, Encoding.PEM), key),
    "HS256 with the public DER": lambda key: hmac_token(public(key, Encoding.DER), key),
    "HS256 with a blank key": lambda key: hmac_token(b"", key),
    "PS256": lambda key: sign(key, claims(), algorithm="PS256"),
    "RS512": lambda key: sign(key, claims(), algorithm="RS512"),
    "another key": lambda key: sign(other_key(key), claims()),
    "a swapped payload": swapped,
    "an empty signature": lambda key: sign(key, claims()).rsplit(".", 1)[0] + ".",
    "two segments": lambda key: sign(key, claims()).rsplit(".", 1)[0],
    "four segments": lambda key: sign(key, claims()) + ".x",
    "padding": lambda key: sign(key, claims()) + "==",
    "a jwk in the header": with_header(jwk={"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
    "a jku in the header": with_header(jku="http://127.0.0.1:1/keys"),
    "an x5u in the header": with_header(x5u="http://127.0.0.1:1/cert"),
    "crit in the header": with_header(crit=["exp"]),
    "kid as a path": with_header(kid="../../../../dev/null"),
    "kid as SQL": with_header(kid="x' OR '1'='1"),
    "kid with NUL": with_header(kid="a\0b"),
    "an unknown kid": with_header(kid="abcdefghijklmnop"),
    "typ JWT": with_header(typ="JWT"),
    "a refresh token": with_header(typ="rt+jwt"),
    "exp absent": with_claims(exp=None),
    "exp as text": with_claims(exp=str(NOW + 900)),
    "exp 1e20": with_claims(exp=1e20),
    "exp as a fraction": with_claims(exp=NOW + 1.5),
    "exp as true": with_claims(exp=True),
    "exp in ten years": with_claims(exp=NOW + 315_360_000),
    "exp past": with_claims(iat=NOW - 900, exp=NOW - 6),
    "exp before iat": with_claims(iat=NOW + 4, exp=NOW + 3),
    "iat absent": with_claims(iat=None),
    "iat in the future": with_claims(iat=NOW + 60, exp=NOW + 120),
    "nbf in the future": with_claims(nbf=NOW + 60),
    "aud absent": with_claims(aud=None),
    "aud wrong": with_claims(aud="yabot"),
    "aud as a list": with_claims(aud=["yabot-internal", "other"]),
    "iss absent": with_claims(iss=None),
    "iss wrong": with_claims(iss="yabot-api.example"),
    "sub absent": with_claims(sub=None),
    "sub as a number": raw_payload(json.dumps(claims(sub=5))),
    "sub with a new line": with_claims(sub="a\nb"),
    "jti absent": with_claims(jti=None),
    "scope as text": with_claims(scope="internal_api"),
    "scope of numbers": with_claims(scope=[1]),
    "a claim twice": raw_payload(json.dumps(claims())[:-1] + ', "sub": "root"}'),
    "a payload that is a list": raw_payload("[]"),
    "a claim as deep as a token can be": deep_claim,
    "a header as deep as a token can be": deep_header,
    "a payload that is no JSON": raw_payload("hello"),
    "nothing but dots": lambda _: "..",
    "alg None": lambda key: unsigned(key, "None"),
    "alg missing": raw_header('{"typ": "at+jwt", "kid": "KID"}'),
    "HS256 with the public JWK": hs256_jwk,
    "a null signature": lambda key: sign(key, claims()).rsplit(".", 1)[0] + "." + part("\0"),
    "a key that comes along": own_jwk,
    "an x5c in the header": with_header(x5c=["MIIB"]),
    "ES256": es256,
    "HS256 with a key of nulls": lambda key: hmac_token(b"\0" * 32, key),
    "a key of 1024 bits": by_short_key,
    "typ missing": raw_header('{"alg": "RS256", "kid": "KID"}'),
    "kid missing": raw_header('{"alg": "RS256", "typ": "at+jwt"}'),
    "kid twice": raw_header('{"alg": "RS256", "typ": "at+jwt", "kid": "x", "kid": "KID"}'),
    "alg twice": raw_header('{"alg": "none", "alg": "RS256", "typ": "at+jwt", "kid": "KID"}'),
    "kid as a number": raw_header('{"alg": "RS256", "typ": "at+jwt", "kid": 1}'),
    "kid as null": raw_header('{"alg": "RS256", "typ": "at+jwt", "kid": null}'),
    "kid as a list": raw_header('{"alg": "RS256", "typ": "at+jwt", "kid": ["KID"]}'),
    "kid with a new line": with_header(kid="a\nb"),
    "kid of two thousand letters": with_header(kid="a" * 2_000),
    "b64 false": with_header(b64=False, crit=["b64"]),
    "a header that is a list": raw_header("[]"),
    "a header with NaN": raw_header('{"alg": "RS256", "typ": "at+jwt", "kid": "KID", "x": NaN}'),
    "padded segments": lambda key: ".".join(s + "=" for s in sign(key, claims()).split(".")),
    "a header in another spelling": respelled(0),
    "a payload in another spelling": respelled(1),
    "a signature in another spelling": respelled(2),
    "a blank in a segment": lambda key: sign(key, claims()).replace(".", ". ", 1),
    "the alphabet of plain base64": lambda key: sign(key, claims()).replace(".", "+.", 1),
    "exp null": raw_payload(json.dumps(claims() | {"exp": None})),
    "exp infinite": raw_payload(json.dumps(claims(exp=None))[:-1] + ', "exp": Infinity}'),
    "a claim that is no number": raw_payload(json.dumps(claims())[:-1] + ', "x": NaN}'),
    "iat as text": raw_payload(json.dumps(claims(iat=str(NOW)))),
    "aud null": raw_payload(json.dumps(claims() | {"aud": None})),
    "iss as a list": raw_payload(json.dumps(claims(iss=["yabot-api"]))),
    "iss a prefix": with_claims(iss="yabot"),
    "sub empty": with_claims(sub=""),
    "jti as a number": raw_payload(json.dumps(claims(jti=7))),
    "sid as a list": with_claims(sid=["x"]),
    "exp twice": raw_payload(json.dumps(claims())[:-1] + f', "exp": {NOW + 800}}}'),
    "scope twice": raw_payload(json.dumps(claims())[:-1] + ', "scope": ["admin"]}'),
    "scope nested": with_claims(scope=[["internal_api"]]),
    "one claim as text": raw_payload('"sub"'),
    "a token of 5 KiB": lambda key: sign(key, claims(pad="x" * 4096)),
}


@pytest.mark.parametrize("attack", sorted(ATTACKS))
@pytest.mark.anyio
async def test_a_forged_token_opens_nothing(client: Client, key: SigningKey, attack: str) -> None:
    token = ATTACKS[attack](key)
    response = await client.call("GET", STATE, authorization=f"Bearer {token}")
    assert response.status == 401, attack
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="yabot", error="invalid_token"'
    assert (await response.json())["code"] == "unauthorized"
    assert token not in await response.text()


def test_the_unforged_token_is_good(tokens: JWTService, key: SigningKey) -> None:
    assert tokens.verify(respelled(3)(key)).client == "billing"
    assert tokens.verify(raw_payload(json.dumps(claims()))(key)).client == "billing"
    assert tokens.verify(sign(key, claims())).client == "billing"


def test_the_keyring_takes_no_key_of_1024_bits(tmp_path: Path, clock: FakeClock) -> None:
    """PyJWT verifies with any; the forged token of one above fails as another key's."""
    path = tmp_path / "short.pem"
    short = generate_private_key(65537, 1024)
    path.write_bytes(short.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ConfigError, match="2048 bits or more"):
        Keyring(path, clock=clock)


def test_a_flipped_bit_anywhere_spoils_a_token(tokens: JWTService) -> None:
    token = tokens.create_service_token("billing")
    for place in range(0, len(token) - 1, 16):
        flipped = token[:place] + chr(ord(token[place]) ^ 1) + token[place + 1 :]
        with pytest.raises(BadToken):
            tokens.verify(flipped)


def test_every_letter_of_a_token_counts(tokens: JWTService) -> None:
    token = tokens.create_service_token("billing")
    for place in range(0, len(token), 8):
        for other in ("A", "b", "_"):
            changed = token[:place] + other + token[place + 1 :]
            if changed != token:
                with pytest.raises(BadToken):
                    tokens.verify(changed)


def test_the_deep_tokens_are_short_enough_to_be_read(key: SigningKey) -> None:
    for forge in (deep_claim, deep_header):
        assert LONGEST_TOKEN - 200 < len(forge(key)) <= LONGEST_TOKEN


@pytest.fixture
def make_authenticate(gate: Gate) -> Callable[[str], object]:
    """The way of a token through the server, without HTTP, which has bounds of its own."""
    return gate.auth.authenticate_request


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.setblocking(False)
        yield listening


@pytest.mark.parametrize("name", ["jku", "x5u", "kid"])
@pytest.mark.anyio
async def test_an_address_in_a_token_is_never_visited(
    client: Client, key: SigningKey, listener: socket.socket, name: str
) -> None:
    port = listener.getsockname()[1]
    token = sign(key, claims(), header={name: f"http://127.0.0.1:{port}/keys"})
    response = await client.call("GET", STATE, authorization=f"Bearer {token}")
    assert response.status == 401
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize(
    ("changes", "good"),
    [
        ({"iat": NOW - 890, "exp": NOW + 1}, True),
        ({"iat": NOW - 800, "exp": NOW - 4}, True),
        ({"iat": NOW - 800, "exp": NOW - 5}, False),
        ({"iat": NOW + 5, "exp": NOW + 100}, True),
        ({"iat": NOW + 6, "exp": NOW + 100}, False),
        ({"exp": NOW + 900}, True),
        ({"exp": NOW + 901}, False),
        ({"nbf": NOW}, False),
    ],
)
def test_clocks_may_differ_by_five_seconds_and_no_more(
    tokens: JWTService, key: SigningKey, changes: dict[str, object], good: bool
) -> None:
    token = sign(key, claims(**changes))
    if good:
        assert tokens.verify(token).client == "billing"
    else:
        with pytest.raises(BadToken):
            tokens.verify(token)


@pytest.mark.parametrize("size", [4_097, 65_536, 1_000_000])
def test_a_token_beyond_four_kib_is_refused_in_no_time(
    make_authenticate: Callable[[str], object], size: int
) -> None:
    token = "a." + "b" * (size - 4) + ".c"
    begun = time.thread_time()
    with pytest.raises(BadToken, match="too long"):
        make_authenticate(token)
    assert time.thread_time() - begun < 0.01
