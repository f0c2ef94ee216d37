"""Items load as they were written; broken ones say everything that is wrong with them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.content.test_loader import folder, rewrite
from yabot.content.loader import load_content
from yabot.domain.items import Item
from yabot.errors import ConfigError

__all__ = ["folder"]


def complaints(folder: Path, text: str) -> list[str]:
    (folder / "items.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_content(folder)
    return caught.value.problems


def test_the_packaged_items_hold_the_besito() -> None:
    assert load_content().items == {
        "besito_001": Item(
            item_id="besito_001",
            name="Besito Virtual",
            type="currency",
            metadata={
                "value": 1,
                "emoji": "😘",
                "description": "Un besito virtual lleno de cariño",
            },
            created_at=datetime(2025, 1, 15, 8, tzinfo=UTC),
        )
    }


def test_a_folder_may_have_no_items(folder: Path) -> None:
    assert load_content(folder).items == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[key]\ntype = 'tool'", "item 'key': name: field required; correct it"),
        ("[key]\nname = 'Key'", "item 'key': type: field required; correct it"),
        ("[key]\nname = 'Key'\ntype = 'a tool'", "item 'key': type: string should match"),
        ("['a key']\nname = 'Key'\ntype = 'tool'", "item 'a key': item_id: string should"),
        (
            "[key]\nname = 'Key'\ntype = 'tool'\ncreated_at = 2025-01-15T08:00:00",
            "item 'key': created_at: input should have timezone info; correct it",
        ),
        ("[key]\nname = 'Key'\ntype = 'tool'\nprice = 3", "item 'key': price: extra inputs"),
        ("name = 'lost'", "item 'name': "),
        ("[key", "not valid TOML: "),
    ],
)
def test_what_is_wrong_with_an_item_is_named(folder: Path, text: str, says: str) -> None:
    found = complaints(folder, text)
    assert all(line.startswith("items.toml: ") for line in found)
    assert any(line.startswith(f"items.toml: {says}") for line in found), found


def test_a_broken_item_hides_nothing_that_is_wrong_with_the_story(folder: Path) -> None:
    rewrite(folder, 'next = "end"', 'next = "edn"', languages=("es",))
    found = complaints(folder, "[key]")
    assert any(line.startswith("es/story.toml: ") for line in found)
    assert any(line.startswith("items.toml: ") for line in found)
