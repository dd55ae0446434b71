"""How answers are put into words."""

from collections.abc import Iterable, Sequence
from html import escape


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


def many(number: int, noun: str) -> str:
    """A number of things.

    >>> many(1, "batch"), many(2_000, "batch"), many(0, "epoch")
    ('1 batch', '2,000 batches', '0 epochs')
    """
    plural = f"{noun}es" if noun.endswith("tch") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def were(number: int) -> str:
    """The verb after a number of things that something was done to.

    >>> were(1), were(2)
    ('was', 'were')
    """
    return "was" if number == 1 else "were"


def span(noun: str, first: int, last: int) -> str:
    """Things with numbers in a row.

    >>> span("batch", 2, 2), span("batch", 2, 5)
    ('batch 2', 'batches 2 to 5')
    """
    if first == last:
        return f"{noun} {first}"
    return f"{many(2, noun).partition(' ')[2]} {first} to {last}"


def listed(words: Iterable[object], most: int = 10) -> str:
    """Some things in a row, not more than can be read.

    >>> listed([1, 2, 3], most=2)
    '1, 2, …'
    """
    shown = [str(word) for word in words]
    return ", ".join(shown[:most]) + (", …" if len(shown) > most else "")


def html_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as HTML, its cells as text on one line.

    >>> html_table(["a"], [["<b>"]])
    '<table><thead><tr><th scope="col">a</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr>\
</tbody></table>'
    """
    head = "".join(f'<th scope="col">{_cell(one)}</th>' for one in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(one)}</td>' for one in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    return escape(one_line(f"{value:,}" if isinstance(value, int) else str(value)))


class Shown:
    """An answer that shows itself as it is printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f'<pre style="white-space: pre-wrap">{escape(str(self))}</pre>'
