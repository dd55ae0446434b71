"""Lists of sessions and sources with what was seen of each, a page at a time."""

import re
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from origin.core.record import SessionRecord, SourceRecord
from origin.errors import ConfigurationError
from origin.storage.catalog import SOURCE_COLUMNS, source_of
from origin.storage.connection import Connection
from origin.storage.sessionrows import SESSION_COLUMNS, STATUS, session_of
from origin.storage.text import to_column

# What sessions and sources can be sorted by, and the column that says it.
SESSION_ORDERS = {
    "created": "s.session_no",
    "configuration": "s.config_hash",
    "status": "shown_status",
    "duration": "julianday(s.ended_at) - julianday(s.created_at)",
    "batches": "batches",
    "observations": "observations",
    "bytes": "bytes_seen",
}
SOURCE_ORDERS = {
    "source": "o.source_id",
    "license": "coalesce(o.license_id, '')",
    "sessions": "sessions",
    "observations": "observations",
}

_SEEN_IN_SESSION = """(SELECT session_no, sum(batches) AS batches,
    sum(observations) AS observations, sum(bytes_seen) AS bytes_seen,
    count(DISTINCT source_no) AS sources FROM streams GROUP BY session_no)"""

_SEEN_OF_SOURCE = """(SELECT source_no, count(DISTINCT session_no) AS sessions,
    sum(observations) AS observations FROM streams GROUP BY source_no)"""

_SAW = """s.session_no IN
    (SELECT t.session_no FROM streams t JOIN sources o USING (source_no) WHERE {})"""

_WITHIN = "{} LIKE :within ESCAPE '\\'"
_TEXT_IN_SESSION = (
    "(s.session_id LIKE :begins ESCAPE '\\'"
    f" OR {_WITHIN.format('s.config_hash')} OR {_WITHIN.format('s.metadata')}"
    f" OR {_SAW.format(_WITHIN.format('o.source_id'))})"
)
_TEXT_IN_SOURCE = " OR ".join(
    _WITHIN.format(f"o.{name}")
    for name in ("source_id", "source_path", "title", "author", "license_id")
)

_MAY_CONFLICT = """(s.ended_at IS NULL
    OR EXISTS (SELECT 1 FROM license_conflicts c
        WHERE c.session_no = s.session_no AND c.gone_at IS NULL)
    OR EXISTS (SELECT 1 FROM streams t WHERE t.session_no = s.session_no
        AND t.source_no IN
            (SELECT source_no FROM source_history GROUP BY source_no HAVING count(*) > 1)
        AND EXISTS (SELECT 1 FROM source_history h
            WHERE h.source_no = t.source_no AND h.recorded_at > s.ended_at)))"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A session and what was seen in it.

    Args:
        session: its record.
        batches, observations, bytes: how much.
        sources: how many sources.
    """

    session: SessionRecord
    batches: int
    observations: int
    bytes: int
    sources: int


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A source and what was seen of it in all sessions.

    Args:
        source: as it was last registered.
        sessions: how many sessions saw it.
        observations: how many samples they saw, each time counted.
    """

    source: SourceRecord
    sessions: int
    observations: int


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of the entries of a list.

    Args:
        entries: these.
        total: how many there are in all.
    """

    entries: tuple[T, ...]
    total: int


