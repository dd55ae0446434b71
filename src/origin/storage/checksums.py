"""A checksum for every row, so that an altered byte is found.

It is the CRC-32 of the row's values, each behind its type and length, so that no two rows are
written alike; docs/storage.md has the rule. A single flipped bit, and any damage of up to four
bytes in a row, always changes it. It guards against decay and accident: whoever alters a row
on purpose can compute it anew.

Batches and annotations get theirs from Python when they are written. The tables that are
seldom written get them from triggers, so that no statement can forget to.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any
from zlib import crc32

import apsw

_INTEGER = struct.Struct("<cq").pack
_REAL = struct.Struct("<cd").pack
_HEAD = struct.Struct("<qqq32sqq").pack

# What a column holds in SQLite, and in Python.
Value = int | float | str | bytes | None


def encoded(values: Sequence[Value]) -> bytes:
    """The bytes a checksum is taken of.

    >>> encoded([None, "a"])
    b'nt\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00a'
    """
    parts = []
    for value in values:
        if value is None:
            parts.append(b"n")
        elif isinstance(value, int):
            parts.append(_INTEGER(b"i", value))
        elif isinstance(value, float):
            # SQLite does not keep the sign of a zero.
            parts.append(_REAL(b"f", value + 0.0))
        else:
            kind, raw = (b"t", value.encode()) if isinstance(value, str) else (b"b", value)
            parts += (_INTEGER(kind, len(raw)), raw)
    return b"".join(parts)


def row_checksum(table: str, *values: Value) -> int:
    """The checksum of a row.

    Args:
        table: the table it stands in.
        values: its columns in order, without the checksum.

    >>> row_checksum("sources", 1, "a") == row_checksum("sources", 1, b"a")
    False
    """
    return crc32(encoded((table, *values)))


def extended_checksum(checksum: int, *values: Value) -> int:
    """The checksum of a row that gets more columns behind all others.

    It fits the longer row if, and only if, the one before fitted the shorter, of which nothing
    has to be read: damage stays damage.

    Args:
        checksum: of the row as it was.
        values: the further columns, in order.

    Raises:
        ValueError: that is no checksum.

    >>> extended_checksum(row_checksum("sources", 1), "a") == row_checksum("sources", 1, "a")
    True
    """
    if not 0 <= checksum < 1 << 32:
        raise ValueError("a checksum has 32 bits")
    return crc32(encoded(values), checksum)


def head_checksum(
    batch_id: int, epoch: int, seen_at: int, root: bytes, samples: int, bytes_seen: int
) -> int:
    """The checksum of what the catalog keeps of a batch for good.

    >>> head_checksum(0, 0, 0, bytes(32), 0, 0) == crc32(bytes(72))
    True
    """
    return crc32(_HEAD(batch_id, epoch, seen_at, root, samples, bytes_seen))


def batch_checksum(
    head: int,
    fingerprints: bytes,
    byte_sizes: int | bytes,
    content_type: str | None,
    details: bytes | None,
) -> int:
    """The checksum of a whole batch, which carries on where that of its head ends."""
    known = details is None and isinstance(byte_sizes, int)
    rest = (_usual_rest if known else _rest)(byte_sizes, content_type, details)
    return crc32(rest, crc32(fingerprints, head))


def sums_of(row: Sequence[Any]) -> tuple[int, tuple[int, int] | None]:
    """What a row of batches adds up to.

    Args:
        row: batch_id, epoch, seen_at, root, fingerprints, byte_sizes, content_type as text or as
            its UTF-8, details.

    Returns:
        The bytes of all its samples, as far as can be told, and the checksums of its head and of
        all of it; None if it is too damaged to have any.

    >>> sums_of((0, 0, 0, bytes(32), b"a" * 64, 5, "text", None))[0]
    10
    >>> sums_of((0, 0, 0, None, b"a" * 64, 5, "text", None))
    (10, None)
    """
    batch_id, epoch, seen_at, root, packed, sizes, content_type, details = row
    total = 0
    try:
        samples = len(packed) // 32
        total = total_of(sizes, samples)
        text = content_type.decode() if isinstance(content_type, bytes) else content_type
        head = head_checksum(batch_id, epoch, seen_at, root, samples, total)
        return total, (head, batch_checksum(head, packed, sizes, text, details))
    except (struct.error, TypeError, ValueError, AttributeError):
        return total, None


def _rest(*values: Value) -> bytes:
    return encoded(values)


# Most batches of a stream have samples of one size, and nothing else is told of them.
_usual_rest = lru_cache(maxsize=256)(_rest)


def register(handle: apsw.Connection) -> None:
    """Have a connection know the functions that triggers and migrations call."""
    for name, function in (
        ("origin_checksum", _or_none(row_checksum)),
        ("origin_extended_checksum", _or_none(extended_checksum)),
        ("origin_head_checksum", _or_none(_checksum_of_head)),
        ("origin_batch_checksum", _or_none(_checksum_of_batch)),
    ):
        handle.create_scalar_function(
            name, function, -1, deterministic=True, flags=apsw.SQLITE_INNOCUOUS
        )


def _or_none(function: Callable[..., int]) -> Callable[..., int | None]:
    """A row too damaged for a checksum gets none, so that a check finds it."""

    def guarded(*values: Value) -> int | None:
        try:
            return function(*values)
        except (struct.error, TypeError, ValueError):
            return None

    return guarded


def _checksum_of_head(
    batch_id: int, epoch: int, seen_at: int, root: bytes, fingerprints: bytes, sizes: int | bytes
) -> int:
    samples = len(fingerprints) // 32
    return head_checksum(batch_id, epoch, seen_at, root, samples, total_of(sizes, samples))


def _checksum_of_batch(*row: Any) -> int:
    return batch_checksum(_checksum_of_head(*row[:6]), row[4], row[5], row[6], row[7])


def total_of(byte_sizes: int | bytes, samples: int) -> int:
    """How many canonical bytes the samples of a batch have, from the column ``byte_sizes``.

    >>> total_of(10, 3), total_of(bytes([1, 0, 0, 0, 2, 0, 0, 0]), 2)
    (30, 3)
    """
    if isinstance(byte_sizes, int):
        return byte_sizes * samples
    width = 8 if len(byte_sizes) == 8 * samples else 4
    return sum(
        int.from_bytes(byte_sizes[at : at + width], "little")
        for at in range(0, len(byte_sizes), width)
    )


def guards(
    table: str, key: Sequence[str], columns: Sequence[str], *, may_alter: bool
) -> Iterator[str]:
    """Triggers that keep the checksums of a table.

    A row that is damaged already keeps the checksum that does not fit: an update must not
    make damage look sound.

    Args:
        table: it has a column ``checksum``.
        key: the columns of its primary key.
        columns: those that the checksum is taken of, in their order.
        may_alter: rows are updated, too, and not only inserted, replaced and deleted.
    """
    yield insertions(table, _checked(table, key, columns))
    yield deletions(table)
    if not may_alter:
        return
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("old", "new"))
    yield (
        f"CREATE TRIGGER {table}_updated AFTER UPDATE OF {', '.join(columns)} ON {table}\n"
        f"WHEN ({old}) IS NOT ({new})\n"
        f"BEGIN {_checked(table, key, columns)}"
        f" AND old.checksum IS origin_checksum('{table}', {old}); END"
    )


def _checked(table: str, key: Sequence[str], columns: Sequence[str]) -> str:
    own = " AND ".join(f"{column} = new.{column}" for column in key)
    new = ", ".join(f"new.{column}" for column in columns)
    return f"UPDATE {table} SET checksum = origin_checksum('{table}', {new}) WHERE {own}"


def deletions(table: str) -> str:
    """A trigger that counts the rows which leave a table.

    It calls a function of ours, for no reason but that other programs do not have it: what they
    delete would otherwise be counted as if it had to go.
    """
    return (
        f"CREATE TRIGGER {table}_deleted AFTER DELETE ON {table}\n"
        f"BEGIN {_counted(table, '-')} AND origin_checksum('{table}') IS NOT NULL; END"
    )


def insertions(table: str, *more: str) -> str:
    """A trigger that counts the rows which come into a table.

    Args:
        table: which.
        more: statements to run as well.
    """
    statements = "; ".join((*more, _counted(table, "+")))
    return f"CREATE TRIGGER {table}_inserted AFTER INSERT ON {table}\nBEGIN {statements}; END"


def _counted(table: str, sign: str) -> str:
    return f"UPDATE row_counts SET rows = rows {sign} 1 WHERE table_name = '{table}'"
