"""Lists of samples that may be long: found range by range of sample ids, and given in pages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from origin.errors import QueryError
from origin.query.answer import SqlAnswer
from origin.query.arguments import whole_number
from origin.query.asking import Asker
from origin.query.records import parse_sample_id
from origin.query.relations import Relations
from origin.query.sql import Query

if TYPE_CHECKING:
    import pyarrow as pa

# So many rows no answer has.
_ALL = 1 << 62

Range = tuple[str, str]


def checked_limit(limit: object) -> int:
    """How many rows a limit allows; None stands for all.

    Raises:
        ConfigurationError: it is no number of rows.

    >>> checked_limit(10)
    10
    """
    if limit is None:
        return _ALL
    return min(whole_number("limit", limit, "a number of rows or None"), _ALL)


def behind(after: str | bytes | None) -> str:
    """The smallest text behind a sample id and before all that follow it.

    >>> behind(None), behind(bytes(32)) == "00" * 32 + "0"
    ('', True)
    """
    return "" if after is None else parse_sample_id(after).hex() + "0"


class Tables(Protocol):
    """Gives samples that are looked for, range by range."""

    def table(self, low: str, high: str) -> "pa.Table":
        """Those in a range."""


class Listing:
    """One question about samples, put once for each range of sample ids.

    Args:
        asker: of the database.
        session_ids: which sessions the question is about; None for all.
        query: its last three parameters are the first sample id, the one behind the last, and
            how many rows are wanted; its rows come in the order of their sample ids.
        given: further tables that it reads.
        ranges: of sample ids, ascending.
    """

    def __init__(
        self,
        asker: Asker,
        session_ids: Sequence[str] | None,
        query: Query,
        given: Mapping[str, "pa.Table"],
        ranges: Iterable[Range],
    ) -> None:
        self._asker = asker
        self._session_ids = session_ids
        self._query = query
        self._given = given
        self._ranges = list(ranges)

    def page(
        self, parameters: Sequence[Any], limit: int | None, after: str | bytes | None
    ) -> SqlAnswer:
        """The rows behind a sample id, or all.

        Raises:
            ConfigurationError: the limit makes no sense.
            QueryError: they are too many to be held in memory.
        """
        left, first = checked_limit(limit), behind(after)

        def work(relations: Relations) -> "pa.Table":
            return self.gather(relations, parameters, left, first)

        return SqlAnswer(self._asker.ask(self._session_ids, work))

    def gather(
        self,
        relations: Relations,
        parameters: Sequence[Any],
        left: int,
        first: str,
        tables: "Tables | None" = None,
    ) -> "pa.Table":
        """The rows, of one moment.

        Args:
            relations: of that moment.
            parameters: those of the query before its last three.
            left: at most so many rows.
            first: only samples whose id is not before this.
            tables: which of the given samples are in a range, if the query reads these.

        Raises:
            QueryError: they are too many to be held in memory.
        """
        import pyarrow as pa

        for name, table in self._given.items():
            relations.give(name, table)
        parts: list[pa.Table] = []
        size = 0
        for low, high in self._ranges:
            if high <= first or (parts and left <= 0):
                continue
            if tables is not None:
                relations.give("given_samples", tables.table(low, high))
            asked = [*parameters, max(low, first), high, max(left, 0)]
            part = relations.within(low, high).table(self._query, asked)
            parts.append(part)
            left, size = left - part.num_rows, size + part.nbytes
            if size > self._asker.duck.memory_bytes:
                raise QueryError(
                    f"the list has more than {self._asker.duck.memory_bytes:,} bytes; ask for it "
                    "in pages with limit=… and after=…, or raise memory_limit of the QueryEngine"
                )
        if not parts:
            if tables is not None:
                relations.give("given_samples", tables.table("", ""))
            return relations.table(self._query, [*parameters, "", "", 0])
        return pa.concat_tables(parts)
