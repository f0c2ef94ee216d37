"""The story as a writer wrote it: fragments joined by choices, in every language of the bot.

A story is data. `problems(story)` names everything wrong with it, so a broken one never starts.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from yabot.domain.user import Language
from yabot.domain.values import Identifier, Value

BEGINNING = "start"
"""The id of the fragment with which every story begins."""

CALLBACK_BYTES = 64
"""Telegram's bound on the data of a button, in bytes."""


class StoryChoice(Value):
    """A way on from a fragment; `text` is what its button says."""

    id: Annotated[Identifier, Field(max_length=20)]
    text: Annotated[str, Field(min_length=1, max_length=64)]
    next_fragment: Identifier


class Fragment(Value):
    """One scene in one language.

    `reward` besitos are earned on the first visit; `hint` is unlocked by the first reaction.
    """

    fragment_id: Annotated[Identifier, Field(max_length=28)]
    title: Annotated[str, Field(min_length=1, max_length=120)]
    content: Annotated[str, Field(min_length=1, max_length=3500)]
    choices: tuple[StoryChoice, ...] = ()
    vip_required: bool = False
    reward: Annotated[int, Field(strict=True, ge=0, le=1000)] = 0
    hint: Identifier | None = None
    hint_text: Annotated[str, Field(max_length=500)] | None = None
    difficulty: Annotated[str, Field(max_length=20)] = "easy"
    tags: tuple[str, ...] = ()

    def choice(self, choice_id: str) -> StoryChoice | None:
        """The choice of that id; None when the fragment has none such."""
        return next((choice for choice in self.choices if choice.id == choice_id), None)


class Story(Value):
    """All fragments by language and id."""

    fragments: Mapping[Language, Mapping[str, Fragment]]

    def fragment(self, language: Language, fragment_id: str) -> Fragment | None:
        """The fragment in that language; None when the story has none such."""
        return self.fragments[language].get(fragment_id)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a story: where a writer finds it, what it is, and what to do."""

    language: Language
    fragment: str
    text: str

    def __str__(self) -> str:
        return f"{self.language}: fragment {self.fragment!r}: {self.text}"


def problems(story: Story) -> list[Problem]:
    """Everything wrong with a story. Empty when sound."""
    found: list[Problem] = []
    for language, fragments in story.fragments.items():
        found.extend(_problems_of(language, fragments))
    found.extend(_differences(story))
    return found


def _problems_of(language: Language, fragments: Mapping[str, Fragment]) -> Iterator[Problem]:
    if BEGINNING not in fragments:
        yield Problem(language, BEGINNING, "is missing; every story begins there, so add it")
    for fragment in fragments.values():
        for text in _problems_in(fragment, fragments):
            yield Problem(language, fragment.fragment_id, text)
    for lost in sorted(set(fragments) - _reachable(fragments)):
        yield Problem(language, lost, f"can't be reached from {BEGINNING!r}; link it or remove it")


def _problems_in(fragment: Fragment, fragments: Mapping[str, Fragment]) -> Iterator[str]:
    seen: set[str] = set()
    for choice in fragment.choices:
        if choice.id in seen:
            yield f"two choices are called {choice.id!r}; rename one"
        seen.add(choice.id)
        if choice.next_fragment not in fragments:
            yield (
                f"choice {choice.id!r} leads to {choice.next_fragment!r}, which does not exist; "
                "write that fragment or lead elsewhere"
            )
        if len(f"story:{fragment.fragment_id}:{choice.id}".encode()) > CALLBACK_BYTES:
            yield f"shorten its id or that of choice {choice.id!r}"
    if (fragment.hint is None) != (fragment.hint_text is None):
        yield "hint and hint_text go together; add the other one"


def _reachable(fragments: Mapping[str, Fragment]) -> set[str]:
    seen: set[str] = set()
    waiting = deque([BEGINNING])
    while waiting:
        fragment = fragments.get(waiting.popleft())
        if fragment is None or fragment.fragment_id in seen:
            continue
        seen.add(fragment.fragment_id)
        waiting.extend(choice.next_fragment for choice in fragment.choices)
    return seen


def _differences(story: Story) -> Iterator[Problem]:
    """A story is one story: what a language changes is words, never the way through it."""
    languages = sorted(story.fragments)
    first = languages[0]
    for other in languages[1:]:
        ours, theirs = story.fragments[first], story.fragments[other]
        for missing in sorted(set(ours) ^ set(theirs)):
            there, absent = (first, other) if missing in ours else (other, first)
            yield Problem(there, missing, f"is missing in {absent}; add it there or remove it here")
        for fragment_id in sorted(set(ours) & set(theirs)):
            if _shape(ours[fragment_id]) != _shape(theirs[fragment_id]):
                yield Problem(
                    other,
                    fragment_id,
                    f"choices, VIP flag, reward or hint differ from {first}; make them alike",
                )


def _shape(fragment: Fragment) -> tuple[object, ...]:
    ways = tuple((choice.id, choice.next_fragment) for choice in fragment.choices)
    return ways, fragment.vip_required, fragment.reward, fragment.hint
