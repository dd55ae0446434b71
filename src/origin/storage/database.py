"""`ProvenanceDatabase`: the one door to what is recorded."""

import logging
import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeVar

from origin.core.record import (
    UNKNOWN_LICENSE,
    Gap,
    LicenseRecord,
    PackedBatch,
    SessionRecord,
    SourceRecord,
    StreamRecord,
    json_text,
    license_key,
    require_record,
    utc_now,
)
from origin.errors import (
    InvalidRecordError,
    InvalidStatusError,
    OriginError,
    SessionAlreadyEndedError,
    SessionEndedError,
    SourceLicenseError,
    SourceNotFoundError,
    StorageError,
)
from origin.storage import schema
from origin.storage.catalog import Catalog
from origin.storage.connection import Connection
from origin.storage.ledger import Ledger

END_STATUSES = ("completed", "failed")

_log = logging.getLogger("origin")


class Listener(Protocol):
    """Who holds something back that belongs into the database."""

    def flush(self) -> None:
        """Write all that is held back, or raise."""

    def session_ending(self, session_id: str) -> None:
        """A session is about to end; what it still lacks comes now or never."""

    def closing(self) -> None:
        """The database is about to close."""


class Companion(Listener, Protocol):
    """A listener that is made for one database."""

    def __init__(self, db: "ProvenanceDatabase") -> None:
        """Belong to that database."""


L = TypeVar("L", bound=Companion)


