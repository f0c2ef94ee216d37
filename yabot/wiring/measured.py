"""The user store, with the time that each operation takes."""

from collections.abc import Callable
from time import perf_counter

from yabot.domain.values import UserId
from yabot.ops.metrics import Operation
from yabot.users.ports import Answer, Commit, Stored, UserStore

Observe = Callable[[Operation, float], None]


class MeasuredStore:
    """A `UserStore` that tells how many seconds loading and committing took, failed or not."""

    def __init__(self, store: UserStore, observe: Observe) -> None:
        self._store = store
        self._observe = observe

    async def load(self, user_id: UserId, *, fenced: bool = False) -> Stored:
        """Load, and tell."""
        began = perf_counter()
        try:
            return await self._store.load(user_id, fenced=fenced)
        finally:
            self._observe("get_user_context", perf_counter() - began)

    async def commit(self, commit: Commit) -> int:
        """Commit, and tell."""
        began = perf_counter()
        operation: Operation = "update_user_state" if commit.before else "create_user"
        try:
            return await self._store.commit(commit)
        finally:
            self._observe(operation, perf_counter() - began)

    async def answer(self, key: str) -> Answer | None:
        """As it is."""
        return await self._store.answer(key)

    def next_call_id(self) -> int:
        """As it is."""
        return self._store.next_call_id()
