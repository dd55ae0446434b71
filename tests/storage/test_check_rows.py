"""What programs, and not decay, can do to a record."""

import shutil
import sqlite3
from pathlib import Path

import apsw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from check_support import append, batches_of, checked, everything, record_into, segments_of

from origin.core.record import PackedBatch
from origin.errors import SegmentError
from origin.storage.database import ProvenanceDatabase
from origin.storage.sealing import sealer

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A record that has everything in it."""
    everything(tmp_path / "p.db")
    return tmp_path / "p.db"


def change(path: Path, *statements: str) -> None:
    """Change a file behind the back of its triggers."""
    handle = apsw.Connection(str(path))
    handle.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    handle.execute("PRAGMA ignore_check_constraints = ON")
    for statement in statements:
        handle.execute(statement)
        assert handle.changes() > 0, statement
    handle.close()


def tables(path: Path) -> dict[str, list[str]]:
    handle = apsw.Connection(str(path))
    names = handle.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    found = {
        str(name): [str(row[1]) for row in handle.execute(f"PRAGMA table_info({name})")]
        for (name,) in names
    }
    handle.close()
    return found


def other_value(name: str) -> str:
    """Something else in a column, of the same type."""
    return (
        f"CASE typeof({name}) WHEN 'integer' THEN {name} + 1 WHEN 'real' THEN {name} + 0.5"
        f" WHEN 'text' THEN {name} || 'x' WHEN 'blob' THEN zeroblob(length({name})) ELSE 'x' END"
    )


def test_every_table_has_checksums(path: Path) -> None:
    """A table that somebody adds must have them, too."""
    for name, columns in tables(path).items():
        assert "checksum" in columns or name == "row_counts", name


def test_every_column_of_every_table_is_checked(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    shutil.copytree(f"{path}.segments", f"{copy}.segments")
    for table, columns in tables(path).items():
        for column in columns:
            shutil.copy(path, copy)
            change(
                copy,
                f"UPDATE OR REPLACE {table} SET {column} = {other_value(column)}"
                f" WHERE {column} IS NOT NULL",
            )
            assert not checked(copy).ok, (table, column)


@pytest.mark.parametrize("end", ["min", "max"])
def test_deleted_rows(path: Path, tmp_path: Path, end: str) -> None:
    copy = tmp_path / "copy.db"
    shutil.copytree(f"{path}.segments", f"{copy}.segments")
    for table, (first, *_) in tables(path).items():
        shutil.copy(path, copy)
        change(copy, f"DELETE FROM {table} WHERE {first} = (SELECT {end}({first}) FROM {table})")
        assert not checked(copy).ok, table


def test_a_deleted_batch_is_named(path: Path) -> None:
    change(path, f"DELETE FROM batches WHERE batch_id = {(2 << 40) + 30}")
    change(path, f"DELETE FROM sealed_batches WHERE batch_id = {(1 << 40) + 23}")
    report = checked(path)
    assert {(2, 30), (1, 23)} <= batches_of(report)
    assert "stream 2: 45 batches are there, and 46 were recorded" in str(report)
    session = {found.stream_no: found.session_id for found in report.touched}
    with ProvenanceDatabase(path, read_only=True) as db:
        assert session[2] == db.list_sessions()[0].session_id


def test_other_programs_cannot_change_the_small_tables(path: Path) -> None:
    handle = sqlite3.connect(path)
    for statement in (
        "DELETE FROM gaps",
        "UPDATE sources SET license_id = 'MIT'",
        "INSERT INTO licenses SELECT 'x', 'x', 'x', 'x', 'x', 'x', 1, 'x', 1",
        "DELETE FROM annotations",
        "UPDATE license_conflicts SET severity = 'none'",
        "DELETE FROM license_conflicts",
        "DELETE FROM license_settlements",
        "INSERT INTO license_settlements SELECT 9, 1, 'f', 'x', 'x', 'x', 0, 'x', 1",
        "DELETE FROM session_policies",
        "INSERT OR REPLACE INTO session_policies SELECT 1, '{}', 'x', 1",
    ):
        with pytest.raises(sqlite3.OperationalError, match="no such function"):
            handle.execute(statement)
    handle.close()
    assert checked(path).ok


REST_OF_BATCH = (
    "epoch, seen_at, root, fingerprints, byte_sizes, content_type, details, head_checksum, checksum"
)
REST_OF_GAP = "stream_no, first_batch, last_batch, reason, noticed_at, checksum"

SWAPS = {
    "two batches": (
        "UPDATE batches SET batch_id = 1 WHERE batch_id = (2 << 40) + 30",
        "UPDATE batches SET batch_id = (2 << 40) + 30 WHERE batch_id = (2 << 40) + 31",
        "UPDATE batches SET batch_id = (2 << 40) + 31 WHERE batch_id = 1",
    ),
    "the rows of two sealed batches": (
        "UPDATE sealed_batches SET batch_id = 1 WHERE batch_id = (2 << 40) + 3",
        "UPDATE sealed_batches SET batch_id = (2 << 40) + 3 WHERE batch_id = (2 << 40) + 4",
        "UPDATE sealed_batches SET batch_id = (2 << 40) + 4 WHERE batch_id = 1",
    ),
    "the sources of two streams": (
        "UPDATE streams SET source_no = 3 - source_no WHERE stream_no < 3",
    ),
    "one batch twice": (
        f"INSERT INTO batches SELECT batch_id + 100, {REST_OF_BATCH} FROM batches LIMIT 1",
    ),
    "one gap twice": (f"INSERT INTO gaps SELECT gap_no + 100, {REST_OF_GAP} FROM gaps LIMIT 1",),
    "a stream that counts too much": ("UPDATE streams SET bytes_seen = bytes_seen + 1",),
}


@pytest.mark.parametrize("name", SWAPS)
def test_swapped_and_doubled_rows(path: Path, name: str) -> None:
    change(path, *SWAPS[name])
    report = checked(path)
    assert not report.ok
    if "gap" not in name:
        assert report.touched


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER gaps_deleted",
        "DROP INDEX gaps_by_stream",
        "ALTER TABLE gaps RENAME TO holes",
        "ALTER TABLE gaps ADD COLUMN more TEXT",
    ],
)
def test_another_schema(path: Path, statement: str) -> None:
    handle = apsw.Connection(str(path))
    handle.execute(statement)
    handle.close()
    assert "the schema: " in str(checked(path))


def test_a_damaged_row_stays_damaged_when_it_is_written_to(path: Path) -> None:
    change(path, "UPDATE streams SET rank = 9 WHERE stream_no = 2")
    change(path, "UPDATE sessions SET config_hash = 'other' WHERE session_no = 2")
    with ProvenanceDatabase(path, seal_after=None) as db:
        append(db, 2, range(50, 52))
        db.end_session(db.list_sessions()[0].session_id)
    report = checked(path)
    assert "table streams, stream_no 2" in str(report)
    assert "table sessions, session_no 2" in str(report)
    assert {2, 3} == {found.stream_no for found in report.touched}


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [
        ("license_conflicts", "gone_at", "session_no 1, finding_id 'f0'"),
        ("license_settlements", "person", "settlement_no 1"),
        ("session_policies", "policy", "session_no 1"),
    ],
)
def test_a_damaged_row_about_licenses_is_named(
    path: Path, table: str, column: str, row: str
) -> None:
    change(path, f"UPDATE {table} SET {column} = {other_value(column)}")
    report = checked(path)
    assert f"table {table}, {row}: " in str(report)
    # What was recorded of batches is as it was.
    assert report.touched == ()


def test_whom_a_source_names_touches_its_batches(path: Path) -> None:
    change(path, "UPDATE sources SET author = 'another' WHERE source_no = 2")
    report = checked(path)
    assert "table sources, source_no 2" in str(report)
    assert {found.stream_no for found in report.touched} == {2}


def test_a_root_that_is_none_of_its_samples(tmp_path: Path) -> None:
    """The first version kept no checksums: there the roots tell."""
    shutil.copy(GOLDEN / "v1.db", tmp_path / "v1.db")
    with ProvenanceDatabase(tmp_path / "v1.db") as db:
        assert db.check(roots=False).ok
        # Its roots are made up.
        (damage,) = db.check().damages
        assert "Merkle root" in damage.what
        assert {found.stream_no for found in damage.batches} == {1, 2, 3}


# -- segments ------------------------------------------------------------------------


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record whose segments are of several runs, nothing unsealed."""
    monkeypatch.setattr(sealer, "SEGMENT_OBSERVATIONS", 100)
    path = tmp_path / "runs.db"
    with ProvenanceDatabase(path, seal_after=None) as db:
        record_into(db, 40)
        with db._upkeep._sealer.alone():
            while db._upkeep._sealer.seal_next():
                pass
    assert len(segments_of(path)) > 3
    return path


