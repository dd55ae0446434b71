"""Files of models that came out of sessions, by the SHA-256 of what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from origin.core.record import utc_now
from origin.errors import InvalidRecordError
from origin.storage.catalog import Catalog
from origin.storage.connection import Connection
from origin.storage.text import from_column, to_column


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model, as it was when it was recorded.

    Args:
        session_id: the session it came out of.
        model: the name of the model: of its file, or of its folder.
        name: of the file; in a folder with the folders on the way to it, ``/`` between them.
        digest: the SHA-256 of what is in it, 32 bytes.
        byte_size: how many bytes that are.
        recorded_at: ISO 8601 time.
    """

    session_id: str
    model: str
    name: str
    digest: bytes
    byte_size: int
    recorded_at: str


class Models:
    """The models of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._catalog = Catalog(connection)

    def add(self, session_id: str, model: str, files: Sequence[tuple[str, bytes, int]]) -> None:
        """Note the files of a model; a model of that name and session is replaced.

        Args:
            session_id: the session it came out of.
            model: its name.
            files: name, SHA-256 and size in bytes of each.

        Raises:
            InvalidRecordError: it has no file, or a name is empty.
            SessionNotFoundError: no session has that id.
            ReadOnlyDatabaseError: the database is read-only.
        """
        if not model or not files or not all(name for name, _, _ in files):
            raise InvalidRecordError("a model has a name and at least one file, each with a name")
        now = utc_now()
        with self._db.transaction():
            session_no, _ = self._catalog.session_state(session_id)
            self._db.rows(
                "DELETE FROM model_files WHERE session_no = ? AND model = ?",
                (session_no, to_column(model)),
            )
            self._db.many(
                "INSERT INTO model_files (session_no, model, name, digest, byte_size, recorded_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (session_no, to_column(model), to_column(name), digest, size, now)
                    for name, digest, size in files
                ],
            )

    def of(self, session_id: str) -> list[ModelFile]:
        """The files of the models of a session, by model and name."""
        return self._files("session_id = ?", to_column(session_id))

    def with_digest(self, digest: bytes) -> list[ModelFile]:
        """The files with that SHA-256, the sessions in the order they began."""
        return self._files("digest = ?", digest)

    def _files(self, where: str, value: str | bytes) -> list[ModelFile]:
        rows = self._db.rows(
            "SELECT session_id, model, name, digest, byte_size, recorded_at FROM model_files"
            f" JOIN sessions USING (session_no) WHERE {where} ORDER BY session_no, model, name",
            (value,),
        )
        return [
            ModelFile(session_id, from_column(model), from_column(name), digest, size, at)
            for session_id, model, name, digest, size, at in rows
        ]
