"""Counting distinct fingerprints exactly, in little memory."""

import logging
import threading

import numpy as np

from origin.recorder.spill import SpilledWords, Words

_log = logging.getLogger("origin")

_SHARD_BITS = 6
_SHARDS = 1 << _SHARD_BITS

# Below this many new words, sorting them in is not worth the while.
_MIN_FRESH = 1 << 16
# So many bytes of fingerprints are taken apart at once.
_MIN_PACKED = 1 << 17

# So many words stay in memory, 8 MiB; more go to a temporary file.
_MAX_KNOWN = 1 << 20
# What is merged there each time fingerprints are taken apart: more than comes in.
_PARTS_AT_ONCE = 8


class DistinctCounter:
    """How many distinct fingerprints were added.

    It keeps the first 64 bits of each, 8 bytes a sample: up to a million in memory, more in
    temporary files. Two of 10 million SHA-256 digests agree in those bits with a chance of 3 in
    a million.

    >>> counter = DistinctCounter()
    >>> counter.add(bytes(32) + bytes(32) + b"x" * 32)
    >>> counter.count()
    2
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Sorted, disjoint by their highest bits: growing one copies only that one.
        self._shards: list[Words] = [np.empty(0, np.uint64) for _ in range(_SHARDS)]
        self._known = 0
        self._fresh: list[Words] = []
        self._fresh_words = 0
        self._packed: list[bytes] = []
        self._packed_bytes = 0
        self._spilled = SpilledWords()
        self._may_spill = True

    def add(self, packed: bytes) -> None:
        """Add fingerprints, 32 bytes each, end to end."""
        with self._lock:
            self._packed.append(packed)
            self._packed_bytes += len(packed)
            if self._packed_bytes >= _MIN_PACKED:
                self._take_apart()
                if self._fresh_words >= max(_MIN_FRESH, self._known // 8):
                    self._sort_in()
                self._use_disk()

    def count(self) -> int:
        """How many distinct fingerprints there are."""
        with self._lock:
            self._take_apart()
            unseen = self._unseen()
            self._fresh, self._fresh_words = [unseen], len(unseen)
            if not self._spilled:
                return self._known + len(unseen)
            return self._spilled.count_with(np.sort(np.concatenate([*self._shards, unseen])))

    def _use_disk(self) -> None:
        if not self._may_spill:
            return
        try:
            if self._known >= _MAX_KNOWN:
                self._spilled.add(np.concatenate(self._shards))
                self._shards = [np.empty(0, np.uint64) for _ in range(_SHARDS)]
                self._known = 0
            self._spilled.work(_PARTS_AT_ONCE)
        except OSError as error:
            _log.debug("distinct samples are counted in memory from now on: %s", error)
            self._may_spill = False

    def _take_apart(self) -> None:
        # Big-endian, so that the highest bits are the first of the fingerprint.
        words = np.frombuffer(b"".join(self._packed), ">u8")[::4].astype(np.uint64)
        self._fresh.append(words)
        self._fresh_words += len(words)
        self._packed, self._packed_bytes = [], 0

    def _unseen(self) -> Words:
        """The fresh words that no shard holds, sorted, each once."""
        if not self._fresh:
            return np.empty(0, np.uint64)
        fresh = np.unique(np.concatenate(self._fresh))
        if not self._known:
            return fresh
        parts = zip(self._shards, _by_shard(fresh), strict=True)
        return np.concatenate([_without(part, shard) for shard, part in parts])

    def _sort_in(self) -> None:
        unseen = self._unseen()
        for index, part in enumerate(_by_shard(unseen)):
            if len(part):
                merged = np.concatenate([self._shards[index], part])
                # Two sorted runs: a stable sort merges them in one pass.
                merged.sort(kind="stable")
                self._shards[index] = merged
        self._known += len(unseen)
        self._fresh, self._fresh_words = [], 0


def _by_shard(words: Words) -> list[Words]:
    bounds = np.arange(1, _SHARDS, dtype=np.uint64) << np.uint64(64 - _SHARD_BITS)
    return np.split(words, np.searchsorted(words, bounds))


def _without(words: Words, known: Words) -> Words:
    if not len(words) or not len(known):
        return words
    places = np.searchsorted(known, words)
    places[places == len(known)] = 0
    unseen: Words = words[known[places] != words]
    return unseen
