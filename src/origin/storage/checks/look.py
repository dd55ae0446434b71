"""One state of a database, read piece by piece while others write."""

from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any

from origin.errors import StorageError
from origin.storage.connection import Connection, Row


class Moved(Exception):
    """The process forked, and what was looked at is gone: begin anew."""


class Look:
    """A read transaction of a connection that nobody else uses.

    What others commit meanwhile is not seen. They are not held up, but the log grows as long
    as this lasts.

    Args:
        connection: a read-only one.
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._opening = 0

    def __enter__(self) -> "Look":
        self._db.rows("BEGIN")
        self._opening = self._db.openings
        # Only the first question takes hold of a state.
        self._db.rows("SELECT 1 FROM sqlite_schema LIMIT 1")
        self._require_unmoved()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(StorageError):
            self._db.rows("ROLLBACK")

    def _require_unmoved(self) -> None:
        if self._db.openings != self._opening:
            raise Moved

    def rows(self, sql: str, bindings: tuple[Any, ...] = ()) -> Iterator[Row]:
        """The rows of one statement, as they are read.

        Raises:
            Moved: the process forked in between.
            StorageError: what follows cannot be read.
        """
        try:
            yield from self._db.stream(sql, bindings)
        except StorageError:
            self._require_open()
            raise
        self._require_open()

    def _require_open(self) -> None:
        # A handle that a fork dropped is opened again by the next question, outside of the
        # transaction.
        self._db.rows("SELECT 1")
        self._require_unmoved()
