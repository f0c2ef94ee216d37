"""Asking a running bot, from a command in another process.

The rule: a command trusts the certificate in its own settings and no other, so it never shows a
token to somebody else.
"""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from yabot.errors import ConfigError

TIMEOUT = 5.0

EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - a bot that listens there


class NobodyThere(ConfigError):
    """No bot answers at the address of the settings."""


class Refused(ConfigError):
    """A bot answers and says no."""


@dataclass(frozen=True, slots=True)
class Remote:
    """The API of a bot. `certificate` is what it shows; None is plain HTTP."""

    host: str
    port: int
    certificate: Path | None = None

    @property
    def address(self) -> str:
        """Host and port; a bot that listens everywhere is asked on this machine."""
        host = "localhost" if self.host in EVERYWHERE else self.host
        return f"{'[' + host + ']' if ':' in host else host}:{self.port}"

    def fetch(self, path: str) -> str:
        """What a page says, whether it is good news or not. Raises NobodyThere."""
        try:
            return self._send("GET", path, None, {})
        except urllib.error.HTTPError as error:
            return str(error.read().decode())

    def call(self, method: str, path: str, token: str, sent: object = None) -> object:
        """The JSON of an answer. Raises NobodyThere, Refused."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if method == "POST":
            headers["Idempotency-Key"] = uuid4().hex
        body = json.dumps(sent).encode() if sent is not None else None
        try:
            return json.loads(self._send(method, path, body, headers) or "null")
        except urllib.error.HTTPError as error:
            raise Refused([f"the bot at {self.address}: {_detail(error)}"]) from None

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> str:
        scheme = "https" if self.certificate is not None else "http"
        request = urllib.request.Request(  # noqa: S310 - the scheme is ours
            f"{scheme}://{self.address}{path}",
            data=body,
            headers={"Accept-Language": "en", **headers},
            method=method,
        )
        try:
            with self._opener().open(request, timeout=TIMEOUT) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError:
            raise
        except OSError as error:
            raise NobodyThere(
                [
                    f"API_PORT: no bot answers at {self.address} ({error}); "
                    "start one, or set API_HOST and API_PORT as it has them"
                ]
            ) from None

    def _opener(self) -> urllib.request.OpenerDirector:
        """Goes straight to the bot, whatever proxy the environment has."""
        direct = urllib.request.ProxyHandler({})
        if self.certificate is None:
            return urllib.request.build_opener(direct)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(self.certificate)
        return urllib.request.build_opener(direct, urllib.request.HTTPSHandler(context=context))


def fetch_tree(remote: Remote, *, as_json: bool) -> str:
    """The supervision tree of a bot, as text or as JSON. Raises NobodyThere."""
    return remote.fetch(f"/health/supervisors?format={'json' if as_json else 'text'}")


def _detail(error: urllib.error.HTTPError) -> str:
    """What the problem details say, or the status."""
    try:
        problem = json.loads(error.read())
        return str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"
