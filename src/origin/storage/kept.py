"""Numbers that are asked for often and take long to find, kept beside what they are about."""

import json
from typing import Any

from origin.core.record import utc_now
from origin.errors import OriginError
from origin.storage.checksums import row_checksum
from origin.storage.connection import Connection, Row
from origin.storage.text import from_column, to_column


class KeptNumbers:
    """The kept numbers of one database.

    Each is kept with a text that says what it holds for, such as how many batches each stream
    had; who asks for it under another text does not get it. So it can be out of date, and an
    answer cannot.
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, session_id: str, name: str, holds_for: str) -> Any:
        """What was kept for a session under a name, or None.

        Args:
            session_id: which session.
            name: what the numbers are.
            holds_for: what they must have been found for.
        """
        row = self._row(session_id, name)
        if row is None or row[2] != to_column(holds_for):
            return None
        try:
            return json.loads(row[3])
        except ValueError:
            return None

    def holds_for(self, session_id: str, name: str) -> str | None:
        """What that which is kept for a session under a name holds for, or None."""
        row = self._row(session_id, name)
        return None if row is None else from_column(row[2])

    def _row(self, session_id: str, name: str) -> Row | None:
        row = self._db.row(
            "SELECT k.session_no, name, holds_for, value, kept_at, k.checksum"
            " FROM kept_numbers AS k JOIN sessions USING (session_no)"
            " WHERE session_id = ? AND name = ?",
            (to_column(session_id), name),
        )
        # What is damaged is found again, from the record, and then replaced.
        if row is None or row_checksum("kept_numbers", *row[:-1]) != row[-1]:
            return None
        return row

    def put(self, session_id: str, name: str, holds_for: str, value: Any) -> None:
        """Keep JSON for a session, if that is possible now.

        Nothing is kept, and nothing raised, when the database is read-only or cannot be written, or
        somebody else is writing.
        """
        if self._db.read_only:
            return
        try:
            with self._db.transaction(waits=False):
                self.write(session_id, name, holds_for, value)
        except OriginError:
            return

    def write(self, session_id: str, name: str, holds_for: str, value: Any) -> None:
        """The same inside a transaction, which fails when it cannot be written."""
        self._db.rows(
            "INSERT OR REPLACE INTO kept_numbers (session_no, name, holds_for, value, kept_at)"
            " SELECT session_no, ?, ?, ?, ? FROM sessions WHERE session_id = ?",
            (
                name,
                to_column(holds_for),
                json.dumps(value, separators=(",", ":")),
                utc_now(),
                to_column(session_id),
            ),
        )
