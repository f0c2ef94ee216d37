"""What the driver API shows of the world.

The rule: only reading; the shapes here are what the chat page and the tests rely on.
"""

from itertools import islice

from orjson import Fragment

from yabot.sandbox.calls import Calls
from yabot.sandbox.errors import DriverError
from yabot.sandbox.model import Bot, User
from yabot.sandbox.world import World


def chat_view(world: World, bot: Bot, user: User, chat_id: int, limit: int) -> dict[str, object]:
    """One chat as a user sees it.

    cursor: pass it to `wait` as `after`; only its equality means something.
    messages: the newest `limit`, oldest first, edits applied.
    answers: answers to this user's presses, oldest first.
    action, action_until: what the bot is doing, and until when in seconds since the epoch.
    keyboard: the reply keyboard, or null.  chats: all chats of this user.
    """
    chat_id = chat_id or user.id
    if user.id not in world.members(chat_id):
        raise DriverError(f"user {user.id} is in no chat {chat_id}", status=404)
    screen = world.screen(bot, chat_id)
    now = world.clock()
    hidden = len(screen.messages) - max(limit, 1)
    groups = [group for group in world.groups.values() if user.id in group.members]
    return {
        "cursor": user.cursor,
        "chat": world.chat(chat_id),
        "messages": [
            Fragment(body) for body in islice(screen.messages.values(), max(hidden, 0), None)
        ],
        "answers": [answer for answer in screen.answers if answer["user_id"] == user.id],
        "action": screen.doing(now),
        "action_until": screen.action_until if screen.doing(now) else 0,
        "keyboard": screen.keyboard,
        "commands": commands_for(bot, user, chat_id),
        "user": user.card(),
        "blocked": bot.number in user.blocked,
        "bot": bot.card(),
        "chats": [user.chat(), *(group.chat() for group in groups)],
        "now": now,
    }


def commands_for(bot: Bot, user: User, chat_id: int) -> list[object]:
    """The command menu, by Telegram's order: the narrowest scope first, then the language."""
    wide = "all_private_chats" if chat_id == user.id else "all_group_chats"
    for scope in (f"chat_member:{chat_id}:{user.id}", f"chat:{chat_id}", wide, "default"):
        for language in (user.language_code, ""):
            if commands := bot.commands.get(f"{scope}/{language}"):
                return commands
    return []


def statistics(world: World, calls: Calls) -> dict[str, object]:
    """Counts of what the sandbox holds and did since its start."""
    bots = [
        {
            "id": bot.id,
            "name": bot.name,
            "pending_updates": len(bot.updates),
            "open_queries": len(bot.queries),
            "messages": sum(len(screen.messages) for screen in bot.screens.values()),
            "mode": "webhook" if bot.webhook else "polling",
            "listening": bot.updates.listener is not None,
        }
        for bot in world.bots.values()
    ]
    return {
        "bots": bots,
        "users": len(world.users),
        "groups": len(world.groups),
        "unsaved": len(world.journal),
        "calls": calls.count,
        "calls_by_method": dict(calls.by_method),
    }
