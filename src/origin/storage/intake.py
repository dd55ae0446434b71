"""What recorders and hooks do with a database: declare, open streams, append, keep together."""

import os
import warnings
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from origin.core.record import (
    UNKNOWN_LICENSE,
    Annotation,
    Gap,
    PackedBatch,
    SourceRecord,
    StreamRecord,
    license_key,
    utc_now,
)
from origin.errors import (
    InvalidRecordError,
    OriginWarning,
    SessionEndedError,
    SourceLicenseError,
    SourceNotFoundError,
)
from origin.storage.annotations import Annotations
from origin.storage.catalog import Catalog
from origin.storage.connection import Connection
from origin.storage.fingerprints import FileFingerprints
from origin.storage.gate import require_allowed
from origin.storage.ledger import Ledger
from origin.storage.licensing import LicenseBook
from origin.storage.sealing.upkeep import Upkeep

if TYPE_CHECKING:
    from origin.core.license import LicensePolicy, SourceUse

_MAX_WORLD_SIZE = 2**31 - 1


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

    def __init__(self, db: "Intake") -> None:
        """Belong to that database."""


L = TypeVar("L", bound=Companion)


class Intake:
    """The part of a database that takes in what is observed."""

    path: Path
    catalog: Catalog
    ledger: Ledger
    annotations: Annotations
    licensing: LicenseBook
    _connection: Connection
    _fingerprints: FileFingerprints
    _upkeep: Upkeep
    _listeners: list[weakref.ref[Listener]]
    _companions: dict[type, Listener]
    _followers: list[Callable[[str], None]]
    _writer: tuple[int, int] | None
    _policy_warnings: set[tuple[str, str]]

    # -- recording -------------------------------------------------------------------

    def declare_source(
        self,
        session_id: str,
        source_id: str,
        license_id: str | None,
        policy: "LicensePolicy | None" = None,
    ) -> SourceRecord:
        """What a hook says of its source: register it if nobody did.

        Args:
            session_id: the session that it is for.
            source_id: the source.
            license_id: its license; None if the hook names none.
            policy: the hook's own; that of the session holds in any case.

        Raises:
            SessionNotFoundError, SessionEndedError: nothing can be recorded into the session.
            SourceLicenseError: the source is registered under another license.
            LicensePolicyError: a policy does not allow it; it is not registered then.
        """
        declared = SourceRecord(source_id, license_id=license_id)
        with self._connection.transaction():
            self.require_running(session_id)
            source = self._registered(declared)
            self._warn_of(session_id, self._require_allowed(session_id, source, policy))
        return source

    def _warn_of(self, session_id: str, told: Sequence[str]) -> None:
        for text in told:
            if (session_id, text) not in self._policy_warnings:
                # As an error, which it can be made, it takes back what was begun.
                warnings.warn(text, OriginWarning, stacklevel=5)
                self._policy_warnings.add((session_id, text))

    def _require_allowed(
        self, session_id: str, source: SourceRecord, policy: "LicensePolicy | None" = None
    ) -> list[str]:
        noted = self.licensing.policy(session_id)
        if noted is None and policy is None:
            return []
        from origin.core.license import LicensePolicy

        policies = [] if policy is None else [policy]
        if noted is not None:
            policies.append(LicensePolicy.from_json(noted))
        return require_allowed(
            source,
            self.licensing.licenses_so_far(session_id, but_for=source.source_id),
            list(dict.fromkeys(policies)),
            self.catalog.licenses(),
        )

    def license_uses(self, session_id: str) -> "list[SourceUse]":
        """What a session had from each source under each license, in the order they came.

        Args:
            session_id: which session.
        """
        return self.licensing.uses(session_id)

    def _registered(self, declared: SourceRecord) -> SourceRecord:
        try:
            known = self.catalog.source(declared.source_id)
        except SourceNotFoundError:
            known = None
        if known is None:
            self.catalog.put_source(declared)
            return declared
        if declared.license_id is None or self._is_one_license(known, declared):
            return known
        if license_key(known.license_id) != UNKNOWN_LICENSE:
            raise SourceLicenseError(
                f"source {known.source_id!r} is registered under {known.license_id!r}, the hook "
                f"says {declared.license_id!r}; leave license_id out to take the source's, or "
                "register the source anew with db.record_source(...)"
            )
        updated = known.under(declared.license_id)
        self.catalog.put_source(updated)
        return updated

    def _is_one_license(self, known: SourceRecord, declared: SourceRecord) -> bool:
        if license_key(known.license_id) == license_key(declared.license_id):
            return True
        from origin.core.license import normalize_license

        # "MIT License" is MIT; what cannot be read is the same only letter by letter.
        own = [one.license_id for one in self.catalog.licenses()]
        read = [normalize_license(one.license_id, own) for one in (known, declared)]
        return read[0].expression is not None and read[0].expression == read[1].expression

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
            LicensePolicyError: the policy of the session does not allow it.
            FingerprintKeyError: fingerprints are private, and the key was not given.
            InvalidRecordError: ``rank`` or ``world_size`` are out of range.
        """
        if not 0 <= rank < world_size <= _MAX_WORLD_SIZE:
            raise InvalidRecordError(
                f"rank {rank!r} of {world_size!r} is out of range: ranks are numbered from 0, and "
                "there must be more processes than that"
            )
        self._fingerprints.require_key()
        writer_no = self._writer_no()
        with self._connection.transaction():
            self._fingerprints.require_same()
            session_no = self.require_running(session_id)
            source = self.catalog.source(source_id)
            # It may have been registered anew, or others come in, since a hook declared it.
            self._warn_of(session_id, self._require_allowed(session_id, source))
            license_id = source.license_id
            stream = StreamRecord(0, session_id, source_id, license_id, rank, world_size, utc_now())
            number = self.catalog.add_stream(stream, session_no, writer_no)
        return replace(stream, stream_no=number)

    def append(
        self,
        batches: Iterable[PackedBatch],
        gaps: Iterable[Gap] = (),
        annotations: Iterable[Annotation] = (),
    ) -> None:
        """Write batches, gaps and annotations in one transaction; on return they are on the disk.

        That something is missing can be noted in a session that has ended, too.

        Raises:
            SessionEndedError: a batch belongs to a session that has ended.
            InvalidRecordError: a stream was never opened, or a batch is malformed.
            RecordRefusedError: a batch is there already, or can never be written.
            StorageError: the disk or SQLite refused. Whatever was raised, nothing was written.
        """
        batches, gaps = tuple(batches), tuple(gaps)
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
            self.annotations.put(annotations)
        self._upkeep.appended(sum(batch.count for batch in batches))

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

    def when_ended(self, follow: Callable[[str], None]) -> None:
        """Have a function called with the id of each session that this process has ended."""
        self._followers.append(follow)

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
