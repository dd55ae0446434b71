"""Models that came out of sessions: from a file of weights to what it was made from."""

import os
from hashlib import sha256
from pathlib import Path

from origin.core.arguments import session_id_of
from origin.core.record import SessionRecord
from origin.errors import ConfigurationError
from origin.storage.database import ProvenanceDatabase, require_database
from origin.storage.models import ModelFile

_PART = 1 << 20


def file_digest(path: str | os.PathLike[str]) -> bytes:
    """The SHA-256 of what a file holds, 32 bytes; ``sha256sum`` gives the same.

    Args:
        path: of the file, of any format.

    Raises:
        ConfigurationError: it cannot be read.
    """
    digest = sha256()
    try:
        with open(path, "rb") as file:
            while part := file.read(_PART):
                digest.update(part)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    return digest.digest()


def add_model(
    db: ProvenanceDatabase, path: str | os.PathLike[str], session_id: str | SessionRecord
) -> list[ModelFile]:
    """Record that a model came out of a session, by the digest of each of its files.

    Args:
        db: an open database.
        path: of a file of weights, such as one of safetensors, or of a folder: then of all files
            in it, and in folders in it.
        session_id: the session.

    Returns:
        The files; a model of the same name and session is replaced.

    Raises:
        ConfigurationError: there is no such file, or the folder is empty.
        SessionNotFoundError: no session has that id.
        ReadOnlyDatabaseError: the database is read-only.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(f"{folder}/model.safetensors").write_bytes(b"...")
    ...     with ProvenanceDatabase(f"{folder}/provenance.db") as db:
    ...         session = db.begin_session("v1")
    ...         add_model(db, f"{folder}/model.safetensors", session)[0].name
    'model.safetensors'
    """
    require_database("add_model", db)
    own = session_id_of(session_id)
    db.get_session(own)
    place = Path(path).absolute()
    files = [place] if place.is_file() else _files_in(place)
    if not files:
        raise ConfigurationError(f"{path} is no file, and no folder with files in it")
    above = place.parent if place.is_file() else place
    told = [
        (one.relative_to(above).as_posix(), file_digest(one), one.stat().st_size) for one in files
    ]
    db.models.add(own, place.name, told)
    return [one for one in db.models.of(own) if one.model == place.name]


def find_model(db: ProvenanceDatabase, path: str | os.PathLike[str]) -> list[ModelFile]:
    """The sessions that a model came out of, by what is in its files.

    Args:
        db: an open database.
        path: of one of its files, or of its folder; what it is called does not matter.

    Returns:
        Of each file that is on record, where it came from.

    Raises:
        ConfigurationError: there is no such file, or the folder is empty.
    """
    require_database("find_model", db)
    place = Path(path)
    files = [place] if place.is_file() else _files_in(place)
    if not files:
        raise ConfigurationError(f"{path} is no file, and no folder with files in it")
    found = [own for one in files for own in db.models.with_digest(file_digest(one))]
    return list(dict.fromkeys(found))


def _files_in(folder: Path) -> list[Path]:
    return sorted(Path(where) / name for where, _, names in os.walk(folder) for name in names)
