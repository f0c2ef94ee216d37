"""What one person's presses must lead to, told without the bot's own code of deciding.

The rule: presses are given in the order in which they were posted, and the journey is what the bot
must have made of them, however often it died or was told twice.
"""

from dataclasses import dataclass, field

from yabot.content.loader import load_story
from yabot.domain.story import BEGINNING

DAILY = 10
REACTION = 5

STORY = load_story().fragments["es"]


@dataclass
class Journey:
    """One person's way through the story.

    choices: (update id, fragment, choice) of every choice that counts, in order.
    shows: the fragments that the story's message shows one after the other.
    """

    at: str = BEGINNING
    balance: int = 0
    choices: list[tuple[int, str, str]] = field(default_factory=list)
    shows: list[str] = field(default_factory=lambda: [BEGINNING])
    visited: set[str] = field(default_factory=lambda: {BEGINNING})
    hints: set[str] = field(default_factory=set)

    def daily(self) -> None:
        """The gift of the day, taken for the first time."""
        self.balance += DAILY

    def press(self, update_id: int, data: str) -> None:
        """A button of the story's message."""
        kind, fragment, what = data.split(":")
        if kind == "story":
            self._choose(update_id, fragment, what)
        else:
            self._react(fragment)

    def _choose(self, update_id: int, fragment: str, name: str) -> None:
        """Nobody here is a VIP, so a way to where only they may go leads nowhere."""
        choice = STORY[fragment].choice(name)
        assert choice is not None
        there = STORY[choice.next_fragment]
        if there.vip_required:
            return
        self.choices.append((update_id, fragment, name))
        self.at = there.fragment_id
        if self.at not in self.visited:
            self.visited.add(self.at)
            self.balance += there.reward
        if self.shows[-1] != self.at:
            self.shows.append(self.at)

    def _react(self, fragment: str) -> None:
        hint = STORY[fragment].hint
        if hint is not None and hint not in self.hints:
            self.hints.add(hint)
            self.balance += REACTION
