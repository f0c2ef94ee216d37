"""The people, groups and bots of the sandbox, as plain values.

The rule: nothing here changes by itself; `World` changes it and keeps the journal in step.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from yabot.sandbox.screens import Screen
from yabot.sandbox.updates import UpdateQueue


@dataclass(slots=True)
class User:
    """A person. `blocked` holds the numbers of the bots that this person blocked."""

    id: int
    first_name: str
    username: str = ""
    language_code: str = ""
    blocked: set[int] = field(default_factory=set)
    cursor: int = 0

    def card(self) -> dict[str, object]:
        """The Bot API's User object."""
        card: dict[str, object] = {
            "id": self.id,
            "is_bot": False,
            "first_name": self.first_name,
        }
        if self.username:
            card["username"] = self.username
        if self.language_code:
            card["language_code"] = self.language_code
        return card

    def chat(self) -> dict[str, object]:
        """The Bot API's Chat object of the private chat with this person."""
        chat: dict[str, object] = {"id": self.id, "first_name": self.first_name, "type": "private"}
        if self.username:
            chat["username"] = self.username
        return chat


@dataclass(slots=True)
class Group:
    id: int
    title: str
    members: list[int]

    def chat(self) -> dict[str, object]:
        """The Bot API's Chat object."""
        return {"id": self.id, "title": self.title, "type": "supergroup"}


@dataclass(frozen=True, slots=True)
class Webhook:
    url: str
    secret: str = ""
    max_connections: int = 40


@dataclass(frozen=True, slots=True)
class Query:
    """A button press that the bot may still answer."""

    id: str
    user_id: int
    chat_id: int
    message_id: int
    expires: float


@dataclass(slots=True)
class Bot:
    """A bot's account.

    number: its key in the journal.
    id: its Telegram id; 0 until the bot that people already write to makes its first call.
    commands: command lists by scope and language.
    failure: when (seconds since the epoch) and why the webhook failed last.
    """

    number: int
    id: int
    updates: UpdateQueue
    name: str = "Sandbox Bot"
    allowed_updates: list[str] = field(default_factory=list)
    commands: dict[str, list[object]] = field(default_factory=dict)
    webhook: Webhook | None = None
    failure: tuple[int, str] | None = None
    screens: dict[int, Screen] = field(default_factory=dict)
    queries: OrderedDict[str, Query] = field(default_factory=OrderedDict)

    def card(self) -> dict[str, object]:
        """The Bot API's User object."""
        return {
            "id": self.id,
            "is_bot": True,
            "first_name": self.name,
            "username": f"sandbox_{self.id}_bot",
        }
