"""The fingerprint of a session: one number for all data that went in, and their order.

The specification is the chapter "Sessions" of ``docs/fingerprint.md``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from origin.core.merkle import merkle_root

_BATCH = b"origin batch 1\n"
_STREAM = b"origin stream 1\n"


@dataclass(frozen=True, slots=True)
class StreamRoot:
    """One stream of a session, as its fingerprint takes it in.

    Args:
        rank: of the process in a distributed job.
        batches: how many batches it has.
        root: the Merkle root of its batches, 32 bytes.
    """

    rank: int
    batches: int
    root: bytes


def stream_root(rank: int, batches: Iterable[tuple[int, int, bytes]]) -> StreamRoot:
    """The root of a stream's batches.

    Args:
        rank: of the process in a distributed job.
        batches: number, count of samples and Merkle root of each, in order.

    >>> stream_root(0, [(0, 2, bytes(32))]).root.hex()[:16]
    '695be304b299c554'
    """
    leaves = [
        _BATCH + number.to_bytes(8, "big") + samples.to_bytes(8, "big") + root
        for number, samples, root in batches
    ]
    return StreamRoot(rank, len(leaves), merkle_root(leaves))


def session_fingerprint(streams: Iterable[StreamRoot]) -> str:
    """The fingerprint of a session, 64 hex digits.

    It depends on the batches, their order in each stream, and the ranks: not on names, licenses,
    times, machines, or which stream was opened first. Streams without batches do not count.

    Args:
        streams: those of the session, in any order.

    >>> session_fingerprint([])[:16]  # SHA-256 of nothing
    'e3b0c44298fc1c14'
    """
    counted = sorted((one.rank, one.root, one.batches) for one in streams if one.batches)
    leaves = [
        _STREAM + rank.to_bytes(8, "big") + batches.to_bytes(8, "big") + root
        for rank, root, batches in counted
    ]
    return merkle_root(leaves).hex()
