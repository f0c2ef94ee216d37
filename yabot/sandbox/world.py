"""Everything the sandbox knows: people, groups, bots, and what each bot's chats show.

Synchronous, in memory. The one rule: every change goes through a method here, which also puts it
into the journal and tells whoever watches the screen.
"""

import time
from collections.abc import Callable, Iterable
from itertools import islice
from zlib import crc32

import orjson

from yabot.sandbox.encoding import encode
from yabot.sandbox.errors import DriverError
from yabot.sandbox.journal import Journal, Series
from yabot.sandbox.model import Bot, Group, Query, User
from yabot.sandbox.restore import restore_bots, restore_groups, restore_users
from yabot.sandbox.screens import Message, Screen
from yabot.sandbox.updates import Update, UpdateQueue

HIDDEN_UPDATES = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
FIRST_GROUP = 1_000_000_000_000
MAX_QUERIES = 100_000


class World:
    """The working copy.

    bots: by Telegram id; under 0 the one that people write to before any bot has called.
    watch: called with a user's id whenever a screen of that user changed.
    clock: seconds since the epoch.
    """

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.time) -> None:
        self.journal = journal
        self.clock = clock
        self.watch: Callable[[int], None] = lambda _user_id: None
        self.users = restore_users(journal)
        self.groups = restore_groups(journal)
        self.bots = {bot.id: bot for bot in restore_bots(journal)}
        self.message_ids = Series(journal, "message")
        self.update_ids = Series(journal, "update")
        self.query_ids = Series(journal, "query", start=1_000_000)
        self._cursor = int(clock() * 1_000_000)

    def user(self, user_id: int) -> User:
        """The person with that id, created at first mention."""
        user = self.users.get(user_id)
        if user is None:
            if not 0 < user_id < 1 << 52:
                raise DriverError(f"{user_id} is no user id: it must be positive and below 2^52")
            user = self.users[user_id] = User(user_id, f"User {user_id}")
            self.save_user(user)
        return user

    def add_group(self, title: str, members: Iterable[int]) -> Group:
        number = FIRST_GROUP + 1 + len(self.groups)
        group = Group(-number, title, [self.user(member).id for member in dict.fromkeys(members)])
        self.groups[group.id] = group
        self.journal.put("group", str(group.id), {"title": title, "members": group.members})
        for member in group.members:
            self.changed(member)
        return group

    def bot(self, bot_id: int) -> Bot:
        """The bot with that id; the first one ever to call takes what people already wrote."""
        bot = self.bots.get(bot_id)
        if bot is None:
            bot = self.bots.pop(0, None) or self._add_bot()
            bot.id = bot_id
            self.bots[bot_id] = bot
            self.save_bot(bot)
        return bot

    def addressed_bot(self, bot_id: int = 0) -> Bot:
        """The bot that people talk to: the given one, else the first. Raises DriverError."""
        if bot_id:
            if bot_id not in self.bots:
                raise DriverError(f"no bot {bot_id} has called this sandbox", status=404)
            return self.bots[bot_id]
        if not self.bots:
            self.bots[0] = self._add_bot()
        return next(iter(self.bots.values()))

    def members(self, chat_id: int) -> list[int]:
        """The people in a chat; empty when there is no such chat."""
        if chat_id in self.users:
            return [chat_id]
        group = self.groups.get(chat_id)
        return group.members if group else []

    def chat(self, chat_id: int) -> dict[str, object]:
        """The Bot API's Chat object of a chat that exists."""
        if chat_id in self.users:
            return self.users[chat_id].chat()
        return self.groups[chat_id].chat()

    def named(self, username: str) -> int:
        """The id of the chat called @username, or 0."""
        name = username.removeprefix("@").lower()
        return next((u.id for u in self.users.values() if u.username.lower() == name and name), 0)

    def screen(self, bot: Bot, chat_id: int) -> Screen:
        """What a chat with that bot shows, for a chat that exists."""
        screen = bot.screens.get(chat_id)
        if screen is None:
            screen = bot.screens[chat_id] = Screen(chat_id)
        return screen

    def compose(
        self,
        screen: Screen,
        sender: dict[str, object],
        text: str,
        entities: list[dict[str, object]],
        original: Message | None,
    ) -> Message:
        """A new message with the next id, not shown yet. `original` is what it replies to."""
        message: Message = {
            "message_id": self.message_ids.next(),
            "from": sender,
            "chat": self.chat(screen.chat_id),
            "date": int(self.clock()),
        }
        if original is not None:
            message["reply_to_message"] = original
        message["text"] = text
        if entities:
            message["entities"] = entities
        return message

    def show(self, bot: Bot, screen: Screen, message: Message) -> orjson.Fragment:
        """Add a message to a screen, or show its edited form; the message as JSON."""
        body = encode(message)
        message_id = int(str(message["message_id"]))
        gone = screen.add(message_id, body)
        self.journal.put("message", f"{bot.number}:{screen.chat_id}:{message_id}", body)
        if gone is not None:
            self.journal.delete("message", f"{bot.number}:{screen.chat_id}:{gone}")
        self.screen_changed(screen)
        return orjson.Fragment(body)

    def remove(self, bot: Bot, screen: Screen, message_id: int) -> None:
        del screen.messages[message_id]
        self.journal.delete("message", f"{bot.number}:{screen.chat_id}:{message_id}")
        self.screen_changed(screen)

    def show_keyboard(self, bot: Bot, screen: Screen, keyboard: dict[str, object] | None) -> None:
        """Put a reply keyboard under the input field, or take it away."""
        screen.keyboard = keyboard
        key = f"{bot.number}:{screen.chat_id}"
        if keyboard is None:
            self.journal.delete("keyboard", key)
        else:
            self.journal.put("keyboard", key, keyboard)
        self.screen_changed(screen)

    def allow_updates(self, bot: Bot, kinds: list[object] | None) -> None:
        """Send the bot only these kinds from now on; all the usual ones when empty."""
        if kinds is None:
            return
        allowed = [str(kind) for kind in kinds]
        if allowed != bot.allowed_updates:
            bot.allowed_updates = allowed
            self.save_bot(bot)

    def announce(
        self, bot: Bot, kind: str, event: object, *, queue: str, lifetime: float
    ) -> int | None:
        """Leave an update for the bot; its id, or None when the bot did not ask for this kind."""
        wanted = bot.allowed_updates
        if kind not in wanted if wanted else kind in HIDDEN_UPDATES:
            return None
        update_id = self.update_ids.next()
        body = encode({"update_id": update_id, kind: event})
        bot.updates.append(Update(update_id, queue, self.clock() + lifetime, body))
        return update_id

    def add_query(self, bot: Bot, query: Query) -> None:
        """Remember a press, and forget those whose time is over."""
        bot.queries[query.id] = query
        record = {
            "user_id": query.user_id,
            "chat_id": query.chat_id,
            "message_id": query.message_id,
            "expires": query.expires,
        }
        self.journal.put("query", f"{bot.number}:{query.id}", record)
        now = self.clock()
        for old in list(islice(bot.queries.values(), 8)):
            if old.expires <= now or len(bot.queries) > MAX_QUERIES:
                del bot.queries[old.id]
                self.journal.delete("query", f"{bot.number}:{old.id}")

    def chat_instance(self, bot: Bot, chat_id: int) -> str:
        """The stable name that callback queries give to a bot's chat."""
        return str(crc32(f"{bot.number}:{chat_id}".encode()) << 24 | bot.number)

    def changed(self, user_id: int) -> None:
        """Something that this person sees is different now."""
        self._cursor += 1
        self.users[user_id].cursor = self._cursor
        self.watch(user_id)

    def screen_changed(self, screen: Screen) -> None:
        for member in self.members(screen.chat_id):
            self.changed(member)

    def bot_changed(self, bot: Bot) -> None:
        """What the bot tells about itself is different now."""
        for screen in bot.screens.values():
            self.screen_changed(screen)

    def save_user(self, user: User) -> None:
        record = {
            "first_name": user.first_name,
            "username": user.username,
            "language_code": user.language_code,
            "blocked": list(user.blocked),
        }
        self.journal.put("user", str(user.id), record)
        self.changed(user.id)

    def save_bot(self, bot: Bot) -> None:
        hook = bot.webhook
        record = {
            "id": bot.id,
            "name": bot.name,
            "allowed_updates": bot.allowed_updates,
            "commands": bot.commands,
            "webhook": hook and [hook.url, hook.secret, hook.max_connections],
        }
        self.journal.put("bot", str(bot.number), record)

    def settle(self) -> None:
        """Record the exact next ids, for a clean stop."""
        for series in (self.message_ids, self.update_ids, self.query_ids):
            series.settle()

    def _add_bot(self) -> Bot:
        number = len(self.bots) + 1
        bot = Bot(number, 0, UpdateQueue(self.journal, number))
        self.save_bot(bot)
        return bot
