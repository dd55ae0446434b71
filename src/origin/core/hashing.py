"""Fingerprints of many samples at once, and the root over them: the one door to hashing.

SHA-256 goes through the compiled functions of `origin.core.native` where they are at hand,
and through ``hashlib`` elsewhere; the result is the same. A database may have BLAKE3 instead, or
HMAC-SHA-256 under a key. Merkle trees are RFC 9162 with SHA-256 over the fingerprints, whatever
made these.
"""

import ctypes
from collections.abc import Callable, Sequence
from hashlib import sha256
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt

from origin.core.fingerprintkey import HMAC_SHA256, SHA256, Algorithm, FingerprintKey, shown_name
from origin.core.merkle import merkle_root
from origin.core.native import DIGEST_BYTES, library
from origin.errors import ConfigurationError, FingerprintKeyError, MissingDependencyError

__all__ = [
    "SHA256",
    "Algorithm",
    "Column",
    "RowForm",
    "hash_rows",
    "hash_strings",
    "hasher",
    "is_native",
    "merkle_root_of",
]

# Who lets go of the interpreter's lock waits to get it back, for milliseconds when another
# thread is busy. Where hashing is done sooner than that, the training loop rather keeps it.
_BRIEF_BYTES = 1 << 18

Bytes = npt.NDArray[np.uint8]
Hasher = Callable[..., Any]


def _blake3() -> Hasher:
    try:
        from blake3 import blake3
    except ImportError as error:
        raise MissingDependencyError(
            "BLAKE3 fingerprints need the package blake3: pip install 'origin-provenance[blake3]'"
        ) from error
    return blake3


_HASHERS: dict[str, Callable[[], Hasher]] = {SHA256: lambda: sha256, "blake3": _blake3}


def hasher(algorithm: Algorithm) -> Hasher:
    """What begins a digest of 32 bytes: called as ``hashlib.sha256`` is.

    Args:
        algorithm: ``"sha256"`` or ``"blake3"``; a key for HMAC-SHA-256 (RFC 2104).

    Raises:
        ConfigurationError: there is no such algorithm.
        FingerprintKeyError: it needs a key.
        MissingDependencyError: its package is not installed.

    >>> hasher("sha256")(b"").hexdigest()[:16]
    'e3b0c44298fc1c14'
    """
    if isinstance(algorithm, FingerprintKey):
        return algorithm.begin
    if algorithm == HMAC_SHA256:
        raise FingerprintKeyError("hmac-sha256 fingerprints need their key: give it as key=…")
    if algorithm not in _HASHERS:
        known = " or ".join(map(repr, _HASHERS))
        raise ConfigurationError(f"fingerprints are {known}, not {shown_name(algorithm)}")
    return _HASHERS[algorithm]()


def is_native() -> bool:
    """Whether SHA-256 goes through the compiled functions in this process."""
    return library() is not None


class Column:
    """Bytes where they lie: of all rows of a table, end to end.

    Args:
        address: where they begin.
        size: how many there are.
        owner: what keeps them there.

    >>> Column.of(np.frombuffer(b"abcd", np.uint8)).array().tobytes()
    b'abcd'
    """

    __slots__ = ("address", "owner", "size")

    def __init__(self, address: int, size: int, owner: object) -> None:
        self.address = address
        self.size = size
        self.owner = owner

    @classmethod
    def of(cls, array: Bytes) -> "Column":
        """The bytes of an array; one that is not contiguous is copied."""
        if not array.flags.c_contiguous:
            array = np.ascontiguousarray(array)
        return cls(array.__array_interface__["data"][0], array.nbytes, array)

    def array(self) -> Bytes:
        """The bytes as an array, which must not outlive this."""
        if not self.size:
            return np.empty(0, np.uint8)
        lies = (ctypes.c_uint8 * self.size).from_address(self.address)
        return np.frombuffer(memoryview(lies), np.uint8)


class RowForm:
    """What the rows of many tables have in common.

    Args:
        header: what each row begins with.
        widths: for each column, how many bytes a row has of it.

    >>> RowForm(b"h", [2, 3]).row_bytes
    6
    """

    __slots__ = ("header", "pack_addresses", "packed_widths", "row_bytes", "widths")

    def __init__(self, header: bytes, widths: Sequence[int]) -> None:
        self.header = header
        self.widths = tuple(widths)
        self.row_bytes = len(header) + sum(widths)
        # As C has them.
        numbers = Struct(f"{len(widths)}N")
        self.packed_widths = numbers.pack(*widths)
        self.pack_addresses = numbers.pack


