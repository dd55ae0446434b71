"""Which session somebody means."""

from typing import TYPE_CHECKING

from origin.core.record import SessionRecord
from origin.errors import ConfigurationError, SessionNotFoundError

if TYPE_CHECKING:
    from origin.storage.database import ProvenanceDatabase

LATEST = "latest"
_SHOWN = 5


def picked(db: "ProvenanceDatabase", given: str) -> SessionRecord:
    """The session that somebody means: ``latest``, its id, or the beginning of its id.

    Raises:
        SessionNotFoundError: there is none.
        ConfigurationError: several begin so.
    """
    if given == LATEST and (newest := db.list_sessions(limit=1)):
        return newest[0]
    fitting = db.catalog.sessions_beginning(given, _SHOWN + 1) if given else []
    exact = [one for one in fitting if one.session_id == given]
    if len(exact or fitting) == 1:
        return (exact or fitting)[0]
    if fitting:
        shown = ", ".join(one.session_id for one in fitting[:_SHOWN])
        more = ", …" if len(fitting) > _SHOWN else ""
        raise ConfigurationError(
            f"several sessions begin with {given!r}: {shown}{more}; give more of the id"
        )
    raise SessionNotFoundError(f"{db.path} has no session {given!r}; `origin sessions` lists them")
