"""A sound story loads as it was written; a broken one says everything that is wrong with it."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from yabot.content.loader import PACKAGED, load_story
from yabot.domain.story import Fragment
from yabot.domain.user import Language
from yabot.errors import ConfigError

LANGUAGES = ("es", "en")

SOUND = """
[start]
title = "One"
content = "Once."
[[start.choices]]
id = "go"
text = "Go on"
next = "end"

[end]
title = "Two"
content = "The end."
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for language in LANGUAGES:
        write(tmp_path / language / "story.toml", SOUND)
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")


def rewrite(folder: Path, old: str, new: str, *, languages: tuple[str, ...] = LANGUAGES) -> None:
    for language in languages:
        file = folder / language / "story.toml"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")


def complaints(folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_story(folder)
    return caught.value.problems


def test_the_packaged_story_is_sound_in_every_language() -> None:
    story = load_story()
    assert set(story.fragments) == set(LANGUAGES)
    assert set(story.fragments["es"]) == set(story.fragments["en"])
    assert len(story.fragments["es"]) >= 14


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_packaged_story_turns_round_a_square_with_five_ways(language: Language) -> None:
    fragments = packaged(language)
    assert "plaza" in {choice.next_fragment for choice in fragments["start"].choices}
    assert len(fragments["plaza"].choices) == 5
    assert sum(f.vip_required for f in fragments.values()) in {2, 3}
    assert len({f.hint for f in fragments.values() if f.hint}) == 2
    assert sum(f.reward > 0 for f in fragments.values()) >= 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_every_packaged_fragment_a_reader_without_vip_gets_back_to_the_square(
    language: Language,
) -> None:
    fragments = packaged(language)
    home = {"plaza"}
    while grown := {
        name
        for name, fragment in fragments.items()
        if name not in home and any(c.next_fragment in home for c in fragment.choices)
    }:
        home |= grown
    assert home == set(fragments)
    assert all(fragment.choices for fragment in fragments.values())


def packaged(language: Language) -> Mapping[str, Fragment]:
    return load_story().fragments[language]


def test_files_of_one_language_make_one_story(folder: Path) -> None:
    start, end = SOUND.split("[end]")
    for language in LANGUAGES:
        write(folder / language / "story.toml", start)
        write(folder / language / "more.toml", "[end]" + end)
    assert set(load_story(folder).fragments["en"]) == {"start", "end"}


def test_lines_of_a_paragraph_are_joined_and_paragraphs_are_kept(folder: Path) -> None:
    rewrite(folder, '"Once."', '"""\nOnce\nupon a time.\n\n\nThen\nnothing.\n"""')
    fragment = load_story(folder).fragments["es"]["start"]
    assert fragment.content == "Once upon a time.\n\nThen nothing."


def test_every_field_of_a_fragment_is_read(folder: Path) -> None:
    fields = (
        '[end]\nvip = true\nreward = 7\nhint = "key"\nhint_text = "Under the mat."\n'
        'difficulty = "hard"\ntags = ["sea"]\n'
    )
    rewrite(folder, "[end]\n", fields)
    end = load_story(folder).fragments["es"]["end"]
    assert (end.vip_required, end.reward, end.hint, end.hint_text) == (
        True,
        7,
        "key",
        "Under the mat.",
    )
    assert (end.difficulty, end.tags) == ("hard", ("sea",))


def test_a_folder_that_does_not_exist_names_the_setting(tmp_path: Path) -> None:
    (problem,) = complaints(tmp_path / "nowhere")
    assert "CONTENT_PATH" in problem


def test_a_language_without_files_is_named(folder: Path) -> None:
    shutil.rmtree(folder / "en")
    assert complaints(folder) == ["en/: no .toml file; put the story in en there"]


def test_a_language_that_the_bot_does_not_speak_is_named(folder: Path) -> None:
    write(folder / "fr" / "story.toml", SOUND)
    (problem,) = complaints(folder)
    assert problem.startswith("fr/: the bot speaks es and en only")


def test_a_syntax_error_is_named_with_its_line(folder: Path) -> None:
    rewrite(folder, 'title = "One"', "title = One", languages=("es",))
    (problem,) = complaints(folder)
    assert problem.startswith("es/story.toml: not valid TOML")
    assert "line 3" in problem


def test_a_file_that_is_not_utf8_is_named(folder: Path) -> None:
    (folder / "es" / "story.toml").write_bytes('[start]\ntitle = "Añil"'.encode("latin-1"))
    (problem,) = complaints(folder)
    assert problem == "es/story.toml: not UTF-8 at byte 18; save it as UTF-8"


def test_the_same_id_in_two_files_is_named_with_both(folder: Path) -> None:
    write(folder / "es" / "zebra.toml", SOUND)
    assert complaints(folder) == [
        f"es/zebra.toml: fragment {name!r}: es/story.toml has one of that id; rename one"
        for name in ("start", "end")
    ]


def test_a_link_to_nowhere_is_named(folder: Path) -> None:
    rewrite(folder, 'next = "end"', 'next = "edn"', languages=("es",))
    assert (
        "es/story.toml: fragment 'start': choice 'go' leads to 'edn', which does not exist; "
        "write that fragment or lead elsewhere"
    ) in complaints(folder)


def test_a_fragment_that_nobody_can_reach_is_named(folder: Path) -> None:
    for language in LANGUAGES:
        write(folder / language / "attic.toml", '[attic]\ntitle = "A"\ncontent = "Dust."')
    assert complaints(folder) == [
        f"{language}/attic.toml: fragment 'attic': can't be reached from 'start'; "
        "link it or remove it"
        for language in LANGUAGES
    ]


def test_a_story_without_a_beginning_is_told_where_to_add_it(folder: Path) -> None:
    rewrite(folder, SOUND, '[end]\ntitle = "Two"\ncontent = "The end."')
    assert "es/: fragment 'start': is missing; every story begins there, so add it" in (
        complaints(folder)
    )


def test_an_unknown_field_is_named_with_the_likely_one(folder: Path) -> None:
    rewrite(folder, "[end]\n", "[end]\nrewrad = 3\n")
    assert complaints(folder) == [
        f"{language}/story.toml: fragment 'end': unknown field 'rewrad'; did you mean 'reward'?"
        for language in LANGUAGES
    ]


def test_an_unknown_field_of_a_choice_is_named(folder: Path) -> None:
    rewrite(folder, 'text = "Go on"', 'text = "Go on"\ncolour = "red"', languages=("en",))
    assert complaints(folder) == [
        "en/story.toml: fragment 'start': choice 1: unknown field 'colour'; "
        "there are id, text, next"
    ]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('title = "Two"\n', "", "title is missing; add it"),
        ('text = "Go on"\n', "", "choice 1: text is missing; add it"),
        ('next = "end"\n', "", "choice 1: next is missing; add it"),
        ("[end]\n", "[end]\nreward = -1\n", "reward: input should be greater than or equal to 0"),
        ("[end]\n", "[end]\nreward = true\n", "reward: input should be a valid integer"),
        ("[end]\n", "[end]\nreward = 99999999999999999999\n", "reward: "),
        ("[end]\n", '[end]\nvip = "yes"\n', "vip: input should be a valid boolean"),
        ("[end]\n", '[end]\ntags = "sea"\n', "tags: input should be a valid"),
        ("[end]\n", "[end]\ndifficulty = 1979-05-27\nhint = 3\n", "hint: "),
        ("[end]\n", '[end]\nhint = "key"\n', "hint and hint_text go together"),
        ('id = "go"', 'id = "go on"', "choice 1: id: write an id of letters"),
        ('content = "The end."', 'content = " "', "content: string should have at least 1"),
        ('title = "Two"', 'title = ""', "title: string should have at least 1"),
    ],
)
def test_a_wrong_field_is_named_with_its_fragment_in_the_words_of_the_file(
    folder: Path, old: str, new: str, says: str
) -> None:
    rewrite(folder, old, new)
    found = [line for line in complaints(folder) if says in line]
    assert len(found) == 2, complaints(folder)
    assert found[0].startswith("es/story.toml: fragment '")