def hash_rows(
    form: RowForm,
    columns: Sequence[Column],
    count: int,
    algorithm: Algorithm = SHA256,
    aside: bool = False,
) -> tuple[bytes, bytes]:
    """Fingerprint the rows of a table.

    Args:
        form: what they have in common.
        columns: for each of the form's widths the bytes of all rows.
        count: how many rows there are.
        algorithm: as for ``hasher``.
        aside: whether this thread works beside another that must not wait for it.

    Returns:
        The fingerprint of each row, 32 bytes each, end to end, and the root over them.

    Raises:
        ValueError: a column has not ``count`` times its width.

    >>> column = Column.of(np.frombuffer(b"abcd", np.uint8))
    >>> hash_rows(RowForm(b"h", [2]), [column], 2) == hash_strings([b"hab", b"hcd"])
    True
    """
    for column, width in zip(columns, form.widths, strict=True):
        if column.size != width * count:
            raise ValueError(f"{count} rows of {width} bytes are not {column.size} bytes")
    if algorithm == SHA256 and count and columns and (native := library()) is not None:
        addresses = form.pack_addresses(*[column.address for column in columns])
        lock = not aside and count * form.row_bytes < _BRIEF_BYTES
        return native.rows(form.header, addresses, form.packed_widths, len(columns), count, lock)
    if isinstance(algorithm, FingerprintKey):
        return _hash_outside(algorithm, _hash_inside(algorithm, form, columns, count, aside), aside)
    digests = _digests(hasher(algorithm)(form.header), form, columns, count)
    return digests, merkle_root_of(digests)


def _digests(begun: Any, form: RowForm, columns: Sequence[Column], count: int) -> bytes:
    views = [memoryview(column.array()) for column in columns]  # type: ignore[arg-type]
    slices = list(zip(views, form.widths, strict=True))
    found, new = [], begun.copy
    for row in range(count):
        digest = new()
        for column, width in slices:
            digest.update(column[row * width : (row + 1) * width])
        found.append(digest.digest())
    return b"".join(found)


# HMAC is SHA-256(outer block, SHA-256(inner block, message)) by definition (RFC 2104, section 2).
# As headers of rows, the blocks are hashed once for a batch.


def _hash_inside(
    key: FingerprintKey, form: RowForm, columns: Sequence[Column], count: int, aside: bool
) -> bytes:
    header = key.inner_block + form.header
    if is_native():
        return hash_rows(RowForm(header, form.widths), columns, count, SHA256, aside)[0]
    return _digests(sha256(header), form, columns, count)  # without a root that nobody wants


def _hash_outside(key: FingerprintKey, digests: bytes, aside: bool) -> tuple[bytes, bytes]:
    column = Column.of(np.frombuffer(digests, np.uint8))
    form = RowForm(key.outer_block, [DIGEST_BYTES])
    return hash_rows(form, [column], len(digests) // DIGEST_BYTES, SHA256, aside)


def hash_strings(
    strings: Sequence[bytes], algorithm: Algorithm = SHA256, aside: bool = False
) -> tuple[bytes, bytes]:
    """Fingerprint strings of bytes.

    Args:
        strings: of any lengths.
        algorithm, aside: as for ``hash_rows``.

    Returns:
        The fingerprint of each, 32 bytes each, end to end, and the root over them.

    >>> hash_strings([b"", b"a"])[0] == sha256(b"").digest() + sha256(b"a").digest()
    True
    """
    if algorithm == SHA256 and strings and (native := library()) is not None:
        lengths = [len(string) for string in strings]
        return native.strings(strings, lengths, not aside and sum(lengths) < _BRIEF_BYTES)
    if isinstance(algorithm, FingerprintKey):
        inside = _digests_behind(sha256(algorithm.inner_block), strings)
        return _hash_outside(algorithm, inside, aside)
    new = hasher(algorithm)
    digests = b"".join([new(string).digest() for string in strings])
    return digests, merkle_root_of(digests)


def _digests_behind(begun: Any, strings: Sequence[bytes]) -> bytes:
    found, new = [], begun.copy
    for string in strings:
        digest = new()
        digest.update(string)
        found.append(digest.digest())
    return b"".join(found)


def merkle_root_of(packed: bytes) -> bytes:
    """The root of the Merkle tree over fingerprints.

    Args:
        packed: the leaves, 32 bytes each, end to end.

    >>> leaves = [sha256(b"a").digest(), sha256(b"b").digest()]
    >>> merkle_root_of(b"".join(leaves)) == merkle_root(leaves)
    True
    """
    if packed and (native := library()) is not None:
        return native.root(packed)
    ends = range(0, len(packed), DIGEST_BYTES)
    return merkle_root([packed[at : at + DIGEST_BYTES] for at in ends])
