"""The tables, and how a file comes to have them.

A batch's row number is ``stream_no * 2**40 + batch_no``: one key that orders
batches by where they were seen and cannot be used twice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from origin.core.record import utc_now
from origin.errors import NewerSchemaError, NotADatabaseError, StorageError
from origin.storage.checksums import deletions, guards, insertions
from origin.storage.connection import Connection
from origin.storage.logtables import LOGS, log_guards

# "Orig" in ASCII: tells an Origin database from any other SQLite file.
APPLICATION_ID = 0x4F726967

BATCH_NO_BITS = 40
LAST_BATCH_NO = (1 << BATCH_NO_BITS) - 1


def batch_key(stream_no: int, batch_no: int) -> int:
    """The ``batch_id`` of a batch.

    >>> batch_key(2, 3) == 2 * 2**40 + 3
    True
    """
    return (stream_no << BATCH_NO_BITS) | batch_no


def number_of(batch_id: int) -> int:
    """The number in its stream of the batch that has a ``batch_id``."""
    return batch_id & LAST_BATCH_NO


def stream_of(batch_id: int) -> int:
    """The stream of the batch that has a ``batch_id``."""
    return batch_id >> BATCH_NO_BITS


def stream_range(stream_no: int) -> tuple[int, int]:
    """The first and the last ``batch_id`` that a batch of a stream can have."""
    return batch_key(stream_no, 0), batch_key(stream_no, LAST_BATCH_NO)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: its version, a name and the statements."""

    version: int
    name: str
    statements: tuple[str, ...]


MIGRATIONS_TABLE = (
    "CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
    " applied_at TEXT NOT NULL) STRICT"
)

