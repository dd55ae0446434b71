"""How verdicts are put into words. What proofs say of themselves was written by strangers."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["joined", "many", "named", "quoted"]

# What cannot be taken for words of ours, nor turn a terminal.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*\Z")
_MOST = 200


def quoted(text: str) -> str:
    """A text that somebody else wrote, in quotation marks and not longer than can be read.

    Control characters, marks that turn the direction of writing and the like are shown as Python
    escapes them.

    >>> print(quoted("digits"), quoted("a\\nb"), quoted("\\u202eab"))
    'digits' 'a\\nb' '\\u202eab'
    """
    return repr(text) if len(text) <= _MOST else f"{text[:_MOST]!r}…"


def named(text: str) -> str:
    """A name that somebody else gave; in quotation marks unless it is a plain one.

    >>> print(named("example.com/team"), named("a (completed)"))
    example.com/team 'a (completed)'
    """
    return text if len(text) <= _MOST and _PLAIN.match(text) else quoted(text)


def joined(names: Iterable[str]) -> str:
    """Names in a row, each once.

    >>> joined(["a", "b", "a"])
    'a, b'
    """
    return ", ".join(map(named, dict.fromkeys(names)))


def many(number: int, noun: str) -> str:
    """A number of things.

    >>> many(1, "batch"), many(2_000, "batch"), many(0, "stream")
    ('1 batch', '2,000 batches', '0 streams')
    """
    plural = f"{noun}es" if noun.endswith(("ch", "ss")) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
