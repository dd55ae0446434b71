"""Asking DuckDB about one moment of a database."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from origin.core.record import SegmentRecord
from origin.errors import DatabaseBusyError, QueryError, SegmentError
from origin.query.answer import SqlAnswer
from origin.query.arguments import plain
from origin.query.duck import Duck
from origin.query.guard import views_named
from origin.query.lookup import Lookup
from origin.query.moment import Moment, Moments, Moved
from origin.query.relations import Relations
from origin.storage.database import ProvenanceDatabase
from origin.storage.text import to_column

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")

# That something is sealed or merged in the very moment of a question is rare.
_TRIES = 100


class Asker:
    """Answers SQL about one database.

    Args:
        db: an open database.
        memory_limit: how much memory DuckDB may take.
    """

    def __init__(self, db: ProvenanceDatabase, memory_limit: str) -> None:
        self._db = db
        self.moments = Moments(db)
        self.duck = Duck(db.ledger.folder, memory_limit)
        self._lookup = Lookup(db.ledger)

    def ask(
        self,
        session_ids: Collection[str] | None,
        work: Callable[[Relations], T],
        moment: Moment | None = None,
    ) -> T:
        """Work on the relations of a moment.

        Args:
            session_ids: which sessions' streams it takes; None for all.
            work: it is done anew, for a later moment, if a merge replaced the files meanwhile.
            moment: which to begin with; this one when left out.

        Raises:
            SegmentError: a sealed file is missing or damaged.
            QueryError: DuckDB cannot answer.
            DatabaseBusyError: again and again something was moved meanwhile.
        """
        import duckdb

        for _ in range(_TRIES):
            read = self.moments.read(moment or self.moments.now(session_ids))
            moment = None
            if read is None:
                continue
            try:
                with self.duck.cursor() as cursor:
                    return work(Relations(self._db, self.moments, self._lookup, read, cursor))
            except Moved:
                continue
            except SegmentError:
                if self._db.ledger.segments() == read.segments:
                    raise
            except duckdb.Error as error:
                if not self._were_replaced(read, error):
                    raise self._translation(error) from error
        raise DatabaseBusyError(
            f"what {self._db.path} holds is moved faster than it can be read; try again later"
        )

    def sql(
        self, text: object, parameters: Any, limit: int | None, seconds: float | None
    ) -> SqlAnswer:
        """The answer to a question of a user."""

        def work(relations: Relations) -> "pa.Table":
            with relations.cursor.within(seconds):
                relations.need(sorted(views_named(relations.cursor, text)))
                return relations.cursor.table(str(text), _bindings(parameters), limit)

        return SqlAnswer(self.ask(None, work))

    def _were_replaced(self, moment: Moment, error: Exception) -> bool:
        """Whether an error comes from files that a merge has replaced.

        Raises:
            SegmentError: it comes from a file that is missing, or is not as it was sealed.
        """
        for segment in moment.segments:
            path = self._db.ledger.folder / segment.name
            trouble = _trouble(path, segment)
            if trouble is None and segment.name not in str(error):
                continue
            if self._db.ledger.segments() != moment.segments:
                return True
            raise SegmentError(
                f"the segment {path} {trouble or 'cannot be read'} ({_first_line(error)}); restore "
                "the database and its segments from one backup, and see db.check()"
            ) from error
        return False

    def _translation(self, error: Exception) -> QueryError:
        import duckdb

        if isinstance(error, duckdb.OutOfMemoryException):
            return QueryError(
                f"the query needs more memory than {self.duck.memory_limit}; narrow it, or raise "
                "memory_limit of the QueryEngine"
            )
        return QueryError(f"the query cannot be answered: {error}")


def _trouble(path: Path, segment: SegmentRecord) -> str | None:
    try:
        return None if path.stat().st_size == segment.byte_size else "is not as it was sealed"
    except FileNotFoundError:
        return "is missing"
    except OSError:
        return "cannot be reached"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _bindings(parameters: Any) -> Any:
    """What is given for the parameters of a query, texts in the form that columns have."""
    if parameters is None:
        return None
    if isinstance(parameters, Mapping):
        return {name: _binding(value) for name, value in parameters.items()}
    if isinstance(parameters, str | bytes):
        raise QueryError("parameters must be a list of values, or a dict by name")
    try:
        return [_binding(value) for value in parameters]
    except TypeError:
        raise QueryError("parameters must be a list of values, or a dict by name") from None


def _binding(value: Any) -> Any:
    value = plain(value)
    if isinstance(value, list):
        return [_binding(one) for one in value]
    return to_column(value) if isinstance(value, str) else value
