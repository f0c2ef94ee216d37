"""The API's view of the stored dead letters."""

from collections.abc import Callable

from yabot.api.problems import Problem, Refusal
from yabot.domain.decision import KEY_REUSED, Once
from yabot.errors import AlreadyProcessed
from yabot.stores.replays import CannotReplay, Replays, UnknownLetter
from yabot.users.ports import Mail


class StoredLetters:
    """The `DeadLetters` port of the API; `deliver` hands out an update that came back."""

    def __init__(self, replays: Replays, deliver: Callable[[Mail], None]) -> None:
        self._replays = replays
        self._deliver = deliver

    async def replay(self, letter_id: int, once: Once) -> bool:
        """Send a letter back, and an update to its user at once."""
        try:
            mail = await self._replays.replay(letter_id, once)
        except (UnknownLetter, AlreadyProcessed) as error:
            done = await self._replays.done_under(once.key)
            if done == once.fingerprint:
                return False
            no = Refusal(KEY_REUSED) if done is not None else Problem("letter_unknown")
            raise no from error
        except CannotReplay as error:
            raise Problem("letter_unreplayable", reason=str(error)) from error
        if mail is not None:
            self._deliver(mail)
        return True

    async def discard(self, letter_id: int) -> None:
        """Remove a letter."""
        try:
            await self._replays.discard(letter_id)
        except UnknownLetter as error:
            raise Problem("letter_unknown") from error
