"""Heads that were signed of sessions, held against what is on record now."""

from dataclasses import dataclass
from pathlib import Path

from origin.core.log import StateLeaf, session_of
from origin.core.merkle import merkle_root
from origin.core.note import Head, Note
from origin.errors import ConfigurationError, ProofError, RecordAlteredError, SessionNotFoundError
from origin.storage.sessionlogs import SessionLogs


@dataclass(frozen=True, slots=True)
class Signed:
    """A head that a key has signed.

    Args:
        session: the session's id.
        size: how many states its log had.
        root: of that log, 64 hex digits.
    """

    session: str
    size: int
    root: str


def require_extends(states: list[bytes], known: Signed) -> None:
    """Raise unless the log of states begins with what was signed.

    Args:
        states: its leaves.
        known: what was signed.

    Raises:
        RecordAlteredError: it lies behind that, or is another.

    >>> require_extends([b"a"], Signed("7d0e…", 1, merkle_root([b"a"]).hex()))
    """
    if len(states) < known.size:
        raise RecordAlteredError(
            f"the record of session {known.session} lies behind a head that was signed: it has "
            f"{len(states)} of {known.size} states. It was put back to what it was before, from a "
            "backup perhaps; what was recorded since is missing. Restore the newer file, or record "
            "into another"
        )
    if merkle_root(states[: known.size]).hex() != known.root:
        raise RecordAlteredError(
            f"the record of session {known.session} is not the one of which a head with "
            f"{known.size} states was signed; it has another history. Nothing is signed: two heads "
            "of one size would contradict each other"
        )


def require_head(logs: SessionLogs, note: Note) -> StateLeaf:
    """Raise unless a record has all that a head was signed over; no signature is checked.

    Args:
        logs: of the record.
        note: the head.

    Returns:
        The state of which it is.

    Raises:
        ProofError: it is no head of a session.
        RecordAlteredError: the record lies behind it, or has another history.
    """
    head = Head.parse(note.text)
    session_id = session_of(head.origin)
    try:
        states = [one.leaf for one in logs.states(session_id)]
    except SessionNotFoundError:
        states = []
    if not head.size:
        raise ProofError("the head is of no state at all")
    require_extends([one.data() for one in states], Signed(session_id, head.size, head.root.hex()))
    leaf = states[head.size - 1]
    logs.require_prefix(session_id, leaf)
    return leaf


def require_heads(logs: SessionLogs, path: Path) -> None:
    """Raise unless a record has all that the heads in a file were signed over.

    Args:
        logs: of the record.
        path: of the file; that there is none yet means that there are no heads.

    Raises:
        ConfigurationError: the file cannot be read, or holds something else.
        RecordAlteredError: the record lies behind one of them, or has another history.
    """
    try:
        told = path.read_text("utf-8")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the heads in {path} cannot be read: {error}") from error
    try:
        for note in Note.parse_many(told):
            require_head(logs, note)
    except ProofError as error:
        raise ConfigurationError(f"{path} does not hold signed heads: {error}") from error
