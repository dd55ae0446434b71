"""What is settled when a database is opened, and what is written into the file for good."""

from origin.errors import ConfigurationError
from origin.storage.connection import Connection

SEAL_AFTER = 1_000_000

FINGERPRINTS = ("sha256", "blake3")


def checked_threshold(seal_after: object) -> int | None:
    """How many observations may be unsealed; None for any number.

    Raises:
        ConfigurationError: it is neither None nor a whole number above 0.

    >>> checked_threshold(1000)
    1000
    """
    if seal_after is None:
        return None
    if isinstance(seal_after, bool) or not isinstance(seal_after, int) or seal_after < 1:
        raise ConfigurationError(
            f"seal_after must be a whole number of observations, 1 or more, or None, "
            f"not {seal_after!r}"
        )
    return seal_after


def settle_fingerprint(connection: Connection, wanted: str | None) -> str:
    """Which fingerprints a file has; a file without observations takes those that are wanted.

    Raises:
        ConfigurationError: there are no such fingerprints, or the file has others.
    """
    if wanted is not None and wanted not in FINGERPRINTS:
        raise ConfigurationError(
            f"fingerprint must be one of {', '.join(map(repr, FINGERPRINTS))}, not {wanted!r}"
        )
    found = _recorded(connection)
    if wanted in (None, found):
        return found
    if connection.read_only:
        raise _mismatch(connection, found, wanted)
    with connection.transaction():
        if _recorded(connection) != wanted:
            if connection.row("SELECT 1 FROM streams LIMIT 1") is not None:
                raise _mismatch(connection, found, wanted)
            connection.rows(
                "INSERT OR REPLACE INTO settings (name, value) VALUES ('fingerprint', ?)",
                (wanted,),
            )
    return _recorded(connection)


def _recorded(connection: Connection) -> str:
    row = connection.row("SELECT value FROM settings WHERE name = 'fingerprint'")
    return str(row[0]) if row else FINGERPRINTS[0]


def _mismatch(connection: Connection, found: str, wanted: str | None) -> ConfigurationError:
    return ConfigurationError(
        f"{connection.path} has {found} fingerprints and they are never mixed with {wanted}; "
        "leave fingerprint out, or record into another file"
    )
