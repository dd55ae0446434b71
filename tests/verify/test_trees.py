"""Trees that grow, and fingerprints in order, beside what computes them from all at once."""

from collections.abc import Iterator
from hashlib import sha256

import pytest

from origin.core.merkle import merkle_root
from origin.verify import trees
from origin.verify.streams import Prints, lines_of
from origin.verify.trees import GrowingTree, ascending, packed_parts

LEAVES = [b"%d" % number for number in range(9000)]


@pytest.mark.parametrize("size", [*range(70), 4095, 4096, 4097, 8191, 8192, 8193, 9000])
def test_a_tree_of_any_size(size: int) -> None:
    wanted = merkle_root(LEAVES[:size])
    for step in (1, 7, 4096, 10_000):
        tree = GrowingTree()
        for at in range(0, size, step):
            tree.add(LEAVES[at : min(at + step, size)])
        assert (tree.size, tree.root) == (size, wanted)
        if size > 100 and step == 1:
            break


def test_a_root_may_be_asked_for_in_between() -> None:
    tree = GrowingTree()
    for number, leaf in enumerate(LEAVES[:600]):
        assert tree.root == merkle_root(LEAVES[:number])
        tree.add([leaf])


def drawn(count: int, different: int) -> list[bytes]:
    """Fingerprints in no order, some of them more than once."""
    return [sha256(b"%d" % (number * 7 % different)).digest() for number in range(count)]


def parts_of(samples: list[bytes], size: int) -> Iterator[list[bytes]]:
    return (samples[at : at + size] for at in range(0, len(samples), size))


@pytest.mark.parametrize("most", [1, 2, 10, 500, 100_000])
def test_in_order_and_each_once(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(trees, "_AT_ONCE", most)
    monkeypatch.setattr(trees, "_COLLECTED", max(most // 2, 1))
    for samples in ([], drawn(1, 1), drawn(300, 200), drawn(300, 3), [bytes(32)] * 5):
        found = [one for part in ascending(parts_of(samples, 7)) for one in part]
        assert found == sorted(set(samples))


def test_samples_that_differ_in_their_last_byte_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "_AT_ONCE", 4)
    samples = [bytes(31) + bytes([one]) for one in range(256)]
    samples = samples[1::2] + samples[-2::-2]
    found = [one for part in ascending(parts_of(samples, 3)) for one in part]
    assert found == sorted(samples)


def test_parts_and_lines_however_they_are_cut() -> None:
    samples = drawn(40, 40)
    packed = b"".join(samples)
    assert packed_parts(packed) == samples
    text = b"".join(b"%d\n" % one for one in range(40)) + b"\n"
    for size in (1, 5, 32, 33, 1000):
        cut = [packed[at : at + size] for at in range(0, len(packed), size)]
        prints = Prints(cut)
        assert prints.take(0) == []
        assert prints.take(7) + prints.take(30) == samples[:37]
        assert prints.take(9) == samples[37:]
        assert prints.is_at_end
        lines = [text[at : at + size] for at in range(0, len(text), size)]
        assert [*lines_of(lines)] == text.split(b"\n")[:-1]
    assert not Prints([packed[:33]]).is_at_end
    assert not Prints([b"x"]).is_at_end
    assert Prints([]).is_at_end
