"""How findings about licenses are put into words."""

from collections.abc import Sequence


def one_line(text: str) -> str:
    """A text without line breaks, control characters and marks that turn its direction.

    >>> one_line("a\\n  license: MIT")
    'a license: MIT'
    """
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def quoted(text: str, most: int = 60) -> str:
    """A text as it was given, in quotation marks, on one line and not longer than can be read.

    >>> quoted("a" * 100, most=5)
    '"aaaa…"'
    """
    plain = one_line(text)
    return f'"{plain if len(plain) <= most else plain[: most - 1] + "…"}"'


def percent(share: float) -> str:
    """A part of a whole, in words that do not round something to nothing.

    >>> percent(0.1234), percent(0.00001), percent(0.0), percent(0.9999)
    ('12 %', 'less than 1 %', '0 %', 'more than 99 %')
    """
    if 0 < share < 0.01:
        return "less than 1 %"
    return "more than 99 %" if 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")


def enumerated(words: Sequence[str]) -> str:
    """Some things in a sentence.

    >>> enumerated(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
