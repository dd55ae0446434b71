"""The log of a stream in a bundle, read leaf by leaf and computed anew."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from origin.core.log import (
    LOG_VERSION,
    BatchLeaf,
    CloseLeaf,
    GapLeaf,
    Leaf,
    OpenLeaf,
    parse_leaf,
)
from origin.core.merkle import merkle_root
from origin.errors import ProofError
from origin.verify.findings import Findings
from origin.verify.trees import GrowingTree, ascending, packed_parts
from origin.verify.wording import many

__all__ = ["Prints", "StreamSummary", "check_set", "check_stream", "lines_of"]

_BYTES = 32
_CHUNK = 1 << 12
# The longest are states; that of ten thousand streams has less than a million bytes.
_MOST_LINE = 16 << 20


def lines_of(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a text, without their ends.

    Args:
        parts: of the text.

    Raises:
        ProofError: one is too long, or the last has no end.

    >>> list(lines_of([b"a\\nb", b"c\\n"]))
    [b'a', b'bc']
    """
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        if len(rest) > _MOST_LINE:
            raise ProofError(f"a line has more than {_MOST_LINE >> 20} MiB")
        yield from whole
    if rest:
        raise ProofError("its last line has no end")


class Prints:
    """Fingerprints that lie end to end, taken from the first to the last.

    Args:
        parts: of what they lie in.

    >>> prints = Prints([b"a" * 40, b"b" * 24])
    >>> len(prints.take(5)), prints.take(5)
    (2, [])
    """

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._held = b""
        self._at = 0

    def take(self, count: int) -> list[bytes]:
        """The next ones; fewer where there are no more."""
        wanted = count * _BYTES
        while len(self._held) - self._at < wanted:
            part = next(self._parts, None)
            if part is None:
                break
            self._held = self._held[self._at :] + part
            self._at = 0
        end = min(self._at + wanted, len(self._held))
        end -= (end - self._at) % _BYTES
        found = packed_parts(self._held[self._at : end])
        self._at = end
        return found

    @property
    def is_at_end(self) -> bool:
        """Whether all were taken."""
        return not self.take(1) and self._at == len(self._held)


@dataclass(slots=True)
class StreamSummary:
    """What a stream's log says, as far as it could be read.

    Args:
        number: of the stream.
        opened: its first leaf.
        closed: its last leaf, if that is a closing one.
        batches, observations: how many it has.
        gaps: how many leaves say that batches are missing.
        missing: how many batches these are of.
    """

    number: int
    opened: OpenLeaf | None = None
    closed: CloseLeaf | None = None
    batches: int = 0
    observations: int = 0
    gaps: int = 0
    missing: int = 0


def check_stream(
    number: int,
    lines: Iterable[bytes],
    roots: Mapping[int, str],
    found: Findings,
    prints: Prints | None,
) -> StreamSummary:
    """Compute a stream's log anew.

    Args:
        number: of the stream.
        lines: its leaves, as they are hashed.
        roots: at which sizes of the log which root was signed; the largest is its size.
        found: takes what is not as it was signed.
        prints: its fingerprints, if they are there.

    Raises:
        ProofError: the lines cannot be read.
    """
    return _StreamCheck(number, roots, found, prints).run(lines)


