"""The catalog's statements: sources, licenses, streams and gaps; ``SessionRows`` has those of
writers and sessions.

These are the only modules that know those tables. Its methods take and give records.
"""

import json
from collections.abc import Iterable
from typing import Any

from origin.core.record import (
    UNKNOWN_LICENSE,
    Gap,
    LicenseRecord,
    SourceRecord,
    StreamRecord,
    utc_now,
)
from origin.errors import LicenseNotFoundError, SourceNotFoundError
from origin.storage.connection import Connection, Row
from origin.storage.sessionrows import SessionRows
from origin.storage.text import (
    from_column,
    optional_from_column,
    optional_to_column,
    to_column,
)

_STREAM_COLUMNS = """
    SELECT t.stream_no, s.session_id, o.source_id, t.license_id, t.rank, t.world_size,
        t.opened_at, t.batches, t.observations, t.bytes_seen
    FROM streams t JOIN sessions s USING (session_no) JOIN sources o USING (source_no)"""

# What is told of a source anew with each registration.
_OF_SOURCE = "source_type, source_path, license_id, title, author, url, changes"

SOURCE_COLUMNS = (
    "o.source_id, o.source_type, o.source_path, o.license_id, o.first_seen, o.title, o.author,"
    " o.url, o.changes"
)


def source_of(row: Row) -> SourceRecord:
    """The source of a row with the ``SOURCE_COLUMNS``."""
    return SourceRecord.stored(*map(optional_from_column, row))


class Catalog(SessionRows):
    """The small relational tables of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

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
            f"SELECT {SOURCE_COLUMNS} FROM sources o {rest}",
            bindings,
        )
        return [source_of(row) for row in rows]

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
        # A condition that may not hold for any would have SQLite read the streams of all sessions.
        conditions = [
            condition
            for condition, given in (
                ("s.session_id = :session", session_id),
                ("coalesce(t.license_id, :unknown) = :license", license_id),
            )
            if given is not None
        ]
        rows = self._db.rows(
            f"{_STREAM_COLUMNS} WHERE {' AND '.join(conditions) or 'TRUE'} ORDER BY t.stream_no",
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
