"""Reading `reply_markup`.

The rule: what passes here is a keyboard that Telegram would show; the rest is refused with
Telegram's words.
"""

from yabot.sandbox.errors import BadRequest
from yabot.sandbox.parameters import Parameters

MAX_DATA = 64
ACTIONS = (
    "callback_data",
    "url",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)
REPLY_KINDS = ("keyboard", "remove_keyboard", "force_reply")

Markup = dict[str, object]


def reply_markup(parameters: Parameters) -> tuple[Markup | None, Markup | None]:
    """The inline keyboard and the reply keyboard (or its removal) that a call brings.

    At most one of them is there. An inline keyboard without buttons counts as none.
    """
    markup = parameters.mapping("reply_markup")
    if not markup:
        return None, None
    if "inline_keyboard" in markup:
        return _inline(markup["inline_keyboard"]), None
    if any(kind in markup for kind in REPLY_KINDS):
        return None, _reply(markup)
    raise BadRequest("object expected as reply markup")


def _inline(value: object) -> Markup | None:
    rows = [[_button(button) for button in row] for row in _rows(value, "inline keyboard")]
    rows = [row for row in rows if row]
    return {"inline_keyboard": rows} if rows else None


def _rows(value: object, what: str) -> list[list[object]]:
    if not isinstance(value, list):
        raise BadRequest(f"can't parse {what}: field must be of type Array")
    for row in value:
        if not isinstance(row, list):
            raise BadRequest(f"can't parse {what}: row must be an Array")
    return value


def _button(button: object) -> Markup:
    if not isinstance(button, dict):
        raise BadRequest("can't parse inline keyboard button: Object expected")
    text = button.get("text")
    if not isinstance(text, str) or not text:
        raise BadRequest('can\'t parse inline keyboard button: Field "text" must be of type String')
    clean = {name: value for name, value in button.items() if value is not None}
    if not any(action in clean for action in ACTIONS):
        raise BadRequest(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    if "callback_data" in clean:
        data = clean["callback_data"]
        if not isinstance(data, str) or not 0 < len(data.encode()) <= MAX_DATA:
            raise BadRequest("BUTTON_DATA_INVALID")
    elif "url" in clean:
        url = clean["url"]
        if not isinstance(url, str) or ("." not in url and "://" not in url):
            raise BadRequest("BUTTON_URL_INVALID")
    return clean


def _reply(markup: Markup) -> Markup:
    if "keyboard" not in markup:
        return markup
    rows = [
        [{"text": button} if isinstance(button, str) else button for button in row]
        for row in _rows(markup["keyboard"], "keyboard")
    ]
    for row in rows:
        for button in row:
            if not isinstance(button, dict) or not isinstance(button.get("text"), str):
                raise BadRequest('can\'t parse keyboard button: Field "text" must be a String')
    return {**markup, "keyboard": rows}
