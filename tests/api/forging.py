"""Tokens as a forger makes them: from the right key or none, claim by claim and byte by byte."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.api.fakes import NOON
from yabot.api.keys import SigningKey

Forge = Callable[[SigningKey], str]

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


def with_header(**header: object) -> Forge:
    return lambda key: sign(key, claims(), header=header)


def with_claims(**changes: object) -> Forge:
    return lambda key: sign(key, claims(**changes))


def raw_payload(text: str) -> Forge:
    """A well-signed token around a payload that is written by hand."""

    head = json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": "KID"})
    return lambda key: _signed(key, head.replace("KID", key.kid), text)


def raw_header(text: str) -> Forge:
    """A well-signed token below a header that is written by hand; `KID` stands for the key's."""
    return lambda key: _signed(key, text.replace("KID", key.kid), json.dumps(claims()))


def respelled(segment: int) -> Forge:
    """A well-signed token, one segment of which has the same bytes in another spelling."""

    def make(key: SigningKey) -> str:
        head = {"alg": "RS256", "typ": "at+jwt", "kid": key.kid}
        payload = next(
            text for n in range(3) if len(part(text := json.dumps(claims(jti="x" * n)))) % 4
        )
        header = next(text for n in range(3) if len(part(text := json.dumps(head) + " " * n)) % 4)
        parts = [part(header), part(payload)]
        if segment < 2:
            parts[segment] = _another_spelling(parts[segment])
        signature = _signature(key, ".".join(parts))
        return ".".join([*parts, _another_spelling(signature) if segment == 2 else signature])

    return make


def _another_spelling(text: str) -> str:
    """The last letter's unused bits are set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


def by_short_key(key: SigningKey) -> str:
    """A token of a key of 1024 bits, which PyJWT takes."""
    head = json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": key.kid})
    short = SigningKey(key.kid, generate_private_key(65537, 1024))
    return _signed(short, head, json.dumps(claims()))


def hs256_jwk(key: SigningKey) -> str:
    """HMAC with the text of the public key set."""
    numbers = key.public.public_numbers()
    return hmac_token(json.dumps({"kty": "RSA", "n": numbers.n, "e": numbers.e}).encode(), key)


def own_jwk(key: SigningKey) -> str:
    """Signed by a stranger whose public key comes along in the header (CVE-2018-0114)."""
    stranger = other_key(key)
    jwk = json.loads(jwt.get_algorithm_by_name("RS256").to_jwk(stranger.public))
    return sign(stranger, claims(), header={"jwk": jwk})


def es256(key: SigningKey) -> str:
    """A curve's signature."""
    headers = {"typ": "at+jwt", "kid": key.kid}
    return jwt.encode(claims(), ec.generate_private_key(ec.SECP256R1()), "ES256", headers)


DEEP = 1300
"""Lists in lists: as many as a token of 4 KiB has room for, with good claims around them."""


def deep_claim(key: SigningKey) -> str:
    """A well-signed token with good claims, one of which has no bottom."""
    return raw_payload(json.dumps(claims())[:-1] + f', "x": {"[" * DEEP}{"]" * DEEP}}}')(key)


def deep_header(key: SigningKey) -> str:
    """A token with good claims below a header without a bottom."""
    head = '{"alg": "RS256", "typ": "at+jwt", "kid": "KID", "x": '
    return raw_header(head + "[" * DEEP + "]" * DEEP + "}")(key)


def _signed(key: SigningKey, head: str, payload: str) -> str:
    signed = f"{part(head)}.{part(payload)}"
    return f"{signed}.{_signature(key, signed)}"


def _signature(key: SigningKey, signed: str) -> str:
    signature = jwt.get_algorithm_by_name("RS256").sign(signed.encode(), key.private)
    return base64.urlsafe_b64encode(signature).decode().rstrip("=")
