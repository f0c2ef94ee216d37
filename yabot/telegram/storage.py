"""aiogram's FSM contexts, kept in the user's document.

The rule: a context changes by a command on the current turn, so it commits or vanishes with it.
The user's actor handles one update at a time, so aiogram's own event isolation has nothing to do.
"""

from collections.abc import Mapping
from typing import Any

from aiogram.fsm.state import State
from aiogram.fsm.storage.base import DEFAULT_DESTINY, BaseStorage, StateType, StorageKey

from yabot.domain.commands import SetConversation
from yabot.domain.decision import Rejected
from yabot.domain.user import Conversation
from yabot.errors import CannotRecord, TurnClosed
from yabot.users.turn import Turn, current_turn

_EMPTY = Conversation()


class TurnStorage(BaseStorage):
    """`FSMContext` over `user.document.conversations` of the turn that runs.

    Reading another user's context gives an empty one, writing it raises CannotRecord: nothing but
    a user's own turn changes a user.
    """

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        """Set the state; None with empty data removes the context."""
        name = state.state if isinstance(state, State) else state
        self._write(key, name, self._read(key).data)

    async def get_state(self, key: StorageKey) -> str | None:
        """The state's name."""
        return self._read(key).state

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        """Replace the data, which must be JSON."""
        self._write(key, self._read(key).state, dict(data))

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        """A copy of the data."""
        return dict(self._read(key).data)

    async def close(self) -> None:
        """Nothing to close: the document belongs to the user's actor."""

    def _read(self, key: StorageKey) -> Conversation:
        turn = _turn()
        if turn.user is None or not _owns(turn, key):
            return _EMPTY
        return turn.user.document.conversations.get(conversation_key(key), _EMPTY)

    def _write(self, key: StorageKey, state: str | None, data: Mapping[str, Any]) -> None:
        turn = _turn()
        if not _owns(turn, key):
            raise CannotRecord(
                f"turn {turn.key} of user {turn.user_id} can't change a conversation of user "
                f"{key.user_id}: leave that user a command"
            )
        outcome = turn.apply(SetConversation(key=conversation_key(key), state=state, data=data))
        if isinstance(outcome, Rejected):
            raise CannotRecord(f"the conversation can't be kept: {outcome.code}")


def conversation_key(key: StorageKey) -> str:
    """Where a context stands in the document: `<chat>[:<thread>][:<business>][:<destiny>]`."""
    destiny = None if key.destiny == DEFAULT_DESTINY else key.destiny
    parts = (key.chat_id, key.thread_id, key.business_connection_id, destiny)
    return ":".join(str(part) for part in parts if part)


def _owns(turn: Turn, key: StorageKey) -> bool:
    return turn.user_id == str(key.user_id)


def _turn() -> Turn:
    turn = current_turn.get()
    if turn is None:
        raise TurnClosed("an FSM context was used outside a turn; only a turn has a conversation")
    return turn
