"""MarkdownV2, and with `strict=False` the older Markdown, which forgives stray signs.

The rule: what is not markup must be escaped with a backslash, or Telegram refuses the message.
"""

import re

from yabot.sandbox.errors import BadRequest

RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
STRICT = {
    "||": "spoiler",
    "__": "underline",
    "*": "bold",
    "_": "italic",
    "~": "strikethrough",
}
LOOSE = {"*": "bold", "_": "italic"}
CODE = re.compile(r"```(?:([\w+-]+)\n)?(.*?)```|`([^`]*)`", re.DOTALL)
LINK = re.compile(r"\]\(((?:\\.|[^)\\])*)\)")

Entity = dict[str, object]


def parse_markdown(text: str, *, strict: bool) -> tuple[str, list[Entity]]:
    """The plain text and its entities. Raises BadRequest for an unescaped or unclosed sign."""
    return _Markdown(text, strict).parse()


class _Markdown:
    def __init__(self, text: str, strict: bool) -> None:
        self.text = text
        self.strict = strict
        self.signs = STRICT if strict else LOOSE
        self.place = 0
        self.offset = 0
        self.pieces: list[str] = []
        self.marks: list[Entity] = []
        self.opened: list[tuple[str, int, int]] = []

    def parse(self) -> tuple[str, list[Entity]]:
        while self.place < len(self.text):
            self._step()
        if self.opened:
            at = self.opened[-1][2]
            raise self._broken(f"Can't find end of the entity starting at byte offset {at}")
        self.marks.sort(key=lambda mark: (mark["offset"], -int(str(mark["length"]))))
        return "".join(self.pieces), self.marks

    def _step(self) -> None:
        here = self.text[self.place]
        if here == "\\" and self.place + 1 < len(self.text):
            self._emit(self.text[self.place + 1])
            self.place += 2
        elif code := CODE.match(self.text, self.place):
            self._code(code)
        elif here == "[":
            self._open("[")
        elif here == "]" and self.opened and self.opened[-1][0] == "[":
            self._link()
        elif sign := next((s for s in self.signs if self.text.startswith(s, self.place)), None):
            self._toggle(sign)
        elif self.strict and here in RESERVED:
            raise self._broken(
                f"Character '{here}' is reserved and must be escaped with the preceding '\\'"
            )
        else:
            self._emit(here)
            self.place += 1

    def _emit(self, text: str) -> None:
        self.pieces.append(text)
        self.offset += len(text.encode("utf-16-le")) // 2

    def _open(self, sign: str) -> None:
        self.opened.append((sign, self.offset, len(self.text[: self.place].encode())))
        self.place += len(sign)

    def _toggle(self, sign: str) -> None:
        if self.opened and self.opened[-1][0] == sign:
            self.place += len(sign)
            self._mark(self.signs[sign], self.opened.pop()[1])
        elif any(opened == sign for opened, _, _ in self.opened):
            at = self.opened[-1][2]
            raise self._broken(f"Can't find end of the entity starting at byte offset {at}")
        else:
            self._open(sign)

    def _code(self, match: re.Match[str]) -> None:
        start = self.offset
        language, block, inline = match.groups()
        self._emit(re.sub(r"\\([`\\])", r"\1", block if inline is None else inline))
        if inline is not None:
            self._mark("code", start)
        else:
            self._mark("pre", start, **({"language": language} if language else {}))
        self.place = match.end()

    def _link(self) -> None:
        match = LINK.match(self.text, self.place)
        if match is None:
            raise self._broken("Character ']' is reserved and must be escaped")
        address = re.sub(r"\\(.)", r"\1", match[1])
        self._mark("text_link", self.opened.pop()[1], url=address)
        self.place = match.end()

    def _mark(self, kind: str, start: int, **more: str) -> None:
        if self.offset > start:
            length = self.offset - start
            self.marks.append({"type": kind, "offset": start, "length": length, **more})

    @staticmethod
    def _broken(text: str) -> BadRequest:
        return BadRequest(f"can't parse entities: {text}")
