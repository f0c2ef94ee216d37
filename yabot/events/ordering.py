"""Ordering: every user's events in their order, whatever order and however often they come.

The rule: it is pure. `now` is passed in, and what was decided is a value.

Events of a user are numbered without a gap within an epoch. The first one that is seen is where a
user begins; so is the first one of a newer epoch. What comes too early waits until what is missing
has come, but only so long and only so many: then the gap is told and the rest goes on.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from yabot.domain.values import UserId

ItemT = TypeVar("ItemT")


class Place(NamedTuple):
    """Where an event stands among its user's; compared by epoch first."""

    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Gap:
    """The user's events `first` to `last` of an epoch have not come, and are not waited for."""

    user_id: UserId
    epoch: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Released(Generic[ItemT]):
    """What may be handled now, in this order; `duplicate` says that what came has come before."""

    ready: tuple[ItemT, ...] = ()
    gaps: tuple[Gap, ...] = ()
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a gap is waited for, in seconds, and how many events wait for one or for all users.

    `remembered` users keep their place in memory; of any other the caller tells it again.
    """

    patience: float = 5.0
    per_user: int = 100
    waiting: int = 10_000
    remembered: int = 50_000


@dataclass(slots=True)
class _Open(Generic[ItemT]):
    """A user with a gap: what waits behind it, and since when."""

    waiting: dict[Place, tuple[ItemT, float]] = field(default_factory=dict)

    @property
    def since(self) -> float:
        """When the gap was seen first."""
        return min(since for _, since in self.waiting.values())


class Ordering(Generic[ItemT]):
    """The order of one stream that holds the events of many users."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._last: OrderedDict[UserId, Place] = OrderedDict()
        self._open: dict[UserId, _Open[ItemT]] = {}
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many events wait behind a gap."""
        return self._waiting

    def unknown(self, users: Iterable[UserId]) -> Sequence[UserId]:
        """Those of whom nothing is in memory."""
        return [user_id for user_id in dict.fromkeys(users) if user_id not in self._last]

    def begin(self, user_id: UserId, place: Place) -> None:
        """Go on after `place`, which has been handled."""
        self._remember(user_id, place)

    def offer(self, user_id: UserId, place: Place, item: ItemT, now: float) -> Released[ItemT]:
        """Take what has come, and say what may be handled now."""
        last = self._last.get(user_id)
        opened = self._open.get(user_id)
        if last is None:
            self._remember(user_id, place)
            return Released((item,))
        if place <= last or (opened is not None and place in opened.waiting):
            return Released(duplicate=True)
        if place.epoch > last.epoch:
            ready, gaps = self._give_up_on_all(user_id)
            self._remember(user_id, place)
            return Released((*ready, item), gaps)
        if place.sequence == last.sequence + 1:
            self._remember(user_id, place)
            return Released((item, *self._follow(user_id)))
        self._wait(user_id, place, item, now)
        return self._within_bounds(user_id)

    def overdue(self, now: float) -> Released[ItemT]:
        """What may be handled because its gap has been open for too long."""
        released: Released[ItemT] = Released()
        for user_id in list(self._open):
            while user_id in self._open and self._is_overdue(user_id, now):
                released = _both(released, self._give_up(user_id))
        return released

    def next_due(self) -> float | None:
        """When `overdue` has something next; None while there is no gap."""
        opened = [each.since for each in self._open.values()]
        return min(opened) + self._limits.patience if opened else None

    def _is_overdue(self, user_id: UserId, now: float) -> bool:
        return now >= self._open[user_id].since + self._limits.patience

    def _wait(self, user_id: UserId, place: Place, item: ItemT, now: float) -> None:
        opened = self._open.setdefault(user_id, _Open())
        opened.waiting[place] = (item, now)
        self._waiting += 1

    def _within_bounds(self, user_id: UserId) -> Released[ItemT]:
        """Give a gap up where too much waits: this user's, or the one that opened first."""
        if len(self._open[user_id].waiting) > self._limits.per_user:
            return self._give_up(user_id)
        if self._waiting > self._limits.waiting:
            return self._give_up(next(iter(self._open)))
        return Released()

    def _give_up(self, user_id: UserId) -> Released[ItemT]:
        """Go on behind the first gap of a user."""
        opened, last = self._open[user_id], self._last[user_id]
        place = min(opened.waiting)
        item, _ = opened.waiting.pop(place)
        self._waiting -= 1
        gap = Gap(user_id, place.epoch, last.sequence + 1, place.sequence - 1)
        self._remember(user_id, place)
        return Released((item, *self._follow(user_id)), (gap,))

    def _give_up_on_all(self, user_id: UserId) -> tuple[tuple[ItemT, ...], tuple[Gap, ...]]:
        released: Released[ItemT] = Released()
        while user_id in self._open:
            released = _both(released, self._give_up(user_id))
        return released.ready, released.gaps

    def _follow(self, user_id: UserId) -> tuple[ItemT, ...]:
        """What waited for the event that has just been released, without a further gap."""
        opened = self._open.get(user_id)
        if opened is None:
            return ()
        ready: list[ItemT] = []
        place = self._last[user_id]
        while (following := Place(place.epoch, place.sequence + 1)) in opened.waiting:
            place = following
            ready.append(opened.waiting.pop(place)[0])
        self._waiting -= len(ready)
        if not opened.waiting:
            del self._open[user_id]
        self._remember(user_id, place)
        return tuple(ready)

    def _remember(self, user_id: UserId, place: Place) -> None:
        self._last[user_id] = place
        self._last.move_to_end(user_id)
        while len(self._last) > self._limits.remembered + len(self._open):
            oldest = next((one for one in self._last if one not in self._open), None)
            if oldest is None:
                return
            del self._last[oldest]


def _both(one: Released[ItemT], other: Released[ItemT]) -> Released[ItemT]:
    return Released(one.ready + other.ready, one.gaps + other.gaps)
