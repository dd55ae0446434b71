"""Trees over more leaves than fit into memory, and fingerprints in order without holding all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from origin.core.merkle import leaf_hashes, root_over

__all__ = ["GrowingTree", "ascending", "packed_parts"]

_BYTES = 32
# A power of two, so that each chunk but the last is a complete subtree.
_CHUNK = 1 << 12
_CHUNK_BYTES = _BYTES * _CHUNK

# So many fingerprints are sorted in memory; they take some 150 bytes each.
_AT_ONCE = 1 << 19
# So many are collected before they are put into files.
_COLLECTED = 1 << 17


class GrowingTree:
    """An RFC 9162 tree of which only the roots of complete subtrees are kept.

    >>> tree = GrowingTree()
    >>> tree.add([b"a", b"b", b"c"])
    >>> from origin.core.merkle import merkle_root
    >>> tree.size, tree.root == merkle_root([b"a", b"b", b"c"])
    (3, True)
    """

    def __init__(self) -> None:
        self.size = 0
        # Height and root of each complete subtree, the highest first.
        self._roots: list[tuple[int, bytes]] = []
        self._hashes: list[bytes] = []

    def add(self, leaves: list[bytes]) -> None:
        """Add the data of leaves."""
        self.size += len(leaves)
        self._hashes += leaf_hashes(leaves)
        while len(self._hashes) >= _CHUNK:
            self._push(_CHUNK.bit_length() - 1, root_over(self._hashes[:_CHUNK]))
            del self._hashes[:_CHUNK]

    def _push(self, height: int, root: bytes) -> None:
        while self._roots and self._roots[-1][0] == height:
            root = root_over([self._roots.pop()[1], root])
            height += 1
        self._roots.append((height, root))

    @property
    def root(self) -> bytes:
        """The root over all that was added."""
        roots = [one for _, one in self._roots]
        if self._hashes or not roots:
            roots.append(root_over(self._hashes))
        found = roots.pop()
        while roots:
            found = root_over([roots.pop(), found])
        return found


def packed_parts(packed: bytes) -> list[bytes]:
    """Fingerprints that lie end to end, one by one.

    >>> packed_parts(b"a" * 32 + b"b" * 32) == [b"a" * 32, b"b" * 32]
    True
    """
    return [packed[at : at + _BYTES] for at in range(0, len(packed), _BYTES)]


def ascending(parts: Iterable[list[bytes]]) -> Iterator[list[bytes]]:
    """The different fingerprints among many, in ascending order, without holding all.

    Args:
        parts: lists of them.

    >>> a, b = b"a" * 32, b"b" * 32
    >>> list(ascending([[b, a], [b]])) == [[a, b]]
    True
    """
    with TemporaryDirectory(prefix="origin-verifying-") as folder:
        yield from _ascending(iter(parts), Path(folder), 0)


def _ascending(parts: Iterator[list[bytes]], folder: Path, depth: int) -> Iterator[list[bytes]]:
    """Those that agree in their first ``depth`` bytes."""
    held: set[bytes] = set()
    for part in parts:
        held.update(part)
        if len(held) > _AT_ONCE:
            break
    else:
        if held:
            yield sorted(held)
        return
    own = folder / "x"
    own.mkdir()
    _distribute(held, parts, own, depth)
    for path in sorted(own.iterdir()):
        yield from _ascending(_read(path), own, depth + 1)
        path.unlink()
    own.rmdir()


def _distribute(held: set[bytes], parts: Iterator[list[bytes]], folder: Path, depth: int) -> None:
    """Put fingerprints into files by one of their bytes."""
    _put(held, folder, depth)
    for part in parts:
        held.update(part)
        if len(held) >= _COLLECTED:
            _put(held, folder, depth)
    _put(held, folder, depth)


def _put(held: set[bytes], folder: Path, depth: int) -> None:
    groups: dict[int, list[bytes]] = {}
    for one in held:
        groups.setdefault(one[depth], []).append(one)
    held.clear()
    for byte, group in groups.items():
        # Some systems let a process have no more than 256 files open.
        with (folder / f"{byte:02x}").open("ab") as file:
            file.write(b"".join(group))


def _read(path: Path) -> Iterator[list[bytes]]:
    with path.open("rb") as file:
        while packed := file.read(_CHUNK_BYTES):
            yield packed_parts(packed)
