"""Numbers that users attached to batches."""

import math
from collections.abc import Iterable

from origin.core.record import Annotation
from origin.storage.checksums import row_checksum
from origin.storage.connection import Connection, Row
from origin.storage.schema import batch_key
from origin.storage.text import to_column


class Annotations:
    """The annotations of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def put(self, annotations: Iterable[Annotation]) -> None:
        """Write annotations; of two with one name for one batch the last holds."""
        self._db.many(
            "INSERT OR REPLACE INTO annotations (batch_id, name, value, checksum)"
            " VALUES (?, ?, ?, ?)",
            [_row(told) for told in annotations],
        )


def _row(told: Annotation) -> Row:
    value = None if math.isnan(told.value) else float(told.value)
    columns = (batch_key(told.stream_no, told.batch_no), to_column(told.name), value)
    return (*columns, row_checksum("annotations", *columns))