class ProvenanceDatabase:
    """A database of recorded training runs, in one SQLite file.

    Any thread may use it, and several processes may write one file. It is a
    context manager; leaving the block closes it.

    Args:
        path: the file, made when it does not exist.
        read_only: refuse every write; the file must exist.
        busy_timeout: how many seconds to wait while another process writes.

    Raises:
        DatabaseNotFoundError: the folder, or with ``read_only`` the file, does not exist.
        NotADatabaseError: the file is something else; it is left as it is.
        NewerSchemaError: a newer Origin wrote it.
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
    ) -> None:
        self.path = Path(path)
        self._connection = Connection(self.path, read_only=read_only, busy_timeout=busy_timeout)
        try:
            schema.prepare(self._connection)
        except BaseException:
            self._connection.abandon()
            raise
        self.catalog = Catalog(self._connection)
        self.ledger = Ledger(self._connection)
        self._listeners: list[weakref.ref[Listener]] = []
        self._companions: dict[type, Listener] = {}
        self._writer: tuple[int, int] | None = None

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
        self, config_hash: str, metadata: Mapping[str, Any] | None = None
    ) -> SessionRecord:
        """Begin to record a training run.

        Args:
            config_hash: the user's own name or hash of the configuration.
            metadata: a JSON object kept with the session.

        Returns:
            The session, with status ``running``.

        Raises:
            InvalidRecordError: the metadata is no mapping of JSON types.
            ReadOnlyDatabaseError: the database is read-only.
        """
        self._connection.require_writable()
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
        writer_no = self._writer_no()
        with self._connection.transaction():
            return self.catalog.add_session(config_hash, given, writer_no)

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

    def _require_not_ended(self, session_id: str) -> int:
        session_no, status = self.catalog.session_state(session_id)
        if status != "running":
            raise SessionAlreadyEndedError(
                f"session {session_id} has already ended as {status!r}; that stays"
            )
        return session_no

    @contextmanager
    def session(
        self, config_hash: str, metadata: Mapping[str, Any] | None = None
    ) -> Iterator[SessionRecord]:
        """A session for a ``with`` block: completed at its end, failed on an exception.

        The exception passes on; ``sys.exit(0)`` is an end like any other. A session that the
        block ended itself stays as it is.
        """
        session = self.begin_session(config_hash, metadata)
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
        """Define a license of your own, or define it anew."""
        require_record("record_license", record, LicenseRecord)
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

    # -- recording -------------------------------------------------------------------

    def declare_source(
        self, session_id: str, source_id: str, license_id: str | None
    ) -> SourceRecord:
        """What a hook says of its source: register it if nobody did.

        Raises:
            SessionNotFoundError, SessionEndedError: nothing can be recorded into the session.
            SourceLicenseError: the source is registered under another license.
        """
        declared = SourceRecord(source_id, license_id=license_id)
        with self._connection.transaction():
            self.require_running(session_id)
            return self._registered(declared)

    def _registered(self, declared: SourceRecord) -> SourceRecord:
        try:
            known = self.catalog.source(declared.source_id)
        except SourceNotFoundError:
            known = None
        if known is None:
            self.catalog.put_source(declared)
            return declared
        known_key = license_key(known.license_id)
        if declared.license_id is None or known_key == license_key(declared.license_id):
            return known
        if known_key != UNKNOWN_LICENSE:
            raise SourceLicenseError(
                f"source {known.source_id!r} is registered under {known.license_id!r}, the hook "
                f"says {declared.license_id!r}; leave license_id out to take the source's, or "
                "register the source anew with db.record_source(...)"
            )
        updated = SourceRecord.stored(
            known.source_id,
            known.source_type,
            known.source_path,
            declared.license_id,
            known.first_seen,
        )
        self.catalog.put_source(updated)
        return updated

    def require_running(self, session_id: str) -> int:
        """Raise unless a session can be recorded into; returns its number.

        Raises:
            SessionNotFoundError, SessionEndedError: it cannot.
        """
        session_no, status = self.catalog.session_state(session_id)
        if status != "running":
            raise SessionEndedError(
                f"session {session_id} has ended as {status!r}, so nothing more can be recorded "
                "into it; begin another with db.begin_session(...)"
            )
        return session_no

    def open_stream(
        self, session_id: str, source_id: str, rank: int = 0, world_size: int = 1
    ) -> StreamRecord:
        """Open a stream: batches of one source flowing into one session.

        Raises:
            SessionNotFoundError, SessionEndedError: nothing can be recorded into the session.
            SourceNotFoundError: nobody registered the source.
        """
        writer_no = self._writer_no()
        with self._connection.transaction():
            session_no = self.require_running(session_id)
            license_id = self.catalog.source(source_id).license_id
            stream = StreamRecord(0, session_id, source_id, license_id, rank, world_size, utc_now())
            number = self.catalog.add_stream(stream, session_no, writer_no)
        return replace(stream, stream_no=number)

    def append(self, batches: Sequence[PackedBatch], gaps: Sequence[Gap] = ()) -> None:
        """Write batches and gaps in one transaction; on return they are on the disk.

        That something is missing can be noted in a session that has ended, too.

        Raises:
            SessionEndedError: a batch belongs to a session that has ended.
            InvalidRecordError: a stream was never opened, or a batch is malformed.
            RecordRefusedError: a batch is there already, or can never be written.
            StorageError: the disk or SQLite refused. Whatever was raised, nothing was written.
        """
        with self._connection.transaction():
            with_batches = {batch.stream_no for batch in batches}
            self._require_open(with_batches, {gap.stream_no for gap in gaps})
            self.ledger.append(batches)
            for stream_no in with_batches:
                own = [batch for batch in batches if batch.stream_no == stream_no]
                self.catalog.count(
                    stream_no,
                    len(own),
                    sum(batch.count for batch in own),
                    sum(batch.total_bytes for batch in own),
                )
            self.catalog.add_gaps(gaps)

    def _require_open(self, stream_nos: set[int], only_gaps: set[int]) -> None:
        statuses = self.catalog.statuses(stream_nos | only_gaps)
        for stream_no in sorted(stream_nos | only_gaps):
            if stream_no not in statuses:
                raise InvalidRecordError(
                    f"{self.path} has no stream {stream_no}; open one with db.open_stream(...)"
                )
            if stream_no in stream_nos and statuses[stream_no] != "running":
                raise SessionEndedError(
                    f"the session of stream {stream_no} has ended, so nothing more can be "
                    "recorded into it; begin another with db.begin_session(...)"
                )

    def beat(self) -> None:
        """Note a sign of life, so that other hosts do not take this process for dead."""
        writer_no = self._writer_no()
        with self._connection.transaction():
            self.catalog.beat(writer_no)

    def leave(self) -> None:
        """Note that all this process recorded is on the disk, without closing."""
        writer_no = self._own_writer()
        if writer_no is not None:
            with self._connection.transaction():
                self.catalog.close_streams(writer_no)

    def _own_writer(self) -> int | None:
        """The number under which this very process writes, if it ever wrote."""
        if self._writer is None or self._writer[0] != os.getpid():
            return None
        return self._writer[1]

    def _writer_no(self) -> int:
        # In a transaction of its own: a number that is rolled back may become another's.
        with self._connection.lock:
            number = self._own_writer()
            if number is None:
                with self._connection.transaction():
                    number = self.catalog.add_writer()
                self._writer = (os.getpid(), number)
            return number

    # -- keeping together ------------------------------------------------------------

    def add_listener(self, listener: Listener) -> None:
        """Have a listener told before a session ends or the database closes."""
        self._listeners.append(weakref.ref(listener))

    def companion(self, kind: type[L]) -> L:
        """The listener of that kind which lives as long as this database; made when it is
        first asked for."""
        found = self._companions.get(kind)
        if not isinstance(found, kind):
            found = self._companions[kind] = kind(self)
            self.add_listener(found)
        return found

    def _living_listeners(self) -> list[Listener]:
        self._listeners = [ref for ref in self._listeners if ref() is not None]
        return [listener for ref in self._listeners if (listener := ref()) is not None]

    def flush(self) -> None:
        """Wait until all that was observed so far is committed.

        Raises:
            StorageError: it cannot be.
        """
        for listener in self._living_listeners():
            listener.flush()

    def close(self) -> None:
        """Commit what is held back and close; a second call does nothing."""
        if self.closed:
            return
        try:
            for listener in self._living_listeners():
                listener.closing()
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