class _StreamCheck:
    def __init__(
        self, number: int, roots: Mapping[int, str], found: Findings, prints: Prints | None
    ) -> None:
        self._where = f"streams/{number}.jsonl"
        self._roots, self._found, self._prints = roots, found, prints
        self._told = StreamSummary(number)
        self._index = 0
        self._last_batch = -1
        # Of each run of numbers without a hole the first and the last.
        self._firsts, self._lasts = array("Q"), array("Q")
        self._gaps: list[GapLeaf] = []

    def _differs(self, kind: str, text: str) -> None:
        self._found.add(kind, self._where, text)

    def run(self, lines: Iterable[bytes]) -> StreamSummary:
        tree, pending = GrowingTree(), list[bytes]()
        for line in lines:
            self._leaf(line)
            self._index += 1
            pending.append(line)
            if self._index in self._roots or len(pending) == _CHUNK:
                tree.add(pending)
                pending = []
                self._compare(tree)
        size = max(self._roots, default=0)
        if self._index != size:
            self._differs("log", f"it has {self._index:,} leaves; signed were {size:,}")
        self._require_no_batch_in_gaps()
        if self._prints is not None and not self._prints.is_at_end:
            self._differs("samples", "there are more fingerprints than its batches have samples")
        return self._told

    def _compare(self, tree: GrowingTree) -> None:
        wanted = self._roots.get(tree.size)
        if wanted is not None and tree.root.hex() != wanted:
            self._differs("log", f"its first {tree.size:,} leaves do not lead to what was signed")

    def _leaf(self, line: bytes) -> None:
        self._told.closed = None
        try:
            leaf = parse_leaf(line, Leaf)
        except ProofError as error:
            self._differs("form", f"leaf {self._index:,}: {error}")
            return
        if isinstance(leaf, OpenLeaf) != (self._index == 0):
            self._differs("order", f"leaf {self._index:,} is of kind {leaf.kind!r}: open is first")
        if isinstance(leaf, BatchLeaf):
            self._batch(leaf)
        elif isinstance(leaf, GapLeaf):
            self._gap(leaf)
        elif isinstance(leaf, CloseLeaf):
            self._close(leaf)
        elif isinstance(leaf, OpenLeaf):
            self._open(leaf)
        else:
            self._differs("order", f"leaf {self._index:,} is no leaf of a stream")

    def _open(self, leaf: OpenLeaf) -> None:
        if self._index:
            return
        self._told.opened = leaf
        if leaf.stream != self._told.number:
            self._differs("order", f"it was opened as stream {leaf.stream:,}")
        if leaf.log_version != LOG_VERSION:
            self._differs(
                "form", f"it is logged by version {leaf.log_version:,}, not {LOG_VERSION}"
            )

    def _batch(self, leaf: BatchLeaf) -> None:
        told = self._told
        told.batches += 1
        told.observations += leaf.samples
        if leaf.batch <= self._last_batch:
            self._differs("order", f"batch {leaf.batch:,} stands behind batch {self._last_batch:,}")
        elif self._lasts and leaf.batch == self._last_batch + 1:
            self._lasts[-1] = leaf.batch
        else:
            self._firsts.append(leaf.batch)
            self._lasts.append(leaf.batch)
        self._last_batch = max(self._last_batch, leaf.batch)
        if self._prints is not None:
            self._samples(leaf, self._prints)

    def _samples(self, leaf: BatchLeaf, prints: Prints) -> None:
        root, left = self._root_of(leaf.samples, prints)
        if left:
            text = f"batch {leaf.batch:,}: {many(left, 'fingerprint')} of it are missing"
            self._differs("samples", text)
        elif root.hex() != leaf.root:
            text = f"batch {leaf.batch:,}: its fingerprints do not lead to its root"
            self._differs("samples", text)

    def _root_of(self, count: int, prints: Prints) -> tuple[bytes, int]:
        """The root over the next fingerprints, and how many of them are not there."""
        if count <= _CHUNK:
            part = prints.take(count)
            return merkle_root(part), count - len(part)
        tree = GrowingTree()
        while count and (part := prints.take(min(count, _CHUNK))):
            tree.add(part)
            count -= len(part)
        return tree.root, count

    def _gap(self, leaf: GapLeaf) -> None:
        if leaf.last < leaf.first:
            self._differs("order", f"a gap ends before it begins, at batch {leaf.first:,}")
            return
        self._told.gaps += 1
        self._told.missing += leaf.last - leaf.first + 1
        self._gaps.append(leaf)

    def _require_no_batch_in_gaps(self) -> None:
        for gap in self._gaps:
            # The run that begins last, of those that do not begin behind the gap.
            place = bisect_right(self._firsts, gap.last) - 1
            if place >= 0 and self._lasts[place] >= gap.first:
                text = f"batches from {gap.first:,} to {gap.last:,} are a gap, and some are there"
                self._differs("order", text)

    def _close(self, leaf: CloseLeaf) -> None:
        told = self._told
        told.closed = leaf
        for name in ("batches", "observations", "missing"):
            counted, said = getattr(told, name), getattr(leaf, name)
            if counted != said:
                self._differs("close", f"it closes with {said:,} {name}, and has {counted:,}")
        if leaf.set_size > leaf.observations:
            self._differs("close", "it closes with more different samples than it has samples")


def check_set(number: int, closed: CloseLeaf, parts: Iterable[bytes], found: Findings) -> None:
    """Compute the set tree of a stream anew.

    Args:
        number: of the stream.
        closed: its last leaf.
        parts: of its fingerprints.
        found: takes what is not as it was signed.
    """
    prints, tree = Prints(parts), GrowingTree()
    for part in ascending(iter(lambda: prints.take(_CHUNK), [])):
        tree.add(part)
    if (tree.size, tree.root.hex()) != (closed.set_size, closed.set_root):
        text = (
            f"its {tree.size:,} different samples are not the {closed.set_size:,} that it closes "
            "with"
        )
        found.add("set", f"fingerprints/{number}.bin", text)
