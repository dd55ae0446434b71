"""Parquet: the rows of the views, readable by other engines."""

import os

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from origin.core.record import Gap
from origin.errors import OriginError, StorageError
from origin.query.engine import QueryEngine

_OBSERVATIONS = (
    "sample_id, session_id, source_id, license_id, stream_no, batch_no, position, epoch, "
    "byte_size, content_type, key, metadata"
)
_BATCHES = (
    "stream_no, batch_no, session_id, source_id, license_id, epoch, seen_at, samples, bytes, root"
)


@pytest.fixture
def session(db, write):
    write.run([5, 6], source="of another session")
    session = write.run([1, 2], [], [2, 3, 4])
    stream = write.stream(session, "odd \ud800 |é", None, rank=3)
    details = {"keys": ["a", None], "metadata": [None, {"n": 1}], "byte_sizes": [1, 2]}
    db.append([write.batch(stream, 2**30, [1, 9], **details)], [Gap(stream, 0, 1, "lost")])
    return session


def test_the_same_rows_as_the_views(db, session, exporter, settle, out):
    settle()
    assert exporter.to_parquet(session.session_id, out / "new" / "folder") == 7
    for view, columns in (("observations", _OBSERVATIONS), ("batches", _BATCHES)):
        file = out / "new" / "folder" / f"{view}.parquet"
        asked = f"SELECT {columns} FROM {view} WHERE session_id = ?"
        wanted = QueryEngine(db).sql(asked, [session.session_id]).arrow().to_pylist()
        told = duckdb.sql(f"SELECT {columns} FROM '{file}'").to_arrow_table().to_pylist()
        assert told == sorted(wanted, key=lambda row: (row["stream_no"], row["batch_no"],
                                                       row.get("position", 0)))  # fmt: skip
        assert wanted
        assert pl.read_parquet(file).height == len(wanted)
        assert set(pq.read_table(file, columns=["rank"])["rank"].to_pylist()) == {0, 3}


def test_of_nothing(db, exporter, out):
    session = db.begin_session("v1")
    assert exporter.to_parquet(session, out) == 0
    for name in ("observations", "batches"):
        assert pl.read_parquet(out / f"{name}.parquet").height == 0


def test_many_batches_are_many_row_groups(db, write, exporter, out):
    session = db.begin_session("v1")
    stream = write.stream(session, "x" * 100_000, "MIT")
    db.append([write.batch(stream, number, range(100)) for number in range(3_000)])
    db.seal()
    assert exporter.to_parquet(session, out) == 300_000
    assert pq.ParquetFile(out / "observations.parquet").num_row_groups == 3
    assert (out / "observations.parquet").stat().st_size < 50_000_000
    counted = duckdb.sql(
        f"SELECT count(*), count(DISTINCT source_id), max(length(source_id)) "
        f"FROM '{out}/observations.parquet'"
    ).fetchall()
    assert counted == [(300_000, 1, 100_000)]


def test_nothing_is_left_of_an_export_that_fails(db, session, exporter, out):
    db.seal()
    for segment in db.ledger.segments():
        (db.ledger.folder / segment.name).unlink()
    (out / "batches.parquet").write_text("before")
    with pytest.raises(OriginError):
        exporter.to_parquet(session, out)
    assert os.listdir(out) == ["batches.parquet"]
    assert (out / "batches.parquet").read_text() == "before"


def test_where_no_folder_can_be(session, exporter, out):
    (out / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be made"):
        exporter.to_parquet(session, out / "file")
