"""Giving a job up: after its last crash, one commit ends it for good.

The commit holds the dead letter, the mark that the job is done, the fact, and one text for the
user. It runs nothing of what crashed.
"""

import orjson

from yabot.domain.events import UpdateSetAside
from yabot.domain.texts import say
from yabot.domain.user import Language
from yabot.users.messages import Job
from yabot.users.ports import Commit, DeadLetter, Mail
from yabot.users.turn import Turn


def give_up(turn: Turn, job: Job, error: str, default_language: Language) -> Commit:
    """What the giving up of a job leaves; who is not known is told in the default language."""
    body = (
        orjson.dumps(job.update)
        if isinstance(job, Mail)
        else job.command.model_dump_json().encode()
    )
    turn.note(UpdateSetAside(reason="killed" if error == "killed" else "crashed"))
    chat_id = chat_to_tell(job) if isinstance(job, Mail) else None
    if chat_id is not None:
        language = turn.user.language if turn.user is not None else default_language
        text = {"chat_id": chat_id, "text": say(language, "went_wrong")}
        turn.record(f"chat:{chat_id}", "sendMessage", orjson.dumps(text))
    kind = "update" if isinstance(job, Mail) else "command"
    letter = DeadLetter(kind, job.key, turn.user_id, error, body)
    if isinstance(job, Mail):
        return turn.to_commit(mail_seq=job.seq, dead_letters=(letter,))
    return turn.to_commit(command_id=job.id, dead_letters=(letter,))


def chat_to_tell(mail: Mail) -> int | None:
    """The private chat in which the update came; a group is not told of one user's trouble."""
    for kind, content in mail.update.items():
        if kind == "update_id" or not isinstance(content, dict):
            continue
        message = content.get("message", content) if kind == "callback_query" else content
        chat = message.get("chat") if isinstance(message, dict) else None
        if isinstance(chat, dict) and chat.get("type") == "private":
            return int(chat["id"])
    return None
