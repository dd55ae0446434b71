"""The compiled part of hashing, where it was built and the processor can run it.

``rows.c`` beside this file hashes many rows in one call. It is compiled when Origin is
installed and a C compiler is there. Without it, or with ``ORIGIN_NATIVE=off``,
`origin.core.hashing`, the only caller, does the same with ``hashlib``.
"""

import ctypes
import logging
import os
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from struct import pack
from typing import Any

LIBRARY = Path(__file__).with_name("rows.so")
DIGEST_BYTES = 32

_log = logging.getLogger("origin")


class Library:
    """The functions of ``rows.c``.

    Each returns the SHA-256 of the messages, 32 bytes each, and the root of the Merkle tree
    over these. There is at least one message; nothing is checked.

    Raises:
        OSError: the file cannot be loaded, or the processor lacks the instructions.
    """

    def __init__(self, path: Path) -> None:
        # The same functions twice: one set keeps the interpreter's lock, the other does not.
        self._locked = _declared(ctypes.PyDLL(str(path)))
        self._free = _declared(ctypes.CDLL(str(path)))
        if not self._locked.origin_supported():
            raise OSError("this processor has no instructions for SHA-256")

    def rows(
        self, header: bytes, addresses: bytes, widths: bytes, columns: int, count: int, lock: bool
    ) -> tuple[bytes, bytes]:
        """Rows of a table.

        Args:
            header: what each row begins with.
            addresses, widths: of the columns, of which there is at least one, as C has them.
            columns, count: how many columns and rows there are.
            lock: whether to keep the interpreter's lock.
        """
        end = DIGEST_BYTES * count
        out = (ctypes.c_char * (2 * end))()
        library = self._locked if lock else self._free
        library.origin_rows(header, len(header), addresses, widths, columns, count, out)
        found = out.raw
        return found[:end], found[end : end + DIGEST_BYTES]

    def strings(
        self, strings: Sequence[bytes], lengths: Sequence[int], lock: bool
    ) -> tuple[bytes, bytes]:
        """Strings of bytes, of these lengths."""
        count = len(strings)
        end = DIGEST_BYTES * count
        out = (ctypes.c_char * (2 * end))()
        library = self._locked if lock else self._free
        addresses = (ctypes.c_char_p * count)(*strings)
        library.origin_strings(addresses, pack(f"{count}N", *lengths), count, out)
        found = out.raw
        return found[:end], found[end : end + DIGEST_BYTES]

    def root(self, packed: bytes) -> bytes:
        """The root over digests that are there already."""
        scratch = (ctypes.c_char * len(packed))()
        self._locked.origin_root(packed, len(packed) // DIGEST_BYTES, scratch)
        return scratch.raw[:DIGEST_BYTES]


def _declared(library: Any) -> Any:
    text, size, address = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p
    library.origin_supported.argtypes = []
    library.origin_supported.restype = ctypes.c_int
    library.origin_rows.argtypes = [text, size, text, text, size, size, address]
    library.origin_strings.argtypes = [address, text, size, address]
    library.origin_root.argtypes = [text, size, address]
    for function in (library.origin_rows, library.origin_strings, library.origin_root):
        function.restype = None
    return library


@cache
def library() -> Library | None:
    """The compiled functions; None if they are not built, switched off or of no use here."""
    if os.environ.get("ORIGIN_NATIVE", "").strip().lower() in {"off", "0", "no", "false"}:
        return None
    if not LIBRARY.exists():
        return None
    try:
        found = Library(LIBRARY)
        if is_right(found):
            return found
        _log.warning("%s computes wrong hashes here, so hashlib is used instead", LIBRARY)
    except (OSError, AttributeError) as error:
        _log.debug("%s is not used: %s", LIBRARY, error)
    return None


def is_right(found: Library) -> bool:
    """Whether a library agrees with ``hashlib`` on a few inputs.

    >>> class Wrong:
    ...     strings = staticmethod(lambda strings, *_: (bytes(32 * len(strings)), bytes(32)))
    >>> is_right(Wrong())
    False
    """
    lengths = (0, 1, 55, 56, 63, 64, 65, 119, 120, 200)
    strings = [bytes(range(length)) for length in lengths]
    packed = b"".join(sha256(string).digest() for string in strings)
    if found.strings(strings, lengths, True)[0] != packed:
        return False
    column = ctypes.create_string_buffer(bytes(range(210)), 210)
    rows = [sha256(b"header" + column.raw[at : at + 70]).digest() for at in (0, 70, 140)]
    leaves = [sha256(b"\x00" + row).digest() for row in rows]
    node = sha256(b"\x01" + leaves[0] + leaves[1]).digest()
    root = sha256(b"\x01" + node + leaves[2]).digest()
    address = pack("N", ctypes.addressof(column))
    found_rows = found.rows(b"header", address, pack("N", 70), 1, 3, True)
    return found_rows == (b"".join(rows), root) and found.root(b"".join(rows)) == root
