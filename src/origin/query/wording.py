"""What is said beside answers."""

from collections.abc import Iterable, Sequence

from origin.core.record import SessionRecord
from origin.core.wording import many


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
