"""Checking: is every byte that was committed still what it was?"""

from pathlib import Path

from origin.errors import StorageError
from origin.storage.checks.batches import BatchesCheck
from origin.storage.checks.catalog import CatalogCheck, reading
from origin.storage.checks.damage import CheckReport
from origin.storage.checks.findings import Findings
from origin.storage.checks.look import Look, Moved
from origin.storage.checks.segments import SegmentsCheck
from origin.storage.connection import Connection

_ATTEMPTS = 20


def check(path: Path, folder: Path, busy_timeout: float, *, roots: bool = True) -> CheckReport:
    """Check a database and its segments; others may record and seal meanwhile.

    Args:
        path: the database.
        folder: where its segments are.
        busy_timeout: how many seconds to wait for others where there is no write-ahead log.
        roots: also compute the Merkle root of every batch that is not sealed.

    Returns:
        What was found. Damage is no error.

    Raises:
        DatabaseBusyError: another process held the database for too long.
        StorageError: the process forked again and again while it was read.
    """
    for _ in range(_ATTEMPTS):
        connection = Connection(path, read_only=True, busy_timeout=busy_timeout)
        try:
            return _checked(connection, folder, roots)
        except Moved:
            continue
        finally:
            connection.close()
    raise StorageError(
        f"{path} cannot be checked while this process forks all the time; check it from another"
    )


def _checked(connection: Connection, folder: Path, roots: bool) -> CheckReport:
    findings = Findings()
    with Look(connection) as look:
        CatalogCheck(look, findings).run()
        BatchesCheck(look, findings, roots=roots).run()
    segments = SegmentsCheck(connection, folder, findings)
    notes: list[str] = []
    with reading(findings, "table segments"):
        notes = segments.run()
    return CheckReport(
        path=str(connection.path),
        damages=findings.damages(),
        notes=tuple(notes),
        batches=sum(stream.batches for stream in findings.streams.values()),
        observations=sum(stream.observations for stream in findings.streams.values()),
        segments=segments.segments,
        bytes_read=segments.bytes_read + _size(connection.file),
    )


def _size(path: Path) -> int:
    logs = (path, Path(f"{path}-wal"))
    return sum(found.stat().st_size for found in logs if found.exists())
