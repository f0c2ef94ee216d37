"""The texts that decisions leave: turned into messages in the user's private chat, or
into the answer to a press that waits for them.

The rule: a notice has no handler that waits for it, so it says everything by itself.
"""

import orjson

from yabot.domain.texts import say
from yabot.users.turn import Turn

ALERT = 200
"""Characters of an answer to a press; Telegram takes no more."""


def render(turn: Turn) -> None:
    """Record a message for each notice that the turn's decisions have left so far.

    A user without a private chat (an actor of a chat or of the bot) is told nothing.
    """
    for notice in turn.take_notices():
        if turn.user is None or not turn.user_id.isdecimal():
            continue
        text = say(turn.user.language, notice.text, **notice.params)
        if notice.press is not None:
            answer = {"callback_query_id": notice.press, "text": text[:ALERT], "show_alert": True}
            turn.record(f"answer:{turn.user_id}", "answerCallbackQuery", orjson.dumps(answer))
            continue
        params = orjson.dumps({"chat_id": int(turn.user_id), "text": text})
        turn.record(f"chat:{turn.user_id}", "sendMessage", params)
