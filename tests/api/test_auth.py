"""Only a token made by this service, for this API, now, opens a route; every other one is 401."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.api.conftest import Client
from tests.api.fakes import NOON, FakeClock
from yabot.api.auth import KNOWN_TOKENS, AuthService
from yabot.api.keys import SigningKey
from yabot.api.server import APIServer
from yabot.api.tokens import BadToken, JWTService, Principal

STATE = "/api/v1/user/1/state"
NOW = int(NOON.timestamp())


def claims(**changes: object) -> dict[str, object]:
    """Good claims with some changed; None removes one."""
    good: dict[str, object] = {
        "sub": "billing",
        "iat": NOW,
        "exp": NOW + 900,
        "iss": "yabot-api",
        "aud": "yabot-internal",
        "jti": "1",
        "scope": ["internal_api"],
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def part(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def sign(
    key: SigningKey,
    payload: Mapping[str, object],
    *,
    algorithm: str = "RS256",
    header: Mapping[str, object] | None = None,
) -> str:
    headers = {"typ": "at+jwt", "kid": key.kid} | dict(header or {})
    return jwt.encode(dict(payload), key.private, algorithm=algorithm, headers=headers)


def hmac_token(secret: bytes, key: SigningKey) -> str:
    head = part({"alg": "HS256", "typ": "at+jwt", "kid": key.kid})
    signed = f"{head}.{part(claims())}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def unsigned(key: SigningKey, algorithm: object) -> str:
    return f"{part({'alg': algorithm, 'typ': 'at+jwt', 'kid': key.kid})}.{part(claims())}."


def public(key: SigningKey, encoding: Encoding) -> bytes:
    return key.public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def other_key(key: SigningKey) -> SigningKey:
    return SigningKey(key.kid, generate_private_key(public_exponent=65537, key_size=2048))


def swapped(key: SigningKey) -> str:
    head, _, signature = sign(key, claims()).split(".")
    return f"{head}.{part(claims(sub='root'))}.{signature}"


def with_header(**header: object) -> Callable[[SigningKey], str]:
    return lambda key: sign(key, claims(), header=header)


def with_claims(**changes: object) -> Callable[[SigningKey], str]:
    return lambda key: sign(key, claims(**changes))


def raw_payload(text: str) -> Callable[[SigningKey], str]:
    """A well-signed token around a payload that is written by hand."""

    def make(key: SigningKey) -> str:
        head = part({"alg": "RS256", "typ": "at+jwt", "kid": key.kid})
        signed = f"{head}.{part(text)}"
        signer = jwt.get_algorithm_by_name("RS256")
        signature = signer.sign(signed.encode(), key.private)
        return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

    return make


ATTACKS: dict[str, Callable[[SigningKey], str]] = {
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
    "a payload ten thousand deep": raw_payload('{"a":' * 700 + "1" + "}" * 700),
    "a payload that is no JSON": raw_payload("hello"),
    "nothing but dots": lambda _: "..",
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
    assert tokens.verify(sign(key, claims())).client == "billing"


def test_a_flipped_bit_anywhere_spoils_a_token(tokens: JWTService) -> None:
    token = tokens.create_service_token("billing")
    for place in range(0, len(token) - 1, 16):
        flipped = token[:place] + chr(ord(token[place]) ^ 1) + token[place + 1 :]
        with pytest.raises(BadToken):
            tokens.verify(flipped)


def test_a_megabyte_is_refused_without_reading_it(tokens: JWTService) -> None:
    token = "a." + "b" * 1_000_000 + ".c"
    begun = time.perf_counter()
    with pytest.raises(BadToken, match="too long"):
        tokens.verify(token)
    assert time.perf_counter() - begun < 0.01


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "token", "Bearer a b", "Bearer \xff.x.y"]
)
@pytest.mark.anyio
async def test_a_header_that_is_no_bearer_token_is_401(client: Client, header: str) -> None:
    response = await client.call("GET", STATE, authorization=header)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="yabot"')


@pytest.mark.anyio
async def test_without_a_header_the_challenge_names_no_error(client: Client) -> None:
    response = await client.session.get(STATE)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="yabot"'


@pytest.mark.anyio
async def test_every_route_of_the_api_wants_a_token_and_only_the_probes_do_not(
    client: Client, make_server: Callable[[], APIServer]
) -> None:
    server = make_server()
    for route in server._routes:
        path = route.path.format(user_id="1", fragment_id="plaza")
        response = await client.session.request(route.method, path)
        wanted = path.startswith("/api/")
        assert (response.status == 401) is wanted, route.name
        assert (route.scope is not None) is wanted


@pytest.mark.anyio
async def test_a_token_in_the_query_opens_nothing(client: Client) -> None:
    response = await client.session.get(f"{STATE}?access_token={client.token}")
    assert response.status == 401


@pytest.mark.anyio
async def test_two_authorization_headers_are_refused(client: Client) -> None:
    twice = [("Authorization", f"Bearer {client.token}")] * 2
    response = await client.session.get(STATE, headers=twice)
    assert response.status == 401


@pytest.mark.anyio
async def test_the_scheme_is_read_without_regard_to_case(client: Client) -> None:
    response = await client.call("GET", STATE, authorization=f"bEARER {client.token}")
    assert response.status == 200


@pytest.mark.anyio
async def test_a_token_without_the_scope_is_403(client: Client) -> None:
    token = client.tokens.create_service_token("billing", scopes=["metrics"])
    response = await client.call("GET", STATE, authorization=f"Bearer {token}")
    assert response.status == 403
    assert (await response.json())["code"] == "insufficient_scope"
    assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]


@pytest.mark.anyio
async def test_a_token_ends_after_fifteen_minutes_though_it_was_seen_before(
    client: Client, clock: FakeClock
) -> None:
    assert (await client.call("GET", STATE)).status == 200
    clock.now += timedelta(minutes=15, seconds=4)
    assert (await client.call("GET", STATE)).status == 200
    clock.now += timedelta(seconds=1)
    assert (await client.call("GET", STATE)).status == 401


def test_a_retiring_key_still_verifies_and_a_retired_one_does_not(
    key: SigningKey, clock: FakeClock
) -> None:
    private = generate_private_key(public_exponent=65537, key_size=2048)
    old = SigningKey("old", private)
    token = JWTService(old, clock=clock).create_service_token("billing")
    assert JWTService(key, clock=clock, retiring=[old]).verify(token).client == "billing"
    with pytest.raises(BadToken, match="unknown key"):
        JWTService(key, clock=clock).verify(token)


def test_a_signature_is_checked_once_per_token_and_the_memory_is_bounded(
    key: SigningKey, clock: FakeClock
) -> None:
    class Counting(JWTService):
        """Takes every token for that of `billing`, and counts."""

        checked = 0

        def verify(self, token: str) -> Principal:
            self.checked += 1
            return Principal("billing", frozenset(), token, NOW + 900)

    tokens = Counting(key, clock=clock)
    auth = AuthService(tokens, clock=clock)
    for _ in range(3):
        assert auth.authenticate_request("a.b.c").client == "billing"
    assert tokens.checked == 1
    for number in range(2 * KNOWN_TOKENS):
        auth.authenticate_request(f"{number}")
    assert len(auth._known) == KNOWN_TOKENS


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a\nb", "../x"])
def test_a_service_needs_a_plain_name(tokens: JWTService, name: str) -> None:
    with pytest.raises(ValueError, match="not a service name"):
        tokens.create_service_token(name)
