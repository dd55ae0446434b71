"""Whatever people write into a record, a card stays the card it is, and shows what they wrote."""

import re

import pytest
from card_facts import told
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from origin.cards.generator import card_of
from origin.cards.markdown import CELL, TEXT, cell, code, escape, shortened, visible

ATTACKS = (
    "a|b",
    "\\|a",
    "a\\",
    "\\",
    "`",
    "``a`b```",
    "```\nfence",
    "a` | `b",
    "`|`\\`|",
    "*bold* __bold__ ~~gone~~ ==x==",
    "<script>alert(1)</script>",
    "<!-- -->",
    "</td></tr></table><h1>x",
    "<https://example.com>",
    "[link](https://example.com)",
    "![image](https://example.com/a.png)",
    "[x]: https://example.com",
    "https://example.com/?a=b|c",
    "www.example.com",
    "a@example.com",
    "(a@example.com)",
    "@someone #12 owner/name#3 :smile: $x$ gh-7 $$x$$",
    "0123456789abcdef0123456789abcdef01234567",
    "\n\n# heading",
    "# heading",
    "- item",
    "---",
    "===",
    "1. item",
    "> quote",
    ":-- | --:",
    "| a | b |\n|---|---|\n| c | d |",
    "    indented",
    "  two  spaces  ",
    " ",
    "   ",
    "&amp; &#124; &lt;b&gt; &nbsp;",
    "{{ 7 * 7 }} {% raw %}",
    "=1+1",
    "a\tb\rc\0d\x7f\x85",
    "\u202eevil\u2066 \u200b \u2028 \u2029 \ufeff \u00a0",
    "\ud800 lone \udfff",
    "\U0001f600 größe 数据",
    "\n---\nlicense: mit\n---\n",
    "None",
    "⟨U+0000⟩",
    "^[note] [^1]",
    "a" * 100_000,
    "|" * 100_000,
    "` |" * 40_000,
)

hostile = st.one_of(
    st.text(st.characters(exclude_categories=()), min_size=1),
    st.text("|`\\<>&*_[]()!#-+=:~@$ \n.1aw/", min_size=1),
    st.sampled_from(ATTACKS),
    st.builds(str.__add__, st.sampled_from(ATTACKS), st.sampled_from(ATTACKS)),
)

# What GitHub and the Hub turn into links and the like, where it stands in text that is not code.
ACTIVE = re.compile(r"[@$]|#\w|:[\w/+-]|www\.|[0-9a-f]{7}|\bgh-\d", re.IGNORECASE)
# Times of the record are written by Origin.
TIME = re.compile(r"\b\d\d:\d\d:\d\d UTC")


def parsed(markdown):
    return MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown)


def skeleton(tokens):
    """The blocks of a document, and the text of those headings that it has."""
    found = []
    for at, token in enumerate(tokens):
        is_title = token.type == "heading_open"
        found.append((token.type, token.tag, tokens[at + 1].content if is_title else ""))
    return found


def plain(inline):
    """What a reader sees of a line; spaces that do not break count as spaces."""
    assert inline.type == "inline"
    return "".join(one.content for one in inline.children).replace("\u00a0", " ")


def inlines(tokens):
    return [token for token in tokens if token.type == "inline"]


def check_line(inline):
    assert {one.type for one in inline.children} <= {"text", "code_inline", "strong_open",
        "strong_close", "softbreak", "text_special"}  # fmt: skip
    # Neighbouring texts are one to a site, as its own rules run over what was parsed.
    told_plainly, run = [], ""
    for one in inline.children:
        if one.type in ("text", "text_special"):
            run += one.content
        else:
            told_plainly.append(run)
            run = ""
    assert not [one for one in (*told_plainly, run) if ACTIVE.search(TIME.sub("", one))]


