"""Markup to entities, counted in UTF-16 units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yabot.sandbox.errors import BadRequest
from yabot.sandbox.formatting import format_text, units

Marks = list[tuple[str, str]]


def marked(text: str, entities: list[dict[str, object]]) -> Marks:
    """Each entity's type and the text it covers."""
    encoded = text.encode("utf-16-le")
    return [
        (
            str(entity["type"]),
            encoded[2 * int(str(entity["offset"])) :][: 2 * int(str(entity["length"]))].decode(
                "utf-16-le"
            ),
        )
        for entity in entities
    ]


@pytest.mark.parametrize(
    ("source", "plain", "marks"),
    [
        ("<b>x</b> &lt;y&gt; &amp;&#33;", "x <y> &!", [("bold", "x")]),
        ("😀<i>ü😀</i>", "😀ü😀", [("italic", "ü😀")]),
        ("<b>a<i>b</i></b>", "ab", [("bold", "ab"), ("italic", "b")]),
        ("<u>a</u><s>b</s><del>c</del>", "abc", [("underline", "a"), *[("strikethrough", "b")],
                                              ("strikethrough", "c")]),
        ("  <b> padded </b>  ", "padded", [("bold", "padded")]),
        ("<pre><code class=\"language-py\">x=1</code></pre>", "x=1", [("pre", "x=1")]),
        ("<tg-spoiler>a</tg-spoiler><span class='tg-spoiler'>b</span>", "ab",
         [("spoiler", "a"), ("spoiler", "b")]),
        ("<B>loud</B>", "loud", [("bold", "loud")]),
        ("a <b></b>b", "a b", []),
    ],
)  # fmt: skip
def test_html_becomes_entities(source: str, plain: str, marks: Marks) -> None:
    text, entities = format_text(source, "HTML")
    assert text == plain
    assert marked(text, entities) == marks


def test_a_link_keeps_its_address_and_a_code_block_its_language() -> None:
    _, (link,) = format_text('<a href="https://example.org/?a=1&amp;b=2">here</a>', "html")
    assert link == {
        "type": "text_link",
        "url": "https://example.org/?a=1&b=2",
        "offset": 0,
        "length": 4,
    }
    _, (block,) = format_text('<pre><code class="language-py">x</code></pre>', "html")
    assert block["language"] == "py"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        (
            "é<b><i>x</b></i>",
            'Unmatched end tag at byte offset 9, expected "</i>", found "</b>"',
        ),
        ("<blink>x</blink>", 'Unsupported start tag "blink" at byte offset 0'),
        ("1 < 2", "Unsupported start tag at byte offset 2"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_broken_html_is_refused(source: str, complaint: str) -> None:
    with pytest.raises(BadRequest) as caught:
        format_text(source, "HTML")
    assert str(caught.value) == f"Bad Request: can't parse entities: {complaint}"


@pytest.mark.parametrize(
    ("source", "plain", "marks"),
    [
        ("*b* _i_ __u__ ~s~ ||p||", "b i u s p", [("bold", "b"), ("italic", "i"),
         ("underline", "u"), ("strikethrough", "s"), ("spoiler", "p")]),
        ("*a _b_*", "a b", [("bold", "a b"), ("italic", "b")]),
        (r"1\.5 \* 2 \= 3", "1.5 * 2 = 3", []),
        ("`a*b` ```py\nx=1```", "a*b x=1", [("code", "a*b"), ("pre", "x=1")]),
        ("[here](https://example.org)", "here", [("text_link", "here")]),
        ("[]() x".replace(" ", r"\-"), "-x", []),
        ("*😀*x", "😀x", [("bold", "😀")]),
    ],
)  # fmt: skip
def test_markdown_becomes_entities(source: str, plain: str, marks: Marks) -> None:
    text, entities = format_text(source, "MarkdownV2")
    assert text == plain
    assert marked(text, entities) == marks


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (
            "Done.",
            "Character '.' is reserved and must be escaped with the preceding '\\'",
        ),
        ("*open", "Can't find end of the entity starting at byte offset 0"),
        ("é *a _b*", "Can't find end of the entity starting at byte offset 6"),
    ],
)
def test_broken_markdown_is_refused(source: str, complaint: str) -> None:
    with pytest.raises(BadRequest) as caught:
        format_text(source, "MarkdownV2")
    assert str(caught.value) == f"Bad Request: can't parse entities: {complaint}"


def test_the_older_markdown_forgives_stray_signs() -> None:
    assert format_text("Done. *b*", "Markdown")[0] == "Done. b"


def test_commands_mentions_and_links_are_found() -> None:
    text, entities = format_text("/start@a_bot 😀 @somebody #tag https://example.org/a. 1/2 a/b")
    assert marked(text, entities) == [
        ("bot_command", "/start@a_bot"),
        ("mention", "@somebody"),
        ("hashtag", "#tag"),
        ("url", "https://example.org/a"),
    ]


def test_nothing_is_found_inside_code() -> None:
    text, entities = format_text("<code>/start</code> /help", "HTML")
    assert marked(text, entities) == [("code", "/start"), ("bot_command", "/help")]


def test_given_entities_are_kept() -> None:
    bold = {"type": "bold", "offset": 1, "length": 2}
    assert format_text("abcd", entities=[bold]) == ("abcd", [bold])


@given(st.text(min_size=1, max_size=80))
def test_escaped_text_comes_out_as_it_went_in(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if not text.strip():
        with pytest.raises(BadRequest):
            format_text(escaped, "HTML")
        return
    plain, entities = format_text(f"<b>{escaped}</b>", "HTML")
    assert plain == text.strip()
    assert ("bold", plain) in marked(plain, entities)
    assert all(int(str(e["offset"])) + int(str(e["length"])) <= units(plain) for e in entities)
