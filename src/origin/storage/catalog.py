"""The catalog's statements: writers, sessions, sources, licenses, streams and gaps.

This is the only module that knows those tables. Its methods take and give records.
"""

import json
import time
import uuid
from collections.abc import Iterable
from itertools import islice
from typing import Any

from origin.core.record import (
    UNKNOWN_LICENSE,
    Gap,
    LicenseRecord,
    SessionRecord,
    SourceRecord,
    StreamRecord,
    utc_now,
)
from origin.errors import LicenseNotFoundError, SessionNotFoundError, SourceNotFoundError
from origin.storage.connection import Connection, Row
from origin.storage.liveness import Writer, is_alive
from origin.storage.text import (
    from_column,
    optional_from_column,
    optional_to_column,
    to_column,
)

_SESSION_COLUMNS = """
    SELECT s.session_id, s.created_at, s.config_hash, s.status, s.metadata, s.ended_at,
        (SELECT count(*) FROM streams t WHERE t.session_no = s.session_no),
        (SELECT count(*) FROM gaps g JOIN streams t USING (stream_no)
            WHERE t.session_no = s.session_no),
        (SELECT count(*) FROM streams t WHERE t.session_no = s.session_no AND t.closed = 0),
        s.session_no
    FROM sessions s"""

_STREAM_COLUMNS = """
    SELECT t.stream_no, s.session_id, o.source_id, t.license_id, t.rank, t.world_size,
        t.opened_at, t.batches, t.observations, t.bytes_seen
    FROM streams t JOIN sessions s USING (session_no) JOIN sources o USING (source_no)"""

# What is told of a source anew with each registration.
_OF_SOURCE = "source_type, source_path, license_id, title, author, url, changes"


