"""Checks the batches, sealed or not: each by its checksum, and all together by counting."""

import struct
from collections.abc import Callable, Iterable, Iterator

from origin.core.hashing import merkle_root_of
from origin.errors import DatabaseBusyError, StorageError
from origin.storage.checks.catalog import reading
from origin.storage.checks.findings import Findings, Range, Ranges, Stream, between
from origin.storage.checks.look import Look
from origin.storage.checksums import head_checksum, sums_of
from origin.storage.connection import Row
from origin.storage.schema import LAST_BATCH_NO, stream_of

_ALTERED = "not as written: the checksum does not fit"
_OTHER_ROOT = "the samples do not have the Merkle root that was recorded"


def _of_kind(column: str, *kinds: str) -> str:
    """A column, or NULL where it holds what it never should: a text that is none, for one."""
    allowed = ", ".join(f"'{kind}'" for kind in kinds)
    return f"iif(typeof({column}) IN ({allowed}), {column}, NULL)"


_BATCHES = ", ".join(
    [
        "batch_id",
        *(_of_kind(name, "integer") for name in ("checksum", "head_checksum", "epoch", "seen_at")),
        *(_of_kind(name, "blob") for name in ("root", "fingerprints")),
        _of_kind("byte_sizes", "integer", "blob"),
        "iif(typeof(content_type) IN ('text', 'null'), CAST(content_type AS BLOB), 0)",
        "iif(typeof(details) IN ('blob', 'null'), details, 0)",
    ]
)

_SEALED = ", ".join(
    [
        "batch_id",
        *(_of_kind(name, "integer") for name in ("checksum", "epoch", "seen_at")),
        _of_kind("root", "blob"),
        *(_of_kind(name, "integer") for name in ("samples", "bytes_seen")),
    ]
)


