"""Which of the bot's languages a caller wants, from `Accept-Language` (RFC 9110, 12.5.4)."""

from typing import get_args

from yabot.domain.user import Language

LONGEST_HEADER = 500
"""Characters that are looked at; a browser sends far fewer."""


def preferred(accept_language: str | None, default: Language) -> Language:
    """The spoken language of the highest weight; the earlier one where weights are equal."""
    if not accept_language:
        return default
    best, weight = default, 0.0
    for part in accept_language[:LONGEST_HEADER].split(","):
        tag, _, parameter = part.strip().partition(";")
        for language in get_args(Language):
            if tag.strip().partition("-")[0].lower() == language and _weight(parameter) > weight:
                best, weight = language, _weight(parameter)
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(1.0, float(value)) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
