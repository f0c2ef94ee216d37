"""Who comes: people who chat with the bot, and services that call its API.

Set by the environment: LOAD_TELEGRAM_USERS and LOAD_API_CLIENTS (how many of each), LOAD_THINK_TIME
(mean seconds between two actions), YABOT_SANDBOX (URL), YABOT_API (URL), YABOT_API_TOKEN.
"""

import os
import random
import time
from collections.abc import Callable
from itertools import count
from uuid import uuid4

from locust import FastHttpUser, User, events, task
from locust.env import Environment

from loadtests.chat import Chat, Screen, buttons

SANDBOX = os.environ.get("YABOT_SANDBOX", "http://127.0.0.1:8090")
API = os.environ.get("YABOT_API", "http://127.0.0.1:8080")
TOKEN = os.environ.get("YABOT_API_TOKEN", "")
THINK_TIME = float(os.environ.get("LOAD_THINK_TIME", "5"))
FRAGMENTS = ("start", "plaza", "faro", "biblioteca", "puerto")

_numbers = count(random.randrange(10_000_000, 1_000_000_000, 100_000))
_met: list[int] = []
"""Users that the bot knows, so that services can ask for them."""


def think(_user: User) -> float:
    """Seconds until the next action: exponential, so that people never march in step."""
    return random.expovariate(1 / THINK_TIME)


class TelegramUser(User):
    """A person who reads, then presses a button that is there, or writes."""

    fixed_count = int(os.environ.get("LOAD_TELEGRAM_USERS", "200"))
    wait_time = think

    def on_start(self) -> None:
        """Meet the bot."""
        self.number = next(_numbers)
        self.chat = Chat(SANDBOX, self.number)
        self.screen: Screen = {"messages": []}
        if self.timed("/start", self.meet):
            _met.append(self.number)

    def meet(self) -> Screen:
        """Take a name and say hello."""
        self.chat.introduce(f"Load {self.number}", random.choice(("es", "en")))
        return self.chat.write("/start")

    def on_stop(self) -> None:
        """Leave."""
        self.chat.close()

    @task(8)
    def press(self) -> None:
        """Press one of the buttons on the screen; without one, ask for the menu."""
        shown = buttons(self.screen)
        if not shown:
            self.menu()
            return
        button = random.choice(shown)
        self.timed("press", lambda: self.chat.press(button))

    @task(1)
    def menu(self) -> None:
        """Ask for the menu."""
        self.timed("/menu", lambda: self.chat.write("/menu"))

    @task(1)
    def story(self) -> None:
        """Go on with the story."""
        self.timed("/story", lambda: self.chat.write("/story"))

    def timed(self, name: str, act: Callable[[], Screen]) -> bool:
        """Do it, and report the time until the answer was on the screen."""
        begun = time.perf_counter()
        failure: Exception | None = None
        try:
            self.screen = act()
        except Exception as error:
            failure = error
        self.environment.events.request.fire(
            request_type="CHAT",
            name=name,
            response_time=(time.perf_counter() - begun) * 1000,
            response_length=0,
            exception=failure,
            context={},
        )
        return failure is None


class ApiClient(FastHttpUser):
    """A service: mostly reads, sometimes changes."""

    host = API
    fixed_count = int(os.environ.get("LOAD_API_CLIENTS", "200"))
    wait_time = think

    def on_start(self) -> None:
        """Show the token with every request."""
        self.headers = {"Authorization": f"Bearer {TOKEN}"}

    @task(6)
    def read(self) -> None:
        """Read one thing of one user."""
        what = random.choice(("state", "preferences", "subscription", "besitos"))
        self.user_call("GET", what, 200)

    @task(2)
    def fragment(self) -> None:
        """Read a fragment of the story."""
        path = f"/api/v1/narrative/{random.choice(FRAGMENTS)}?language=en"
        self.call("GET", path, "/api/v1/narrative/{fragment_id}", 200)

    @task(1)
    def prefer(self) -> None:
        """Set a preference."""
        self.user_call("PUT", "preferences", 200, {"theme": random.choice(("light", "dark"))})

    @task(1)
    def give(self) -> None:
        """Give besitos, once."""
        body = {"amount": random.randint(1, 5), "reason": "load"}
        self.user_call("POST", "besitos/transactions", 201, body)

    def user_call(self, method: str, what: str, expected: int, body: object = None) -> None:
        """Call a route of a user whom the bot has met; while there is none, do nothing."""
        if _met:
            user = random.choice(_met)
            name = f"/api/v1/user/{{user_id}}/{what}"
            self.call(method, f"/api/v1/user/{user}/{what}", name, expected, body)

    def call(self, method: str, path: str, name: str, expected: int, body: object = None) -> None:
        """Send a request; another status than the expected one is an error."""
        headers = {**self.headers, "Idempotency-Key": uuid4().hex}
        with self.client.request(
            method, path, name=name, headers=headers, json=body, catch_response=True
        ) as response:
            if response.status_code != expected:
                response.failure(f"{response.status_code}: {response.text}")


def fail_on_errors(environment: Environment, **_: object) -> None:
    """End with 1 where anything failed, or where nothing was done at all."""
    total = environment.stats.total
    if total.num_failures or not total.num_requests:
        environment.process_exit_code = 1


events.quitting.add_listener(fail_on_errors)  # type: ignore[no-untyped-call]
