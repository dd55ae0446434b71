"""Text that somebody else wrote, put into Markdown as text and nothing but text.

Markdown has no escaping that a template engine knows. What is written here holds in CommonMark,
in the tables of GitHub and on the Hugging Face Hub: such text ends no cell, row or block, is no
HTML, emphasis, link, mention or formula, and is seen as what it is: a control character, or one
that turns the direction of the text, is shown by its picture or number.
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from origin.cards.figures import time_of
from origin.core.wording import percent

if TYPE_CHECKING:
    from jinja2 import Environment

# So many characters of a text are shown in a cell, and elsewhere; more is left out in the middle.
CELL, TEXT = 120, 1_000

_SHOWN_CODES = 3
# Sites turn these into links, mentions, emoji or formulas, also where they are written as
# character references; only in code they leave them alone.
_ACTIVE = re.compile(r"[@$]|#\w|:[\w/+-]|www\.|[0-9a-f]{7}|\bgh-\d", re.IGNORECASE)
_OPENING, _CLOSING = "([{\"'<", ")]}\"'>.,;!?"
_MARKS = str.maketrans({mark: f"&#{ord(mark)};" for mark in "&<>\\`*_[]{}|~#!$^"})
_IN_NO_CODE = re.compile("([|`]+)")
_BEGINS_BLOCK = re.compile(r"([-+=:])|([0-9]{1,9})([.)])(?= |$)")


class Safe(str):
    """Markdown that is put into a card as it is."""

    __slots__ = ()


def visible(text: str) -> str:
    """A text in which everything can be seen.

    >>> print(visible("a\\tb\\u202ec"))
    a␉b⟨U+202E⟩c
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _picture(ord(one)) for one in text)


def _picture(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters, or its two ends and how much is between them.

    >>> shortened("a" * 50 + "b" * 50, 40)
    'aaaaaaaaaa […80 characters…] bbbbbbbbbb'
    """
    if len(text) <= most:
        return text
    half = max(1, (most - len(f" […{len(text):,} characters…] ")) // 2)
    return f"{text[:half]} […{len(text) - 2 * half:,} characters…] {text[-half:]}"


def escape(value: object, most: int = TEXT) -> Safe:
    """A text for a line, a heading or a cell; words that sites would link are shown as code.

    Args:
        value: the text; of anything else, what ``str`` gives.
        most: longer ones are shortened in the middle.

    >>> print(escape("<b>|*1* by a@example.com"))
    &#60;b&#62;&#124;&#42;1&#42; by `a@example.com`
    """
    text = visible(shortened(str(value), most))
    core = text.strip(" ")
    before = len(text) - len(text.lstrip(" ")) if core else len(text)
    after = len(text) - before - len(core)
    words = [_space(part) if part[:1] == " " else _word(part) for part in re.split("( +)", core)]
    plain = "".join(words)
    begun = _BEGINS_BLOCK.match(plain)
    if begun is not None:
        mark = begun[1] or begun[3]
        plain = f"{begun[2] or ''}&#{ord(mark)};{plain[begun.end() :]}"
    return Safe("&nbsp;" * before + plain + "&nbsp;" * after)


def _space(spaces: str) -> str:
    """Spaces between words: Markdown shows a row of them as one."""
    return " " + "&nbsp;" * (len(spaces) - 1)


def _word(word: str) -> str:
    if not _ACTIVE.search(word):
        return word.translate(_MARKS)
    begun = word.lstrip(_OPENING)
    core = begun.rstrip(_CLOSING)
    if not _ACTIVE.search(core):
        return _spans(word)
    before, after = word[: len(word) - len(begun)], begun[len(core) :]
    return before.translate(_MARKS) + _spans(core) + after.translate(_MARKS)


def cell(value: object) -> Safe:
    """A text for a cell of a table, shortened to what fits there.

    >>> len(cell("x" * 100_000)) < 2 * CELL
    True
    """
    return escape(value, CELL)


def code(value: object, most: int = CELL) -> Safe:
    """A name as code. What no code in a table can hold stands between two pieces of code.

    Args:
        value: the name; of anything else, what ``str`` gives.
        most: longer ones are shortened in the middle.

    >>> print(code("train | test"))
    `train `&#124;` test`
    """
    return Safe(_spans(visible(shortened(str(value), most))))


def _spans(text: str) -> str:
    # Not by a longer fence or by \\|: the dialects differ in how they read these within tables.
    parts = [part for part in _IN_NO_CODE.split(text) if part]
    return "".join(part.translate(_MARKS) if part[0] in "|`" else _span(part) for part in parts)


def _span(text: str) -> str:
    is_blank = not text.strip(" ")
    # One space is taken away at each end where both have one.
    is_padded = text[0] == text[-1] == " " and not is_blank
    return f"` {text} `" if is_padded else f"`{text}`"


def codes(values: Iterable[object]) -> Safe:
    """Some names as code, not more than can be read.

    >>> print(codes("abcde"))
    `a`, `b`, `c` and 2 more
    """
    names = list(values)
    more = len(names) - _SHOWN_CODES
    shown = ", ".join(map(code, names[:_SHOWN_CODES]))
    return Safe(f"{shown} and {more:,} more" if more > 0 else shown)


def literal(text: str) -> Safe:
    """A text as Python code on one line of a code block.

    >>> print(literal('a\\n"é"'))
    "a\\n\\"\\u00e9\\""
    """
    return Safe(json.dumps(text))


def json_code(value: object) -> Safe:
    """A value of JSON types as code.

    >>> print(json_code({"lr": 0.1}))
    `{"lr": 0.1}`
    """
    return code(json.dumps(value, ensure_ascii=False, default=str))


def moment(text: str) -> Safe:
    """A time, to the second in UTC; as it stands if it is no time.

    >>> moment("2026-01-02T03:04:05.678+00:00")
    '2026-01-02 03:04:05 UTC'
    """
    time = time_of(text)
    return cell(text) if time is None else Safe(time.strftime("%Y-%m-%d %H:%M:%S UTC"))


def finalize(value: object) -> str:
    """What a template prints where it says nothing else: escaped, so that no one can forget it.

    >>> finalize("a|b"), finalize(Safe("a|b")), finalize(41_200)
    ('a&#124;b', 'a|b', '41,200')
    """
    if isinstance(value, Safe):
        return value
    return f"{value:,}" if isinstance(value, int) else escape(value)


@cache
def environment() -> "Environment":
    """The templates of cards in Markdown, and the functions above as filters."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("origin.cards"),
        autoescape=False,  # noqa: S701 - it would escape for HTML; finalize does for Markdown
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    own = (cell, code, codes, escape, json_code, literal, moment, percent)
    found.filters.update({one.__name__: one for one in own})
    return found
