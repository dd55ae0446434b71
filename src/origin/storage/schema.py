"""The tables, and how a file comes to have them.

A batch's row number is ``stream_no * 2**40 + batch_no``: one key that orders
batches by where they were seen and cannot be used twice.
"""

from dataclasses import dataclass

from origin.core.record import utc_now
from origin.errors import NewerSchemaError, NotADatabaseError, StorageError
from origin.storage.connection import Connection

# "Orig" in ASCII: tells an Origin database from any other SQLite file.
APPLICATION_ID = 0x4F726967

BATCH_NO_BITS = 40


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: its version, a name and the statements."""

    version: int
    name: str
    statements: tuple[str, ...]


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

MIGRATIONS: tuple[Migration, ...] = (Migration(1, "foundation", FOUNDATION),)


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
    for migration in MIGRATIONS:
        with connection.transaction():
            # Another process may have come first: look again, now that nobody else can write.
            if schema_version(connection) < migration.version:
                _apply(connection, migration)


def _apply(connection: Connection, migration: Migration) -> None:
    if migration.version == 1:
        if not _is_empty(connection):
            raise NotADatabaseError(f"{connection.path} became another database while opening it")
        connection.rows(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.rows(
            "CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
            " applied_at TEXT NOT NULL) STRICT"
        )
    for statement in migration.statements:
        connection.rows(statement)
    connection.rows(
        "INSERT INTO migrations VALUES (?, ?, ?)", (migration.version, migration.name, utc_now())
    )
    connection.rows(f"PRAGMA user_version = {migration.version}")
