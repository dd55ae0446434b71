"""Which of many packed fingerprints are distinct, exactly and in little memory.

A fingerprint is handled as a row of four 64-bit words. Rows are ordered by their first
word, which for SHA-256 tells nearly all of them apart; all 32 bytes are compared all the same.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint64]
Places = NDArray[np.int64]

# So many new fingerprints are gathered before they are compared with those known.
_CHUNK = 1 << 19


def rows_of(packed: bytes | bytearray) -> Rows:
    """Fingerprints packed end to end, one in each row.

    >>> rows_of(bytes(64)).shape
    (2, 4)
    """
    return np.frombuffer(packed, dtype=np.uint64).reshape(-1, 4)


def first_places(rows: Rows) -> NDArray[np.intp]:
    """Where each distinct row occurs first.

    Args:
        rows: fingerprints, as ``rows_of`` gives them.

    Returns:
        Indexes into ``rows``, such that the first words of the rows they name ascend.

    >>> first_places(rows_of(b"b" * 32 + b"a" * 32 + b"b" * 32)).tolist()
    [1, 0]
    """
    order = np.argsort(rows[:, 0], kind="stable")
    heads = rows[order, 0]
    ties = np.flatnonzero(heads[1:] == heads[:-1])
    repeats = _equal_neighbours(rows, order, ties)
    if not repeats.all():
        # Different rows with one first word may stand between equal ones: sort by all words.
        order = np.lexsort(rows.T[::-1])
        ties = np.arange(len(rows) - 1)
        repeats = _equal_neighbours(rows, order, ties)
    fresh = np.ones(len(rows), dtype=bool)
    fresh[ties[repeats] + 1] = False
    return order[fresh]


def _equal_neighbours(
    rows: Rows, order: NDArray[np.intp], at: NDArray[np.intp]
) -> NDArray[np.bool_]:
    equal: NDArray[np.bool_] = (rows[order[at]] == rows[order[at + 1]]).all(axis=1)
    return equal


def count_union(parts: Iterable[Rows]) -> int:
    """How many distinct rows several sets of rows have together.

    Args:
        parts: each without repeats in itself.

    >>> count_union([rows_of(b"a" * 32), rows_of(b"a" * 32 + b"b" * 32)])
    2
    """
    known = list(parts)
    if len(known) == 1:
        return len(known[0])
    return len(first_places(np.concatenate(known))) if known else 0


class DistinctRows:
    """Gathers fingerprints and keeps each distinct one with the place it was first met.

    After ``settle``, ``rows`` are the distinct fingerprints, ordered by their first word,
    and ``places`` says for each how many fingerprints had been added before it.

    >>> gathered = DistinctRows()
    >>> gathered.add(b"b" * 32 + b"a" * 32)
    >>> gathered.add(b"b" * 32)
    >>> gathered.settle().places.tolist()
    [1, 0]
    """

    def __init__(self) -> None:
        self.rows: Rows = rows_of(b"")
        self.places: Places = np.empty(0, dtype=np.int64)
        self._waiting = bytearray()
        self._seen = 0

    def add(self, packed: bytes) -> None:
        """Take in fingerprints packed end to end."""
        self._waiting += packed
        # Waiting for as many as are known keeps the work in proportion to what was added.
        if len(self._waiting) >= 32 * max(_CHUNK, len(self.rows)):
            self.settle()

    def settle(self) -> "DistinctRows":
        """Bring ``rows`` and ``places`` up to date; returns the object itself."""
        new = rows_of(self._waiting)
        if not len(new):
            return self
        rows = np.concatenate([self.rows, new])
        places = np.concatenate([self.places, np.arange(self._seen, self._seen + len(new))])
        self._seen += len(new)
        self._waiting = bytearray()
        keep = first_places(rows)
        self.rows, self.places = rows[keep], places[keep]
        return self
