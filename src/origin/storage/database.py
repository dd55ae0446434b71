"""`ProvenanceDatabase`: the one door to what is recorded."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from origin.core.fingerprintkey import KeyGiven
from origin.core.record import (
    MIXED_LICENSE,
    RESERVED_LICENSES,
    LicenseRecord,
    SessionRecord,
    SourceRecord,
    license_key,
)
from origin.core.validation import json_text, require_record
from origin.errors import (
    ConfigurationError,
    InvalidRecordError,
    InvalidStatusError,
    OriginError,
    SessionAlreadyEndedError,
    StorageError,
)
from origin.storage import schema
from origin.storage.annotations import Annotations
from origin.storage.batchtable import BatchTable
from origin.storage.catalog import Catalog
from origin.storage.connection import Connection
from origin.storage.fingerprints import FileFingerprints, Fingerprinting, wish_of
from origin.storage.gate import readable_policy, review_licenses
from origin.storage.heads import require_heads
from origin.storage.intake import Intake
from origin.storage.kept import KeptNumbers
from origin.storage.ledger import Ledger
from origin.storage.licensing import LicenseBook
from origin.storage.models import Models
from origin.storage.overview import Overview
from origin.storage.sealing.upkeep import Upkeep
from origin.storage.sessionlogs import SessionLogs
from origin.storage.settings import SEAL_AFTER, checked_threshold
from origin.storage.settling import Settling

if TYPE_CHECKING:
    from origin.core.license import LicensePolicy
    from origin.storage.checks.damage import CheckReport

END_STATUSES = ("completed", "failed")

_log = logging.getLogger("origin")


class ProvenanceDatabase(Intake, Settling, Fingerprinting):
    """A database of recorded training runs, in one SQLite file.

    Any thread may use it, and several processes may write one file. It is a
    context manager; leaving the block closes it.

    Args:
        path: the file, made when it does not exist.
        read_only: refuse every write; the file must exist.
        busy_timeout: how many seconds to wait while another process writes.
        seal_after: once so many observations are unsealed, they are moved into segments while
            recording goes on; None leaves that to ``seal()``.
        fingerprint: ``"sha256"`` or ``"blake3"``, for a new file; recorded in it, and never
            mixed. Left out, it is what the file says, or SHA-256.
        fingerprint_key: makes the fingerprints of a new file private, by HMAC-SHA-256, and is
            needed ever after to record or to look up content: 32 random bytes or more, or the
            path of a file that ``origin keys private`` made. It is kept in no file of ours.
        heads: a file with signed heads, as a ``Signer`` sends them; a database that lies behind one
            of them is refused. That there is no such file yet means that there are none.

    Raises:
        ConfigurationError: an argument makes no sense, or the file has other fingerprints.
        FingerprintKeyError: the key is none, or another than the file's.
        DatabaseNotFoundError: the folder, or with ``read_only`` the file, does not exist.
        NotADatabaseError: the file is something else; it is left as it is.
        NewerSchemaError: a newer Origin wrote it.
        RecordAlteredError: it lies behind one of the ``heads``, or has another history.
        StorageError: the disk or SQLite refused.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
    ...     session = db.begin_session(config_hash="v1")
    ...     db.end_session(session.session_id, status="completed")
    ...     db.get_session(session.session_id).status
    'completed'
    >>> folder.cleanup()
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = "./provenance.db",
        read_only: bool = False,
        *,
        busy_timeout: float = 30.0,
        seal_after: int | None = SEAL_AFTER,
        fingerprint: str | None = None,
        fingerprint_key: KeyGiven | None = None,
        heads: str | os.PathLike[str] | None = None,
    ) -> None:
        wish = wish_of(fingerprint, fingerprint_key)
        self._busy_timeout = busy_timeout
        self.seal_after = checked_threshold(seal_after)
        self.path = Path(path)
        self._connection = Connection(self.path, read_only=read_only, busy_timeout=busy_timeout)
        try:
            schema.prepare(self._connection)
            self._fingerprints = FileFingerprints(self._connection, wish)
            self.logs = SessionLogs(self._connection, self.fingerprint_algorithm)
            if heads is not None:
                require_heads(self.logs, Path(heads))
        except BaseException:
            self._connection.abandon()
            raise
        self.catalog = Catalog(self._connection)
        self.ledger = Ledger(self._connection)
        self.annotations = Annotations(self._connection)
        self.batch_table = BatchTable(self._connection)
        self.kept = KeptNumbers(self._connection)
        self.overview = Overview(self._connection)
        self.licensing = LicenseBook(self._connection)
        self.models = Models(self._connection)
        self._upkeep = Upkeep(self._connection, self.ledger, self.seal_after)
        self._listeners = []
        self._companions = {}
        self._followers = []
        self._writer = None
        self._policy_warnings = set()

    @property
    def read_only(self) -> bool:
        """Whether every write is refused."""
        return self._connection.read_only

    @property
    def closed(self) -> bool:
        """Whether the database was closed."""
        return self._connection.closed

    def __repr__(self) -> str:
        return f"ProvenanceDatabase({str(self.path)!r}, read_only={self.read_only})"

    # -- sessions --------------------------------------------------------------------

    def begin_session(
        self,
        config_hash: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        policy: "LicensePolicy | str | os.PathLike[str] | None" = None,
    ) -> SessionRecord:
        """Begin to record a training run.

        Args:
            config_hash: the user's own name or hash of the configuration.
            metadata: a JSON object kept with the session.
            policy: which licenses it may use, as a ``LicensePolicy`` or the path of a TOML file; a
                hook of a source that breaks it is refused.

        Returns:
            The session, with status ``running``.

        Raises:
            InvalidRecordError: the metadata is no mapping of JSON types.
            ConfigurationError: the policy makes no sense.
            FingerprintKeyError: fingerprints are private, and the key was not given.
            ReadOnlyDatabaseError: the database is read-only.
        """
        self._connection.require_writable()
        self._fingerprints.require_key()  # nothing could be recorded without
        if not isinstance(config_hash, str):
            raise InvalidRecordError(
                f"config_hash must be a str, not a {type(config_hash).__name__}"
            )
        if metadata is not None and not isinstance(metadata, Mapping):
            raise InvalidRecordError(
                f"metadata must be a mapping such as a dict, not a {type(metadata).__name__}"
            )
        given = dict(metadata or {})
        json_text("session metadata", given)
        rules = None if policy is None else readable_policy(policy, self.list_licenses())
        writer_no = self._writer_no()
        with self._connection.transaction():
            session = self.catalog.add_session(config_hash, given, writer_no)
            if rules is not None:
                session_no, _ = self.catalog.session_state(session.session_id)
                self.licensing.put_policy(session_no, rules)
            return session

    def end_session(self, session_id: str, status: str = "completed") -> None:
        """End a session, once all that was observed in it is committed.

        Args:
            session_id: which.
            status: ``completed`` or ``failed``.

        Raises:
            InvalidStatusError: another status.
            SessionNotFoundError: no session has that id.
            SessionAlreadyEndedError: it has ended before.
            StorageError: what was observed cannot be committed; the session stays open.
        """
        self._connection.require_writable()
        if status not in END_STATUSES:
            raise InvalidStatusError(
                f"a session ends as 'completed' or 'failed', not as {status!r}"
            )
        self._require_not_ended(session_id)
        for listener in self._living_listeners():
            listener.session_ending(session_id)
        with self._connection.transaction():
            session_no = self._require_not_ended(session_id)
            self.catalog.end_session(session_no, status, self._own_writer() or 0)
        self._upkeep.ended(sum(seen.observations for seen in self.catalog.streams(session_id)))
        review_licenses(self, session_id)
        for follow in self._followers:
            follow(session_id)

    def _require_not_ended(self, session_id: str) -> int:
        session_no, status = self.catalog.session_state(session_id)
        if status != "running":
            raise SessionAlreadyEndedError(
                f"session {session_id} has already ended as {status!r}; that stays"
            )
        return session_no

    @contextmanager
    def session(
        self,
        config_hash: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        policy: "LicensePolicy | str | os.PathLike[str] | None" = None,
    ) -> Iterator[SessionRecord]:
        """A session for a ``with`` block: completed at its end, failed on an exception.

        The exception passes on; ``sys.exit(0)`` is an end like any other. A session that the
        block ended itself stays as it is.
        """
        session = self.begin_session(config_hash, metadata, policy=policy)
        try:
            yield session
        except BaseException as error:
            is_exit = isinstance(error, SystemExit) and error.code in (None, 0)
            self._end_after(session.session_id, "completed" if is_exit else "failed")
            raise
        # The block, or another process, may have ended it first.
        with suppress(SessionAlreadyEndedError):
            self.end_session(session.session_id, status="completed")

    def _end_after(self, session_id: str, status: str) -> None:
        try:
            self.end_session(session_id, status)
        except SessionAlreadyEndedError:
            pass
        except OriginError:
            # The user's own exception is on its way and must not be hidden by ours.
            _log.exception("session %s could not be marked as %s", session_id, status)

    def get_session(self, session_id: str) -> SessionRecord:
        """A session by its id.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        return self.catalog.session(session_id)

    def list_sessions(
        self, limit: int | None = None, status: str | None = None
    ) -> list[SessionRecord]:
        """Sessions, the newest first.

        Args:
            limit: at most so many.
            status: only those that show as ``running``, ``completed``, ``failed`` or
                ``interrupted``.
        """
        return self.catalog.sessions(limit, status)

    # -- sources and licenses --------------------------------------------------------

    def record_source(self, source: SourceRecord) -> None:
        """Register a source. Doing so again, under another license say, keeps the history:
        what was recorded before keeps the license that held then."""
        require_record("record_source", source, SourceRecord)
        with self._connection.transaction():
            self.catalog.put_source(source)

    def get_source(self, source_id: str) -> SourceRecord:
        """A source as it was last registered.

        Raises:
            SourceNotFoundError: nobody registered it.
        """
        return self.catalog.source(source_id)

    def list_sources(self) -> list[SourceRecord]:
        """All sources, in the order they were first registered."""
        return self.catalog.sources()

    def source_history(self, source_id: str) -> list[tuple[str, str | None]]:
        """Each registration of a source, oldest first: when, and under which license."""
        return self.catalog.source_history(source_id)

    def record_license(self, record: LicenseRecord) -> None:
        """Define a license of your own, or define it anew.

        Raises:
            InvalidRecordError: its id says that no license is known, or none, or several at once.
        """
        require_record("record_license", record, LicenseRecord)
        if license_key(record.license_id) in (*RESERVED_LICENSES, MIXED_LICENSE):
            raise InvalidRecordError(
                f"{record.license_id!r} says that no one license is known or granted, so none can "
                "have that id; give yours another, such as 'OURS-1.0'"
            )
        with self._connection.transaction():
            self.catalog.put_license(record)

    def get_license(self, license_id: str) -> LicenseRecord:
        """A license that was defined in this database.

        Raises:
            LicenseNotFoundError: nobody defined it.
        """
        return self.catalog.licenses(license_id)[0]

    def list_licenses(self) -> list[LicenseRecord]:
        """All licenses that were defined in this database, by id."""
        return self.catalog.licenses()

    # -- upkeep ----------------------------------------------------------------------

    def seal(self) -> int:
        """Move everything recorded so far into sealed segments, and merge these into few.

        Recording does this by itself, a million observations at a time; see ``seal_after``.
        Training may go on meanwhile. Answers are the same before and after.

        Returns:
            How many observations were moved.

        Raises:
            ReadOnlyDatabaseError: the database is read-only.
            SegmentError: a segment is missing or altered.
            StorageError: the disk or SQLite refused; nothing that was recorded is lost.
        """
        self._connection.require_writable()
        self.flush()
        return self._upkeep.seal(self._busy_timeout)

    def check(self, *, roots: bool = True) -> "CheckReport":
        """Check that every byte that was committed is what it was.

        Others, and this process, may record and seal meanwhile.

        Args:
            roots: also compute the Merkle root of every batch that is not sealed, and compare.

        Returns:
            What was found; it is no error when something is damaged.

        Raises:
            DatabaseClosedError: the database was closed.
            DatabaseNotFoundError: the file is gone.
            StorageError: the file cannot be reached.
        """
        from origin.storage.checks.check import check

        self._connection.rows("SELECT 1")
        file = self._connection.file
        return check(file, self.ledger.folder, self._busy_timeout, roots=roots)

    # -- closing ----------------------------------------------------------------------

    def close(self) -> None:
        """Commit what is held back and close; a second call does nothing."""
        if self.closed:
            return
        try:
            for listener in self._living_listeners():
                listener.closing()
            self._upkeep.stop()
            self._close_writer()
        finally:
            self._connection.close()

    def _close_writer(self) -> None:
        with self._connection.lock:
            writer_no = self._own_writer()
            if self.closed or writer_no is None:
                return
            try:
                with self._connection.transaction():
                    self.catalog.close_writer(writer_no)
            except StorageError:
                # Nothing that was observed is lost; the end of the process tells the same.
                _log.warning("%s: the end of its use was not noted", self.path, exc_info=True)

    def __enter__(self) -> "ProvenanceDatabase":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except OriginError:
            # The exception of the block is the user's own and must not be hidden by ours.
            if exc is None:
                raise
            _log.exception("%s could not be closed in good order", self.path)


def require_database(taker: str, given: object) -> None:
    """Raise unless something that takes an open database was given one.

    Args:
        taker: what takes it, such as ``QueryEngine``.
        given: what it was given.

    Raises:
        ConfigurationError: it is no database.
    """
    if not isinstance(given, ProvenanceDatabase):
        shown = repr(str(given)) if isinstance(given, str | os.PathLike) else "…"
        raise ConfigurationError(
            f"{taker} takes an open database, not a {type(given).__name__}: "
            f"{taker}(ProvenanceDatabase({shown}))"
        )
