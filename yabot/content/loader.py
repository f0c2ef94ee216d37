"""Reads a story from its folder, and collects everything that is wrong before it complains.

The rule: what a fragment says wrong never hides what another one says wrong, so a broken fragment
stays in the story, with its bad parts blanked, while the links are checked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, get_args

from yabot.content.fragments import read_fragment
from yabot.content.items import read_items
from yabot.content.tables import Unreadable, read_tables
from yabot.domain.items import Item
from yabot.domain.story import Fragment, Story, problems
from yabot.domain.user import Language
from yabot.errors import ConfigError

PACKAGED = Path(__file__).parent
"""The story that comes with the bot."""

LANGUAGES: tuple[Language, ...] = get_args(Language)


class Content(NamedTuple):
    """All that a content folder holds; items by their id."""

    story: Story
    items: Mapping[str, Item]


def load_story(path: Path | None = None) -> Story:
    """The story in a folder; see `load_content`."""
    return load_content(path).story


def load_content(path: Path | None = None) -> Content:
    """The content of a folder; None is the packaged one.

    Raises ConfigError, with every problem of every file.
    """
    folder = path or PACKAGED
    if not folder.is_dir():
        raise ConfigError([f"{folder}: no such folder; set CONTENT_PATH to the story's folder"])
    reading = _Reading(folder)
    reading.found.extend(_foreign_folders(folder))
    for language in LANGUAGES:
        reading.read_language(language)
    story = Story(fragments=reading.fragments)
    if reading.complete:
        for problem in problems(story):
            file = reading.files.get((problem.language, problem.fragment), f"{problem.language}/")
            reading.found.append(f"{file}: fragment {problem.fragment!r}: {problem.text}")
    items, wrong = read_items(folder)
    if found := [*reading.found, *wrong]:
        raise ConfigError(found)
    return Content(story, items)


@dataclass
class _Reading:
    """A story while it is being read. `complete` until a file could not be read at all."""

    folder: Path
    fragments: dict[Language, dict[str, Fragment]] = field(default_factory=dict)
    files: dict[tuple[Language, str], str] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    complete: bool = True

    def read_language(self, language: Language) -> None:
        self.fragments[language] = {}
        files = sorted((self.folder / language).glob("*.toml"))
        if not files:
            self.complete = False
            self.found.append(f"{language}/: no .toml file; put the story in {language} there")
        for file in files:
            name = f"{language}/{file.name}"
            try:
                self._read_tables(language, name, read_tables(file, name))
            except Unreadable as error:
                self._unreadable(str(error))

    def _unreadable(self, problem: str) -> None:
        self.complete = False
        self.found.append(problem)

    def _read_tables(self, language: Language, name: str, tables: Mapping[str, object]) -> None:
        for fragment_id, table in tables.items():
            known = self.files.setdefault((language, fragment_id), name)
            if known != name:
                self.found.append(
                    f"{name}: fragment {fragment_id!r}: {known} has one of that id; rename one"
                )
                continue
            if not isinstance(table, dict):
                self.found.append(
                    f"{name}: {fragment_id!r} stands outside of a fragment; "
                    "move it below a line with the fragment's id in brackets"
                )
                continue
            fragment, wrong = read_fragment(fragment_id, table)
            self.found.extend(f"{name}: fragment {fragment_id!r}: {text}" for text in wrong)
            if fragment is not None:
                self.fragments[language][fragment_id] = fragment


def _foreign_folders(folder: Path) -> Iterator[str]:
    for other in sorted(folder.iterdir()):
        if other.name not in LANGUAGES and any(other.glob("*.toml")):
            spoken = " and ".join(LANGUAGES)
            yield f"{other.name}/: the bot speaks {spoken} only; move these files or remove them"