class BatchesCheck:
    """Checks every batch in one look at a database.

    Args:
        look: the state to check.
        findings: it knows the streams already; it learns what they really hold.
        roots: whether to compute the roots of the unsealed batches anew.
    """

    def __init__(self, look: Look, findings: Findings, *, roots: bool) -> None:
        self._look = look
        self._findings = findings
        self._roots = roots
        self._altered, self._other_root = Ranges(), Ranges()

    def run(self) -> None:
        """Check everything."""
        self._scan("batches", _BATCHES, self._batch)
        self._report("batches")
        self._scan("sealed_batches", _SEALED, self._sealed_batch)
        self._report("sealed_batches")
        for stream in list(self._findings.streams.values()):
            self._check_counts(stream)
        with reading(self._findings, "table segment_streams"):
            self._check_segments()

    def _scan(self, table: str, columns: str, check: Callable[[Row], None]) -> None:
        """Check a table's rows from the first on and, if one cannot be read, from the last back."""
        last_read = None
        sql = f"SELECT {columns} FROM {table} ORDER BY batch_id"
        try:
            for row in self._look.rows(sql):
                last_read = row[0]
                check(row)
        except DatabaseBusyError:
            raise
        except StorageError as error:
            self._scan_back(table, f"{sql} DESC", check, last_read, error)

    def _scan_back(
        self,
        table: str,
        sql: str,
        check: Callable[[Row], None],
        last_read: int | None,
        error: StorageError,
    ) -> None:
        first_read = None
        try:
            for row in self._look.rows(sql):
                if last_read is not None and row[0] <= last_read:
                    break
                first_read = row[0]
                check(row)
        except DatabaseBusyError:
            raise
        except StorageError:  # it is told already
            pass
        lost = between(last_read, first_read)
        for stream_no, _, _ in lost:
            self._findings.stream(stream_no).damaged = True
        self._findings.add(
            f"table {table}", f"a part cannot be read: {error}", lambda: self._bounded(lost)
        )

    def _bounded(self, ranges: Iterable[Range]) -> Iterator[Range]:
        """Ranges without the numbers that no batch of the stream has."""
        for stream_no, first, last in ranges:
            known = self._findings.stream(stream_no).whole[2]
            if first <= known:
                yield stream_no, first, min(last, known)
            else:
                yield stream_no, first, first

    def _batch(self, row: Row) -> None:
        batch_id, checksum, head, *values = row
        root, packed = values[2], values[3]
        total, sums = sums_of((batch_id, *values))
        is_sound = sums == (head, checksum)
        self._count(batch_id, len(packed or b"") // 32, total, is_sound=is_sound)
        if is_sound and self._roots and merkle_root_of(packed) != root:
            self._other_root.add(batch_id)

    def _sealed_batch(self, row: Row) -> None:
        batch_id, checksum, epoch, seen_at, root, samples, bytes_seen = row
        try:
            is_sound = checksum == head_checksum(
                batch_id, epoch, seen_at, root, samples, bytes_seen
            )
        except (struct.error, TypeError):
            is_sound = False
        self._count(batch_id, samples or 0, bytes_seen or 0, is_sound=is_sound)
        self._findings.stream(stream_of(batch_id)).sealed += samples or 0

    def _count(self, batch_id: int, samples: int, bytes_seen: int, *, is_sound: bool) -> None:
        stream = self._findings.stream(stream_of(batch_id))
        stream.batches += 1
        stream.observations += samples
        stream.bytes_seen += bytes_seen
        if is_sound:
            stream.ranges.add(batch_id)
        else:
            stream.damaged = True
            self._altered.add(batch_id)

    def _report(self, table: str) -> None:
        for what, found in ((_ALTERED, self._altered), (_OTHER_ROOT, self._other_root)):
            if found:
                self._findings.add(f"table {table}", what, lambda found=found: found)  # type: ignore[misc]
        self._altered, self._other_root = Ranges(), Ranges()

    # -- counting ----------------------------------------------------------------------

    def _check_counts(self, stream: Stream) -> None:
        where = f"stream {stream.stream_no}"
        if stream.row is None:
            if stream.batches:
                self._findings.add(
                    where, "it has batches, and no row in streams", lambda: [stream.whole]
                )
            return
        told = stream.row
        missing: list[Range] = []
        if stream.damaged or told["batches"] != stream.batches:
            with reading(self._findings, "table gaps"):
                missing = self._missing(stream)
        if told["batches"] != stream.batches:
            self._findings.add(
                where,
                f"{stream.batches:,} batches are there, and {told['batches']} were recorded",
                lambda: missing or [stream.whole],
            )
        elif missing:
            # The number of a batch is what may have been altered.
            self._findings.add(where, "batches are not there as they were written", lambda: missing)
        elif not stream.damaged:
            for name in ("observations", "bytes_seen"):
                if told[name] != getattr(stream, name):
                    self._findings.add(
                        where,
                        f"its batches have {getattr(stream, name):,} {name}, and {told[name]} "
                        "were recorded",
                        lambda: [stream.whole],
                    )

    def _missing(self, stream: Stream) -> list[Range]:
        """The numbers that neither a sound batch nor a gap has."""
        rows = self._look.rows(
            "SELECT first_batch, last_batch FROM gaps WHERE stream_no = ?", (stream.stream_no,)
        )
        gaps = [(a, b) for a, b in rows if isinstance(a, int) and isinstance(b, int)]
        told = stream.row["batches"] if stream.row else 0
        end = stream.whole[2]
        if isinstance(told, int) and told <= LAST_BATCH_NO:
            end = max(end, told + sum(last - first + 1 for first, last in gaps) - 1)
        missing, following = [], 0
        for first, last in sorted([*gaps, *((first, last) for _, first, last in stream.ranges)]):
            if first > following:
                missing.append((stream.stream_no, following, first - 1))
            following = max(following, last + 1)
        if following <= end:
            missing.append((stream.stream_no, following, end))
        return missing

    def _check_segments(self) -> None:
        listed: dict[object, object] = dict(
            self._look.rows("SELECT stream_no, sum(observations) FROM segment_streams GROUP BY 1")
        )
        for stream in list(self._findings.streams.values()):
            found = listed.get(stream.stream_no, 0)
            if found != stream.sealed and not stream.damaged:
                self._findings.add(
                    f"stream {stream.stream_no}",
                    f"{stream.sealed:,} of its observations are sealed, and segments that are "
                    f"listed have {found}",
                    lambda stream=stream: [stream.whole],  # type: ignore[misc]
                )
        for number, told, found in self._look.rows(
            "SELECT segment_no, observations, (SELECT sum(observations) FROM segment_streams t"
            " WHERE t.segment_no = s.segment_no) FROM segments s"
        ):
            if told != found:
                self._findings.add(
                    f"table segments, segment_no {number}",
                    f"it is listed with {told} observations, and its streams with {found}",
                    self._findings.all_streams,
                )
