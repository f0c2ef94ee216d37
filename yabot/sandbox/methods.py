"""The table of Bot API methods: name, in lower case, to what it does.

The rule: a method here is immediate and only touches the world. getUpdates waits, and lives in
`polling`; that a webhook changed is noticed by the caller, which then starts or ends delivery.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from yabot.sandbox.errors import BadRequest
from yabot.sandbox.messages import (
    answer_callback_query,
    delete_message,
    edit_message_reply_markup,
    edit_message_text,
    screen_of,
    send_chat_action,
    send_message,
)
from yabot.sandbox.model import Bot, Webhook
from yabot.sandbox.parameters import Parameters
from yabot.sandbox.world import World

Method = Callable[[World, Bot, Parameters], object]

COMMAND = re.compile(r"/?([a-z0-9_]{1,32})")
MAX_COMMANDS = 100
MAX_DESCRIPTION = 256
SECRET = re.compile(r"[A-Za-z0-9_-]*")
MAX_SECRET = 256
DEFAULT_CONNECTIONS = 40
MAX_CONNECTIONS = 100


def get_me(_world: World, bot: Bot, _parameters: Parameters) -> dict[str, object]:
    return {
        **bot.card(),
        "can_join_groups": True,
        "can_read_all_group_messages": True,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def get_chat(world: World, bot: Bot, parameters: Parameters) -> dict[str, object]:
    screen = screen_of(world, bot, parameters)
    return {
        **world.chat(screen.chat_id),
        "accent_color_id": screen.chat_id % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": {
            "unlimited_gifts": False,
            "limited_gifts": False,
            "unique_gifts": False,
            "premium_subscription": False,
            "gifts_from_channels": False,
        },
    }


def set_my_commands(world: World, bot: Bot, parameters: Parameters) -> bool:
    commands = parameters.array("commands") or []
    if len(commands) > MAX_COMMANDS:
        raise BadRequest("BOT_COMMANDS_TOO_MUCH")
    bot.commands[_audience(parameters)] = [_command(command) for command in commands]
    world.save_bot(bot)
    world.bot_changed(bot)
    return True


def get_my_commands(_world: World, bot: Bot, parameters: Parameters) -> list[object]:
    return bot.commands.get(_audience(parameters), [])


def delete_my_commands(world: World, bot: Bot, parameters: Parameters) -> bool:
    bot.commands.pop(_audience(parameters), None)
    world.save_bot(bot)
    world.bot_changed(bot)
    return True


def set_my_name(world: World, bot: Bot, parameters: Parameters) -> bool:
    bot.name = parameters.text("name") or bot.name
    world.save_bot(bot)
    world.bot_changed(bot)
    return True


def get_my_name(_world: World, bot: Bot, _parameters: Parameters) -> dict[str, object]:
    return {"name": bot.name}


def get_webhook_info(world: World, bot: Bot, _parameters: Parameters) -> dict[str, object]:
    bot.updates.expire(world.clock())
    info: dict[str, object] = {
        "url": bot.webhook.url if bot.webhook else "",
        "has_custom_certificate": False,
        "pending_update_count": len(bot.updates),
    }
    if bot.webhook:
        info["max_connections"] = bot.webhook.max_connections
        if bot.failure:
            info["last_error_date"], info["last_error_message"] = bot.failure
    if bot.allowed_updates:
        info["allowed_updates"] = bot.allowed_updates
    return info


def set_webhook(world: World, bot: Bot, parameters: Parameters) -> bool:
    url = parameters.text("url").strip()
    if not url:
        return delete_webhook(world, bot, parameters)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadRequest("bad webhook: invalid webhook URL specified")
    secret = parameters.text("secret_token")
    if len(secret) > MAX_SECRET:
        raise BadRequest("secret token is too long")
    if not SECRET.fullmatch(secret):
        raise BadRequest("secret token contains unallowed characters")
    connections = parameters.integer("max_connections", DEFAULT_CONNECTIONS)
    world.allow_updates(bot, parameters.array("allowed_updates"))
    if parameters.boolean("drop_pending_updates"):
        bot.updates.forget_all_but(0)
    bot.webhook = Webhook(url, secret, min(max(connections, 1), MAX_CONNECTIONS))
    bot.failure = None
    world.save_bot(bot)
    return True


def delete_webhook(world: World, bot: Bot, parameters: Parameters) -> bool:
    if parameters.boolean("drop_pending_updates"):
        bot.updates.forget_all_but(0)
    if bot.webhook is not None:
        bot.webhook = bot.failure = None
        world.save_bot(bot)
    return True


def do_nothing(_world: World, _bot: Bot, _parameters: Parameters) -> bool:
    return True


METHODS: Mapping[str, Method] = {
    "getme": get_me,
    "logout": do_nothing,
    "close": do_nothing,
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
    "getchat": get_chat,
    "sendmessage": send_message,
    "editmessagetext": edit_message_text,
    "editmessagereplymarkup": edit_message_reply_markup,
    "deletemessage": delete_message,
    "answercallbackquery": answer_callback_query,
    "sendchataction": send_chat_action,
    "setmycommands": set_my_commands,
    "getmycommands": get_my_commands,
    "deletemycommands": delete_my_commands,
    "setmyname": set_my_name,
    "getmyname": get_my_name,
}


def _audience(parameters: Parameters) -> str:
    """The key of a command list: its scope and its language."""
    scope = parameters.mapping("scope") or {}
    kind = str(scope.get("type", "default"))
    chat = f":{scope['chat_id']}" if "chat_id" in scope else ""
    user = f":{scope['user_id']}" if "user_id" in scope else ""
    return f"{kind}{chat}{user}/{parameters.text('language_code')}"


def _command(value: object) -> dict[str, str]:
    given = value if isinstance(value, dict) else {}
    match = COMMAND.fullmatch(str(given.get("command", "")))
    description = str(given.get("description", "")).strip()
    if match is None:
        raise BadRequest("BOT_COMMAND_INVALID")
    if not 0 < len(description) <= MAX_DESCRIPTION:
        raise BadRequest("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": match[1], "description": description}
