"""NarrativeService: the story, held in memory, and a user's way through it."""

from yabot.domain.commands import Choose, EnterFragment, Hint, React
from yabot.domain.decision import Rejected
from yabot.domain.story import BEGINNING, Fragment, Story
from yabot.domain.user import Language, User
from yabot.services.gateway import Applied, UserGateway

REACTION_REWARD = 5
"""Besitos for the first reaction to a fragment that hides a hint."""

UNKNOWN = Rejected("fragment_unknown", "fragment_unknown", status=404)


class NarrativeService:
    """Reads fragments, and moves a user along them."""

    def __init__(self, users: UserGateway, story: Story) -> None:
        self._users = users
        self._story = story

    def fragment(self, language: Language, fragment_id: str) -> Fragment | None:
        """A fragment in that language; None when the story has none such."""
        return self._story.fragment(language, fragment_id)

    async def resume(self, user: User) -> tuple[Fragment, Applied] | Rejected:
        """Open the fragment where the user is, or the beginning."""
        known = self.fragment(user.language, user.progress.current_fragment or BEGINNING)
        fragment = known or self._story.fragments[user.language][BEGINNING]
        command = EnterFragment(
            fragment=fragment.fragment_id,
            vip_required=fragment.vip_required,
            reward=fragment.reward,
        )
        return _with(fragment, await self._users.apply(user.user_id, command))

    async def choose(
        self, user: User, fragment_id: str, choice_id: str
    ) -> tuple[Fragment, Applied] | Rejected:
        """Take a choice and arrive at the fragment behind it."""
        here = self.fragment(user.language, fragment_id)
        choice = here.choice(choice_id) if here is not None else None
        there = self.fragment(user.language, choice.next_fragment) if choice is not None else None
        if choice is None or there is None:
            return UNKNOWN
        command = Choose(
            fragment=fragment_id,
            choice=choice_id,
            next_fragment=there.fragment_id,
            vip_required=there.vip_required,
            reward=there.reward,
        )
        return _with(there, await self._users.apply(user.user_id, command))

    async def react(
        self, user: User, fragment_id: str, reaction: str, *, press: str | None = None
    ) -> tuple[Fragment, Applied] | Rejected:
        """Note a reaction to a fragment; the first one to a hidden hint begins the way to it.

        Where that way ends the user is told, as the answer to `press` if it is given.
        """
        fragment = self.fragment(user.language, fragment_id)
        if fragment is None:
            return UNKNOWN
        command = React(
            content_id=fragment_id,
            reaction=reaction,
            reward=REACTION_REWARD if fragment.hint else 0,
            hint=_hint(fragment, press),
        )
        return _with(fragment, await self._users.apply(user.user_id, command))


def _hint(fragment: Fragment, press: str | None) -> Hint | None:
    if fragment.hint is None:
        return None
    return Hint(
        id=fragment.hint,
        text=fragment.hint_text or "",
        vip_required=fragment.vip_required,
        press=press,
    )


def _with(fragment: Fragment, outcome: Applied | Rejected) -> tuple[Fragment, Applied] | Rejected:
    return outcome if isinstance(outcome, Rejected) else (fragment, outcome)
