"""What was found in the licenses of sessions, and what people said of it."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from origin.core.record import KeptConflict, Settlement, utc_now
from origin.errors import CorruptDatabaseError, OriginError
from origin.storage.catalog import Catalog
from origin.storage.checksums import row_checksum
from origin.storage.connection import Connection, Row
from origin.storage.kept import KeptNumbers
from origin.storage.schema import BATCH_NO_BITS, LAST_BATCH_NO, number_of
from origin.storage.text import from_column, optional_from_column, to_column

if TYPE_CHECKING:
    from origin.core.license import SourceUse

# Changes with what is found, and how.
_NAME = "license-conflicts-1"

_CONFLICTS = (
    "SELECT session_no, finding_id, kind, severity, use_name, finding, found_at, gone_at,"
    " c.checksum FROM license_conflicts AS c JOIN sessions USING (session_no)"
    " WHERE session_id = ?"
)
_FOUND = (
    "INSERT INTO license_conflicts (session_no, finding_id, kind, severity, use_name, finding,"
    " found_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_CHANGED = (
    "UPDATE license_conflicts SET kind = ?, severity = ?, use_name = ?, finding = ?,"
    " gone_at = NULL WHERE session_no = ? AND finding_id = ?"
)
_GONE = "UPDATE license_conflicts SET gone_at = ? WHERE session_no = ? AND finding_id = ?"

_FIRST_OF_STREAM = (
    f"(SELECT batch_id FROM {{table}} WHERE batch_id BETWEEN stream_no << {BATCH_NO_BITS}"
    f" AND stream_no << {BATCH_NO_BITS} | {LAST_BATCH_NO} ORDER BY batch_id LIMIT 1)"
)
_FIRST_BATCHES = (
    f"SELECT stream_no, {_FIRST_OF_STREAM.format(table='batches')},"
    f" {_FIRST_OF_STREAM.format(table='sealed_batches')}"
    " FROM streams JOIN sessions USING (session_no) WHERE session_id = ?"
)

_USES = (
    "SELECT t.stream_no, o.source_id, t.license_id, o.license_id, t.observations"
    " FROM streams t JOIN sessions USING (session_no) JOIN sources o USING (source_no)"
    " WHERE session_id = ? ORDER BY t.stream_no"
)

_SO_FAR = (
    "SELECT DISTINCT t.license_id, o.license_id"
    " FROM streams t JOIN sessions USING (session_no) JOIN sources o USING (source_no)"
    " WHERE session_id = ? AND o.source_id <> ?"
)

# A statement and its values.
_Change = tuple[str, tuple[Any, ...]]


class LicenseBook:
    """What one database keeps of licenses beyond their names.

    Findings are kept so that a record tells what was known when: one that is found no longer
    stays, with the time since when.
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._catalog = Catalog(connection)
        self._kept = KeptNumbers(connection)

    # -- findings ----------------------------------------------------------------------

    def conflicts(self, session_id: str | None = None) -> list[KeptConflict]:
        """The findings on record, in the order they were found.

        Args:
            session_id: only those of that session.

        Raises:
            CorruptDatabaseError: one is damaged and cannot be read.
        """
        where = "" if session_id is None else "WHERE session_id = ?"
        rows = self._db.rows(
            "SELECT session_id, finding_id, kind, severity, use_name, finding, found_at, gone_at"
            f" FROM license_conflicts JOIN sessions USING (session_no) {where}"
            " ORDER BY found_at, session_no, finding_id",
            () if session_id is None else (to_column(session_id),),
        )
        return [self._conflict(row) for row in rows]

    def _conflict(self, row: Row) -> KeptConflict:
        session_id, finding_id, kind, severity, use_name, finding, found_at, gone_at = row
        try:
            return KeptConflict(
                session_id,
                from_column(finding_id),
                from_column(kind),
                from_column(severity),
                from_column(use_name),
                json.loads(from_column(finding)),
                found_at,
                gone_at,
            )
        except ValueError as error:
            raise CorruptDatabaseError(
                f"{self._db.path} is damaged: finding {finding_id!r} of session {session_id} "
                f"cannot be read ({error}); db.check() names all that is damaged"
            ) from error

    def keep(
        self,
        session_id: str,
        holds_for: str,
        rows: Sequence[tuple[str, str, str, str, Mapping[str, Any]]],
    ) -> bool:
        """Keep what was found in a session, if that is possible now.

        A finding that is there already keeps the time when it was first found. One that is there
        and not among these is gone from now on. Where nothing changed nothing is written.

        Args:
            session_id: which session.
            holds_for: what the record must be like for these findings to hold.
            rows: the id, kind, severity, use and all of each finding.

        Returns:
            Whether it is kept; it cannot be when the database is read-only or cannot be written.
            Nobody who is writing is waited for.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        session_no, _ = self._catalog.session_state(session_id)
        told = {
            to_column(finding_id): (*map(to_column, texts), _json_column(finding))
            for finding_id, *texts, finding in rows
        }
        # Nobody is waited for where there is nothing to write.
        if not self._changes(session_id, session_no, told) and self._holds(session_id, holds_for):
            return True
        if self._db.read_only:
            return False
        try:
            with self._db.transaction(waits=False):
                for statement, values in self._changes(session_id, session_no, told):
                    self._db.rows(statement, values)
                if not self._holds(session_id, holds_for):
                    self._kept.write(session_id, _NAME, holds_for, len(told))
        except OriginError:
            return False
        return True

    def _holds(self, session_id: str, holds_for: str) -> bool:
        return self._kept.holds_for(session_id, _NAME) == holds_for

    def _changes(
        self, session_id: str, session_no: int, told: Mapping[str, tuple[str, ...]]
    ) -> list[_Change]:
        """What makes the record say what is told."""
        now = utc_now()
        changes: list[_Change] = []
        new = dict(told)
        for row in self._db.rows(_CONFLICTS, (to_column(session_id),)):
            finding_id, gone_at = row[1], row[7]
            texts = new.pop(finding_id, None)
            if texts is None:
                if gone_at is None:
                    changes.append((_GONE, (now, session_no, finding_id)))
            elif texts != row[2:6] or gone_at is not None:
                changes.append((_CHANGED, (*texts, session_no, finding_id)))
        changes += [(_FOUND, (session_no, key, *texts, now)) for key, texts in new.items()]
        return changes

    def kept_for(self, session_id: str) -> str | None:
        """What the record must be like for the findings of a session that are kept to hold.

        None when none were kept, or one of them is damaged: then they must be found anew.
        """
        holds_for = self._kept.holds_for(session_id, _NAME)
        if holds_for is None:
            return None
        rows = self._db.rows(_CONFLICTS, (to_column(session_id),))
        sound = all(row_checksum("license_conflicts", *row[:-1]) == row[-1] for row in rows)
        held = sum(row[7] is None for row in rows)
        whole = self._kept.get(session_id, _NAME, holds_for) == held
        return holds_for if sound and whole else None

    # -- settlements -------------------------------------------------------------------

    def settle(
        self,
        session_id: str,
        finding_id: str,
        person: str,
        reason: str,
        settled_on: str,
        is_open: bool = False,
    ) -> None:
        """Note a person's word on a finding; all that was said before stays on record.

        Args:
            session_id: which session.
            finding_id: which finding.
            person: who says so.
            reason: why, in words.
            settled_on: ISO 8601 date or time.
            is_open: the finding is open again, and not settled.

        Raises:
            InvalidRecordError: a text is empty, or ``settled_on`` is no date.
            SessionNotFoundError: no session has that id.
            ReadOnlyDatabaseError: the database is read-only.
            StorageError: the disk or SQLite refused.
        """
        told = Settlement(finding_id, person, reason, settled_on)
        with self._db.transaction():
            session_no, _ = self._catalog.session_state(session_id)
            self._db.rows(
                "INSERT INTO license_settlements (session_no, finding_id, person, reason,"
                " settled_on, is_open, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    session_no,
                    to_column(told.finding_id),
                    to_column(told.person),
                    to_column(told.reason),
                    to_column(told.settled_on),
                    int(is_open),
                    told.recorded_at,
                ),
            )

    def words(self, session_id: str) -> dict[str, Settlement]:
        """What was said last of each finding of a session, that it is open again included.

        Raises:
            CorruptDatabaseError: something that was said is damaged.
        """
        rows = self._db.rows(
            "SELECT settlement_no, session_no, finding_id, person, reason, settled_on, is_open,"
            " recorded_at, l.checksum FROM license_settlements AS l"
            " JOIN sessions USING (session_no) WHERE session_id = ? ORDER BY settlement_no",
            (to_column(session_id),),
        )
        found = {}
        for row in rows:
            self._require_sound("license_settlements", row)
            texts = map(from_column, (*row[2:6], row[7]))
            said = Settlement.stored(*texts, bool(row[6]))
            found[said.finding_id] = said
        return found

    def settlements(self, session_id: str) -> dict[str, Settlement]:
        """The findings of a session that stand as settled, by their ids.

        Raises:
            CorruptDatabaseError: something that was said is damaged.
        """
        words = self.words(session_id)
        return {own: said for own, said in words.items() if not said.is_open}

    # -- policies ----------------------------------------------------------------------

    def put_policy(self, session_no: int, text: str) -> None:
        """Note, inside a transaction, the policy that holds for a session."""
        self._db.rows(
            "INSERT OR REPLACE INTO session_policies (session_no, policy, recorded_at)"
            " VALUES (?, ?, ?)",
            (session_no, to_column(text), utc_now()),
        )

    def policy(self, session_id: str) -> str | None:
        """The policy that was noted for a session, or None.

        Raises:
            CorruptDatabaseError: it is damaged.
        """
        row = self._db.row(
            "SELECT session_no, policy, recorded_at, p.checksum FROM session_policies AS p"
            " JOIN sessions USING (session_no) WHERE session_id = ?",
            (to_column(session_id),),
        )
        if row is None:
            return None
        self._require_sound("session_policies", row)
        return from_column(row[1])

    def _require_sound(self, table: str, row: Row) -> None:
        # Who acts on a word of a person, or lets data pass, has to know that it was said.
        if row_checksum(table, *row[:-1]) != row[-1]:
            raise CorruptDatabaseError(
                f"{self._db.path} is damaged: a row of {table} is not as it was written; "
                "db.check() names all that is damaged"
            )

    # -- evidence ----------------------------------------------------------------------

    def uses(self, session_id: str) -> "list[SourceUse]":
        """What a session had from each source under each license, in the order they came."""
        from origin.core.license.mix import uses_of

        rows = self._db.rows(_USES, (to_column(session_id),))
        streams = (
            (number, from_column(source), optional_from_column(declared),
             optional_from_column(registered), seen)
            for number, source, declared, registered, seen in rows
        )  # fmt: skip
        return uses_of(streams, self.first_batches(session_id))

    def licenses_so_far(
        self, session_id: str, but_for: str
    ) -> "frozenset[tuple[str | None, str | None]]":
        """The licenses that sources of a session were recorded and are registered under.

        Args:
            session_id: which session.
            but_for: a source that does not count.
        """
        rows = self._db.rows(_SO_FAR, (to_column(session_id), to_column(but_for)))
        return frozenset(
            (optional_from_column(declared), optional_from_column(registered))
            for declared, registered in rows
        )

    def first_batches(self, session_id: str) -> dict[int, int]:
        """The number of the first batch on record of each stream of a session that has any."""
        rows = self._db.rows(_FIRST_BATCHES, (to_column(session_id),))
        found = {no: [key for key in keys if key is not None] for no, *keys in rows}
        return {no: number_of(min(keys)) for no, keys in found.items() if keys}


def _json_column(value: Mapping[str, Any]) -> str:
    # Escapes would join a pair of lone surrogates into one character. In one order, so that
    # the same finding has the same text.
    return to_column(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
