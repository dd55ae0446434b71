"""The tables that version 4 of the schema makes: what was signed of sessions, and their models."""

from collections.abc import Iterator

from origin.storage.checksums import guards

LOGS = (
    # The leaves of streams' logs that are no batches, as they were hashed.
    """CREATE TABLE log_entries (
        stream_no INTEGER NOT NULL REFERENCES streams,
        position INTEGER NOT NULL,
        leaf BLOB NOT NULL,
        checksum INTEGER,
        PRIMARY KEY (stream_no, position)
    ) STRICT, WITHOUT ROWID""",
    # The hashes of all leaves, 32 bytes each; node: the root over them, once a chunk is full. It
    # stands in front, for what stands behind a long value takes long to read.
    """CREATE TABLE log_chunks (
        stream_no INTEGER NOT NULL REFERENCES streams,
        chunk_no INTEGER NOT NULL,
        last_batch INTEGER NOT NULL,
        node BLOB CHECK (length(node) = 32),
        hashes BLOB NOT NULL CHECK (length(hashes) % 32 = 0),
        checksum INTEGER,
        PRIMARY KEY (stream_no, chunk_no)
    ) STRICT""",
    # chunks: of each 4,096 fingerprints the first, and the root over them; 64 bytes together.
    """CREATE TABLE set_trees (
        stream_no INTEGER PRIMARY KEY REFERENCES streams,
        observations INTEGER NOT NULL,
        size INTEGER NOT NULL,
        root BLOB NOT NULL CHECK (length(root) = 32),
        chunks BLOB NOT NULL CHECK (length(chunks) % 64 = 0),
        checksum INTEGER
    ) STRICT""",
    # head: the signed note over the log of states up to this one; NULL until it is signed.
    """CREATE TABLE session_states (
        session_no INTEGER NOT NULL REFERENCES sessions,
        state_no INTEGER NOT NULL,
        leaf BLOB NOT NULL,
        recorded_at TEXT NOT NULL,
        head TEXT,
        checksum INTEGER,
        PRIMARY KEY (session_no, state_no)
    ) STRICT""",
    # digest: SHA-256 of a file; a model may be several.
    """CREATE TABLE model_files (
        session_no INTEGER NOT NULL REFERENCES sessions,
        model TEXT NOT NULL,
        name TEXT NOT NULL,
        digest BLOB NOT NULL CHECK (length(digest) = 32),
        byte_size INTEGER NOT NULL,
        recorded_at TEXT NOT NULL,
        checksum INTEGER,
        PRIMARY KEY (session_no, model, name)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX model_files_by_digest ON model_files (digest)",
)

_GUARDED: tuple[tuple[str, str, str], ...] = (
    ("log_entries", "stream_no position", "leaf"),
    ("log_chunks", "stream_no chunk_no", "last_batch node hashes"),
    ("set_trees", "stream_no", "observations size root chunks"),
    ("session_states", "session_no state_no", "leaf recorded_at head"),
    ("model_files", "session_no model name", "digest byte_size recorded_at"),
)


def log_guards() -> Iterator[str]:
    """What keeps the checksums of these tables."""
    for table, key, rest in _GUARDED:
        yield f"INSERT INTO row_counts VALUES ('{table}', 0)"
        columns = [*key.split(), *rest.split()]
        yield from guards(table, key.split(), columns, may_alter=table == "session_states")
