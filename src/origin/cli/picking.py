"""Which database a command is about, and where its answer goes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from origin.cli.output import Output
from origin.query.picking import LATEST, picked

if TYPE_CHECKING:
    from origin.storage.database import ProvenanceDatabase

__all__ = ["LATEST", "Chosen", "picked"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What holds for all commands of a command line.

    Args:
        path: of the database.
        output: where answers go.
        fingerprint_key: the file of its key, if it has private fingerprints.
    """

    path: Path
    output: Output
    fingerprint_key: str | None = None

    @contextmanager
    def database(self, *, read_only: bool = True) -> Iterator["ProvenanceDatabase"]:
        """The database, opened.

        Raises:
            DatabaseNotFoundError: there is none.
            FingerprintKeyError: the key that was named is none, or not the database's.
        """
        # `origin --help` is there before a database could be.
        from origin.storage.database import ProvenanceDatabase

        key = self.fingerprint_key
        with ProvenanceDatabase(self.path, read_only=read_only, fingerprint_key=key) as db:
            yield db

    @contextmanager
    def existing(self) -> Iterator["ProvenanceDatabase"]:
        """The database, opened for writing; none is made.

        Raises:
            DatabaseNotFoundError: there is none.
        """
        # One of an older version is brought up to date by opening it; an empty file is none.
        if not self.path.is_file() or not self.path.stat().st_size:
            with self.database():
                pass
        with self.database(read_only=False) as db:
            yield db
