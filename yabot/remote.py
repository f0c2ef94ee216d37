"""Asking a running bot, from a command in another process."""

import urllib.error
import urllib.request

from yabot.errors import ConfigError

TIMEOUT = 5.0


def fetch_tree(host: str, port: int, *, as_json: bool) -> str:
    """The supervision tree of the bot whose API listens there, as text or as JSON.

    Raises ConfigError when nobody answers.
    """
    address = f"{'[' + host + ']' if ':' in host else host}:{port}"
    url = f"http://{address}/health/supervisors?format={'json' if as_json else 'text'}"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.read().decode())
    except OSError as error:
        raise ConfigError(
            [
                f"API_PORT: no bot answers at {address} ({error}); "
                "start one, or set API_HOST and API_PORT as it has them"
            ]
        ) from None
