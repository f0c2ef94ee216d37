"""What people do: write, press a button, block the bot.

The rule: a person can only do what their screen allows; anything else is a DriverError that
says what is on the screen.
"""

from orjson import Fragment

from yabot.sandbox.errors import BadRequest, DriverError
from yabot.sandbox.formatting import format_text
from yabot.sandbox.model import Bot, Query
from yabot.sandbox.screens import Message
from yabot.sandbox.updates import MESSAGE_LIFETIME, PRESS_LIFETIME
from yabot.sandbox.world import World


def write(
    world: World, bot: Bot, user_id: int, text: str, chat_id: int = 0, reply_to: int = 0
) -> tuple[int | None, Fragment]:
    """Send a text into a chat (by default the private one); the update's id and the message."""
    user = world.user(user_id)
    chat_id = _entered(world, user_id, chat_id)
    bot.updates.require_room()
    if bot.number in user.blocked and chat_id == user_id:
        raise DriverError(f"user {user_id} blocked the bot; unblock it first", status=409)
    try:
        plain, entities = format_text(text)
    except BadRequest as error:
        raise DriverError(str(error)) from error
    screen = world.screen(bot, chat_id)
    original = screen.message(reply_to)
    if reply_to and original is None:
        raise DriverError(f"no message {reply_to} in chat {chat_id} to reply to", status=404)
    shown = world.show(bot, screen, world.compose(screen, user.card(), plain, entities, original))
    update_id = world.announce(
        bot, "message", shown, queue=f"chat:{chat_id}", lifetime=MESSAGE_LIFETIME
    )
    return update_id, shown


def press(
    world: World, bot: Bot, user_id: int, message_id: int, data: str, chat_id: int = 0
) -> tuple[int | None, str]:
    """Press the button with that data; the update's id and the callback query's id."""
    user = world.user(user_id)
    chat_id = _entered(world, user_id, chat_id)
    bot.updates.require_room()
    message = world.screen(bot, chat_id).message(message_id)
    if message is None:
        raise DriverError(f"user {user_id} sees no message {message_id}", status=404)
    shown = _button_data(message)
    if data not in shown:
        raise DriverError(
            f"message {message_id} has no button with data {data!r}; it has {shown}", status=404
        )
    query_id = str(world.query_ids.next())
    world.add_query(
        bot, Query(query_id, user_id, chat_id, message_id, world.clock() + PRESS_LIFETIME)
    )
    event = {
        "id": query_id,
        "from": user.card(),
        "message": message,
        "chat_instance": world.chat_instance(bot, chat_id),
        "data": data,
    }
    update_id = world.announce(
        bot, "callback_query", event, queue=f"user:{user_id}", lifetime=PRESS_LIFETIME
    )
    return update_id, query_id


def block(world: World, bot: Bot, user_id: int, *, blocked: bool) -> int | None:
    """Block or unblock the bot; the id of the update that tells it, None when nothing changed."""
    user = world.user(user_id)
    if (bot.number in user.blocked) == blocked:
        return None
    user.blocked ^= {bot.number}
    world.save_user(user)
    if not bot.id:
        return None
    member: dict[str, object] = {"status": "member", "user": bot.card()}
    kicked: dict[str, object] = {"status": "kicked", "user": bot.card(), "until_date": 0}
    event = {
        "chat": user.chat(),
        "from": user.card(),
        "date": int(world.clock()),
        "old_chat_member": member if blocked else kicked,
        "new_chat_member": kicked if blocked else member,
    }
    return world.announce(
        bot, "my_chat_member", event, queue=f"member:{user_id}", lifetime=MESSAGE_LIFETIME
    )


def _entered(world: World, user_id: int, chat_id: int) -> int:
    chat_id = chat_id or user_id
    if user_id not in world.members(chat_id):
        raise DriverError(f"user {user_id} is in no chat {chat_id}", status=404)
    return chat_id


def _button_data(message: Message) -> list[str]:
    markup = message.get("reply_markup")
    if not isinstance(markup, dict):
        return []
    return [
        button["callback_data"]
        for row in markup.get("inline_keyboard", [])
        for button in row
        if "callback_data" in button
    ]
