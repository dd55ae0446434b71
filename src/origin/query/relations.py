"""The relations that queries read, made from the record of one moment."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from origin.core.record import SegmentRecord, SessionRecord, StreamRecord
from origin.query.duck import Cursor
from origin.query.lookup import Lookup
from origin.query.moment import Moment, Moments, unsealed_heads, unsealed_observations
from origin.query.sql import Query
from origin.query.streams import license_name
from origin.storage.database import ProvenanceDatabase
from origin.storage.sealing.columns import empty_table
from origin.storage.sealing.observations import schema
from origin.storage.text import optional_to_column, to_column

if TYPE_CHECKING:
    import pyarrow as pa

    from origin.core.record import Settlement


class Relations:
    """Puts what a query reads into a cursor, and nothing that it does not.

    Args:
        db: an open database.
        moments: of that database.
        lookup: of that database.
        moment: what is to be answered from.
        cursor: where the relations go.
    """

    def __init__(
        self,
        db: ProvenanceDatabase,
        moments: Moments,
        lookup: Lookup,
        moment: Moment,
        cursor: Cursor,
    ) -> None:
        self._db, self._moments, self._lookup = db, moments, lookup
        self.moment, self.cursor = moment, cursor
        self._there: set[str] = set()
        self._range: tuple[str, str] | None = None
        self._providers: dict[str, Callable[[], pa.Table]] = {
            "sessions": self._sessions,
            "sources": self._sources,
            "licenses": self._licenses,
            "license_conflicts": self._license_conflicts,
            "streams": lambda: stream_table(self.moment.streams),
            "noted_numbers": self._noted_numbers,
            "batch_heads": self._batch_heads,
            "unsealed_observations": lambda: unsealed_observations(self.moment),
        }

    def rows(self, query: Query, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """The answer to one of the library's own queries."""
        self._widen()
        return self.cursor.rows(self.whole_text(query), list(parameters))

    def table(self, query: Query, parameters: Iterable[Any] = ()) -> "pa.Table":
        """The same as an Arrow table."""
        self._widen()
        return self.cursor.table(self.whole_text(query), list(parameters))

    def whole_text(self, query: Query) -> str:
        """A query with the views that it reads in front of it, which are then bound only once."""
        if query.text.lstrip().upper().startswith("WITH"):
            self.need(query.reads)
            return query.text
        views: dict[str, str] = {}

        def gather(names: Iterable[str]) -> None:
            for name in names:
                view = Query.all.get(name)
                if view is None:
                    self.need([name])
                else:
                    gather(view.reads)
                    views[name] = view.text

        gather(query.reads)
        named = ", ".join(f"{name} AS ({text})" for name, text in views.items())
        return f"WITH {named} {query.text}" if named else query.text

    def need(self, names: Iterable[str]) -> None:
        """See that relations are there."""
        for name in names:
            if name not in self._there:
                self._there.add(name)
                self._provide(name)

    def _provide(self, name: str) -> None:
        if name == "sealed_observations":
            self._provide_sealed(self.moment.segments)
        elif name in self._providers:
            self.cursor.provide(name, self._providers[name]())
        else:
            view = Query.all[name]
            self.need(view.reads)
            self.cursor.define(name, view.text)

    def give(self, name: str, table: "pa.Table") -> None:
        """Have a further table for the queries."""
        self._there.add(name)
        self.cursor.provide(name, table)

    def within(self, first: str, last: str) -> "Part":
        """The same relations without the files that hold no sample from ``first`` to ``last``."""
        return Part(self, first, last)

    def narrow(self, first: str, last: str) -> None:
        """Leave such files out until something is asked of the whole."""
        if self._range != (first, last):
            self._range = (first, last)
            self._provide_sealed(
                segment
                for segment in self.moment.segments
                if segment.first_sample <= last and segment.last_sample >= first
            )

    def _widen(self) -> None:
        if self._range is not None:
            self._range = None
            self._provide_sealed(self.moment.segments)

    def around(self, sample_id: str) -> "Relations":
        """The same, of one sample: have only those parts of files that can hold it."""
        return self.between(sample_id, sample_id)

    def between(self, low: str, high: str) -> "Relations":
        """The same, of a narrow range of samples, both ends included."""
        self.give("sealed_observations", self._lookup.between(low, high, self.moment.segments))
        return self

    def _provide_sealed(self, segments: Iterable[SegmentRecord]) -> None:
        self._there.add("sealed_observations")
        # DuckDB would give what an altered file says for what was recorded.
        if files := [self._db.ledger.path_of(segment) for segment in segments]:
            self.cursor.provide_files("sealed_observations", files)
        else:
            self.cursor.provide("sealed_observations", empty_table(schema()))

    # -- tables of the catalog -----------------------------------------------------------

    def _sessions(self) -> "pa.Table":
        sessions = self._db.list_sessions()
        totals: dict[str, list[int]] = {}
        for stream in self.moment.streams:
            counts = totals.setdefault(stream.session_id, [0, 0, 0])
            counts[0] += stream.batches
            counts[1] += stream.observations
            counts[2] += stream.bytes_seen
        return session_table(sessions[::-1], totals)

    def _sources(self) -> "pa.Table":
        import pyarrow as pa

        sources = self._db.list_sources()
        columns: dict[str, list[str | None]] = {
            "source_id": [to_column(one.source_id) for one in sources],
            "source_type": [to_column(one.source_type) for one in sources],
            "source_path": [optional_to_column(one.source_path) for one in sources],
            "license_id": [to_column(license_name(one.license_id)) for one in sources],
            "first_seen": [to_column(one.first_seen) for one in sources],
        }
        for name in ("title", "author", "url", "changes"):
            columns[name] = [optional_to_column(getattr(one, name)) for one in sources]
        return pa.table(columns, pa.schema([(name, pa.string()) for name in columns]))

    def _licenses(self) -> "pa.Table":
        import pyarrow as pa

        found = self._db.list_licenses()
        words = pa.list_(pa.string())
        kinds = {
            "license_id": pa.string(),
            "license_name": pa.string(),
            "license_url": pa.string(),
            "permissions": words,
            "restrictions": words,
            "conditions": words,
            "copyleft": pa.bool_(),
        }
        columns = {name: [_in_columns(getattr(one, name)) for one in found] for name in kinds}
        return pa.table(columns, pa.schema(list(kinds.items())))

    def _license_conflicts(self) -> "pa.Table":
        import pyarrow as pa

        from origin.core.license import LicenseAnalyzer

        records = LicenseAnalyzer(self._db).conflict_records()

        def word(settled: "Settlement | None", name: str) -> str | None:
            return None if settled is None else to_column(getattr(settled, name))

        kinds = [
            ("session_id", pa.string(), lambda one: one[0].session_id),
            ("finding_id", pa.string(), lambda one: to_column(one[0].finding_id)),
            ("kind", pa.string(), lambda one: to_column(one[0].kind)),
            ("severity", pa.string(), lambda one: to_column(one[0].severity)),
            ("use", pa.string(), lambda one: to_column(one[0].use_name)),
            ("found_at", pa.timestamp("us"), lambda one: _time(one[0].found_at)),
            ("gone_at", pa.timestamp("us"), lambda one: _time(one[0].gone_at)),
            ("settled_by", pa.string(), lambda one: word(one[1], "person")),
            ("settled_on", pa.string(), lambda one: word(one[1], "settled_on")),
            ("settled_reason", pa.string(), lambda one: word(one[1], "reason")),
            ("finding", pa.string(), lambda one: _json(one[0].finding)),
        ]
        return _table_of(records, kinds)

    def _noted_numbers(self) -> "pa.Table":
        import pyarrow as pa

        numbers = [stream.stream_no for stream in self.moment.streams if stream.batches]
        told = list(self._db.batch_table.annotations(numbers))
        return pa.table(
            {
                "stream_no": pa.array([one.stream_no for one in told], pa.int32()),
                "batch_no": pa.array([one.batch_no for one in told], pa.int64()),
                "name": pa.array([to_column(one.name) for one in told], pa.string()),
                "value": pa.array([one.value for one in told], pa.float64()),
            }
        )

    def _batch_heads(self) -> "pa.Table":
        import pyarrow as pa

        parts = [unsealed_heads(self.moment)]
        if self.moment.segments:
            parts.insert(0, self._moments.sealed_heads(self.moment))
        return pa.concat_tables(parts)


