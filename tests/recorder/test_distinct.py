"""Counting distinct fingerprints: exact, in little memory."""

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder_support import run

from origin.recorder import distinct
from origin.recorder.distinct import DistinctCounter
from origin.recorder.spill import SpilledWords

LARGE = """
import resource
import numpy as np
from origin.recorder.distinct import DistinctCounter
generator = np.random.default_rng(7)
def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
counter, samples, chunk = DistinctCounter(), 10_000_000, 250_000
def packed():
    return generator.integers(0, 2**64, 4 * chunk, np.uint64).tobytes()
packed()
before = memory()
for _ in range(samples // chunk):
    counter.add(packed())
assert counter.count() == samples
print((memory() - before) / samples)
"""


def digest(number: int) -> bytes:
    """Different from others in its first 64 bits, as real ones are."""
    return number.to_bytes(8, "big") + bytes(24)


actions = st.lists(
    st.one_of(
        st.lists(st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 1)), max_size=12),
        st.none(),
    ),
    max_size=30,
)


@given(actions=actions, least=st.integers(1, 20), most=st.sampled_from([1, 7, 1 << 21]))
@settings(max_examples=300, deadline=None)
def test_like_a_set(actions: list[list[int] | None], least: int, most: int) -> None:
    """Adding lists of numbers, and counting now and then, in memory and on the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct, "_MIN_FRESH", least)
        patch.setattr(distinct, "_MAX_KNOWN", most)
        patch.setattr(distinct, "_PARTS_AT_ONCE", 300)
        patch.setattr(distinct, "_MIN_PACKED", 32 * (least // 2))
        counter, known = DistinctCounter(), set[int]()
        for action in actions:
            if action is None:
                assert counter.count() == len(known)
            else:
                counter.add(b"".join(map(digest, action)))
                known |= set(action)
        assert counter.count() == counter.count() == len(known)


def test_edges_of_the_shards() -> None:
    counter = DistinctCounter()
    edges = [n << 58 for n in range(64)]
    numbers = {n + d for n in edges for d in (-1, 0, 1) if 0 <= n + d < 2**64} | {2**64 - 1}
    for _ in range(2):
        counter.add(b"".join(map(digest, numbers)))
        assert counter.count() == len(numbers)


def test_two_million_with_repeats() -> None:
    source = random.Random(11)  # noqa: S311
    counter, known, total = DistinctCounter(), set[int](), 0
    generator = np.random.default_rng(11)
    while total < 2_000_000:
        size = source.choice([1, 32, 1000, 50_000])
        words = generator.integers(0, 3_000_000, size, np.uint64) * np.uint64(6148914691236)
        rows = np.zeros((size, 4), ">u8")
        rows[:, 0] = words
        counter.add(rows.tobytes())
        known.update(words.tolist())
        total += size
        if source.random() < 0.02:
            assert counter.count() == len(known)
    assert counter.count() == len(known)
    assert len(known) < total


def words(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.uint64)


def test_runs_on_the_disk_are_merged_and_few() -> None:
    spilled, known = SpilledWords(), set[int]()
    for number in range(200):
        some = sorted({(number * 7919 + n * 104729) << 40 for n in range(50)})
        spilled.add(words(*some))
        known.update(some)
        spilled.work(400)
    assert spilled.count_with(words()) == len(known)
    assert len(spilled._runs) < 20


def test_without_room_on_the_disk_it_counts_in_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(distinct, "_MAX_KNOWN", 8)
    monkeypatch.setattr(distinct, "_MIN_FRESH", 1)
    monkeypatch.setattr(distinct, "_MIN_PACKED", 1)
    counter = DistinctCounter()
    for number in range(20):
        counter.add(digest(number))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    for number in range(10, 60):
        counter.add(digest(number << 50))
    assert counter.count() == 20 + 50


def test_memory_at_ten_million() -> None:
    bytes_each = float(run(LARGE))
    assert bytes_each <= 8
