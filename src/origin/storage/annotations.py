"""Numbers that users attached to batches."""

import math
from collections.abc import Iterator, Sequence

from origin.core.record import Annotation
from origin.storage.checksums import row_checksum
from origin.storage.connection import Connection, Row
from origin.storage.schema import batch_key, number_of, stream_range
from origin.storage.text import from_column, to_column


class Annotations:
    """The annotations of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def put(self, annotations: Sequence[Annotation]) -> None:
        """Write annotations; of two with one name for one batch the last holds."""
        self._db.many(
            "INSERT OR REPLACE INTO annotations (batch_id, name, value, checksum)"
            " VALUES (?, ?, ?, ?)",
            [_row(told) for told in annotations],
        )

    def of_stream(self, stream_no: int) -> Iterator[Annotation]:
        """The annotations of a stream's batches, in the order of those."""
        rows = self._db.rows(
            "SELECT batch_id, name, value FROM annotations WHERE batch_id BETWEEN ? AND ?",
            stream_range(stream_no),
        )
        for number, name, value in rows:
            told = math.nan if value is None else value
            yield Annotation(stream_no, number_of(number), from_column(name), told)


def _row(told: Annotation) -> Row:
    value = None if math.isnan(told.value) else float(told.value)
    columns = (batch_key(told.stream_no, told.batch_no), to_column(told.name), value)
    return (*columns, row_checksum("annotations", *columns))
