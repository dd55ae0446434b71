"""How answers are put into words."""

from collections.abc import Iterable, Sequence
from html import escape

from origin.core.record import SessionRecord


def many(number: int, noun: str) -> str:
    """A number of things.

    >>> many(1, "batch"), many(2_000, "batch"), many(0, "time")
    ('1 batch', '2,000 batches', '0 times')
    """
    plural = f"{noun}es" if noun.endswith("ch") else f"{noun}s"
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


def why_not_whole(session: SessionRecord) -> str:
    """Why the record of a session is not whole; empty if it is, as far as is known.

    >>> why_not_whole(SessionRecord("7d0e…", "2026-01-01", "v1", "running", streams=1, gaps=2))
    'it has 2 gaps'
    """
    why = []
    if session.status == "interrupted":
        why.append("its process is gone and nobody ended it")
    if session.gaps:
        why.append(f"it has {many(session.gaps, 'gap')}")
    if session.abandoned:
        why.append(f"{many(session.abandoned, 'stream')} ended unnoticed")
    return ", and ".join(why)


def caveats_of(sessions: Iterable[SessionRecord]) -> tuple[str, ...]:
    """What keeps an answer from being about all that sessions were handed.

    >>> caveats_of([SessionRecord("7d0e…", "2026-01-01", "v1", "running", streams=1)])
    ('session 7d0e… is still running: this is as far as it is on the disk',)
    """
    found = []
    for session in {one.session_id: one for one in sessions}.values():
        if session.status == "running":
            found.append(
                f"session {session.session_id} is still running: this is as far as it is on the "
                "disk"
            )
        if why := why_not_whole(session):
            found.append(
                f"the record of session {session.session_id} is not whole ({why}): what is missing "
                "from it counts as not seen"
            )
    return tuple(found)


def with_caveats(text: str, caveats: Sequence[str]) -> str:
    """A text, and what is to be said beside it, line by line."""
    return "\n".join([text, *(f"- {caveat}" for caveat in caveats)])


class Shown:
    """An answer that shows itself as it is printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"
