"""The route of the story's fragments."""

from collections.abc import Sequence

from yabot.api.route import AnyRoute, Asked, Input, Output, Reply, Route
from yabot.domain.decision import Rejected
from yabot.domain.story import Fragment
from yabot.domain.user import Language
from yabot.services.narrative import UNKNOWN, NarrativeService


class LanguageAsked(Input):
    """The language of the words; without it, that of Accept-Language."""

    language: Language | None = None


class ChoiceView(Output):
    """A way on."""

    id: str
    text: str
    next_fragment: str


class FragmentMetadata(Output):
    """What else is known of a fragment."""

    difficulty: str
    tags: Sequence[str]
    vip_required: bool
    reward: int
    hint: str | None


class FragmentView(Output):
    """A fragment of the story in one language."""

    fragment_id: str
    language: Language
    title: str
    content: str
    choices: Sequence[ChoiceView]
    metadata: FragmentMetadata


class NarrativeRoutes:
    """The story over the NarrativeService."""

    def __init__(self, narrative: NarrativeService) -> None:
        self._narrative = narrative

    def routes(self) -> tuple[AnyRoute, ...]:
        """The table."""
        return (
            Route("GET", "/api/v1/narrative/{fragment_id}", "get_fragment", "A fragment",
                  LanguageAsked, FragmentView, self.get_fragment,
                  errors=((404, "fragment_unknown"),)),
        )  # fmt: skip

    async def get_fragment(self, asked: Asked[LanguageAsked]) -> Reply | Rejected:
        """The fragment in the path."""
        language = asked.input.language or asked.language
        fragment = self._narrative.fragment(language, asked.path["fragment_id"])
        return Reply(_view(fragment, language)) if fragment is not None else UNKNOWN


def _view(fragment: Fragment, language: Language) -> FragmentView:
    choices = [
        ChoiceView(id=choice.id, text=choice.text, next_fragment=choice.next_fragment)
        for choice in fragment.choices
    ]
    metadata = FragmentMetadata(
        difficulty=fragment.difficulty,
        tags=fragment.tags,
        vip_required=fragment.vip_required,
        reward=fragment.reward,
        hint=fragment.hint,
    )
    return FragmentView(
        fragment_id=fragment.fragment_id,
        language=language,
        title=fragment.title,
        content=fragment.content,
        choices=choices,
        metadata=metadata,
    )
