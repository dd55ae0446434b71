"""Which database and which session a command is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from origin.cli.output import Output
from origin.core.record import SessionRecord
from origin.errors import ConfigurationError, SessionNotFoundError

if TYPE_CHECKING:
    from origin.storage.database import ProvenanceDatabase

LATEST = "latest"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Chosen:
    """What holds for all commands of a command line.

    Args:
        path: of the database.
        output: where answers go.
    """

    path: Path
    output: Output

    @contextmanager
    def database(self, *, read_only: bool = True) -> Iterator["ProvenanceDatabase"]:
        """The database, opened.

        Raises:
            DatabaseNotFoundError: there is none.
        """
        # `origin --help` is there before a database could be.
        from origin.storage.database import ProvenanceDatabase

        with ProvenanceDatabase(self.path, read_only=read_only) as db:
            yield db

    @contextmanager
    def existing(self) -> Iterator["ProvenanceDatabase"]:
        """The database, opened for writing; none is made.

        Raises:
            DatabaseNotFoundError: there is none.
        """
        with self.database():
            pass
        with self.database(read_only=False) as db:
            yield db


def picked(db: "ProvenanceDatabase", given: str) -> SessionRecord:
    """The session that somebody means: ``latest``, its id, or the beginning of its id.

    Raises:
        SessionNotFoundError: there is none.
        ConfigurationError: several begin so.
    """
    sessions = db.list_sessions()
    if given == LATEST and sessions:
        return sessions[0]
    fitting = [one for one in sessions if given and one.session_id.startswith(given)]
    exact = [one for one in fitting if one.session_id == given]
    if len(exact or fitting) == 1:
        return (exact or fitting)[0]
    if fitting:
        shown = ", ".join(one.session_id for one in fitting[:_SHOWN])
        more = ", …" if len(fitting) > _SHOWN else ""
        raise ConfigurationError(
            f"{len(fitting)} sessions begin with {given!r}: {shown}{more}; give more of the id"
        )
    raise SessionNotFoundError(
        f"{db.path} has no session {given!r}; `origin sessions` lists all {len(sessions):,}"
    )
