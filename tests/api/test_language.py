"""The language of an answer follows Accept-Language."""

import pytest

from yabot.api.language import preferred
from yabot.domain.user import Language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "es"),
        ("en", "en"),
        ("en-GB", "en"),
        ("EN", "en"),
        ("fr", "es"),
        ("fr, en;q=0.3", "en"),
        ("es;q=0.2, en;q=0.9", "en"),
        ("en;q=0.2,es;q=0.9", "es"),
        ("en, es", "en"),
        ("en;q=0", "es"),
        ("en;q=nonsense", "es"),
        ("en;level=1", "es"),
        ("*", "es"),
        (",;,=", "es"),
        ("english", "es"),
    ],
)
def test_the_spoken_language_of_the_highest_weight_wins(header: str, language: Language) -> None:
    assert preferred(header, "es") == language


def test_a_header_without_end_is_read_to_a_bound() -> None:
    assert preferred("fr," * 10_000 + "en", "es") == "es"