class Part:
    """Relations as far as they can hold a range of samples."""

    def __init__(self, relations: Relations, first: str, last: str) -> None:
        self._relations = relations
        self._range = (first, last)

    def rows(self, query: Query, parameters: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """The answer to a query about samples in that range."""
        text = self._narrowed(query)
        return self._relations.cursor.rows(text, list(parameters))

    def table(self, query: Query, parameters: Iterable[Any] = ()) -> "pa.Table":
        """The same as an Arrow table."""
        text = self._narrowed(query)
        return self._relations.cursor.table(text, list(parameters))

    def _narrowed(self, query: Query) -> str:
        self._relations.narrow(*self._range)
        return self._relations.whole_text(query)


def _in_columns(value: Any) -> Any:
    if isinstance(value, tuple):
        return [to_column(word) for word in value]
    return to_column(value) if isinstance(value, str) else value


def _time(text: str | None) -> datetime | None:
    # Times that the library itself wrote; UTC, which a column need not repeat.
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=None)


def _json(value: Mapping[str, Any]) -> str:
    return to_column(json.dumps(value, ensure_ascii=False))


def stream_table(streams: Iterable[StreamRecord]) -> "pa.Table":
    """Streams as the columns of the view ``streams``."""
    import pyarrow as pa

    kinds = [
        ("stream_no", pa.int32(), lambda one: one.stream_no),
        ("session_id", pa.string(), lambda one: one.session_id),
        ("source_id", pa.string(), lambda one: to_column(one.source_id)),
        ("license_id", pa.string(), lambda one: to_column(license_name(one.license_id))),
        ("rank", pa.int32(), lambda one: one.rank),
        ("world_size", pa.int32(), lambda one: one.world_size),
        ("opened_at", pa.timestamp("us"), lambda one: _time(one.opened_at)),
        ("batches", pa.int64(), lambda one: one.batches),
        ("observations", pa.int64(), lambda one: one.observations),
        ("bytes", pa.int64(), lambda one: one.bytes_seen),
    ]
    return _table_of(list(streams), kinds)