def test_an_id_that_is_no_id_is_named(folder: Path) -> None:
    rewrite(folder, "[end]", '["the end"]', languages=("es",))
    assert "es/story.toml: fragment 'the end': its id: write an id of letters, digits" in "\n".join(
        complaints(folder)
    )


def test_two_choices_of_one_id_are_named(folder: Path) -> None:
    again = '\n[[start.choices]]\nid = "go"\ntext = "Stay"\nnext = "start"\n\n[end]'
    rewrite(folder, "\n[end]", again)
    assert "es/story.toml: fragment 'start': two choices are called 'go'; rename one" in (
        complaints(folder)
    )


def test_a_field_before_the_first_fragment_is_named(folder: Path) -> None:
    rewrite(folder, "\n[start]", 'title = "Lost"\n[start]', languages=("es",))
    (problem,) = complaints(folder)
    assert problem.startswith("es/story.toml: 'title' stands outside of a fragment")


def test_a_fragment_that_one_language_lacks_is_named(folder: Path) -> None:
    end = '\n[[end.choices]]\nid = "on"\ntext = "On"\nnext = "more"\n'
    end += '[more]\ntitle = "M"\ncontent = "."'
    write(folder / "es" / "story.toml", SOUND + end)
    assert "es/story.toml: fragment 'more': is missing in en; add it there or remove it here" in (
        complaints(folder)
    )


def test_a_way_that_differs_between_languages_is_named(folder: Path) -> None:
    rewrite(folder, "[end]\n", "[end]\nreward = 3\n", languages=("en",))
    (problem,) = complaints(folder)
    assert problem == (
        "es/story.toml: fragment 'end': choices, VIP flag, reward or hint differ from en; "
        "make them alike"
    )


def test_many_problems_are_told_at_once(folder: Path) -> None:
    rewrite(folder, 'next = "end"', 'next = "edn"')
    rewrite(folder, 'title = "Two"\n', "colour = 1\n")
    found = "\n".join(complaints(folder))
    for part in (
        "leads to 'edn'",
        "title is missing",
        "unknown field 'colour'",
        "can't be reached",
    ):
        assert found.count(part) == 2, part


def test_a_field_that_is_wrong_does_not_hide_the_links_of_its_fragment(folder: Path) -> None:
    rewrite(folder, 'text = "Go on"\n', "")
    assert complaints(folder) == [
        f"{language}/story.toml: fragment 'start': choice 1: text is missing; add it"
        for language in LANGUAGES
    ]


def test_the_package_carries_its_story_files() -> None:
    assert {file.parent.name for file in PACKAGED.glob("*/*.toml")} == set(LANGUAGES)
