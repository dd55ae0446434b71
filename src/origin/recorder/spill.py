"""Sorted 64-bit words in temporary files: what is too much to keep in memory.

A run is one file of distinct words in order. Runs of about one size are merged bit by bit, so
that whoever adds words never waits for a whole merge, and few files are open.
"""

import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

# Runs are read and merged in parts: all words that have the same highest bits.
_PART_BITS = 10
_PARTS = 1 << _PART_BITS


class SpilledWords:
    """A set of words on the disk.

    >>> words = SpilledWords()
    >>> words.add(np.array([1, 2], np.uint64))
    >>> words.add(np.array([2, 2**63], np.uint64))
    >>> words.count_with(np.array([1, 7], np.uint64))
    4
    """

    def __init__(self) -> None:
        self._runs: list[_Run] = []
        self._merge: Iterator[None] | None = None

    def __bool__(self) -> bool:
        return bool(self._runs)

    def add(self, words: Words) -> None:
        """Add distinct words in order.

        Raises:
            OSError: they could not be written; none of them was added.
        """
        self._runs.append(_Run([words]))

    def work(self, parts: int) -> None:
        """Merge a little, if something is to merge.

        Args:
            parts: how many of the 1,024 parts of a merge.

        Raises:
            OSError: there is no room; the words are all there, and no merge is under way.
        """
        if self._merge is None:
            due = self._due()
            if not due:
                return
            self._merge = self._merging(due)
        try:
            for _ in range(parts):
                next(self._merge)
        except StopIteration:
            self._merge = None
        except OSError:
            self._merge = None
            raise

    def count_with(self, words: Words) -> int:
        """How many distinct words there are together with others, which come in order."""
        return sum(
            len(_union([*(run.part(number) for run in self._runs), part]))
            for number, part in enumerate(np.split(words, _bounds(words)[1:-1]))
        )

    def _due(self) -> "list[_Run]":
        """The newest runs, as far as each is less than twice as large as those after it."""
        together, first = 0, len(self._runs)
        for number in range(len(self._runs) - 1, -1, -1):
            if together and self._runs[number].count <= 2 * together:
                first = number
            together += self._runs[number].count
        return self._runs[first:]

    def _merging(self, due: "Sequence[_Run]") -> Iterator[None]:
        merged = _Run([])
        for number in range(_PARTS):
            merged.append(number, _union([run.part(number) for run in due]))
            yield
        at = self._runs.index(due[0])
        self._runs[at : at + len(due)] = [merged]


class _Run:
    """One file; the system removes it when it is closed, or the process ends."""

    def __init__(self, words: Sequence[Words]) -> None:
        self._file = tempfile.TemporaryFile(prefix="origin-", buffering=0)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._ends = np.zeros(_PARTS + 1, np.int64)
        for some in words:
            self._write(0, some)
            self._ends[:] = _bounds(some)

    @property
    def count(self) -> int:
        return int(self._ends[-1])

    def append(self, number: int, words: Words) -> None:
        """Write the next part."""
        self._write(int(self._ends[number]), words)
        self._ends[number + 1 :] = self._ends[number] + len(words)

    def part(self, number: int) -> Words:
        begin, end = (int(place) for place in self._ends[number : number + 2])
        raw = _read(self._file, 8 * (end - begin), 8 * begin)
        return np.frombuffer(raw, np.uint64)

    def _write(self, at: int, words: Words) -> None:
        raw, written = np.ascontiguousarray(words).data.cast("B"), 0
        while written < len(raw):
            written += _write(self._file, raw[written:], 8 * at + written)


# A forked child shares the place in a file with its parent, so it is given each time; Windows,
# which has no forks, has no such calls either.
def _read(file: IO[bytes], size: int, at: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file.fileno(), size, at)
    file.seek(at)
    return file.read(size)


def _write(file: IO[bytes], raw: memoryview, at: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(file.fileno(), raw, at)
    file.seek(at)
    return file.write(raw)


def _bounds(words: Words) -> npt.NDArray[np.int64]:
    """Where each part of some words begins, and where the last one ends."""
    firsts = np.arange(1, _PARTS, dtype=np.uint64) << np.uint64(64 - _PART_BITS)
    return np.array([0, *np.searchsorted(words, firsts), len(words)], np.int64)


def _union(sorted_words: Sequence[Words]) -> Words:
    together = np.concatenate(sorted_words)
    # A stable sort of sorted pieces merges them.
    together.sort(kind="stable")
    is_first = np.ones(len(together), bool)
    is_first[1:] = together[1:] != together[:-1]
    found: Words = together[is_first]
    return found
