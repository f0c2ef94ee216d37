"""JWTService: makes the tokens of services, and refuses every other kind of token.

The rule: what a token may be is pinned here and never read from the token. Only one algorithm, only
keys held in memory, only these claims; a token lives 15 minutes at most (RFC 8725, RFC 9068).
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import jwt

from yabot.api.keyring import Keyring
from yabot.api.scopes import INTERNAL_API
from yabot.users.ports import Clock

ALGORITHM = "RS256"
TOKEN_TYPE = "at+jwt"  # noqa: S105
ISSUER = "yabot-api"
AUDIENCE = "yabot-internal"
LIFETIME = timedelta(minutes=15)
LEEWAY = 5
"""Seconds by which another machine's clock may differ."""

LONGEST_TOKEN = 4096
"""Bytes. A longer one is refused unread: decoding takes time in proportion to its length."""

CLAIMS = ("exp", "iat", "iss", "aud", "sub", "jti")
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_CLIENT = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


class BadToken(Exception):
    """A token was refused. The text is for the log; the caller learns only that it was refused."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: the name of a service, what it may do, and until when (seconds, Unix time).

    `session` is the login that the token came from, empty for one that was minted by hand; `kid`
    names the key that signed it.
    """

    client: str
    scopes: frozenset[str]
    token_id: str
    expires: int
    session: str = ""
    kid: str = ""


class JWTService:
    """Signs with the active key and verifies with every key that is published."""

    def __init__(self, keys: Keyring, *, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def create_service_token(
        self, service_name: str, *, scopes: Iterable[str] = (INTERNAL_API,), session: str = ""
    ) -> str:
        """An access token for a service, good for 15 minutes; `session` names its login.

        Raises ValueError for a name that is not 1 to 64 of letters, digits, `_`, `.` and `-`.
        """
        if not is_service_name(service_name):
            raise ValueError(f"not a service name: {service_name!r}")
        now = int(self._clock().timestamp())
        claims: dict[str, object] = {
            "sub": service_name,
            "iat": now,
            "exp": now + int(LIFETIME.total_seconds()),
            "iss": ISSUER,
            "aud": AUDIENCE,
            "jti": uuid4().hex,
            "scope": sorted(scopes),
        }
        if session:
            claims["sid"] = session
        key = self._keys.active
        headers = {"typ": TOKEN_TYPE, "kid": key.kid}
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers=headers)

    def knows(self, kid: str) -> bool:
        """Whether the key of this name still verifies."""
        return self._keys.find(kid) is not None

    def verify(self, token: str) -> Principal:
        """Who the token speaks for. Raises BadToken."""
        if len(token) > LONGEST_TOKEN:
            raise BadToken("too long")
        if not _SHAPE.fullmatch(token):
            raise BadToken("not three segments of base64url")
        segments = token.split(".")
        header = _strict_json(segments[0])
        if header.get("alg") != ALGORITHM or header.get("typ") != TOKEN_TYPE:
            raise BadToken("another algorithm or type")
        if set(header) != {"alg", "typ", "kid"}:
            raise BadToken("unexpected header")
        kid = header["kid"]
        key = self._keys.find(kid) if isinstance(kid, str) and _KID.fullmatch(kid) else None
        if key is None:
            raise BadToken("unknown key")
        try:
            jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": list(CLAIMS),
                    "strict_aud": True,
                    "enforce_minimum_key_length": True,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise BadToken(type(error).__name__) from error
        return self._principal(_strict_json(segments[1]), str(kid))

    def _principal(self, claims: Mapping[str, object], kid: str) -> Principal:
        """Check what the library leaves open: types, the times on our clock, the lifetime."""
        issued, expires = claims["iat"], claims["exp"]
        if type(issued) is not int or type(expires) is not int:
            raise BadToken("times that are not whole seconds")
        now = self._clock().timestamp()
        if "nbf" in claims or issued > now + LEEWAY:
            raise BadToken("not valid yet")
        if expires <= now - LEEWAY:
            raise BadToken("expired")
        if not 0 < expires - issued <= LIFETIME.total_seconds():
            raise BadToken("lives too long")
        client, token_id, scopes = claims["sub"], claims["jti"], claims.get("scope")
        session = claims.get("sid", "")
        if not isinstance(client, str) or not is_service_name(client):
            raise BadToken("not a service name")
        if not isinstance(token_id, str) or not isinstance(session, str):
            raise BadToken("unexpected claims")
        if not isinstance(scopes, list):
            raise BadToken("unexpected scope")
        if not all(isinstance(scope, str) for scope in scopes):
            raise BadToken("unexpected scope")
        return Principal(client, frozenset(scopes), token_id, expires, session, kid)


def is_service_name(name: str) -> bool:
    """Whether a text may be the name of a service."""
    return _CLIENT.fullmatch(name) is not None


def _strict_json(segment: str) -> dict[str, object]:
    """The JSON object of a segment. Raises BadToken, also where a name comes twice."""
    try:
        decoded = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        value = json.loads(decoded, object_pairs_hook=_without_repeats, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise BadToken("not base64url of JSON") from error
    if not isinstance(value, dict):
        raise BadToken("not a JSON object")
    return value


def _refused(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name comes twice")
    return values
