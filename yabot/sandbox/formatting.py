"""From what a bot or a user wrote to text with entities.

The rule: offsets and lengths count UTF-16 code units, as everywhere in the Bot API.
HTML is read here; MarkdownV2 in `markdown`.
"""

import html
import re
from collections.abc import Sequence

from yabot.sandbox.errors import BadRequest
from yabot.sandbox.markdown import parse_markdown

Entity = dict[str, object]

MAX_LENGTH = 4096
TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "tg-spoiler": "spoiler",
    "tg-emoji": "custom_emoji",
    "span": "spoiler",
}
TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*)([^<>]*)>")
REFERENCE = re.compile(r"&(#[0-9]+|#x[0-9a-fA-F]+|lt|gt|amp|quot);")
ATTRIBUTE = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))""")
FOUND = re.compile(
    r"(?P<url>\bhttps?://[^\s<>]+[^\s<>.,!?;:'\")\]])"
    r"|(?<![\w/@])(?P<bot_command>/[a-zA-Z0-9_]{1,64}(?:@[a-zA-Z][a-zA-Z0-9_]{2,31})?)(?![\w/])"
    r"|(?<!\w)(?P<mention>@[a-zA-Z][a-zA-Z0-9_]{3,31})"
    r"|(?<!\w)(?P<hashtag>#\w*[^\W\d]\w*)"
)


def units(text: str) -> int:
    """The length of a text in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def format_text(
    text: str, parse_mode: str = "", entities: Sequence[object] | None = None
) -> tuple[str, list[Entity]]:
    """The text as it will be shown, and its entities in order.

    Raises BadRequest for broken markup, an empty text, or one of more than 4096 characters.
    """
    mode = parse_mode.lower()
    if mode == "html":
        plain, marks = parse_html(text)
    elif mode in ("markdownv2", "markdown"):
        plain, marks = parse_markdown(text, strict=mode == "markdownv2")
    elif mode:
        raise BadRequest("unsupported parse_mode")
    else:
        plain, marks = text, [dict(mark) for mark in entities or () if isinstance(mark, dict)]
    plain, marks = trim(plain, marks)
    if not plain:
        raise BadRequest("message text is empty")
    if len(plain) > MAX_LENGTH:
        raise BadRequest("message is too long")
    return plain, with_found(plain, marks)


def trim(text: str, marks: list[Entity]) -> tuple[str, list[Entity]]:
    """Without the blank ends, which Telegram removes; the entities moved along."""
    kept = text.lstrip()
    cut = units(text) - units(kept)
    kept = kept.rstrip()
    if kept == text or not marks:
        return kept, marks
    end = units(kept)
    moved: list[Entity] = []
    for mark in marks:
        first, last = _span(mark)
        first, last = max(first - cut, 0), min(last - cut, end)
        if last > first:
            moved.append({**mark, "offset": first, "length": last - first})
    return kept, moved


def with_found(text: str, marks: list[Entity]) -> list[Entity]:
    """The marks and what Telegram finds by itself: commands, mentions, hashtags, links."""
    if "/" not in text and "@" not in text and "#" not in text:
        return marks
    solid = [_span(mark) for mark in marks if mark["type"] in ("code", "pre", "text_link")]
    found = list(marks)
    for match in FOUND.finditer(text):
        offset, length = units(text[: match.start()]), units(match[0])
        if not any(first < offset + length and offset < last for first, last in solid):
            found.append({"type": str(match.lastgroup), "offset": offset, "length": length})
    return sorted(found, key=_order)


def parse_html(text: str) -> tuple[str, list[Entity]]:
    """Telegram's HTML subset: nested known tags and character references."""
    pieces: list[str] = []
    marks: list[Entity] = []
    open_tags: list[tuple[str, int, Entity]] = []
    place, offset = 0, 0
    while place < len(text):
        stop = text.find("<", place)
        piece = _unescape(text[place : stop if stop >= 0 else len(text)])
        pieces.append(piece)
        offset += units(piece)
        if stop < 0:
            break
        at = len(text[:stop].encode())
        match = TAG.match(text, stop)
        if match is None:
            raise _broken(f"Unsupported start tag at byte offset {at}")
        name = match[2].lower()
        if match[1]:
            _close(name, at, offset, open_tags, marks)
        else:
            open_tags.append((name, offset, _mark(name, match[3], at)))
        place = match.end()
    if open_tags:
        name = open_tags[-1][0]
        raise _broken(f'Can\'t find end tag corresponding to start tag "{name}"')
    return "".join(pieces), sorted(marks, key=_order)


def _unescape(text: str) -> str:
    return REFERENCE.sub(lambda match: html.unescape(match[0]), text)


def _mark(name: str, attributes: str, at: int) -> Entity:
    kind = TAGS.get(name)
    values = {
        key.lower(): _unescape(double or single or bare)
        for key, double, single, bare in ATTRIBUTE.findall(attributes)
    }
    if kind is None:
        raise _broken(f'Unsupported start tag "{name}" at byte offset {at}')
    if name == "span" and values.get("class") != "tg-spoiler":
        raise _broken(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    mark: Entity = {"type": kind}
    if kind == "text_link":
        mark["url"] = values.get("href", "")
    elif kind == "custom_emoji":
        mark["custom_emoji_id"] = values.get("emoji-id", "")
    elif kind == "code" and values.get("class", "").startswith("language-"):
        mark["language"] = values["class"].removeprefix("language-")
    elif kind == "blockquote" and "expandable" in attributes:
        mark["type"] = "expandable_blockquote"
    return mark


def _close(
    name: str, at: int, offset: int, open_tags: list[tuple[str, int, Entity]], marks: list[Entity]
) -> None:
    if not open_tags:
        raise _broken(f"Unexpected end tag at byte offset {at}")
    opened, start, mark = open_tags.pop()
    if opened != name:
        raise _broken(
            f'Unmatched end tag at byte offset {at}, expected "</{opened}>", found "</{name}>"'
        )
    language = mark.pop("language", None) if name == "code" else None
    if language and open_tags and open_tags[-1][0] == "pre" and open_tags[-1][1] == start:
        open_tags[-1][2]["language"] = language
        return
    if offset > start and mark.get("url") != "":
        marks.append({**mark, "offset": start, "length": offset - start})


def _broken(text: str) -> BadRequest:
    return BadRequest(f"can't parse entities: {text}")


def _span(mark: Entity) -> tuple[int, int]:
    offset, length = mark.get("offset"), mark.get("length")
    if not isinstance(offset, int) or not isinstance(length, int):
        raise BadRequest("can't parse MessageEntity: offset and length must be numbers")
    return offset, offset + length


def _order(mark: Entity) -> tuple[int, int]:
    first, last = _span(mark)
    return first, -last