class Catalog:
    """The small relational tables of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    # -- writers ---------------------------------------------------------------------

    def add_writer(self) -> int:
        """Note that this process writes from now on; returns its number."""
        writer = Writer.this_process()
        row = self._db.row(
            "INSERT INTO writers (host, boot, pid, started, alive_at) VALUES (?, ?, ?, ?, ?)"
            " RETURNING writer_no",
            (to_column(writer.host), writer.boot, writer.pid, writer.started, time.time()),
        )
        return int(row[0]) if row else 0

    def beat(self, writer_no: int) -> None:
        """Note a sign of life."""
        self._db.rows(
            "UPDATE writers SET alive_at = ? WHERE writer_no = ?", (time.time(), writer_no)
        )

    def close_writer(self, writer_no: int) -> None:
        """Note that a writer has closed its database in good order.

        Only a running session and an open stream ask for their writer, so without one there is
        nothing to note, and nothing to wait for the disk for.
        """
        self._db.rows(
            "UPDATE writers SET closed = 1 WHERE writer_no = :writer"
            " AND (EXISTS (SELECT 1 FROM sessions WHERE status = 'running')"
            " OR EXISTS (SELECT 1 FROM streams WHERE writer_no = :writer AND closed = 0))",
            {"writer": writer_no},
        )

    def close_streams(self, writer_no: int, session_no: int | None = None) -> None:
        """Note that all of a writer's streams, of one session if named, are on the disk whole."""
        self._db.rows(
            "UPDATE streams SET closed = 1 WHERE writer_no = :writer AND closed = 0"
            " AND (:session IS NULL OR session_no = :session)",
            {"writer": writer_no, "session": session_no},
        )

    def _abandoned(self, session_no: int) -> int:
        """How many streams ended with their process before all was known to be written."""
        rows = self._db.rows(
            "SELECT count(*), host, boot, pid, started, alive_at FROM streams t"
            " JOIN writers w USING (writer_no)"
            " WHERE session_no = ? AND t.closed = 0 AND w.closed = 0 GROUP BY writer_no",
            (session_no,),
        )
        return sum(
            streams
            for streams, host, *identity, alive_at in rows
            if not is_alive(Writer(from_column(host), *identity), alive_at)
        )

    def _has_living_writer(self, session_no: int) -> bool:
        rows = self._db.rows(
            "SELECT host, boot, pid, started, alive_at FROM writers WHERE closed = 0 AND"
            " (writer_no = (SELECT writer_no FROM sessions WHERE session_no = :session)"
            " OR writer_no IN (SELECT writer_no FROM streams WHERE session_no = :session))",
            {"session": session_no},
        )
        return any(
            is_alive(Writer(from_column(host), *identity), alive_at)
            for host, *identity, alive_at in rows
        )

    # -- sessions --------------------------------------------------------------------

    def add_session(
        self, config_hash: str, metadata: dict[str, Any], writer_no: int
    ) -> SessionRecord:
        """Begin a session."""
        session_id, created_at = str(uuid.uuid4()), utc_now()
        # Escapes would join a pair of lone surrogates into one character.
        text = json.dumps(metadata, ensure_ascii=False)
        self._db.rows(
            "INSERT INTO sessions (session_id, created_at, config_hash, status, metadata,"
            " writer_no) VALUES (?, ?, ?, 'running', ?, ?)",
            (session_id, created_at, to_column(config_hash), to_column(text), writer_no),
        )
        return SessionRecord(session_id, created_at, config_hash, "running", json.loads(text))

    def end_session(self, session_no: int, status: str, writer_no: int) -> None:
        """Set the status a session ended with; its streams of that writer are whole."""
        self.close_streams(writer_no, session_no)
        self._db.rows(
            "UPDATE sessions SET status = ?, ended_at = ? WHERE session_no = ?",
            (status, utc_now(), session_no),
        )

    def session(self, session_id: str) -> SessionRecord:
        """One session, by its id."""
        row = self._db.row(f"{_SESSION_COLUMNS} WHERE s.session_id = ?", (to_column(session_id),))
        if row is None:
            raise self._no_session(session_id)
        return self._session(row)

    def sessions(self, limit: int | None, status: str | None) -> list[SessionRecord]:
        """Sessions, the newest first."""
        # What shows as interrupted stands as running in its row.
        stored = "running" if status == "interrupted" else status
        rows = self._db.rows(
            f"{_SESSION_COLUMNS} WHERE :status IS NULL OR s.status = :status"
            " ORDER BY s.session_no DESC",
            {"status": optional_to_column(stored)},
        )
        found = (record for record in map(self._session, rows) if status in (None, record.status))
        return list(found if limit is None else islice(found, max(limit, 0)))

    def _session(self, row: Row) -> SessionRecord:
        session_id, created_at, config_hash, status, metadata, ended_at, *counts, number = row
        streams, gaps, unclosed = counts
        if status == "running" and not self._has_living_writer(number):
            status = "interrupted"
        return SessionRecord(
            session_id=session_id,
            created_at=created_at,
            config_hash=from_column(config_hash),
            status=status,
            metadata=json.loads(from_column(metadata)),
            ended_at=ended_at,
            streams=streams,
            gaps=gaps,
            abandoned=self._abandoned(number) if unclosed else 0,
        )

    def session_state(self, session_id: str) -> tuple[int, str]:
        """The number of a session and the status that stands in its row.

        Raises:
            SessionNotFoundError: there is none of that id.
        """
        row = self._db.row(
            "SELECT session_no, status FROM sessions WHERE session_id = ?",
            (to_column(session_id),),
        )
        if row is None:
            raise self._no_session(session_id)
        return int(row[0]), str(row[1])

    def _no_session(self, session_id: str) -> SessionNotFoundError:
        return SessionNotFoundError(
            f"no session {session_id!r} in {self._db.path}; db.list_sessions() tells which there "
            "are, db.begin_session() begins one"
        )

    # -- sources ---------------------------------------------------------------------

    def put_source(self, source: SourceRecord) -> None:
        """Register a source, or register it anew; every registration is kept."""
        told = [
            optional_to_column(value)
            for value in (
                source.source_type,
                source.source_path,
                source.license_id,
                source.title,
                source.author,
                source.url,
                source.changes,
            )
        ]
        row = self._db.row(
            f"INSERT INTO sources (source_id, first_seen, {_OF_SOURCE})"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source_id) DO UPDATE SET"
            " source_type = excluded.source_type, source_path = excluded.source_path,"
            " license_id = excluded.license_id, title = excluded.title,"
            " author = excluded.author, url = excluded.url, changes = excluded.changes"
            " RETURNING source_no",
            (to_column(source.source_id), to_column(source.first_seen), *told),
        )
        assert row is not None  # noqa: S101  RETURNING always gives the row
        self._db.rows(
            f"INSERT INTO source_history (source_no, recorded_at, {_OF_SOURCE})"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row[0], utc_now(), *told),
        )

    def source(self, source_id: str) -> SourceRecord:
        """One source, as it was last registered.

        Raises:
            SourceNotFoundError: nobody registered it.
        """
        rows = self._sources("WHERE source_id = ?", (to_column(source_id),))
        if not rows:
            raise SourceNotFoundError(
                f"no source {source_id!r} in {self._db.path}; "
                "db.list_sources() tells which there are"
            )
        return rows[0]

    def sources(self) -> list[SourceRecord]:
        """All sources, in the order they were first registered."""
        return self._sources("ORDER BY source_no", ())

    def _sources(self, rest: str, bindings: tuple[Any, ...]) -> list[SourceRecord]:
        rows = self._db.rows(
            "SELECT source_id, source_type, source_path, license_id, first_seen, title, author,"
            f" url, changes FROM sources {rest}",
            bindings,
        )
        return [SourceRecord.stored(*map(optional_from_column, row)) for row in rows]

    def source_history(self, source_id: str) -> list[tuple[str, str | None]]:
        """When a source was registered and under which license, oldest first."""
        rows = self._db.rows(
            "SELECT h.recorded_at, h.license_id FROM source_history h"
            " JOIN sources USING (source_no) WHERE source_id = ? ORDER BY entry_no",
            (to_column(source_id),),
        )
        return [(at, optional_from_column(license_id)) for at, license_id in rows]

    # -- licenses --------------------------------------------------------------------

    def put_license(self, record: LicenseRecord) -> None:
        """Define a license, or define it anew."""
        self._db.rows(
            "INSERT OR REPLACE INTO licenses (license_id, license_name, license_url, permissions,"
            " restrictions, conditions, copyleft, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                to_column(record.license_id),
                to_column(record.license_name),
                optional_to_column(record.license_url),
                _words_to_column(record.permissions),
                _words_to_column(record.restrictions),
                _words_to_column(record.conditions),
                int(record.copyleft),
                utc_now(),
            ),
        )

    def licenses(self, license_id: str | None = None) -> list[LicenseRecord]:
        """All licenses that were defined, or the one of that id.

        Raises:
            LicenseNotFoundError: an id was given and nobody defined it.
        """
        where = "" if license_id is None else "WHERE license_id = ?"
        rows = self._db.rows(
            "SELECT license_id, license_name, license_url, permissions, restrictions, conditions,"
            f" copyleft FROM licenses {where} ORDER BY license_id",
            () if license_id is None else (to_column(license_id),),
        )
        if license_id is not None and not rows:
            raise LicenseNotFoundError(
                f"no license {license_id!r} was defined in {self._db.path}; "
                "define it with db.record_license(LicenseRecord(...))"
            )
        return [
            LicenseRecord(
                from_column(key),
                from_column(name),
                optional_from_column(url),
                _words_from_column(permissions),
                _words_from_column(restrictions),
                _words_from_column(conditions),
                bool(copyleft),
            )
            for key, name, url, permissions, restrictions, conditions, copyleft in rows
        ]

    # -- streams and gaps ------------------------------------------------------------

    def add_stream(self, stream: StreamRecord, session_no: int, writer_no: int) -> int:
        """Open a stream of a registered source; returns the number it has from now on."""
        row = self._db.row(
            "INSERT INTO streams (session_no, source_no, license_id, rank, world_size, writer_no,"
            " opened_at) SELECT ?, source_no, ?, ?, ?, ?, ? FROM sources WHERE source_id = ?"
            " RETURNING stream_no",
            (
                session_no,
                optional_to_column(stream.license_id),
                stream.rank,
                stream.world_size,
                writer_no,
                stream.opened_at,
                to_column(stream.source_id),
            ),
        )
        assert row is not None  # noqa: S101  the source was registered in this transaction
        return int(row[0])

    def count(self, stream_no: int, batches: int, observations: int, bytes_seen: int) -> None:
        """Add to what a stream has seen."""
        self._db.rows(
            "UPDATE streams SET batches = batches + ?, observations = observations + ?,"
            " bytes_seen = bytes_seen + ?, closed = 0 WHERE stream_no = ?",
            (batches, observations, bytes_seen, stream_no),
        )

    def streams(
        self, session_id: str | None = None, license_id: str | None = None
    ) -> list[StreamRecord]:
        """Streams in the order they were opened, of one session or license if named.

        ``unknown`` also finds the streams for which nobody named a license.
        """
        rows = self._db.rows(
            f"{_STREAM_COLUMNS} WHERE (:session IS NULL OR s.session_id = :session)"
            " AND (:license IS NULL OR coalesce(t.license_id, :unknown) = :license)"
            " ORDER BY t.stream_no",
            {
                "session": optional_to_column(session_id),
                "license": optional_to_column(license_id),
                "unknown": UNKNOWN_LICENSE,
            },
        )
        return [
            StreamRecord(
                number, session, from_column(source), optional_from_column(license_id), *rest
            )
            for number, session, source, license_id, *rest in rows
        ]

    def statuses(self, stream_nos: Iterable[int]) -> dict[int, str]:
        """The status of the session of each of these streams, as far as they exist."""
        rows = self._db.rows(
            "SELECT stream_no, status FROM streams JOIN sessions USING (session_no)"
            " WHERE stream_no IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(stream_nos)),),
        )
        return dict(rows)

    def add_gaps(self, gaps: Iterable[Gap]) -> None:
        """Note batches that are missing from the record; a fault that lasts makes one gap."""
        for gap in gaps:
            if not self._extend_last_gap(gap):
                self._db.rows(
                    "INSERT INTO gaps (stream_no, first_batch, last_batch, reason, noticed_at)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (
                        gap.stream_no,
                        gap.first_batch,
                        gap.last_batch,
                        to_column(gap.reason),
                        to_column(gap.noticed_at),
                    ),
                )

    def _extend_last_gap(self, gap: Gap) -> bool:
        row = self._db.row(
            "SELECT gap_no, first_batch, last_batch, reason FROM gaps WHERE stream_no = ?"
            " ORDER BY gap_no DESC LIMIT 1",
            (gap.stream_no,),
        )
        if row is None:
            return False
        number, first, last, reason = row
        if Gap(gap.stream_no, first, last, from_column(reason)).joined(gap) is None:
            return False
        self._db.rows("UPDATE gaps SET last_batch = ? WHERE gap_no = ?", (gap.last_batch, number))
        return True

    def gaps(self, session_id: str) -> list[Gap]:
        """The gaps in a session's record."""
        rows = self._db.rows(
            "SELECT g.stream_no, first_batch, last_batch, reason, noticed_at FROM gaps g"
            " JOIN streams USING (stream_no) JOIN sessions USING (session_no)"
            " WHERE session_id = ? ORDER BY g.stream_no, first_batch",
            (to_column(session_id),),
        )
        return [
            Gap(no, first, last, from_column(why), from_column(at))
            for no, first, last, why, at in rows
        ]


def _words_to_column(words: tuple[str, ...]) -> str:
    # Escapes would join a pair of lone surrogates into one character.
    return to_column(json.dumps(words, ensure_ascii=False))


def _words_from_column(text: str) -> tuple[str, ...]:
    return tuple(json.loads(from_column(text)))
