"""The catalog's statements about writers and sessions."""

import json
import time
import uuid
from typing import Any

from origin.core.record import SessionRecord, utc_now
from origin.errors import CorruptDatabaseError, SessionNotFoundError
from origin.storage.connection import Connection, Row
from origin.storage.liveness import Writer
from origin.storage.text import from_column, optional_to_column, to_column

_IS_ALIVE = "origin_is_alive(w.host, w.boot, w.pid, w.started, w.alive_at)"

# A session whose writers are all gone shows as interrupted; it stands as running in its row.
STATUS = f"""CASE WHEN s.status = 'running' AND NOT EXISTS (
        SELECT 1 FROM writers w WHERE w.writer_no IN (SELECT s.writer_no UNION
            SELECT t.writer_no FROM streams t WHERE t.session_no = s.session_no)
        AND w.closed = 0 AND {_IS_ALIVE})
    THEN 'interrupted' ELSE s.status END"""

# The last of them: how many streams ended with their process before all was known to be written.
SESSION_COLUMNS = f"""s.session_id, s.created_at, s.config_hash, {STATUS} AS shown_status,
        s.metadata, s.ended_at,
        (SELECT count(*) FROM streams t WHERE t.session_no = s.session_no),
        (SELECT count(*) FROM gaps g JOIN streams t USING (stream_no)
            WHERE t.session_no = s.session_no),
        (SELECT count(*) FROM streams t JOIN writers w USING (writer_no)
            WHERE t.session_no = s.session_no AND t.closed = 0 AND w.closed = 0
            AND NOT {_IS_ALIVE})"""


class SessionRows:
    """The part of ``Catalog`` that keeps writers and sessions."""

    _db: Connection

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
        """One session, by its id.

        Raises:
            SessionNotFoundError: there is none of that id.
        """
        row = self._db.row(
            f"SELECT {SESSION_COLUMNS} FROM sessions s WHERE s.session_id = ?",
            (to_column(session_id),),
        )
        if row is None:
            raise self._no_session(session_id)
        return session_of(row)

    def sessions(self, limit: int | None, status: str | None) -> list[SessionRecord]:
        """Sessions, the newest first."""
        rows = self._db.rows(
            f"SELECT {SESSION_COLUMNS} FROM sessions s"
            " WHERE :status IS NULL OR shown_status = :status"
            " ORDER BY s.session_no DESC LIMIT :limit",
            {
                "status": optional_to_column(status),
                "limit": -1 if limit is None else max(limit, 0),
            },
        )
        return [session_of(row) for row in rows]

    def sessions_beginning(self, beginning: str, limit: int) -> list[SessionRecord]:
        """At most so many of the sessions whose ids begin so, in the order of these."""
        first = to_column(beginning)
        rows = self._db.rows(
            f"SELECT {SESSION_COLUMNS} FROM sessions s"
            " WHERE s.session_id >= :first AND substr(s.session_id, 1, :length) = :first"
            " ORDER BY s.session_id LIMIT :limit",
            {"first": first, "length": len(first), "limit": limit},
        )
        return [session_of(row) for row in rows]

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


def session_of(row: Row) -> SessionRecord:
    """The session of a row with the ``SESSION_COLUMNS``."""
    session_id, created_at, config_hash, status, metadata, ended_at, *counts = row
    streams, gaps, abandoned = counts
    try:
        told = json.loads(from_column(metadata))
    except ValueError as error:
        raise CorruptDatabaseError(
            f"session {session_id} is damaged: its metadata cannot be read ({error}); "
            "`origin check`, or db.check(), names all that is"
        ) from error
    return SessionRecord(
        session_id=session_id,
        created_at=created_at,
        config_hash=from_column(config_hash),
        status=status,
        metadata=told,
        ended_at=ended_at,
        streams=streams,
        gaps=gaps,
        abandoned=abandoned,
    )