# The texts of that run which are shown as they are, and how much of them.
SHOWN = {
    **dict.fromkeys(("config", "books", "nc", "LicenseRef-nc", "Old books", "scraped"), CELL),
    **dict.fromkeys(("books again", "KeyError: 7", "books too"), CELL),
    **dict.fromkeys(("read so", "A. N. Other", "by letter", "own condition"), TEXT),
    **dict.fromkeys(("no one", "no commerce"), TEXT),
}
HARMLESS = parsed(card_of(told()))


def test_the_measure_itself_sees_what_it_should():
    for bad in ("<b>x</b>", "[a](https://b.c)", "*a*", "![a](b)", "a@b.c", "https://a.b"):
        (line,) = inlines(parsed(f"x {bad}"))
        with pytest.raises(AssertionError):
            check_line(line)
    assert skeleton(parsed("| a |\n|--|\n| b |\n| c |")) != skeleton(parsed("| a |\n|--|\n| b |"))


@settings(max_examples=150, deadline=None)
@given(st.lists(hostile, min_size=16, max_size=16))
def test_no_text_changes_what_a_card_is_made_of(texts):
    chosen = {}

    def swapped(harmless):
        # A number tells equal texts apart, which would be told once.
        number = len(chosen) + 1
        return chosen.setdefault(harmless, f"{texts[number % len(texts)]}{number}")

    card = card_of(told(swapped))
    card.encode()
    tokens = parsed(card)
    assert skeleton(tokens) == skeleton(HARMLESS)
    for line in inlines(tokens):
        check_line(line)


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
@pytest.mark.parametrize("form", ["{text}{number}", "{number}{text}"])
def test_an_attack_in_every_field(attack, form):
    chosen = {}

    def swapped(harmless):
        number = len(chosen) + 1
        return chosen.setdefault(harmless, form.format(text=attack, number=number))

    tokens = parsed(card_of(told(swapped)))
    assert skeleton(tokens) == skeleton(HARMLESS)
    for line in inlines(tokens):
        check_line(line)
    seen = "\n".join(map(plain, inlines(tokens)))
    for harmless, most in SHOWN.items():
        assert visible(shortened(chosen[harmless], most)) in seen, harmless


@settings(max_examples=400, deadline=None)
@given(hostile)
@pytest.mark.parametrize(("write", "most"), [(escape, TEXT), (cell, CELL), (code, CELL)])
def test_a_text_is_seen_as_what_it_is(write, most, text):
    seen = visible(shortened(text, most))
    written = write(text)
    assert "\n" not in written
    table = inlines(parsed(f"| a | b |\n|--|--|\n| {written} | {written} |"))
    assert [plain(one) for one in table] == ["a", "b", seen, seen]
    for context in ("# {}", "- {}", "- x: {} x", "{}", "**x:** {}", "> {}", "1. {}"):
        tokens = parsed(context.format(written))
        (line,) = inlines(tokens)
        check_line(line)
        assert seen in plain(line)
        kinds = [token.type for token in parsed(context.format("x"))]
        assert [token.type for token in tokens] == kinds


@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_every_attack_is_seen_in_a_cell(text):
    for write in (cell, code):
        found = inlines(parsed(f"| a |\n|--|\n| {write(text)} |"))
        assert plain(found[1]) == visible(shortened(text, CELL))


def test_what_is_left_out_is_said():
    text = "begin" + "x" * 100_000 + "end"
    told_short = shortened(text, CELL)
    assert told_short.startswith("begin")
    assert told_short.endswith("end")
    left = int(re.search(r"\[…([\d,]+) characters…\]", told_short)[1].replace(",", ""))
    head, tail = told_short.split(f" […{left:,} characters…] ")
    assert len(head) + left + len(tail) == len(text)
    assert shortened("x" * CELL, CELL) == "x" * CELL


@given(st.text("ab", max_size=400), st.integers(1, 300))
def test_what_is_shortened_is_shorter(text, most):
    short = shortened(text, most)
    if len(text) <= most:
        assert short == text
    elif most >= 40:
        assert len(short) <= most + 5
