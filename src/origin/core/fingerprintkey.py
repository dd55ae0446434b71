"""The key of private fingerprints, and the file that keeps it.

A private fingerprint is the HMAC-SHA-256 (RFC 2104, FIPS 198-1) of a sample's canonical bytes.
The key stands in no database: whoever has only the record cannot test a guess.
"""

import hmac
import os
from hashlib import sha256
from pathlib import Path
from typing import Any, Union

from origin.errors import FingerprintKeyError, StorageError

__all__ = [
    "HMAC_SHA256",
    "SHA256",
    "Algorithm",
    "FingerprintKey",
    "KeyGiven",
    "shown_name",
    "write_key_file",
]

SHA256, HMAC_SHA256 = "sha256", "hmac-sha256"

# RFC 2104, section 3: a key shorter than what the hash puts out makes it weaker. By NIST SP 800-107
# (revision 1, 5.3.4) HMAC is as strong as its key, and 32 random bytes leave nothing to be wished.
LEAST_BYTES = 32

_BLOCK_BYTES = 64
_CHECKED = b"origin key check 1\n"
_WORD = "origin-fingerprint-key"
_MOST_BYTES = 4096

# What makes fingerprints: the name of what needs no key, or the key.
Algorithm = Union[str, "FingerprintKey"]

KeyGiven = Union[bytes, str, "os.PathLike[str]", "FingerprintKey"]


class FingerprintKey:
    """A key for private fingerprints. It shows in no text, and is pickled for new processes only.

    Args:
        key: 32 random bytes or more, or the content of a key file.

    Attributes:
        check_value: 32 hex digits that tell it from other keys and say nothing of it: the first
            half of the fingerprint of ``b"origin key check 1\\n"``.
        inner_block, outer_block: what HMAC puts before the message, and before the digest of that
            (RFC 2104, section 2). They are as secret as the key.

    Raises:
        FingerprintKeyError: it is too short, or no bytes.

    >>> FingerprintKey(bytes(range(32)))
    FingerprintKey(…)
    >>> str(FingerprintKey(bytes(range(32))))
    'hmac-sha256 under key 47009a9471ed084813c04b1abf40582b'
    """

    __slots__ = ("_key", "check_value", "inner_block", "outer_block")

    def __init__(self, key: bytes) -> None:
        if not isinstance(key, bytes):
            raise FingerprintKeyError(f"a fingerprint key is bytes, not a {type(key).__name__}")
        if key.startswith(_WORD.encode()):
            key = _key_in(key, "the fingerprint key")
        if len(key) < LEAST_BYTES:
            raise FingerprintKeyError(
                f"a fingerprint key has {LEAST_BYTES} random bytes or more, not {len(key)}; "
                "`origin keys private FILE` makes one"
            )
        self._key = key
        block = (sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(
            _BLOCK_BYTES, b"\0"
        )
        self.inner_block = bytes(byte ^ 0x36 for byte in block)
        self.outer_block = bytes(byte ^ 0x5C for byte in block)
        self.check_value = self.begin(_CHECKED).hexdigest()[:32]

    @classmethod
    def of(cls, given: KeyGiven) -> "FingerprintKey":
        """The key that somebody gave.

        Args:
            given: its bytes, the path of a key file, or a key.

        Raises:
            FingerprintKeyError: it is something else, or there is no such file, or no key in it.
            StorageError: the file cannot be read.

        >>> FingerprintKey.of(bytes(32)) == FingerprintKey(bytes(32))
        True
        """
        if isinstance(given, FingerprintKey):
            return given
        if isinstance(given, bytes):
            return cls(given)
        if isinstance(given, str | os.PathLike):
            return cls(_key_in(_content(given), os.fspath(given)))
        raise FingerprintKeyError(
            f"a fingerprint key is bytes or the path of a key file, not a {type(given).__name__}"
        )

    def begin(self, message: bytes = b"") -> hmac.HMAC:
        """Begin a digest, as ``hashlib.sha256`` does; ``update`` it and ask for its ``digest``."""
        return hmac.new(self._key, message, sha256)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FingerprintKey):
            return NotImplemented
        return hmac.compare_digest(self.inner_block, other.inner_block)

    def __hash__(self) -> int:
        return hash(self.check_value)

    def __repr__(self) -> str:
        return "FingerprintKey(…)"

    def __str__(self) -> str:
        return f"{HMAC_SHA256} under key {self.check_value}"

    def __reduce__(self) -> tuple[Any, ...]:
        from multiprocessing.context import get_spawning_popen

        # The workers of a loader get it through memory; a pickle on a disk would give it away.
        if get_spawning_popen() is None:
            raise TypeError(
                "a fingerprint key is pickled for new processes only, so that it ends up in no file"
            )
        return FingerprintKey, (self._key,)


def write_key_file(path: str | os.PathLike[str]) -> FingerprintKey:
    """Make a key, and a file for it that only its owner can read.

    Args:
        path: where no file is yet.

    Returns:
        The key.

    Raises:
        FingerprintKeyError: a file is there.
        StorageError: it cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     key = write_key_file(f"{folder}/private.key")
    ...     FingerprintKey.of(f"{folder}/private.key") == key
    True
    """
    key = os.urandom(LEAST_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise FingerprintKeyError(
            f"{os.fspath(path)} is there already and is never overwritten: fingerprints that were "
            "made under a key cannot be looked up without it"
        ) from None
    except OSError as error:
        raise StorageError(
            f"{os.fspath(path)} cannot be written: {error.strerror or error}"
        ) from error
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{_WORD} {key.hex()}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        # Half a key would only be in the way of a whole one.
        Path(path).unlink(missing_ok=True)
        raise StorageError(
            f"{os.fspath(path)} cannot be written: {error.strerror or error}"
        ) from error
    return FingerprintKey(key)


def shown_name(given: object) -> str:
    """What may be shown of what was given for the name of an algorithm: nothing like a key.

    >>> shown_name("md5"), shown_name(bytes(32))
    ("'md5'", 'a bytes; a key goes in its own argument')
    """
    if isinstance(given, str) and len(given) < LEAST_BYTES // 2:
        return repr(given)
    return f"a {type(given).__name__}; a key goes in its own argument"


def _content(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_MOST_BYTES + 1)
    except (FileNotFoundError, ValueError):
        pass
    except OSError as error:
        if os.path.lexists(path):
            raise StorageError(
                f"{os.fspath(path)} cannot be read: {error.strerror or error}"
            ) from error
    # A text that names no file may be the key itself, so it is not shown.
    shown = "the text that was given" if isinstance(path, str) else os.fspath(path)
    raise FingerprintKeyError(
        f"no key file is at {shown}: a fingerprint key is bytes or the path of a key file, which "
        "`origin keys private FILE` makes"
    )


def _key_in(content: bytes, where: str) -> bytes:
    """The key that the content of a key file tells."""
    try:
        word, digits = content.decode("ascii").split()
        if word != _WORD or len(content) > _MOST_BYTES:
            raise ValueError
        return bytes.fromhex(digits)
    except ValueError:
        raise FingerprintKeyError(
            f"{where} is no key file: one holds the word {_WORD} and the key in hex digits; "
            "`origin keys private FILE` makes it"
        ) from None
