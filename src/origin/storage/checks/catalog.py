"""Checks the catalog: the file's own marks, the schema, and every row of the small tables."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import apsw

from origin.errors import DatabaseBusyError, StorageError
from origin.storage.checks.findings import Findings, Range
from origin.storage.checks.look import Look
from origin.storage.checksums import Value, register, row_checksum
from origin.storage.connection import Row
from origin.storage.schema import (
    APPLICATION_ID,
    MIGRATIONS,
    MIGRATIONS_TABLE,
    number_of,
    stream_of,
)
from origin.storage.text import from_column

_SCHEMA = (
    "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB), CAST(sql AS BLOB)"
    " FROM sqlite_schema"
)

_ALTERED = "the row is not as it was written: its checksum does not fit"
_FAULTS = 100

# Their rows are checked with the batches, or by counting.
_OTHERWISE = frozenset({"batches", "sealed_batches", "row_counts"})
# They say nothing of any batch.
_APART = frozenset(
    {
        "disposable_files",
        "kept_numbers",
        "license_conflicts",
        "license_settlements",
        "log_chunks",
        "log_entries",
        "migrations",
        "model_files",
        "session_policies",
        "session_states",
        "set_trees",
        "writers",
    }
)
_NOT_SUMMED = {"streams": frozenset({"batches", "observations", "bytes_seen"})}


@dataclass(frozen=True, slots=True)
class Table:
    """A table as this version makes it.

    Args:
        name: its name.
        columns: all, without the checksum, in order.
        key: the columns of its primary key.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


@contextmanager
def reading(findings: Findings, where: str) -> Iterator[None]:
    """What cannot be read is damage, and no reason to stop."""
    try:
        yield
    except DatabaseBusyError:
        raise
    except StorageError as error:
        findings.add(where, f"it cannot be read: {error}")


class CatalogCheck:
    """Checks all but the batches in one look at a database."""

    def __init__(self, look: Look, findings: Findings) -> None:
        self._look = look
        self._findings = findings
        self._tables = _expected()[1]

    def run(self) -> None:
        """Check everything; the streams and sessions are known afterwards."""
        for where, check in (
            ("the file", self._marks),
            ("the schema", self._schema),
            ("the file", self._structure),
            ("the file", self._references),
        ):
            with reading(self._findings, where):
                check()
        counts: dict[bytes, object] = {}
        with reading(self._findings, "table row_counts"):
            counts.update(self._rows("SELECT CAST(table_name AS BLOB), rows FROM row_counts"))
        counted = {table.name.encode() for table in self._tables}
        for name in counts.keys() - counted:
            self._findings.add("table row_counts", f"it has a row for {name!r}, which is no table")
        for table in self._tables:
            self._check_table(table, counts.get(table.name.encode()))

    def _rows(self, sql: str) -> Iterator[Row]:
        return self._look.rows(sql)

    def _marks(self) -> None:
        for name, expected in (
            ("application_id", APPLICATION_ID),
            ("user_version", MIGRATIONS[-1].version),
            ("encoding", "UTF-8"),
        ):
            found = [value for (value,) in self._rows(f"PRAGMA {name}")]
            if found != [expected]:
                self._findings.add("the file", f"its {name} is {found}, not {expected!r}")

    def _schema(self) -> None:
        found = set(self._rows(_SCHEMA))
        for row in sorted(_expected()[0] - found, key=repr):
            kind, name = (part.decode() for part in row[:2])
            self._findings.add("the schema", f"the {kind} {name} is missing or altered")

    def _structure(self) -> None:
        for (fault,) in self._rows(f"PRAGMA integrity_check({_FAULTS})"):
            if fault != "ok":
                self._findings.add("the file", f"SQLite says: {str(fault).strip()}")

    def _references(self) -> None:
        for table, row, parent, _ in self._rows("PRAGMA foreign_key_check"):
            self._findings.add_row(
                str(table), f"row {row}", f"it refers to no row of {parent}", tuple
            )

    # -- the small tables --------------------------------------------------------------

    def _check_table(self, table: Table, counted: object) -> None:
        asked = ", ".join(
            f"typeof({column}), iif(typeof({column}) = 'text', CAST({column} AS BLOB), {column})"
            for column in (*table.columns, "checksum")
        )
        rows = 0
        with reading(self._findings, f"table {table.name}"):
            for row in self._rows(f"SELECT {asked} FROM {table.name}"):
                rows += 1
                self._check_row(table, row)
        if rows != counted:
            self._findings.add(
                f"table {table.name}",
                f"it has {rows} rows, and row_counts says {counted}",
                tuple if table.name in _APART else self._findings.all_streams,
            )

    def _check_row(self, table: Table, row: Row) -> None:
        kinds, values = row[::2], list(row[1::2])
        sound = True
        for place, kind in enumerate(kinds):
            if kind == "text":
                try:
                    values[place] = values[place].decode()
                except UnicodeDecodeError:
                    sound = False
        checksum = values.pop()
        told = dict(zip(table.columns, values, strict=True))
        unsummed = _NOT_SUMMED.get(table.name, frozenset())
        summed = [value for name, value in told.items() if name not in unsummed]
        sound = sound and row_checksum(table.name, *summed) == checksum
        if not sound:
            named = ", ".join(f"{column} {told[column]!r}" for column in table.key)
            self._findings.add_row(table.name, named, _ALTERED, self._touched(table.name, told))
        self._note(table.name, told, sound)

    def _note(self, table: str, told: dict[str, Any], sound: bool) -> None:
        if table == "streams" and isinstance(number := told["stream_no"], int):
            stream = self._findings.stream(number)
            stream.row, stream.damaged = dict(told), not sound
        if table == "sessions" and sound:
            self._findings.sessions[told["session_no"]] = from_column(told["session_id"])

    def _touched(self, table: str, told: dict[str, Value]) -> Callable[[], Iterable[Range]]:
        """Which batches a damaged row touches, to be asked when all streams are known."""
        findings = self._findings
        column = {
            "sessions": "session_no",
            "sources": "source_no",
            "source_history": "source_no",
            "licenses": "license_id",
            "streams": "stream_no",
            "gaps": "stream_no",
        }.get(table)
        if column is not None:
            return lambda: findings.streams_with(column, told[column])
        if table == "annotations" and isinstance(batch_id := told["batch_id"], int):
            return lambda: [(stream_of(batch_id), number_of(batch_id), number_of(batch_id))]
        if table in {"settings", "segments", "segment_streams"}:
            return findings.all_streams
        return tuple


@cache
def _expected() -> tuple[frozenset[Row], tuple[Table, ...]]:
    """What the migrations make: the rows of the schema, and the tables to check row by row."""
    handle = apsw.Connection(":memory:")
    register(handle)
    handle.execute(MIGRATIONS_TABLE)
    for migration in MIGRATIONS:
        for statement in migration.statements:
            handle.execute(statement)
    schema = frozenset[Row](handle.execute(_SCHEMA))
    names = sorted(row[1].decode() for row in schema if row[0] == b"table")
    tables = tuple(_table(handle, name) for name in names if name not in _OTHERWISE)
    handle.close()
    return schema, tables


def _table(handle: apsw.Connection, name: str) -> Table:
    about: list[Row] = handle.execute(f"PRAGMA table_info({name})").fetchall()
    columns = tuple(column[1] for column in about if column[1] != "checksum")
    keys = sorted((column[5], column[1]) for column in about if column[5])
    return Table(name, columns, tuple(column for _, column in keys))
