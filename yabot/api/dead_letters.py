"""Routes for operators: dead letters are tried again or removed by the bot that runs.

They are listed and shown from the file, which needs no bot; see `yabot dead-letters`.
"""

from typing import Annotated, Protocol

from pydantic import Field

from yabot.api.problems import Problem
from yabot.api.route import REPLAYED, AnyRoute, Asked, Nothing, Output, Reply, Route
from yabot.api.scopes import OPS_WRITE
from yabot.domain.decision import Once

DEAD_LETTERS = "/ops/dead-letters"

LONGEST_ID = 18
"""Digits of an id that the database could have given."""


class DeadLetters(Protocol):
    """What becomes of dead letters. Both raise Problem, StoreUnavailable."""

    async def replay(self, letter_id: int, once: Once) -> bool:
        """Send one back to where it came from; False where that was done under this key before."""
        ...

    async def discard(self, letter_id: int) -> None:
        """Remove one for good."""
        ...


class LetterAnswer(Output):
    """The letter that was sent back or removed."""

    letter_id: Annotated[int, Field(ge=1)]


class DeadLetterRoutes:
    """The dead letters over their port."""

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters

    def routes(self) -> tuple[AnyRoute, ...]:
        """The table."""
        one = f"{DEAD_LETTERS}/{{letter_id}}"
        unknown = (404, "letter_unknown")
        return (
            Route("POST", f"{one}/replay", "replay_dead_letter", "Try a dead letter again",
                  Nothing, LetterAnswer, self.replay, scope=OPS_WRITE,
                  idempotency="required",
                  errors=(unknown, (422, "letter_unreplayable"))),
            Route("DELETE", one, "discard_dead_letter", "Remove a dead letter",
                  Nothing, LetterAnswer, self.discard, scope=OPS_WRITE, errors=(unknown,)),
        )  # fmt: skip

    async def replay(self, asked: Asked[Nothing]) -> Reply:
        """Send it back, once per key."""
        letter_id = _id(asked)
        now = asked.once is None or await self._letters.replay(letter_id, asked.once)
        return Reply(LetterAnswer(letter_id=letter_id), headers={} if now else REPLAYED)

    async def discard(self, asked: Asked[Nothing]) -> Reply:
        """Remove it."""
        letter_id = _id(asked)
        await self._letters.discard(letter_id)
        return Reply(LetterAnswer(letter_id=letter_id))


def _id(asked: Asked[Nothing]) -> int:
    """The number in the path. Raises Problem."""
    told = asked.path["letter_id"]
    if not told.isascii() or not told.isdigit() or not 1 <= len(told) <= LONGEST_ID:
        raise Problem("letter_unknown")
    return int(told)
