"""Each thing that can be wrong with a story is found, and named where it is."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yabot.domain.story import Fragment, Problem, Story, StoryChoice, problems


def fragment(name: str, *ways: str, **more: object) -> Fragment:
    """A fragment with a choice to each of `ways`, called after where it leads."""
    choices = [{"id": f"to-{way}"[:20], "text": way, "next_fragment": way} for way in ways]
    facts = {"fragment_id": name, "title": name, "content": "Words.", "choices": choices, **more}
    return Fragment.model_validate(facts)


def story(*fragments: Fragment) -> Story:
    """The same fragments in both languages."""
    by_id = {f.fragment_id: f for f in fragments}
    return Story(fragments={"es": by_id, "en": by_id})


def found(*fragments: Fragment) -> list[tuple[str, str]]:
    """What is wrong in one language, as fragment and text."""
    return [(p.fragment, p.text) for p in problems(story(*fragments)) if p.language == "es"]


def test_a_sound_story_has_no_problems() -> None:
    assert problems(story(fragment("start", "end"), fragment("end", "start"))) == []


def test_a_story_without_a_beginning_is_found() -> None:
    assert ("start", "is missing; every story begins there, so add it") in found(fragment("end"))


def test_a_link_to_nowhere_is_found() -> None:
    ((where, text),) = found(fragment("start", "edn"))
    assert where == "start"
    assert text.startswith("choice 'to-edn' leads to 'edn', which does not exist")


def test_a_fragment_that_nobody_can_reach_is_found_also_on_an_island() -> None:
    island = [fragment("a", "b"), fragment("b", "a")]
    assert [where for where, _ in found(fragment("start"), *island)] == ["a", "b"]


def test_two_choices_of_one_id_are_found() -> None:
    twice = fragment("start", "start", "start")
    assert found(twice) == [("start", "two choices are called 'to-start'; rename one")]


def test_a_hint_without_words_and_words_without_a_hint_are_found() -> None:
    for more in ({"hint": "key"}, {"hint_text": "Under the mat."}):
        assert found(fragment("start", **more)) == [
            ("start", "hint and hint_text go together; add the other one")
        ]


def test_a_button_too_long_for_telegram_is_found() -> None:
    long = StoryChoice(id="c" * 20, text="x", next_fragment="start")
    whole = Fragment(fragment_id="f" * 28, title="t", content="c", choices=(long,))
    assert found(fragment("start", "f" * 28), whole) == []
    wide = long.model_copy(update={"id": "c" * 31})
    beyond = whole.model_copy(update={"choices": (wide,)})
    assert [where for where, _ in found(fragment("start", "f" * 28), beyond)] == ["f" * 28]


def test_a_fragment_that_one_language_lacks_is_found() -> None:
    both = {"start": fragment("start")}
    more = {"start": fragment("start", "end"), "end": fragment("end")}
    texts = [str(p) for p in problems(Story(fragments={"es": both, "en": more}))]
    assert "en: fragment 'end': is missing in es; add it there or remove it here" in texts


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.model_copy(update={"reward": 3}),
        lambda f: f.model_copy(update={"vip_required": True}),
        lambda f: f.model_copy(update={"hint": "key", "hint_text": "x"}),
        lambda f: f.model_copy(update={"choices": f.choices[::-1]}),
        lambda f: f.model_copy(update={"choices": f.choices[:1]}),
    ],
)
def test_a_way_that_differs_between_languages_is_found(
    change: Callable[[Fragment], Fragment],
) -> None:
    start, end = fragment("start", "start", "end"), fragment("end")
    ours = {"start": start, "end": end}
    theirs = {"start": change(start), "end": end}
    differences = [
        p for p in problems(Story(fragments={"en": ours, "es": theirs})) if "differ" in p.text
    ]
    assert [(p.language, p.fragment) for p in differences] == [("es", "start")]


def test_words_may_differ_between_languages() -> None:
    ours, theirs = fragment("start"), fragment("start", title="Otro", content="Otras palabras.")
    assert problems(Story(fragments={"en": {"start": ours}, "es": {"start": theirs}})) == []


@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdefx")), min_size=1))
def test_a_story_without_problems_leads_everywhere_and_nowhere_else(
    ways: dict[str, set[str]],
) -> None:
    first = min(ways)
    fragments = [fragment("start", first)]
    fragments += [fragment(name, *sorted(targets)) for name, targets in ways.items()]
    reached, waiting = {"start"}, [first]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += ways.get(name, set())
    sound = reached == {"start", *ways} and all(t in ways for ts in ways.values() for t in ts)
    assert (problems(story(*fragments)) == []) == sound


def test_a_problem_reads_as_a_line() -> None:
    assert str(Problem("es", "plaza", "is odd")) == "es: fragment 'plaza': is odd"
