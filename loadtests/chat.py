"""One person's chat, over the local Telegram's driver API.

The rule: an answer counts when it is on the person's screen, not when some request returns.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
from geventhttpclient import HTTPClient

PATIENCE = 15.0
"""Seconds after which a person gives up; this counts as an error."""

Screen = dict[str, object]


class NoAnswer(Exception):
    """The bot's answer did not come onto the screen in time."""


class Refused(Exception):
    """The local Telegram did not take what the person did."""


@dataclass(frozen=True, slots=True)
class Button:
    """A button on the screen."""

    message_id: int
    data: str


class Chat:
    """A person with a screen. One connection; calls block the person, as waiting does."""

    def __init__(self, sandbox: str, user_id: int) -> None:
        place = urlsplit(sandbox)
        self._path = f"/sandbox/users/{user_id}"
        self._http = HTTPClient(
            place.hostname or "127.0.0.1",
            place.port or 80,
            concurrency=1,
            connection_timeout=PATIENCE,
            network_timeout=2 * PATIENCE,
        )

    def introduce(self, name: str, language: str) -> None:
        """Take a name and a language."""
        self._call("PUT", "", {"first_name": name, "language_code": language})

    def write(self, text: str) -> Screen:
        """Send a text and wait for a message of the bot below it. Raises NoAnswer, Refused."""
        sent = self._call("POST", "/messages", {"text": text})
        below = _integer(_object(sent["message"])["message_id"])
        return self._wait(lambda screen: any(m > below for m in _ids_of_bot(screen)))

    def press(self, button: Button) -> Screen:
        """Press a button and wait for the answer to it. Raises NoAnswer, Refused."""
        body = {"message_id": button.message_id, "data": button.data}
        query = self._call("POST", "/presses", body)["callback_query_id"]
        return self._wait(
            lambda screen: any(
                _object(answer)["callback_query_id"] == query for answer in _list(screen["answers"])
            )
        )

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _wait(self, done: Callable[[Screen], bool]) -> Screen:
        ends = time.monotonic() + PATIENCE
        screen = self._call("GET", "/chat?limit=20")
        while not done(screen):
            left = ends - time.monotonic()
            if left <= 0:
                raise NoAnswer(f"nothing on the screen within {PATIENCE:g} s")
            cursor = screen["cursor"]
            screen = self._call("GET", f"/wait?after={cursor}&timeout={left:.3f}&limit=20")
        return screen

    def _call(self, method: str, path: str, body: object = None) -> Screen:
        sent = b"" if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"} if sent else {}
        response = self._http.request(method, self._path + path, body=sent, headers=headers)
        answer = _object(orjson.loads(bytes(response.read())))
        if response.status_code >= 400:
            raise Refused(str(answer.get("error")))
        return answer


def buttons(screen: Screen) -> list[Button]:
    """The buttons of the newest message that has some."""
    for message in reversed(_list(screen["messages"])):
        found = list(_buttons_of(_object(message)))
        if found:
            return found
    return []


def _buttons_of(message: dict[str, object]) -> Iterator[Button]:
    markup = _object(message.get("reply_markup") or {})
    for row in _list(markup.get("inline_keyboard") or []):
        for button in _list(row):
            data = _object(button).get("callback_data")
            if data is not None:
                yield Button(_integer(message["message_id"]), str(data))


def _ids_of_bot(screen: Screen) -> Iterator[int]:
    for message in _list(screen["messages"]):
        if _object(_object(message)["from"]).get("is_bot"):
            yield _integer(_object(message)["message_id"])


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"an object was expected, not {type(value).__name__}")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, not {type(value).__name__}")
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"a whole number was expected, not {type(value).__name__}")
    return value
