"""A batch, taken apart into the canonical bytes of its samples."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from origin.core.hashing import SHA256, Algorithm, Column, RowForm, hash_rows, hash_strings
from origin.errors import RecordingError

Bytes = npt.NDArray[np.uint8]

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
        form: what the rows have in common.
        columns: for each of the form's widths the bytes of all rows.
        count: how many rows there are.

    >>> columns = [Column.of(np.frombuffer(b"abcd", np.uint8))]
    >>> Table(RowForm(b"h", [2]), columns, 2).hash() == hash_strings([b"hab", b"hcd"])
    True
    """

    def __init__(self, form: RowForm, columns: list[Column], count: int) -> None:
        self._form = form
        self._columns = columns
        self._count = count
        self._owned: Bytes | None = None

    def own(self) -> None:
        """Copy all columns, so that nobody else can change them."""
        owned, at = _buffer(sum(column.size for column in self._columns)), 0
        copies = []
        for column in self._columns:
            copy = owned[at : at + column.size]
            copy[:] = column.array()
            copies.append(Column.of(copy))
            at += column.size
        self._columns, self._owned = copies, owned

    def release(self) -> None:
        """The rows are hashed: let go of them."""
        if self._owned is not None:
            _spare.append(self._owned)
        self._columns, self._owned = [], None

    def hash(self, algorithm: Algorithm = SHA256, aside: bool = False) -> tuple[bytes, bytes]:
        """The fingerprint of each row, end to end, and the root over them."""
        return hash_rows(self._form, self._columns, self._count, algorithm, aside)


class Rows:
    """Canonical bytes given one by one; they are copies already."""

    def __init__(self, rows: Sequence[bytes]) -> None:
        self._rows = rows

    def own(self) -> None:
        """Nothing to do: bytes cannot be changed."""

    def release(self) -> None:
        """Let go of them."""
        self._rows = ()

    def hash(self, algorithm: Algorithm = SHA256, aside: bool = False) -> tuple[bytes, bytes]:
        """The fingerprint of each, end to end, and the root over them."""
        return hash_strings(self._rows, algorithm, aside)


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
        algorithm: what the fingerprints were made with, once they are hashed; a key may stand here
            as the text that it shows.
    """

    rows: Table | Rows | None
    count: int
    byte_sizes: int | list[int]
    content_types: str | list[str]
    keys: list[str | None] | None = None
    metadata: list[dict[str, Any] | None] | None = None
    fingerprints: bytes | None = None
    root: bytes = b""
    algorithm: Algorithm = SHA256

    def hash(self, algorithm: Algorithm = SHA256, aside: bool = False) -> None:
        """Fingerprint every sample and let go of the bytes; once done, it does nothing.

        Args:
            algorithm: what fingerprints the database has.
            aside: whether this thread works beside the training loop.

        Raises:
            RecordingError: it is done already, by another algorithm.
        """
        if self.rows is None:
            if self.algorithm != algorithm and str(self.algorithm) != str(algorithm):
                raise RecordingError(f"{self.algorithm} fingerprints are no {algorithm} ones")
            return
        self.fingerprints, self.root = self.rows.hash(algorithm, aside)
        self.algorithm = algorithm
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
