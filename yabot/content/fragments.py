"""One fragment: from the table that a writer wrote to the domain's value.

The rule: a writer's words for the fields (`next`, `vip`) are known here and nowhere else.
"""

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from yabot.domain.story import Fragment

FIELDS = {
    "title": "title",
    "content": "content",
    "choices": "choices",
    "vip": "vip_required",
    "reward": "reward",
    "hint": "hint",
    "hint_text": "hint_text",
    "difficulty": "difficulty",
    "tags": "tags",
}
"""What a writer calls the parts of a fragment, and what the domain calls them."""

CHOICE_FIELDS = {"id": "id", "text": "text", "next": "next_fragment"}
"""The same for a choice."""

WRITTEN = {ours: theirs for theirs, ours in (FIELDS | CHOICE_FIELDS).items()}

BLANK = "…"
"""Stands for a text that is wrong or missing while the rest is checked."""


def read_fragment(
    fragment_id: str, table: Mapping[str, object]
) -> tuple[Fragment | None, list[str]]:
    """The fragment, and what is wrong with it. None when not even its id is usable."""
    wrong = list(_unknown_fields(table, FIELDS, ""))
    parts: dict[str, object] = {"fragment_id": fragment_id}
    parts |= {FIELDS[name]: value for name, value in table.items() if name in FIELDS}
    if isinstance(parts.get("content"), str):
        parts["content"] = unwrap(str(parts["content"]))
    if isinstance(choices := parts.get("choices"), list):
        read = [_read_choice(choice, number) for number, choice in enumerate(choices, 1)]
        parts["choices"] = [choice for choice, _ in read]
        wrong.extend(line for _, lines in read for line in lines)
    try:
        return _validate(parts), wrong
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    wrong.extend(_describe(detail) for detail in details)
    try:
        return _validate(_without_bad_parts(parts, details)), wrong
    except ValidationError:
        return None, wrong


def unwrap(text: str) -> str:
    """Join the lines of each paragraph; an empty line parts two paragraphs."""
    paragraphs = re.split(r"\n[ \t]*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip())


def _validate(parts: Mapping[str, object]) -> Fragment:
    return Fragment.model_validate_json(json.dumps(parts, default=str), strict=True)


def _read_choice(choice: object, number: int) -> tuple[object, list[str]]:
    if not isinstance(choice, dict):
        return choice, []
    parts = {CHOICE_FIELDS[name]: value for name, value in choice.items() if name in CHOICE_FIELDS}
    return parts, list(_unknown_fields(choice, CHOICE_FIELDS, f"choice {number}: "))


def _unknown_fields(
    table: Mapping[str, object], fields: Mapping[str, str], where: str
) -> Iterator[str]:
    for name in table:
        if name not in fields:
            near = get_close_matches(name, fields, n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(fields)}"
            yield f"{where}unknown field {name!r}; {advice}"


def _describe(detail: ErrorDetails) -> str:
    """Pydantic's complaint in the writer's words."""
    name, *inner = detail["loc"]
    where = f"{WRITTEN.get(str(name), 'its id')}"
    if name == "choices" and inner:
        number, *rest = inner
        where = f"choice {int(number) + 1}"
        if rest:
            where = f"{where}: {WRITTEN.get(str(rest[0]), rest[0])}"
    if detail["type"] == "missing":
        return f"{where} is missing; add it"
    if detail["type"] == "string_pattern_mismatch":
        return f"{where}: write an id of letters, digits, '_', '.' and '-' only"
    return f"{where}: {detail['msg'][:1].lower()}{detail['msg'][1:]}; correct it"


def _without_bad_parts(
    parts: Mapping[str, object], details: list[ErrorDetails]
) -> dict[str, object]:
    """The fragment with what is wrong in it left out, or blank where a text must be."""
    bad = {detail["loc"][0] for detail in details if len(detail["loc"]) == 1}
    kept: dict[str, object] = {"title": BLANK, "content": BLANK}
    kept |= {name: value for name, value in parts.items() if name not in bad}
    if isinstance(choices := kept.get("choices"), list):
        kept["choices"] = list(_usable_choices(choices, details))
    return kept


def _usable_choices(choices: list[object], details: list[ErrorDetails]) -> Iterator[object]:
    """Choices whose id and target are usable, whatever their text."""
    wrong = {detail["loc"][1:] for detail in details if detail["loc"][0] == "choices"}
    for index, choice in enumerate(choices):
        faults = {loc for loc in wrong if loc[0] == index}
        if not faults:
            yield choice
        elif faults == {(index, "text")} and isinstance(choice, dict):
            yield {**choice, "text": BLANK}
