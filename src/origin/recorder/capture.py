"""A batch, taken apart into canonical bytes before anybody can change it."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast


@dataclass(slots=True)
class Capture:
    """The canonical bytes of a batch's samples, and what is said of each.

    Args:
        rows: the canonical bytes of each sample, or of all end to end where each has
            ``byte_sizes`` bytes.
        count: how many samples there are.
        byte_sizes: canonical bytes of each; one int when all are equal.
        content_types: what each is; one str when all are equal.
        keys, metadata: as in ``PackedBatch``.
    """

    rows: "Sequence[bytes] | memoryview"
    count: int
    byte_sizes: int | list[int]
    content_types: str | list[str]
    keys: list[str | None] | None = None
    metadata: list[dict[str, Any] | None] | None = None

    @property
    def total_bytes(self) -> int:
        """How many bytes wait to be hashed."""
        sizes = self.byte_sizes
        return sizes * self.count if isinstance(sizes, int) else sum(sizes)

    def digests(self) -> list[bytes]:
        """The fingerprint of each sample, 32 bytes."""
        rows, size = self.rows, self.byte_sizes
        if isinstance(rows, memoryview) and isinstance(size, int):
            ends = range(0, size * self.count, size)
            return [sha256(rows[at : at + size]).digest() for at in ends]
        return [sha256(row).digest() for row in cast("Sequence[bytes]", rows)]


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
    sizes = [len(row) for row in rows]
    return Capture(
        rows=rows,
        count=len(rows),
        byte_sizes=_one_or_all(sizes, 0),
        content_types=_one_or_all(list(content_types), "json"),
        keys=keys if keys and any(key is not None for key in keys) else None,
        metadata=metadata if metadata and any(metadata) else None,
    )


def _one_or_all(values: list[Any], of_none: Any) -> Any:
    if not values:
        return of_none
    return values[0] if values.count(values[0]) == len(values) else values