FOUNDATION = (
    """CREATE TABLE writers (
        writer_no INTEGER PRIMARY KEY,
        host TEXT NOT NULL,
        boot TEXT NOT NULL,
        pid INTEGER NOT NULL,
        started TEXT NOT NULL,
        alive_at REAL NOT NULL,
        closed INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    """CREATE TABLE sessions (
        session_no INTEGER PRIMARY KEY,
        session_id TEXT NOT NULL UNIQUE,
        created_at TEXT NOT NULL,
        ended_at TEXT,
        config_hash TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
        metadata TEXT NOT NULL,
        writer_no INTEGER NOT NULL REFERENCES writers
    ) STRICT""",
    """CREATE TABLE licenses (
        license_id TEXT PRIMARY KEY,
        license_name TEXT NOT NULL,
        license_url TEXT,
        permissions TEXT NOT NULL,
        restrictions TEXT NOT NULL,
        conditions TEXT NOT NULL,
        copyleft INTEGER NOT NULL,
        recorded_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE sources (
        source_no INTEGER PRIMARY KEY,
        source_id TEXT NOT NULL UNIQUE,
        source_type TEXT NOT NULL,
        source_path TEXT,
        license_id TEXT,
        first_seen TEXT NOT NULL
    ) STRICT""",
    # Every registration of a source, the newest last: a source may change its license.
    """CREATE TABLE source_history (
        entry_no INTEGER PRIMARY KEY,
        source_no INTEGER NOT NULL REFERENCES sources,
        source_type TEXT NOT NULL,
        source_path TEXT,
        license_id TEXT,
        recorded_at TEXT NOT NULL
    ) STRICT""",
    # The license stands on the stream: what was recorded keeps the license that held then.
    """CREATE TABLE streams (
        stream_no INTEGER PRIMARY KEY,
        session_no INTEGER NOT NULL REFERENCES sessions,
        source_no INTEGER NOT NULL REFERENCES sources,
        license_id TEXT,
        rank INTEGER NOT NULL,
        world_size INTEGER NOT NULL,
        writer_no INTEGER NOT NULL REFERENCES writers,
        opened_at TEXT NOT NULL,
        batches INTEGER NOT NULL DEFAULT 0,
        observations INTEGER NOT NULL DEFAULT 0,
        bytes_seen INTEGER NOT NULL DEFAULT 0,
        closed INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    "CREATE INDEX streams_by_session ON streams (session_no)",
    # byte_sizes: an INTEGER when all samples have one size, else a BLOB of unsigned
    # little-endian integers, 4 or 8 bytes each. details: deflated JSON, see docs/storage.md.
    """CREATE TABLE batches (
        batch_id INTEGER PRIMARY KEY,
        epoch INTEGER NOT NULL,
        seen_at INTEGER NOT NULL,
        root BLOB NOT NULL CHECK (length(root) = 32),
        fingerprints BLOB NOT NULL CHECK (length(fingerprints) % 32 = 0),
        byte_sizes ANY NOT NULL,
        content_type TEXT,
        details BLOB
    ) STRICT""",
    """CREATE TABLE gaps (
        gap_no INTEGER PRIMARY KEY,
        stream_no INTEGER NOT NULL REFERENCES streams,
        first_batch INTEGER NOT NULL,
        last_batch INTEGER NOT NULL,
        reason TEXT NOT NULL,
        noticed_at TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX gaps_by_stream ON gaps (stream_no)",
)

SEGMENTS = (
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER) STRICT",
    # The files of one run were written together, and no sample is in two of them.
    """CREATE TABLE segments (
        segment_no INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        run_no INTEGER NOT NULL,
        sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
        byte_size INTEGER NOT NULL,
        observations INTEGER NOT NULL,
        distinct_samples INTEGER NOT NULL,
        first_sample TEXT NOT NULL,
        last_sample TEXT NOT NULL,
        sealed_at TEXT NOT NULL,
        checksum INTEGER
    ) STRICT""",
    """CREATE TABLE segment_streams (
        segment_no INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE,
        stream_no INTEGER NOT NULL REFERENCES streams,
        first_batch INTEGER NOT NULL,
        last_batch INTEGER NOT NULL,
        observations INTEGER NOT NULL,
        checksum INTEGER,
        PRIMARY KEY (segment_no, stream_no)
    ) STRICT, WITHOUT ROWID""",
    # Files in the folder of segments that may be removed: half-written, or replaced by a merge.
    # No other file there is ever touched.
    """CREATE TABLE disposable_files (
        name TEXT PRIMARY KEY,
        since REAL NOT NULL,
        checksum INTEGER
    ) STRICT""",
    # What the catalog keeps of a batch whose observations are in a segment.
    """CREATE TABLE sealed_batches (
        batch_id INTEGER PRIMARY KEY,
        epoch INTEGER NOT NULL,
        seen_at INTEGER NOT NULL,
        root BLOB NOT NULL CHECK (length(root) = 32),
        samples INTEGER NOT NULL,
        bytes_seen INTEGER NOT NULL,
        checksum INTEGER
    ) STRICT""",
    # NULL stands for NaN, which SQLite does not have.
    """CREATE TABLE annotations (
        batch_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        value REAL,
        checksum INTEGER,
        PRIMARY KEY (batch_id, name)
    ) STRICT, WITHOUT ROWID""",
    # Answers that are asked for often and long to find; see storage/kept.py.
    """CREATE TABLE kept_numbers (
        session_no INTEGER NOT NULL REFERENCES sessions,
        name TEXT NOT NULL,
        holds_for TEXT NOT NULL,
        value TEXT NOT NULL,
        kept_at TEXT NOT NULL,
        checksum INTEGER,
        PRIMARY KEY (session_no, name)
    ) STRICT, WITHOUT ROWID""",
)

# The tables that are seldom written: their keys, and the columns their checksums are taken of.
# What a stream counts changes with every batch, and is checked by counting.
_GUARDED: tuple[tuple[str, str, str], ...] = (
    # table, columns of its key, its other columns
    ("writers", "writer_no", "host boot pid started alive_at closed"),
    (
        "sessions",
        "session_no",
        "session_id created_at ended_at config_hash status metadata writer_no",
    ),
    (
        "licenses",
        "license_id",
        "license_name license_url permissions restrictions conditions copyleft recorded_at",
    ),
    ("sources", "source_no", "source_id source_type source_path license_id first_seen"),
    ("source_history", "entry_no", "source_no source_type source_path license_id recorded_at"),
    (
        "streams",
        "stream_no",
        "session_no source_no license_id rank world_size writer_no opened_at closed",
    ),
    ("gaps", "gap_no", "stream_no first_batch last_batch reason noticed_at"),
    ("migrations", "version", "name applied_at"),
    ("settings", "name", "value"),
    (
        "segments",
        "segment_no",
        (
            "name run_no sha256 byte_size observations distinct_samples first_sample"
            " last_sample sealed_at"
        ),
    ),
    ("segment_streams", "segment_no stream_no", "first_batch last_batch observations"),
    ("disposable_files", "name", "since"),
    ("kept_numbers", "session_no name", "holds_for value kept_at"),
)

# Rows of the others are written for good, or replaced as a whole: they need no trigger for
# updates, and each takes its time when a file is made.
_ALTERED = frozenset({"writers", "sessions", "sources", "streams", "gaps"})

_HEAD_OF_BATCH = "batch_id, epoch, seen_at, root, fingerprints, byte_sizes"


def _checksums() -> Iterator[str]:
    yield (
        "CREATE TABLE row_counts (table_name TEXT PRIMARY KEY, rows INTEGER NOT NULL)"
        " STRICT, WITHOUT ROWID"
    )
    yield "ALTER TABLE batches ADD COLUMN head_checksum INTEGER"
    yield "ALTER TABLE batches ADD COLUMN checksum INTEGER"
    yield (
        f"UPDATE batches SET head_checksum = origin_head_checksum({_HEAD_OF_BATCH}),"
        f" checksum = origin_batch_checksum({_HEAD_OF_BATCH}, content_type, details)"
    )
    older = {"migrations", *re.findall(r"CREATE TABLE (\w+)", " ".join(FOUNDATION))}
    guarded = [(table, key.split(), [*key.split(), *rest.split()]) for table, key, rest in _GUARDED]
    # To alter a table gets slow once there are triggers.
    for table, _, columns in guarded:
        if table in older:
            yield f"ALTER TABLE {table} ADD COLUMN checksum INTEGER"
            values = ", ".join(columns)
            yield f"UPDATE {table} SET checksum = origin_checksum('{table}', {values})"
        yield f"INSERT INTO row_counts SELECT '{table}', count(*) FROM {table}"
    for table, key, columns in guarded:
        yield from guards(table, key, columns, may_alter=table in _ALTERED)
    yield "INSERT INTO row_counts VALUES ('annotations', 0)"
    yield insertions("annotations")
    yield deletions("annotations")


LICENSES = (
    # What was found in the licenses of a session; see storage/licensing.py.
    """CREATE TABLE license_conflicts (
        session_no INTEGER NOT NULL REFERENCES sessions,
        finding_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        severity TEXT NOT NULL,
        use_name TEXT NOT NULL,
        finding TEXT NOT NULL,
        found_at TEXT NOT NULL,
        gone_at TEXT,
        checksum INTEGER,
        PRIMARY KEY (session_no, finding_id)
    ) STRICT, WITHOUT ROWID""",
    # Every word of a person, the newest last: what was settled may be opened again.
    """CREATE TABLE license_settlements (
        settlement_no INTEGER PRIMARY KEY,
        session_no INTEGER NOT NULL REFERENCES sessions,
        finding_id TEXT NOT NULL,
        person TEXT NOT NULL,
        reason TEXT NOT NULL,
        settled_on TEXT NOT NULL,
        is_open INTEGER NOT NULL DEFAULT 0,
        recorded_at TEXT NOT NULL,
        checksum INTEGER
    ) STRICT""",
    """CREATE TABLE session_policies (
        session_no INTEGER PRIMARY KEY REFERENCES sessions,
        policy TEXT NOT NULL,
        recorded_at TEXT NOT NULL,
        checksum INTEGER
    ) STRICT""",
)

# As _GUARDED, for the tables that version 3 makes, or gives more columns.
_GUARDED_ANEW: tuple[tuple[str, str, str], ...] = (
    (
        "sources",
        "source_no",
        "source_id source_type source_path license_id first_seen title author url changes",
    ),
    (
        "source_history",
        "entry_no",
        "source_no source_type source_path license_id recorded_at title author url changes",
    ),
    (
        "license_conflicts",
        "session_no finding_id",
        "kind severity use_name finding found_at gone_at",
    ),
    (
        "license_settlements",
        "settlement_no",
        "session_no finding_id person reason settled_on is_open recorded_at",
    ),
    ("session_policies", "session_no", "policy recorded_at"),
)
_LENGTHENED = ("sources", "source_history")
_LAST_COLUMN = ", checksum INTEGER"
_MORE_COLUMNS = ("title", "author", "url", "changes")


def _kinds(column: str) -> str:
    return "'integer'" if column.endswith("_no") else "'text'"


def _licenses() -> Iterator[str]:
    for table in _LENGTHENED:
        yield f"DROP TRIGGER {table}_inserted"
    yield "DROP TRIGGER sources_updated"
    # What ALTER TABLE does, for all columns at once: it reads the whole schema anew for each, so
    # that a new file would take a third longer, and refuses a table of which one row is damaged.
    yield "PRAGMA writable_schema = ON"
    longer = _LAST_COLUMN + "".join(f", {column} TEXT" for column in _MORE_COLUMNS)
    yield (
        f"UPDATE sqlite_schema SET sql = replace(sql, '{_LAST_COLUMN}', '{longer}')"
        f" WHERE type = 'table' AND name IN {_LENGTHENED}"
    )
    yield "PRAGMA writable_schema = RESET"
    more = ", ".join(_MORE_COLUMNS)
    for table, key, rest in _GUARDED_ANEW:
        columns = [*key.split(), *rest.split()]
        if table in _LENGTHENED:
            # SQLite writes no row of which a value is of the wrong kind; it is damaged as it is.
            kinds = (f"typeof({one}) IN ({_kinds(one)}, 'null')" for one in columns)
            yield (
                f"UPDATE {table} SET checksum = origin_extended_checksum(checksum, {more})"
                f" WHERE {' AND '.join(kinds)}"
            )
        may_alter = table in {"sources", "license_conflicts"}
        triggers = guards(table, key.split(), columns, may_alter=may_alter)
        if table in _LENGTHENED:
            yield from (trigger for trigger in triggers if trigger != deletions(table))
        else:
            yield f"INSERT INTO row_counts VALUES ('{table}', 0)"
            yield from triggers


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "foundation", FOUNDATION),
    Migration(2, "segments", (*SEGMENTS, *_checksums())),
    Migration(3, "licenses", (*LICENSES, *_licenses())),
    Migration(4, "logs", (*LOGS, *log_guards())),
)


def prepare(connection: Connection) -> None:
    """Check that a file is ours and bring it to this version's schema.

    Raises:
        NotADatabaseError: the file holds something else.
        NewerSchemaError: a newer Origin wrote it.
    """
    if connection.read_only:
        _require_ours(connection)
        _require_current(connection)
        return
    if _is_empty(connection):
        connection.prepare_new_file()
    else:
        _require_ours(connection)
    connection.choose_journal()
    _migrate(connection)


def schema_version(connection: Connection) -> int:
    """The version of the schema that a file has; 0 when it has none."""
    row = connection.row("PRAGMA user_version")
    return int(row[0]) if row else 0


def _is_empty(connection: Connection) -> bool:
    return connection.row("SELECT 1 FROM sqlite_schema LIMIT 1") is None


def _require_ours(connection: Connection) -> None:
    if connection.row("PRAGMA application_id") != (APPLICATION_ID,):
        raise NotADatabaseError(
            f"{connection.path} is not an Origin database, so nothing was written to it; "
            "name another path"
        )
    found = schema_version(connection)
    if found > MIGRATIONS[-1].version:
        raise NewerSchemaError(
            f"{connection.path} has schema {found}, this Origin knows up to "
            f"{MIGRATIONS[-1].version}; upgrade with: pip install -U origin-provenance"
        )


def _require_current(connection: Connection) -> None:
    found = schema_version(connection)
    if found < MIGRATIONS[-1].version:
        raise StorageError(
            f"{connection.path} has the older schema {found}; open it once without read_only=True "
            "to bring it up to date"
        )


def _migrate(connection: Connection) -> None:
    if schema_version(connection) == MIGRATIONS[-1].version:
        return
    with connection.transaction():
        # Another process may have come first: look again, now that nobody else can write.
        found = schema_version(connection)
        for migration in MIGRATIONS:
            if found < migration.version:
                _apply(connection, migration)


def _apply(connection: Connection, migration: Migration) -> None:
    if migration.version == 1:
        if not _is_empty(connection):
            raise NotADatabaseError(f"{connection.path} became another database while opening it")
        connection.rows(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.rows(MIGRATIONS_TABLE)
    for statement in migration.statements:
        connection.rows(statement)
    connection.rows(
        "INSERT INTO migrations (version, name, applied_at) VALUES (?, ?, ?)",
        (migration.version, migration.name, utc_now()),
    )
    connection.rows(f"PRAGMA user_version = {migration.version}")