class Overview:
    """Tells what one database has, without reading a batch."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def changes(self) -> int:
        """A number that is another one once something was committed, by whomever."""
        row = self._db.row("SELECT (SELECT data_version FROM pragma_data_version), total_changes()")
        return hash(row)

    def seen(self) -> tuple[int, int, int]:
        """How many batches, observations and bytes all sessions saw together."""
        row = self._db.row("SELECT sum(batches), sum(observations), sum(bytes_seen) FROM streams")
        batches, observations, size = row or (0, 0, 0)
        return batches or 0, observations or 0, size or 0

    def sessions(
        self,
        text: str = "",
        *,
        status: str | None = None,
        source: str | None = None,
        conflicting: bool = False,
        order: str = "created",
        ascending: bool = False,
        limit: int = 50,
        offset: int = 0,
    ) -> Page[SessionEntry]:
        """Sessions.

        Args:
            text: only those whose id begins with it, or whose configuration, metadata or
                sources have it in them; ASCII letters in any case.
            status: only those that show so.
            source: only those that saw this source.
            conflicting: only those of whose licenses something was found when they ended, or that
                may have changed since: they have not ended, or a source was registered anew.
            order: one of ``SESSION_ORDERS``.
            ascending: the lowest first, and not the highest.
            limit: at most so many; -1 for all.
            offset: after so many.

        Raises:
            ConfigurationError: there is no such order.
        """
        conditions: list[str] = []
        values: dict[str, Any] = {"limit": limit, "offset": offset}
        if text:
            conditions.append(_TEXT_IN_SESSION)
            values |= _patterns(text)
        if status is not None:
            conditions.append("shown_status = :status")
            values["status"] = to_column(status)
        if source is not None:
            conditions.append(_SAW.format("o.source_id = :source"))
            values["source"] = to_column(source)
        if conflicting:
            conditions.append(_MAY_CONFLICT)
        ordered = _ordered("sessions", SESSION_ORDERS, order, ascending, "s.session_no")
        where = f"WHERE {' AND '.join(conditions) or 'TRUE'}"
        rows = self._db.rows(
            f"SELECT {SESSION_COLUMNS}, coalesce(batches, 0) AS batches,"
            " coalesce(observations, 0) AS observations, coalesce(bytes_seen, 0) AS bytes_seen,"
            f" coalesce(sources, 0) FROM sessions s LEFT JOIN {_SEEN_IN_SESSION}"
            f" USING (session_no) {where} {ordered}",
            values,
        )
        entries = tuple(SessionEntry(session_of(row[:-4]), *row[-4:]) for row in rows)
        return Page(
            entries, self._count(f"{STATUS} AS shown_status FROM sessions s {where}", values)
        )

    def sources(
        self,
        text: str = "",
        *,
        order: str = "observations",
        ascending: bool = False,
        limit: int = 50,
        offset: int = 0,
    ) -> Page[SourceEntry]:
        """Sources.

        Args:
            text: only those with it in id, path, title, author or license; ASCII letters in any
                case.
            order: one of ``SOURCE_ORDERS``.
            ascending: the lowest first, and not the highest.
            limit: at most so many; -1 for all.
            offset: after so many.

        Raises:
            ConfigurationError: there is no such order.
        """
        values = {"limit": limit, "offset": offset, **(_patterns(text) if text else {})}
        ordered = _ordered("sources", SOURCE_ORDERS, order, ascending, "o.source_no")
        where = f"WHERE {_TEXT_IN_SOURCE if text else 'TRUE'}"
        rows = self._db.rows(
            f"SELECT {SOURCE_COLUMNS}, coalesce(sessions, 0) AS sessions,"
            f" coalesce(observations, 0) AS observations FROM sources o LEFT JOIN {_SEEN_OF_SOURCE}"
            f" USING (source_no) {where} {ordered}",
            values,
        )
        entries = tuple(SourceEntry(source_of(row[:-2]), *row[-2:]) for row in rows)
        return Page(entries, self._count(f"1 FROM sources o {where}", values))

    def _count(self, query: str, values: dict[str, Any]) -> int:
        row = self._db.row(f"SELECT count(*) FROM (SELECT {query})", values)
        return int(row[0]) if row else 0


def _patterns(text: str) -> dict[str, str]:
    escaped = re.sub(r"([\\%_])", r"\\\1", to_column(text))
    return {"begins": f"{escaped}%", "within": f"%{escaped}%"}


def _ordered(of: str, orders: dict[str, str], order: str, ascending: bool, last: str) -> str:
    if order not in orders:
        raise ConfigurationError(f"{of} are sorted by {', '.join(orders)}, not by {order!r}")
    way = "ASC" if ascending else "DESC"
    return f"ORDER BY {orders[order]} {way} NULLS LAST, {last} {way} LIMIT :limit OFFSET :offset"
