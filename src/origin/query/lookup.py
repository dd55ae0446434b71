"""Looking up one sample in segments, by what their footers say of each group of rows.

DuckDB would do it, and reads the footers anew for each question: with some thousand groups of
rows that takes longer than all else. Here they are read once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from origin.core.record import SegmentRecord
from origin.storage.sealing.observations import schema

if TYPE_CHECKING:
    import pyarrow as pa


class _Footer:
    """What the footer of a segment says: the first and last sample of each group of rows."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self.metadata: pq.FileMetaData = pq.read_metadata(path)
        groups = [self.metadata.row_group(at) for at in range(self.metadata.num_row_groups)]
        statistics = [group.column(0).statistics for group in groups]
        self.firsts = [told.min for told in statistics]
        self.lasts = [told.max for told in statistics]

    def groups_with(self, sample_id: str) -> range:
        """The groups of rows in which a sample can be."""
        return range(bisect_left(self.lasts, sample_id), bisect_right(self.firsts, sample_id))


class Lookup:
    """Reads those parts of segments that can hold a sample.

    Args:
        folder: where the segments are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._footers: dict[str, _Footer] = {}

    def around(self, sample_id: str, segments: Iterable[SegmentRecord]) -> "pa.Table":
        """All rows of a sample, among others."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        listed = tuple(segments)
        parts = [schema().empty_table()]
        for segment in listed:
            if segment.first_sample <= sample_id <= segment.last_sample:
                path, footer = self._folder / segment.name, self._footer(segment.name)
                if groups := footer.groups_with(sample_id):
                    with pq.ParquetFile(path, metadata=footer.metadata) as file:
                        found = file.read_row_groups(groups, use_threads=False)
                    parts.append(found.select(schema().names).cast(schema()))
        self._forget_all_but(listed)
        return pa.concat_tables(parts)

    def _footer(self, name: str) -> _Footer:
        known = self._footers.get(name)
        if known is None:
            known = self._footers[name] = _Footer(self._folder / name)
        return known

    def _forget_all_but(self, segments: tuple[SegmentRecord, ...]) -> None:
        if len(self._footers) > len(segments):
            names = {segment.name for segment in segments}
            self._footers = {name: one for name, one in self._footers.items() if name in names}
