"""What a bot does in a chat: send, edit, delete, answer a press, show an action.

The rule: every refusal of the real server that a careful bot can meet is made here, with the
same text, before anything changes.
"""

from orjson import Fragment

from yabot.sandbox.errors import BadRequest, Forbidden
from yabot.sandbox.formatting import format_text
from yabot.sandbox.keyboards import Markup, reply_markup
from yabot.sandbox.model import Bot
from yabot.sandbox.parameters import Parameters
from yabot.sandbox.screens import ACTION_LIFETIME, Message, Screen
from yabot.sandbox.world import World

ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)
DELETE_LIFETIME = 48 * 3600
MAX_ANSWER = 200
UNCHANGED = (
    "message is not modified: specified new message content and reply markup are exactly"
    " the same as a current content and reply markup of the message"
)
QUERY_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


def send_message(world: World, bot: Bot, parameters: Parameters) -> Fragment:
    screen = writable_screen(world, bot, parameters)
    text, entities = _text(parameters)
    inline, reply = reply_markup(parameters)
    original = _replied(screen, parameters)
    message = world.compose(screen, bot.card(), text, entities, original)
    _set(message, "reply_markup", inline)
    screen.action_until = 0
    if reply:
        world.show_keyboard(bot, screen, reply if "keyboard" in reply else None)
    return world.show(bot, screen, message)


def edit_message_text(world: World, bot: Bot, parameters: Parameters) -> Fragment:
    screen, message = _editable(world, bot, parameters)
    text, entities = _text(parameters)
    inline, _ = reply_markup(parameters)
    edited = {**message, "edit_date": int(world.clock()), "text": text}
    _set(edited, "entities", entities)
    _set(edited, "reply_markup", inline)
    return _replace(world, bot, screen, message, edited)


def edit_message_reply_markup(world: World, bot: Bot, parameters: Parameters) -> Fragment:
    screen, message = _editable(world, bot, parameters)
    inline, _ = reply_markup(parameters)
    edited = {**message, "edit_date": int(world.clock())}
    _set(edited, "reply_markup", inline)
    return _replace(world, bot, screen, message, edited)


def delete_message(world: World, bot: Bot, parameters: Parameters) -> bool:
    screen = screen_of(world, bot, parameters)
    message = screen.message(parameters.integer("message_id"))
    if message is None:
        raise BadRequest("message to delete not found")
    if int(str(message["date"])) + DELETE_LIFETIME < world.clock():
        raise BadRequest("message can't be deleted for everyone")
    world.remove(bot, screen, parameters.integer("message_id"))
    return True


def answer_callback_query(world: World, bot: Bot, parameters: Parameters) -> bool:
    query = bot.queries.get(parameters.text("callback_query_id"))
    now = world.clock()
    if query is None or query.expires <= now:
        raise BadRequest(QUERY_TOO_OLD)
    text = parameters.text("text")
    if len(text) > MAX_ANSWER:
        raise BadRequest("MESSAGE_TOO_LONG")
    screen = world.screen(bot, query.chat_id)
    screen.answers.append(
        {
            "callback_query_id": query.id,
            "user_id": query.user_id,
            "message_id": query.message_id,
            "text": text,
            "show_alert": parameters.boolean("show_alert"),
            "url": parameters.text("url"),
            "date": int(now),
        }
    )
    world.changed(query.user_id)
    return True


def send_chat_action(world: World, bot: Bot, parameters: Parameters) -> bool:
    screen = writable_screen(world, bot, parameters)
    action = parameters.text("action")
    if action not in ACTIONS:
        raise BadRequest("wrong parameter action in request")
    screen.action, screen.action_until = action, world.clock() + ACTION_LIFETIME
    world.screen_changed(screen)
    return True


def screen_of(world: World, bot: Bot, parameters: Parameters) -> Screen:
    """The chat that a call is about. Raises BadRequest when there is none."""
    if "chat_id" not in parameters:
        raise BadRequest("chat_id is empty")
    given = parameters.text("chat_id")
    try:
        chat_id = int(given)
    except ValueError:
        chat_id = world.named(given)
    if not world.members(chat_id):
        raise BadRequest("chat not found")
    return world.screen(bot, chat_id)


def writable_screen(world: World, bot: Bot, parameters: Parameters) -> Screen:
    """Like `screen_of`; raises Forbidden when the user does not want to hear from the bot."""
    screen = screen_of(world, bot, parameters)
    user = world.users.get(screen.chat_id)
    if user is not None and bot.number in user.blocked:
        raise Forbidden("bot was blocked by the user")
    return screen


def _text(parameters: Parameters) -> tuple[str, list[dict[str, object]]]:
    return format_text(
        parameters.text("text"), parameters.text("parse_mode"), parameters.array("entities")
    )


def _replied(screen: Screen, parameters: Parameters) -> Message | None:
    wanted = parameters
    if (nested := parameters.mapping("reply_parameters")) is not None:
        wanted = Parameters({**nested, "reply_to_message_id": nested.get("message_id")})
    if "reply_to_message_id" not in wanted:
        return None
    original = screen.message(wanted.integer("reply_to_message_id"))
    if original is None and not wanted.boolean("allow_sending_without_reply"):
        raise BadRequest("message to be replied not found")
    if original is None:
        return None
    return {name: value for name, value in original.items() if name != "reply_to_message"}


def _editable(world: World, bot: Bot, parameters: Parameters) -> tuple[Screen, Message]:
    screen = writable_screen(world, bot, parameters)
    message = screen.message(parameters.integer("message_id"))
    if message is None:
        raise BadRequest("message to edit not found")
    sender = message["from"]
    if not isinstance(sender, dict) or sender["id"] != bot.id:
        raise BadRequest("message can't be edited")
    return screen, message


def _set(message: Message, name: str, value: Markup | list[dict[str, object]] | None) -> None:
    if value:
        message[name] = value
    else:
        message.pop(name, None)


def _replace(world: World, bot: Bot, screen: Screen, message: Message, edited: Message) -> Fragment:
    if all(edited.get(name) == message.get(name) for name in ("text", "entities", "reply_markup")):
        raise BadRequest(UNCHANGED)
    return world.show(bot, screen, edited)
