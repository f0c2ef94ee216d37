"""The bot says the same in every language, and has a sentence for whatever it may have to say."""

import ast
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from yabot.domain import menus
from yabot.domain.texts import TEXTS, say
from yabot.domain.user import Language

DOMAIN = Path(menus.__file__).parent
REFUSALS = {
    node.args[1].value
    for path in DOMAIN.glob("*.py")
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.Call)
    and isinstance(node.func, ast.Name)
    and node.func.id == "Rejected"
    and isinstance(node.args[1], ast.Constant)
}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_language_has_every_sentence() -> None:
    assert set(TEXTS) == set(get_args(Language))
    assert len({frozenset(texts) for texts in TEXTS.values()}) == 1


@pytest.mark.parametrize("key", sorted(TEXTS["es"]))
def test_a_sentence_has_the_same_fields_in_every_language(key: str) -> None:
    assert len({frozenset(fields(texts[key])) for texts in TEXTS.values()}) == 1


@pytest.mark.parametrize("language", get_args(Language))
def test_no_sentence_is_empty_or_too_long_for_telegram(language: Language) -> None:
    for key, text in TEXTS[language].items():
        assert 0 < len(text) < 1000, key


@pytest.mark.parametrize("key", sorted(map(str, REFUSALS)))
def test_every_no_of_the_domain_has_a_sentence(key: str) -> None:
    assert all(key in texts for texts in TEXTS.values())


@pytest.mark.parametrize("menu", sorted(menus.MENUS))
def test_every_menu_and_every_button_has_a_sentence(menu: str) -> None:
    for texts in TEXTS.values():
        assert menu in texts
        assert all(f"button_{button}" in texts for button in menus.MENUS[menu])


def test_what_is_filled_in_is_said_as_it_is() -> None:
    said = say("en", "welcome", name="{0.__class__} %s <b>")
    assert "{0.__class__} %s <b>" in said


def test_an_unknown_sentence_and_a_missing_field_are_errors() -> None:
    with pytest.raises(KeyError):
        say("en", "no_such_key")
    with pytest.raises(KeyError):
        say("en", "welcome")