def session_table(sessions: Iterable[SessionRecord], totals: Mapping[str, list[int]]) -> "pa.Table":
    """Sessions as the columns of the view ``sessions``.

    Args:
        sessions: the oldest first.
        totals: batches, observations and bytes of each session that has any, by its id.
    """
    import pyarrow as pa

    def total(number: int) -> Callable[[SessionRecord], int]:
        return lambda one: totals.get(one.session_id, (0, 0, 0))[number]

    kinds = [
        ("session_id", pa.string(), lambda one: one.session_id),
        ("status", pa.string(), lambda one: one.status),
        ("complete", pa.bool_(), lambda one: one.complete),
        ("created_at", pa.timestamp("us"), lambda one: _time(one.created_at)),
        ("ended_at", pa.timestamp("us"), lambda one: _time(one.ended_at)),
        ("config_hash", pa.string(), lambda one: to_column(one.config_hash)),
        ("metadata", pa.string(), lambda one: _json(one.metadata)),
        ("streams", pa.int64(), lambda one: one.streams),
        ("gaps", pa.int64(), lambda one: one.gaps),
        ("batches", pa.int64(), total(0)),
        ("observations", pa.int64(), total(1)),
        ("bytes", pa.int64(), total(2)),
    ]
    return _table_of(list(sessions), kinds)


def _table_of(records: list[Any], kinds: list[tuple[str, Any, Callable[[Any], Any]]]) -> "pa.Table":
    import pyarrow as pa

    columns = {name: pa.array([get(one) for one in records], kind) for name, kind, get in kinds}
    return pa.table(columns)