def ranges_of(path: Path, segment: Path) -> set[tuple[int, int]]:
    """The batches that may have samples in a segment."""
    with ProvenanceDatabase(path, read_only=True) as db:
        rows = db._connection.rows(
            "SELECT stream_no, first_batch, last_batch FROM segment_streams"
            " JOIN segments USING (segment_no) WHERE name = ?",
            (segment.name,),
        )
    return {(no, number) for no, first, last in rows for number in range(first, last + 1)}


def test_a_missing_segment(runs: Path) -> None:
    gone = segments_of(runs)[1]
    gone.unlink()
    report = checked(runs)
    (damage,) = report.damages
    assert gone.name in damage.where
    assert "missing" in damage.what
    assert batches_of(report) == ranges_of(runs, gone)
    with ProvenanceDatabase(runs, read_only=True) as db:
        with pytest.raises(SegmentError) as caught:
            [list(db.ledger.batches(stream.stream_no)) for stream in db.catalog.streams()]
        assert gone.name in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_segment_cut_short(runs: Path, share: float) -> None:
    short = segments_of(runs)[0]
    whole = short.read_bytes()
    short.write_bytes(whole[: int(len(whole) * share)])
    report = checked(runs)
    assert [short.name in damage.where for damage in report.damages] == [True]
    assert batches_of(report) == ranges_of(runs, short)


