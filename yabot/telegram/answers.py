"""HTTP answers out of the bytes of one connection.

The rule: no input and no waiting here, only bytes in and answers out; whatever is not plain
HTTP/1.1 (RFC 9112) or is larger than it may be is a BadAnswer.
"""

from dataclasses import dataclass

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 64 * 1024 * 1024
"""Bytes. Telegram's answers are far smaller."""


class BadAnswer(Exception):
    """What came is not an answer that can be read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `reusable` tells whether the connection may carry another request."""

    status: int
    body: bytes
    reusable: bool


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    reusable: bool
    length: int | None
    chunked: bool


class AnswerReader:
    """Reads the one answer to a request; a new one is made for the next."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._head: _Head | None = None
        self._chunks: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Answer | None:
        """Take bytes as they come; gives the answer when they complete it. Raises BadAnswer."""
        self._bytes += data
        while self._head is None:
            end = self._bytes.find(b"\r\n\r\n")
            if end < 0:
                _within(len(self._bytes), HEAD_LIMIT)
                return None
            head = _head(bytes(self._bytes[:end]))
            del self._bytes[: end + 4]
            if head.status >= 200:
                self._head = head
        return self._read(self._head)

    def end(self) -> Answer | None:
        """The connection has ended; gives an answer that was to last until then."""
        head = self._head
        if head is None or head.length is not None or head.chunked:
            return None
        return Answer(head.status, bytes(self._bytes), reusable=False)

    def _read(self, head: _Head) -> Answer | None:
        if head.chunked:
            return self._read_chunks(head)
        _within(len(self._bytes), BODY_LIMIT)
        if head.length is None or len(self._bytes) < head.length:
            return None
        return self._answer(head, bytes(self._bytes[: head.length]), head.length)

    def _read_chunks(self, head: _Head) -> Answer | None:
        while (line := self._bytes.find(b"\r\n")) >= 0:
            size = _number(bytes(self._bytes[:line]).partition(b";")[0], 16)
            _within(self._size + size, BODY_LIMIT)
            if size == 0:
                return self._read_trailers(head, line)
            end = line + 2 + size
            if len(self._bytes) < end + 2:
                return None
            if self._bytes[end : end + 2] != b"\r\n":
                raise BadAnswer("a chunk is longer than it says")
            self._chunks.append(bytes(self._bytes[line + 2 : end]))
            self._size += size
            del self._bytes[: end + 2]
        _within(len(self._bytes), HEAD_LIMIT)
        return None

    def _read_trailers(self, head: _Head, line: int) -> Answer | None:
        """After the last chunk come trailers, which say nothing to us, and an empty line."""
        end = self._bytes.find(b"\r\n\r\n", line)
        if end < 0:
            _within(len(self._bytes), HEAD_LIMIT)
            return None
        return self._answer(head, b"".join(self._chunks), end + 4)

    def _answer(self, head: _Head, body: bytes, used: int) -> Answer:
        """What comes beyond the answer was not asked for, so such a connection is given up."""
        return Answer(head.status, body, head.reusable and len(self._bytes) == used)


def _head(text: bytes) -> _Head:
    first, *lines = text.split(b"\r\n")
    version, _, rest = first.partition(b" ")
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise BadAnswer(f"no HTTP/1.1 answer: {first[:40]!r}")
    status = _number(rest[:3], 10)
    length: int | None = None
    chunked, reusable = False, version == b"HTTP/1.1"
    for line in lines:
        name, _, value = line.partition(b":")
        match name.lower():
            case b"content-length":
                length = _number(value, 10)
            case b"transfer-encoding":
                chunked = value.strip().lower() == b"chunked"
                if not chunked:
                    raise BadAnswer(f"an unknown transfer coding: {value!r}")
            case b"connection":
                reusable = reusable and value.strip().lower() != b"close"
    if status in (204, 304):
        length = 0
    return _Head(status, reusable and (chunked or length is not None), length, chunked)


def _number(text: bytes, base: int) -> int:
    """Digits alone: int() would also take signs, blanks inside and underscores."""
    digits = text.strip()
    if not digits.isalnum():
        raise BadAnswer(f"no number: {digits[:40]!r}")
    try:
        return int(digits, base)
    except ValueError:
        raise BadAnswer(f"no number: {digits[:40]!r}") from None


def _within(size: int, limit: int) -> None:
    if size > limit:
        raise BadAnswer(f"an answer of more than {limit} bytes")
