"""Looking up one sample, or a narrow range of them, in segments by what their footers say.

DuckDB would do it, and reads the footers anew for each question: with some thousand groups of
rows that takes longer than all else. Here they are read once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from origin.core.record import SegmentRecord
from origin.errors import SegmentError
from origin.storage.ledger import Ledger
from origin.storage.sealing.columns import empty_table
from origin.storage.sealing.observations import schema
from origin.storage.sealing.segments import ids_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


# A file is read as a whole, once, to see that it is as it was sealed; a larger one is not for the
# sake of one sample. Of that the pages that are read are checked, and what its footer says.
_SMALL = 64 << 20


class _Footer:
    """What the footer of a segment says: the first and last sample of each group of rows.

    Raises:
        SegmentError: it does not say what the catalog says.
    """

    def __init__(self, path: Path, segment: SegmentRecord) -> None:
        import pyarrow.parquet as pq

        self.metadata: pq.FileMetaData = pq.read_metadata(path)
        groups = [self.metadata.row_group(at) for at in range(self.metadata.num_row_groups)]
        statistics = [group.column(0).statistics for group in groups]
        if any(told is None for told in statistics):  # Arrow cannot compare one with None
            raise _altered(path)
        self.firsts = [told.min for told in statistics]
        self.lasts = [told.max for told in statistics]
        ends = [end for both in zip(self.firsts, self.lasts, strict=True) for end in both]
        told = (sum(group.num_rows for group in groups), ends[:1], ends[-1:], sorted(ends))
        known = (segment.observations, [segment.first_sample], [segment.last_sample], ends)
        if told != known or _columns(self.metadata) != _COLUMNS:
            raise _altered(path)

    def groups_with(self, low: str, high: str) -> range:
        """The groups of rows in which samples from ``low`` to ``high`` can be.

        Pages have checksums and a footer has none. So where its first samples say another group
        than its last ones, both are looked into, and the next one where a group ends with it.
        """
        begins = bisect_left(self.lasts, low), bisect_right(self.firsts, low) - 1
        ends = bisect_left(self.lasts, high), bisect_right(self.firsts, high) - 1
        first, last = max(min(begins), 0), min(max(ends), len(self.lasts) - 1)
        first -= first > 0 and self.firsts[first] == low
        last += last < len(self.lasts) - 1 and self.lasts[last] == high
        return range(first, last + 1)


# Name, how it is stored, and whether it may be missing: what pages are read by.
_COLUMNS = [
    ("sample_id", "BYTE_ARRAY", 1, 0),
    ("stream_no", "INT32", 1, 0),
    ("epoch", "INT32", 1, 0),
    ("batch_no", "INT64", 1, 0),
    ("position", "INT32", 1, 0),
    ("byte_size", "INT64", 1, 0),
    ("content_type", "BYTE_ARRAY", 1, 0),
    ("key", "BYTE_ARRAY", 1, 0),
    ("metadata", "BYTE_ARRAY", 1, 0),
]


def _columns(metadata: "pq.FileMetaData") -> list[tuple[str, str, int, int]]:
    columns = [metadata.schema.column(at) for at in range(metadata.num_columns)]
    return [
        (one.name, one.physical_type, one.max_definition_level, one.max_repetition_level)
        for one in columns
    ]


def _altered(path: Path, error: Exception | None = None) -> SegmentError:
    if isinstance(error, FileNotFoundError):
        return SegmentError(f"the segment {path} is missing; put it back")
    what = "is not as it was sealed" if error is None else f"cannot be read: {error}"
    return SegmentError(f"the segment {path} {what}; restore it from a backup, and see db.check()")


class Lookup:
    """Reads those parts of segments that can hold a sample.

    Args:
        ledger: which has the segments.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._footers: dict[str, _Footer] = {}

    def between(self, low: str, high: str, segments: Iterable[SegmentRecord]) -> "pa.Table":
        """All rows of the samples from ``low`` to ``high``, both included.

        Raises:
            SegmentError: a segment is missing or altered where it is read.
        """
        import pyarrow as pa

        listed = tuple(segments)
        parts = [empty_table(schema())]
        for segment in listed:
            if segment.first_sample <= high and low <= segment.last_sample:
                path = self._ledger.folder / segment.name
                if segment.byte_size <= _SMALL:
                    path = self._ledger.path_of(segment)
                try:
                    parts.append(self._rows(path, segment, low, high))
                except SegmentError:
                    raise
                except (pa.ArrowException, OSError, LookupError, ValueError) as error:
                    raise _altered(path, error) from error
        self._forget_all_but(listed)
        return pa.concat_tables(parts)

    def _rows(self, path: Path, segment: SegmentRecord, low: str, high: str) -> "pa.Table":
        import pyarrow.parquet as pq

        footer = self._footers.get(segment.name)
        if footer is None:
            footer = self._footers[segment.name] = _Footer(path, segment)
        groups = footer.groups_with(low, high)
        with pq.ParquetFile(
            path, metadata=footer.metadata, page_checksum_verification=True
        ) as file:
            found = file.read_row_groups(groups, use_threads=False)
        rows = found.select(schema().names).cast(schema())
        told = footer.firsts[groups[0]], footer.lasts[groups[-1]]
        wanted = sum(footer.metadata.row_group(group).num_rows for group in groups)
        ends = [rows["sample_id"][at].as_py() for at in (0, -1)] if rows.num_rows else []
        if rows.num_rows != wanted or tuple(ends) != told:
            raise _altered(path)
        # They come in the order of their ids, so the others need not be looked at again.
        ids = ids_of(rows)
        begin = np.searchsorted(ids, np.bytes_(low.encode()), "left")
        end = np.searchsorted(ids, np.bytes_(high.encode()), "right")
        return rows.slice(begin, end - begin)

    def _forget_all_but(self, segments: tuple[SegmentRecord, ...]) -> None:
        if len(self._footers) > len(segments):
            names = {segment.name for segment in segments}
            self._footers = {name: one for name, one in self._footers.items() if name in names}
