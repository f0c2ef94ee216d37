"""People who give to each other, with nothing around `decide` but a list of durable commands.

The rule: a command is applied and what it leaves is kept in one step, as a commit does, so a death
of the process can change nothing but which command comes next.
"""

from datetime import timedelta

from tests.domain.strategies import NOON
from yabot.domain import commands as c
from yabot.domain import gift_commands as g
from yabot.domain.decide import decide
from yabot.domain.decision import Decision, DurableCommand, Notice
from yabot.domain.user import User

LIMIT = 3600


class GiftWorld:
    """Users by id, what waits for them, and what erased purses held."""

    def __init__(self, people: int, balance: int) -> None:
        self.now = NOON
        self.users: dict[str, User | None] = {}
        self.waiting: list[DurableCommand] = []
        self.notices: list[tuple[str, Notice]] = []
        self.closed = 0
        for number in range(1, people + 1):
            self.register(str(number))
            self.apply(str(number), c.MoveBesitos(amount=balance, reason="start"))

    def register(self, user_id: str) -> None:
        """Come, or come back."""
        self.apply(user_id, c.RegisterUser(telegram_user_id=int(user_id)))

    def delete(self, user_id: str) -> None:
        """Go; what waits for the user goes too."""
        user = self.user(user_id)
        self.closed += user.balance
        self.apply(user_id, c.DeleteUser())
        self.waiting = [left for left in self.waiting if left.user_id != user_id]

    def give(self, giver: str, to: str, amount: int, gift_id: str) -> bool:
        """Whether the giver could."""
        gift = g.GiveBesitos(gift_id=gift_id, to=to, amount=amount, name="Ana", limit=LIMIT)
        return self.apply(giver, gift)

    def apply(self, user_id: str, command: c.Command) -> bool:
        """One turn."""
        outcome = decide(self.users.get(user_id), command, self.now)
        if not isinstance(outcome, Decision):
            return False
        self.users[user_id] = outcome.after
        self.notices += ((user_id, notice) for notice in outcome.notices)
        keys = {left.unique_key for left in self.waiting}
        self.waiting += (left for left in outcome.commands if left.unique_key not in keys)
        return True

    def deliver(self, left: DurableCommand) -> None:
        """The turn of a durable command, at its time or later; its row goes with its commit."""
        self.now = max(self.now, left.due_at)
        self.waiting.remove(left)
        self.apply(left.user_id, left.command)

    def first_of(self, user_id: str) -> DurableCommand | None:
        """What waits longest for a user."""
        return next((left for left in self.waiting if left.user_id == user_id), None)

    def deliver_due(self) -> None:
        """Deliver all that is due, in order."""
        while due := [left for left in self.waiting if left.due_at <= self.now]:
            self.deliver(due[0])

    def wait(self, seconds: float) -> None:
        """Let time pass, and nothing else happen."""
        self.now += timedelta(seconds=seconds)

    def user(self, user_id: str) -> User:
        """Somebody who is there."""
        user = self.users[user_id]
        assert user is not None
        return user

    def open_gifts(self) -> int:
        """Gifts whose givers don't know yet how they ended."""
        return sum(len(user.document.gifts_given) for user in self.users.values() if user)

    def total(self) -> int:
        """Besitos in purses, and in gifts that are in no purse."""
        there = [user for user in self.users.values() if user is not None]
        held = sum(
            gift.amount
            for user in there
            for gift in user.document.gifts_given
            if not self._credited(gift.to, gift.gift_id)
        )
        return self.closed + held + sum(user.balance for user in there)

    def _credited(self, user_id: str, gift_id: str) -> bool:
        user = self.users.get(user_id)
        taken = user.document.gifts_taken if user is not None else ()
        return any(each.gift_id == gift_id and each.state == "credited" for each in taken)
