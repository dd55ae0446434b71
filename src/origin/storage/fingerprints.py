"""Which fingerprints a file has, which is written into it; and their key, which never is."""

from typing import NamedTuple

from origin.core.fingerprintkey import (
    HMAC_SHA256,
    SHA256,
    Algorithm,
    FingerprintKey,
    KeyGiven,
    shown_name,
)
from origin.errors import ConfigurationError, FingerprintKeyError
from origin.storage.connection import Connection

KINDS = (SHA256, "blake3", HMAC_SHA256)

_KIND, _CHECK = "fingerprint", "fingerprint_key_check"


class Wish(NamedTuple):
    """Which fingerprints somebody wants a file to have; None takes what it has."""

    kind: str | None = None
    key: FingerprintKey | None = None


class _Recorded(NamedTuple):
    kind: str
    check_value: str | None


def wish_of(kind: object, key: KeyGiven | None) -> Wish:
    """What the arguments of ``ProvenanceDatabase`` say.

    Args:
        kind: the name of an algorithm, or None.
        key: that of private fingerprints, its file, or None.

    Raises:
        ConfigurationError: there are no such fingerprints, or they take no key.
        FingerprintKeyError: the key is none.
        StorageError: the file of the key cannot be read.

    >>> wish_of(None, bytes(32))
    Wish(kind='hmac-sha256', key=FingerprintKey(…))
    """
    if kind is not None and kind not in KINDS:
        raise ConfigurationError(
            f"fingerprint must be one of {', '.join(map(repr, KINDS))}, not {shown_name(kind)}"
        )
    if key is None:
        return Wish(None if kind is None else str(kind))
    if kind not in (None, HMAC_SHA256):
        raise ConfigurationError(
            f"{kind} fingerprints take no key: leave out fingerprint, or fingerprint_key"
        )
    return Wish(HMAC_SHA256, FingerprintKey.of(key))


class FileFingerprints:
    """Which fingerprints a file has; one without observations takes those that are wanted.

    Args:
        connection: to the file.
        wish: which are wanted, and the key.

    Raises:
        ConfigurationError: the file has others.
        FingerprintKeyError: the key is another than the file's, or needed and not there.
    """

    def __init__(self, connection: Connection, wish: Wish) -> None:
        self._connection = connection
        self._key = wish.key
        self._recorded = self._settle(wish)

    @property
    def kind(self) -> str:
        """The name of their algorithm."""
        return self._recorded.kind

    @property
    def algorithm(self) -> Algorithm:
        """What makes more of them.

        Raises:
            FingerprintKeyError: they are private, and the key was not given.
        """
        self.require_key()
        return self._key or self._recorded.kind

    def require_key(self) -> None:
        """Raise if they are private, and the key was not given.

        Raises:
            FingerprintKeyError: so it is.
        """
        if self._key is None and self._recorded.kind == HMAC_SHA256:
            raise FingerprintKeyError(
                f"{self._connection.path} has private fingerprints, and to record samples or look "
                "them up by content takes their key: ProvenanceDatabase(path, fingerprint_key=…), "
                "or --fingerprint-key FILE or ORIGIN_FINGERPRINT_KEY for the command origin"
            )

    def require_same(self) -> None:
        """Raise unless the file still has the fingerprints that it had when it was opened.

        Raises:
            ConfigurationError: another process gave it others while it was empty.
        """
        if _recorded(self._connection) != self._recorded:
            raise ConfigurationError(
                f"{self._connection.path} was given other fingerprints by another process while it "
                "was empty; open it again"
            )

    def _settle(self, wish: Wish) -> _Recorded:
        found = _recorded(self._connection)
        if _has(found, wish):
            return found
        if self._connection.read_only:
            raise self._mismatch(found, wish)
        with self._connection.transaction():
            found = _recorded(self._connection)
            if _has(found, wish):
                return found
            is_begun = self._connection.row("SELECT 1 FROM streams LIMIT 1") is not None
            if is_begun or found.kind == HMAC_SHA256:
                raise self._mismatch(found, wish)
            self._write(wish)
        return _recorded(self._connection)

    def _write(self, wish: Wish) -> None:
        if wish.kind == HMAC_SHA256 and wish.key is None:
            raise FingerprintKeyError(
                f"private fingerprints take a key: give {self._connection.path} a fingerprint_key"
            )
        settings = {_KIND: wish.kind, _CHECK: wish.key and wish.key.check_value}
        for name, value in settings.items():
            if value is not None:
                self._connection.rows(
                    "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value)
                )

    def _mismatch(self, found: _Recorded, wish: Wish) -> ConfigurationError:
        path = self._connection.path
        if wish.key is None:
            return ConfigurationError(
                f"{path} has {found.kind} fingerprints and they are never mixed with {wish.kind}; "
                "leave fingerprint out, or record into another file"
            )
        if found.kind == HMAC_SHA256:
            return FingerprintKeyError(
                f"{path} has private fingerprints under another key than the one that was given; "
                "give the key that it was made with"
            )
        return FingerprintKeyError(
            f"{path} has {found.kind} fingerprints and they are never mixed with private ones; "
            "leave the key out (fingerprint_key; on the command line --fingerprint-key and "
            "ORIGIN_FINGERPRINT_KEY), or record into another file"
        )


def _recorded(connection: Connection) -> _Recorded:
    rows = connection.rows("SELECT name, value FROM settings WHERE name LIKE 'fingerprint%'")
    found = {str(name): str(value) for name, value in rows}
    return _Recorded(found.get(_KIND, SHA256), found.get(_CHECK))


def _has(found: _Recorded, wish: Wish) -> bool:
    """Whether a file has what is wanted; who gives no key may still read what is private."""
    if wish.key is not None:
        return found == (HMAC_SHA256, wish.key.check_value)
    return wish.kind in (None, found.kind)


class Fingerprinting:
    """The part of a database that knows how samples become fingerprints."""

    _fingerprints: FileFingerprints

    @property
    def fingerprint_algorithm(self) -> str:
        """Which fingerprints the file has: ``"sha256"``, ``"blake3"`` or ``"hmac-sha256"``."""
        return self._fingerprints.kind

    @property
    def fingerprinting(self) -> Algorithm:
        """What makes these fingerprints, as ``fingerprint_sample`` and ``fingerprint_row`` take it.

        Raises:
            FingerprintKeyError: they are private, and the database was opened without the key.
        """
        return self._fingerprints.algorithm

    def fingerprint(self, value: object) -> str:
        """The fingerprint that a sample has in this database.

        Args:
            value: any value with an encoding.

        Returns:
            64 lower-case hexadecimal digits, which ``QueryEngine.trace_sample`` takes.

        Raises:
            FingerprintError: the value, or something in it, has no encoding.
            FingerprintKeyError: it takes the key, and the database was opened without it.
            MissingDependencyError: the package for it is not installed.

        >>> import tempfile
        >>> from origin.core.fingerprint import fingerprint_sample
        >>> from origin.storage.database import ProvenanceDatabase
        >>> key = bytes(range(32))  # 32 random bytes, or the path of a key file
        >>> folder = tempfile.TemporaryDirectory()
        >>> with ProvenanceDatabase(f"{folder.name}/private.db", fingerprint_key=key) as db:
        ...     db.fingerprint("a poem") == fingerprint_sample("a poem", key=key)
        True
        >>> folder.cleanup()
        """
        # What takes samples apart needs NumPy, which loads slowly.
        from origin.core.fingerprint import fingerprint_sample

        return fingerprint_sample(value, self.fingerprinting)
