"""HTTP answers are read from bytes, however they are split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yabot.telegram import answers
from yabot.telegram.answers import Answer, AnswerReader, BadAnswer

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n"

WHOLE: dict[str, tuple[bytes, Answer]] = {
    "length": (PLAIN + b'{"ok":true}', Answer(200, b'{"ok":true}', True)),
    "empty": (b"HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", Answer(200, b"", True)),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, b"", True)),
    "refusal": (
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n{}",
        Answer(429, b"{}", True),
    ),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", Answer(200, b"x", True)),
    "chunks": (
        CHUNKED + b'4\r\n{"ok\r\n7;name=value\r\n":true}\r\n0\r\n\r\n',
        Answer(200, b'{"ok":true}', True),
    ),
    "chunks and trailers": (
        CHUNKED + b"0A\r\n0123456789\r\n0\r\nDigest: x\r\nOther: y\r\n\r\n",
        Answer(200, b"0123456789", True),
    ),
    "no chunks": (CHUNKED + b"0\r\n\r\n", Answer(200, b"", True)),
    "last of its connection": (
        b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\n{}",
        Answer(200, b"{}", False),
    ),
    "old version": (
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        Answer(200, b"{}", False),
    ),
    "after going on": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        Answer(200, b"{}", True),
    ),
    "more than was asked for": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK",
        Answer(200, b"{}", False),
    ),
}

BAD: dict[str, bytes] = {
    "no http": b"SSH-2.0-OpenSSH\r\n\r\n",
    "next version": b"HTTP/2 200\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    "unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "no size": CHUNKED + b"\r\n\r\n",
    "signed size": CHUNKED + b"+5\r\nhello\r\n",
    "chunk that goes on": CHUNKED + b"2\r\nhello\r\n",
}


@pytest.mark.parametrize(("data", "answer"), WHOLE.values(), ids=WHOLE)
def test_an_answer_is_read_at_once(data: bytes, answer: Answer) -> None:
    assert AnswerReader().feed(data) == answer


@pytest.mark.parametrize(
    ("data", "answer"),
    [pair for name, pair in WHOLE.items() if name != "more than was asked for"],
    ids=[name for name in WHOLE if name != "more than was asked for"],
)
def test_an_answer_is_read_byte_by_byte(data: bytes, answer: Answer) -> None:
    reader = AnswerReader()
    for n in range(len(data) - 1):
        assert reader.feed(data[n : n + 1]) is None
    assert reader.feed(data[-1:]) == answer


@given(st.data())
def test_splitting_changes_nothing(data: st.DataObject) -> None:
    body = data.draw(st.binary(max_size=60))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=4)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)
    whole = CHUNKED + chunks + b"0\r\n\r\n"
    reader, answer, at = AnswerReader(), None, 0
    while at < len(whole):
        assert answer is None
        step = data.draw(st.integers(1, 20))
        answer = reader.feed(whole[at : at + step])
        at += step
    assert answer == Answer(200, body, True)


def test_an_answer_without_a_length_lasts_until_the_connection_ends() -> None:
    reader = AnswerReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\n{}") is None
    assert reader.feed(b"{}") is None
    assert reader.end() == Answer(200, b"{}{}", False)


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200", PLAIN, PLAIN + b"{}", CHUNKED + b"2\r\n{}"])
def test_an_end_before_the_end_is_no_answer(part: bytes) -> None:
    reader = AnswerReader()
    assert reader.feed(part) is None
    assert reader.end() is None


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_plain_answer_is_bad(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        AnswerReader().feed(data)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200,
        PLAIN.replace(b"11", b"999") + b"x" * 200,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200,
        CHUNKED + b"64\r\n",
        CHUNKED + b"1" * 200,
        CHUNKED + b"0\r\n" + b"x" * 200,
    ],
    ids=["head", "body", "body without length", "chunk", "size", "trailers"],
)
def test_an_answer_that_is_too_large_is_bad(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "HEAD_LIMIT", 80)
    monkeypatch.setattr(answers, "BODY_LIMIT", 80)
    with pytest.raises(BadAnswer, match="more than 80 bytes"):
        AnswerReader().feed(data)