def test_a_segment_in_the_place_of_another(runs: Path) -> None:
    first, second, *_ = segments_of(runs)
    shutil.copy(second, first)
    report = checked(runs)
    assert [first.name in damage.where for damage in report.damages] == [True]
    assert batches_of(report) == ranges_of(runs, first)


def rewritten(segment: Path, column: str, row: int, value: object) -> tuple[int, int]:
    """Write a segment anew with one value changed; returns the batch that has it."""
    table = pq.read_table(segment)
    values = table[column].to_pylist()
    values[row] = value
    place = table.schema.get_field_index(column)
    changed = table.set_column(place, column, pa.array(values, table.schema.field(place).type))
    pq.write_table(changed, segment, write_page_checksum=True, store_schema=False)
    return table["stream_no"][row].as_py(), table["batch_no"][row].as_py()


@pytest.mark.parametrize(
    ("column", "value"),
    [("sample_id", "ab" * 32), ("position", 99), ("byte_size", 1), ("epoch", 77)],
)
def test_the_one_batch_that_was_altered_is_named(runs: Path, column: str, value: object) -> None:
    batch = rewritten(segments_of(runs)[2], column, 20, value)
    assert batches_of(checked(runs)) == {batch}


def test_when_no_batch_can_be_singled_out_all_are_named(runs: Path) -> None:
    segment = segments_of(runs)[2]
    rewritten(segment, "content_type", 20, "altered")
    report = checked(runs)
    assert len(report.damages) == 1
    assert batches_of(report) == ranges_of(runs, segment)


def test_files_that_no_record_needs_are_no_damage(path: Path) -> None:
    folder = Path(f"{path}.segments")
    (folder / "stranger.parquet").write_bytes(b"x")
    (folder / "notes.txt").write_text("mine")
    report = checked(path)
    assert report.ok
    (note,) = report.notes
    assert "stranger.parquet is listed nowhere" in note


def test_an_upgraded_file_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "v1.db"
    shutil.copy(GOLDEN / "v1.db", path)
    ProvenanceDatabase(path).close()
    change(path, f"UPDATE batches SET seen_at = seen_at + 1 WHERE batch_id = {(2 << 40) + 1}")
    assert batches_of(checked(path, roots=False)) >= {(2, 1)}


def test_batches_of_every_size_of_number(tmp_path: Path) -> None:
    with ProvenanceDatabase(tmp_path / "p.db", seal_after=None) as db:
        session_id = db.begin_session("x").session_id
        db.declare_source(session_id, "data", None)
        stream_no = db.open_stream(session_id, "data").stream_no
        root = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        db.append(
            [
                PackedBatch(stream_no, number, 0, seen_at, root, b"", 2**62, "text")
                for number, seen_at in enumerate((0, -5, 2**62))
            ]
        )
        assert db.check().ok
        db.seal()
        assert db.check().ok
