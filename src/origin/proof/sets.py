"""Set trees: over the different fingerprints of a stream, in ascending order."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from origin.core.hashing import merkle_root_of
from origin.core.merkle import inclusion_within, leaf_hashes, root_over
from origin.core.record import StreamRecord
from origin.errors import RecordAlteredError
from origin.query.members import Members
from origin.storage.logs import CHUNK_SET, SetTree

_CHUNK_BYTES = 32 * CHUNK_SET

_HIGHEST = b"\xff" * 32


def set_tree(fingerprints: Iterable[bytes], observations: int) -> SetTree:
    """Make the tree over fingerprints.

    Args:
        fingerprints: each once, ascending, 32 bytes each, many to a string.
        observations: how many the stream has.

    >>> set_tree([b"a" * 32 + b"b" * 32], 5).size
    2
    """
    chunks, size, rest = [], 0, b""
    for packed in fingerprints:
        rest += packed
        size += len(packed) // 32
        whole = len(rest) - len(rest) % _CHUNK_BYTES
        chunks += [_chunk(rest[at : at + _CHUNK_BYTES]) for at in range(0, whole, _CHUNK_BYTES)]
        rest = rest[whole:]
    if rest:
        chunks.append(_chunk(rest))
    root = root_over([chunk[32:] for chunk in chunks])
    return SetTree(observations, size, root, b"".join(chunks))


def _chunk(packed: bytes) -> bytes:
    return packed[:32] + merkle_root_of(packed)


@dataclass(frozen=True, slots=True)
class Member:
    """A fingerprint in a set tree.

    Args:
        index: among all of the tree.
        fingerprint: 32 bytes.
        path: from it to the root.
    """

    index: int
    fingerprint: bytes
    path: tuple[bytes, ...]


class SetReader:
    """Finds what stands in a set tree around a fingerprint.

    Args:
        members: of the database.
        session_id: the session.
        stream: of which stream the tree is.
        tree: the tree.
    """

    def __init__(
        self, members: Members, session_id: str, stream: StreamRecord, tree: SetTree
    ) -> None:
        self._members, self._session_id = members, session_id
        self._stream, self._tree = stream, tree
        self._firsts, self._nodes = tree.firsts, tree.nodes
        self._read: dict[int, list[bytes]] = {}

    def around(self, fingerprint: bytes) -> tuple[Member | None, Member | None, bool]:
        """The next smaller fingerprint, the next larger, and whether it is there itself.

        Raises:
            RecordAlteredError: the fingerprints on record are not those of the tree.
        """
        if not self._firsts:
            return None, None, False
        # The number of the chunk it would stand in; -1 before the first.
        chunk_no = bisect_right(self._firsts, fingerprint) - 1
        own = self._chunk(chunk_no) if chunk_no >= 0 else []
        place = bisect_right(own, fingerprint)
        is_there = bool(place) and own[place - 1] == fingerprint
        before = self._member(chunk_no, place - 1) if place else None
        if place < len(own):
            return before, self._member(chunk_no, place), is_there
        after = self._member(chunk_no + 1, 0) if chunk_no + 1 < len(self._firsts) else None
        return before, after, is_there

    def _member(self, chunk_no: int, place: int) -> Member:
        chunk = self._chunk(chunk_no)
        path = inclusion_within(leaf_hashes(chunk), place) + inclusion_within(self._nodes, chunk_no)
        return Member(chunk_no * CHUNK_SET + place, chunk[place], tuple(path))

    def _chunk(self, chunk_no: int) -> list[bytes]:
        if chunk_no not in self._read:
            first = self._firsts[chunk_no]
            is_last = chunk_no + 1 == len(self._firsts)
            end = _HIGHEST if is_last else self._firsts[chunk_no + 1]
            found = self._members.between(self._session_id, self._stream.stream_no, first, end)
            if not is_last and found and found[-1] == end:
                found.pop()
            if merkle_root_of(b"".join(found)) != self._nodes[chunk_no]:
                raise RecordAlteredError(
                    f"the samples of source {self._stream.source_id!r} on record are not those "
                    "that its closing leaf stands for; db.check() tells more"
                )
            self._read[chunk_no] = found
        return self._read[chunk_no]
