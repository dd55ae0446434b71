"""A batch, taken apart into the canonical bytes of its samples."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from origin.core.merkle import merkle_root

Bytes = npt.NDArray[np.uint8]

# Beyond this many pieces a sample, gathering them first is quicker than hashing each in turn.
_MAX_PIECES = 3

# Memory fresh from the system costs more to touch for the first time than to copy into, so
# the buffers of hashed batches are used again. They are few, and let go when the sizes change.
_MAX_SPARE = 16
_spare: deque[Bytes] = deque(maxlen=_MAX_SPARE)


def _buffer(size: int) -> Bytes:
    try:
        found = _spare.pop()
    except IndexError:
        return np.empty(size, np.uint8)
    return found if found.size == size else np.empty(size, np.uint8)


def forget_spare() -> None:
    """Let go of the buffers of hashed batches; they still hold training data."""
    _spare.clear()


class Table:
    """Rows of equal size, column by column, behind one header.

    The columns may be the batch's own memory: hash at once, or ``own`` a copy.

    Args:
        header: what each row begins with.
        columns: for each column the bytes of all rows end to end.
        count: how many rows there are.

    >>> table = Table(b"h", [np.frombuffer(b"abcd", np.uint8)], 2)
    >>> table.digests() == [sha256(b"hab").digest(), sha256(b"hcd").digest()]
    True
    """

    def __init__(self, header: bytes, columns: list[Bytes], count: int) -> None:
        self.count = count
        self._header = header
        self._columns = columns
        self._widths = [column.size // count for column in columns]
        self.row_bytes = len(header) + sum(self._widths)
        self._owned = False

    def own(self) -> None:
        """Copy all rows, so that nobody else can change them."""
        rows = _buffer(self.count * self.row_bytes).reshape(self.count, self.row_bytes)
        at = len(self._header)
        rows[:, :at] = np.frombuffer(self._header, np.uint8)
        for column, width in zip(self._columns, self._widths, strict=True):
            rows[:, at : at + width] = column.reshape(self.count, width)
            at += width
        self._header, self._columns = b"", [rows.reshape(-1)]
        self._widths = [self.row_bytes]
        self._owned = True

    def release(self) -> None:
        """The rows are hashed: let go of them."""
        if self._owned:
            _spare.append(self._columns[0])
        self._columns = []

    def digests(self) -> list[bytes]:
        """The SHA-256 of each row."""
        if len(self._columns) > _MAX_PIECES:
            self.own()
        views = [memoryview(column) for column in self._columns]  # type: ignore[arg-type]
        if self._owned:
            return _digests_of_rows(views[0], self._widths[0], self.count)
        begun = sha256(self._header)
        if len(views) == 1:
            return _digests_of_column(begun, views[0], self._widths[0], self.count)
        return _digests_of_columns(begun, views, self._widths, self.count)


def _digests_of_rows(rows: memoryview, width: int, count: int) -> list[bytes]:
    return [sha256(rows[at : at + width]).digest() for at in range(0, width * count, width)]


def _digests_of_column(begun: Any, column: memoryview, width: int, count: int) -> list[bytes]:
    found, new = [], begun.copy
    for row in range(count):
        digest = new()
        digest.update(column[row * width : (row + 1) * width])
        found.append(digest.digest())
    return found


def _digests_of_columns(
    begun: Any, columns: list[memoryview], widths: list[int], count: int
) -> list[bytes]:
    found, new = [], begun.copy
    pairs = list(zip(columns, widths, strict=True))
    for row in range(count):
        digest = new()
        for column, width in pairs:
            digest.update(column[row * width : (row + 1) * width])
        found.append(digest.digest())
    return found


class Rows:
    """Canonical bytes given one by one; they are copies already."""

    def __init__(self, rows: Sequence[bytes]) -> None:
        self._rows = rows

    def own(self) -> None:
        """Nothing to do: bytes cannot be changed."""

    def release(self) -> None:
        """Let go of them."""
        self._rows = ()

    def digests(self) -> list[bytes]:
        """The SHA-256 of each."""
        return [sha256(row).digest() for row in self._rows]


@dataclass(slots=True)
class Capture:
    """The canonical bytes of a batch's samples, and what is said of each.

    Args:
        rows: where the bytes are; None once they are hashed.
        count: how many samples there are.
        byte_sizes: canonical bytes of each; one int when all are equal.
        content_types: what each is; one str when all are equal.
        keys, metadata: as in ``PackedBatch``.
        fingerprints: of all samples in order, 32 bytes each; None until they are hashed.
        root: the Merkle root of the fingerprints, once they are hashed.
    """

    rows: Table | Rows | None
    count: int
    byte_sizes: int | list[int]
    content_types: str | list[str]
    keys: list[str | None] | None = None
    metadata: list[dict[str, Any] | None] | None = None
    fingerprints: bytes | None = None
    root: bytes = b""

    def hash(self) -> None:
        """Fingerprint every sample and let go of the bytes; once done, it does nothing."""
        if self.rows is None:
            return
        digests = self.rows.digests()
        self.root = merkle_root(digests)
        self.fingerprints = b"".join(digests)
        self.rows.release()
        self.rows = None

    @property
    def total_bytes(self) -> int:
        """How many canonical bytes there are."""
        sizes = self.byte_sizes
        return sizes * self.count if isinstance(sizes, int) else sum(sizes)


def capture_rows(
    rows: Sequence[bytes],
    content_types: Sequence[str],
    keys: list[str | None] | None = None,
    metadata: list[dict[str, Any] | None] | None = None,
) -> Capture:
    """A capture of samples given one by one.

    >>> capture_rows([b"ab", b"cd"], ["text", "text"]).byte_sizes
    2
    """
    return Capture(
        rows=Rows(rows),
        count=len(rows),
        byte_sizes=_one_or_all([len(row) for row in rows], 0),
        content_types=_one_or_all(list(content_types), "json"),
        keys=keys if keys and any(key is not None for key in keys) else None,
        metadata=metadata if metadata and any(metadata) else None,
    )


def _one_or_all(values: list[Any], of_none: Any) -> Any:
    if not values:
        return of_none
    return values[0] if values.count(values[0]) == len(values) else values
