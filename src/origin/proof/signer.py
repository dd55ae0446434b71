"""Signs what is on record: at the end of a session, on request, and every few minutes."""

import logging
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from origin.core.arguments import session_id_of
from origin.core.log import StateLeaf, origin_of
from origin.core.merkle import merkle_root
from origin.core.note import Head, Note
from origin.core.record import SessionRecord
from origin.errors import (
    ConfigurationError,
    ProofError,
    RecordAlteredError,
    SessionNotFoundError,
    StorageError,
)
from origin.proof.journal import Journal
from origin.proof.keys import SigningKey, journal_path
from origin.proof.sets import set_tree
from origin.query.asking import Asker
from origin.query.members import Members
from origin.storage.database import ProvenanceDatabase, require_database
from origin.storage.heads import require_extends

_MEMORY = "512MB"

# What a session may gain while its sets are computed is little, so few rounds are needed.
_ROUNDS = 10

_log = logging.getLogger("origin")

Send = Callable[[str], object] | str | os.PathLike[str] | IO[str]


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head of a session, signed.

    Args:
        session_id: the session.
        note: the signed note; ``str`` of it is the text of its file.
        state: what it stands for.
    """

    session_id: str
    note: Note
    state: StateLeaf

    def __str__(self) -> str:
        return str(self.note)


class Signer:
    """Signs the heads of sessions of one database.

    As long as the database is open, each session that is ended through it is signed at its end.
    It is a context manager; leaving the block ends what it does by itself.

    Args:
        db: an open database.
        key: what signs.
        every: sign all running sessions every so many minutes, too.
        send: where a head goes as soon as it is signed: a path, which is added to, an open text
            file such as ``sys.stdout``, or a function of the text. Only copies out of reach bind
            who holds the key and the database.

    Raises:
        ConfigurationError: an argument makes no sense, or the database is read-only.
        RecordAlteredError: the database lies behind a head that the key has signed.
        SigningKeyError: what the key has signed cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     key = SigningKey.new(f"{folder}/team.key", "example.com/team")
    ...     with ProvenanceDatabase(f"{folder}/provenance.db") as db, Signer(db, key):
    ...         with db.session("v1") as session:
    ...             pass
    ...         print(heads(db, session.session_id)[0].text.split("/")[1])
    session
    """

    def __init__(
        self,
        db: ProvenanceDatabase,
        key: SigningKey,
        *,
        every: float | None = None,
        send: Send | None = None,
    ) -> None:
        require_database("Signer", db)
        if db.read_only:
            raise ConfigurationError("a read-only database cannot keep what is signed of it")
        if not isinstance(key, SigningKey):
            raise ConfigurationError(f"key is a SigningKey, not a {type(key).__name__}")
        if every is not None and not (isinstance(every, int | float) and every > 0):
            raise ConfigurationError(f"every is a number of minutes above 0, not {every!r}")
        self._db, self._key = db, key
        self._send = _sender(send)
        self._members = Members(Asker(db, _MEMORY))
        self._lock = threading.RLock()
        self._done = threading.Event()
        self._journal = None
        if key.path is not None:
            self._journal = Journal(journal_path(key.path))
            _require_not_behind(db, self._journal)
        db.when_ended(self._ended)
        if every is not None:
            threading.Thread(
                target=_sign_now_and_then,
                args=(weakref.ref(self), self._done, every * 60),
                name="origin-signing",
                daemon=True,
            ).start()

    def sign(self, session_id: str | SessionRecord) -> SignedHead:
        """Sign what is on record of a session now.

        All that was observed is committed first, and only what is on the disk is signed. If
        nothing came since the last head, that one is given again.

        Args:
            session_id: which session; it may be running.

        Raises:
            SessionNotFoundError: no session has that id.
            RecordAlteredError: the record contradicts a head that was signed before.
            SigningKeyError: the list of what was signed cannot be written.
            StorageError: the disk or SQLite refused; or what was signed could not be sent.
        """
        own = session_id_of(session_id)
        with self._lock:
            self._db.flush()
            state = self._settled(own)
            states = self._db.logs.states(own)[: state + 1]
            found = self._signed(own, [one.leaf for one in states])
        self._sent(found)
        return found

    def _sent(self, found: SignedHead) -> None:
        if self._send is None:
            return
        try:
            self._send(str(found))
        except OSError as error:
            raise StorageError(
                f"the head of session {found.session_id} is signed and kept, but could not be "
                f"sent: {error}; `origin heads` shows it"
            ) from error

    def _settled(self, session_id: str) -> int:
        """The number of the state that is to be signed."""
        logs = self._db.logs
        for _ in range(_ROUNDS):
            sets = {
                stream.stream_no: set_tree(
                    self._members.in_order(session_id, stream), stream.observations
                )
                for stream in logs.unclosed(session_id)
            }
            found = logs.settle(session_id, sets)
            if not logs.unclosed(session_id):
                return found.number
        raise RecordAlteredError(f"session {session_id} has ended and goes on changing")

    def _signed(self, session_id: str, states: list[StateLeaf]) -> SignedHead:
        leaves = [one.data() for one in states]
        text = Head(origin_of(session_id), len(leaves), merkle_root(leaves)).text
        if self._journal is not None:
            self._journal.note(leaves, session_id)
        own = Note(text, (self._key.sign(text),))
        note = self._db.logs.put_head(session_id, len(leaves) - 1, own)
        return SignedHead(session_id, note, states[-1])

    def _ended(self, session_id: str) -> None:
        if self._done.is_set():
            return
        try:
            self.sign(session_id)
        except Exception as error:  # what it is sent with is the user's own
            # It has ended, and all is on record; only what vouches for it is missing.
            _log.warning(
                "session %s has ended and was not signed, or its head not sent: %s; `origin sign` "
                "does it again",
                session_id,
                error,
            )

    def _sign_running(self) -> None:
        for session in self._db.list_sessions(status="running"):
            if self._done.is_set():
                return
            try:
                self.sign(session)
            except Exception:
                _log.exception("session %s was not signed; it is tried again", session.session_id)

    def close(self) -> None:
        """Sign nothing more by itself."""
        self._done.set()

    def __enter__(self) -> "Signer":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _sign_now_and_then(own: "weakref.ref[Signer]", done: threading.Event, seconds: float) -> None:
    while not done.wait(seconds):
        signer = own()
        if signer is None or signer._db.closed:
            return
        try:
            signer._sign_running()
        except Exception:
            _log.exception("a running session was not signed; it is tried again")
        del signer


def heads(db: ProvenanceDatabase, session_id: str | SessionRecord) -> list[Note]:
    """The heads of a session that were signed, in order.

    Args:
        db: an open database.
        session_id: which session.

    Raises:
        SessionNotFoundError: no session has that id.
        RecordAlteredError: one is damaged.
    """
    states = db.logs.states(session_id_of(session_id))
    try:
        return [Note.parse(one.head) for one in states if one.head is not None]
    except ProofError as error:
        raise RecordAlteredError(f"a head of session {session_id} is damaged: {error}") from error


def _require_not_behind(db: ProvenanceDatabase, journal: Journal) -> None:
    for known in journal.last().values():
        try:
            states = [one.leaf.data() for one in db.logs.states(known.session)]
        except SessionNotFoundError:
            continue  # it is in another database
        require_extends(states, known)


def _sender(send: Send | None) -> Callable[[str], object] | None:
    if send is None:
        return None
    if isinstance(send, str | os.PathLike):
        return _ToPath(Path(send))
    write = getattr(send, "write", None)
    if callable(write):
        return _ToFile(write, getattr(send, "flush", None))
    if callable(send):
        return send
    raise ConfigurationError(
        f"send is a path, an open text file or a function, not a {type(send).__name__}"
    )


@dataclass(frozen=True)
class _ToPath:
    path: Path

    def __call__(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True)
class _ToFile:
    write: Callable[[str], object]
    flush: Callable[[], object] | None

    def __call__(self, text: str) -> None:
        self.write(f"{text}\n")
        if self.flush is not None:
            self.flush()
