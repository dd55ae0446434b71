"""A session as two Parquet files, for any engine."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from origin.cards.facts import gather
from origin.core.record import PackedBatch, SessionRecord, StreamRecord
from origin.export.files import folder_of, replacing
from origin.export.jsonl import batches_of
from origin.query.streams import license_name
from origin.storage.batchtable import head_schema, head_table
from origin.storage.database import ProvenanceDatabase
from origin.storage.sealing.observations import hex_column, schema, table_of
from origin.storage.text import to_column

if TYPE_CHECKING:
    import pyarrow as pa

OBSERVATIONS, BATCHES = "observations.parquet", "batches.parquet"

# What is in memory at a time.
_ROWS = 1 << 17
_BATCHES = 1 << 14


def export(
    db: ProvenanceDatabase, session_id: str | SessionRecord, path: str | os.PathLike[str]
) -> int:
    """Write the observations and batches of a session as Parquet.

    Args:
        db: an open database.
        session_id: which session.
        path: the folder for ``observations.parquet`` and ``batches.parquet``; it is made if it is
            not there.

    Returns:
        How many observations there are.

    Raises:
        SessionNotFoundError: no session has that id.
        StorageError: the record cannot be read, or a file not written.
    """
    import pyarrow.parquet as pq

    facts = gather(db, session_id)
    folder = folder_of(path)
    written = 0
    with (
        replacing(folder / OBSERVATIONS) as rows_file,
        replacing(folder / BATCHES) as heads_file,
        pq.ParquetWriter(rows_file, _with_stream(schema()), compression="zstd") as rows,
        pq.ParquetWriter(heads_file, _with_stream(_heads_schema()), compression="zstd") as heads,
    ):
        for stream, all_batches in batches_of(db, facts.streams):
            for batches in _portions(all_batches):
                table = table_of(batches)
                rows.write_table(_of_stream(table, stream))
                heads.write_table(_of_stream(_heads(batches), stream))
                written += table.num_rows
    return written


def _portions(batches: Iterator[PackedBatch]) -> Iterator[list[PackedBatch]]:
    for first in batches:
        portion, size = [first], first.count
        while size < _ROWS and len(portion) < _BATCHES:
            following = next(batches, None)
            if following is None:
                break
            portion.append(following)
            size += following.count
        yield portion


def _heads_schema() -> "pa.Schema":
    import pyarrow as pa

    own = head_schema()
    return own.set(own.get_field_index("root"), pa.field("root", pa.string()))


def _heads(batches: list[PackedBatch]) -> "pa.Table":
    table = head_table(batches)
    roots = hex_column(b"".join(one.root for one in batches))
    return table.set_column(table.schema.get_field_index("root"), "root", roots)


_OF_STREAM = ("session_id", "source_id", "license_id")


def _with_stream(own: "pa.Schema") -> "pa.Schema":
    import pyarrow as pa

    # One text for all rows of a stream; engines read it as text.
    named = pa.dictionary(pa.int32(), pa.string())
    more = [*(pa.field(name, named) for name in _OF_STREAM), pa.field("rank", pa.int32())]
    return pa.schema([*own, *more])


def _of_stream(table: "pa.Table", stream: StreamRecord) -> "pa.Table":
    """A table of one stream's rows, with what the stream's record says of all of them."""
    import pyarrow as pa

    rows = table.num_rows
    numbers = pa.repeat(pa.scalar(0, pa.int32()), rows)
    license_id = license_name(stream.license_id)
    columns = [
        pa.DictionaryArray.from_arrays(numbers, pa.array([to_column(text)], pa.string()))
        for text in (stream.session_id, stream.source_id, license_id)
    ]
    ranks = pa.repeat(pa.scalar(stream.rank, pa.int32()), rows)
    wanted = _with_stream(table.schema)
    return pa.Table.from_arrays([*table.columns, *columns, ranks], schema=wanted)
