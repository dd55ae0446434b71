"""What a check has found so far, and which batches that touches."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from origin.storage.checks.damage import BatchRange, Damage
from origin.storage.schema import LAST_BATCH_NO, number_of, stream_of

# Of rows that are damaged in one way in one table so many are named one by one.
_NAMED_ROWS = 100
_RANGES = 10_000

# Stream, first and last batch.
Range = tuple[int, int, int]


class Ranges:
    """Batches, as ranges; of very many, neighbouring ones are taken together."""

    def __init__(self) -> None:
        self._found: list[Range] = []

    def add(self, batch_id: int) -> None:
        """Add a batch; they come in the order of their ids, up or down."""
        stream_no, number = stream_of(batch_id), number_of(batch_id)
        if self._found:
            last_stream, first, last = self._found[-1]
            is_next = first - 1 <= number <= last + 1 or len(self._found) >= _RANGES
            if stream_no == last_stream and is_next:
                self._found[-1] = (stream_no, min(first, number), max(last, number))
                return
        self._found.append((stream_no, number, number))

    def __iter__(self) -> Iterator[Range]:
        return iter(self._found)

    def __bool__(self) -> bool:
        return bool(self._found)


@dataclass(slots=True)
class Stream:
    """What is known of a stream: from its row, and from counting."""

    stream_no: int
    row: dict[str, object] | None = None
    batches: int = 0
    observations: int = 0
    bytes_seen: int = 0
    sealed: int = 0
    damaged: bool = False
    ranges: Ranges = field(default_factory=Ranges)

    @property
    def whole(self) -> Range:
        """All its batches, as far as can be told."""
        last = max((last for _, _, last in self.ranges), default=0)
        told = self.row.get("batches") if self.row else None
        if isinstance(told, int) and 0 < told <= LAST_BATCH_NO:
            last = max(last, told - 1)
        return self.stream_no, 0, last


class Findings:
    """Collects damage; the batches are named at the end, when all streams are known."""

    def __init__(self) -> None:
        self.streams: dict[int, Stream] = {}
        self.sessions: dict[int, str] = {}
        self._found: list[tuple[str, str, Callable[[], Iterable[Range]]]] = []
        self._per_kind: dict[tuple[str, str], int] = {}

    def stream(self, stream_no: int) -> Stream:
        """A stream by its number."""
        return self.streams.setdefault(stream_no, Stream(stream_no))

    def add(self, where: str, what: str, touched: Callable[[], Iterable[Range]] = tuple) -> None:
        """Note damage.

        Args:
            where: table and row, or file.
            what: what is wrong with it.
            touched: called once all streams are known.
        """
        self._found.append((where, what, touched))

    def add_row(
        self, table: str, row: str, what: str, touched: Callable[[], Iterable[Range]]
    ) -> None:
        """Note a damaged row; of very many in one table only the first are named."""
        count = self._per_kind[table, what] = self._per_kind.get((table, what), 0) + 1
        if count <= _NAMED_ROWS:
            self.add(f"table {table}, {row}", what, touched)

    def streams_with(self, column: str, value: object) -> list[Range]:
        """All batches of the streams whose row has that value."""
        return [
            stream.whole
            for stream in self.streams.values()
            if stream.row and stream.row.get(column) == value and stream.batches
        ]

    def all_streams(self) -> list[Range]:
        """All batches there are."""
        return [stream.whole for stream in self.streams.values() if stream.batches]

    def damages(self) -> tuple[Damage, ...]:
        """All that was found."""
        found = [Damage(where, what, self.named(touched())) for where, what, touched in self._found]
        for (table, what), count in self._per_kind.items():
            if count > _NAMED_ROWS:
                more = f"{count - _NAMED_ROWS:,} more rows: {what}"
                found.append(Damage(f"table {table}", more, self.named(self.all_streams())))
        return tuple(found)

    def named(self, ranges: Iterable[Range]) -> tuple[BatchRange, ...]:
        """Ranges with the sessions they belong to."""
        return tuple(
            BatchRange(stream_no, first, last, self._session_of(stream_no))
            for stream_no, first, last in ranges
        )

    def _session_of(self, stream_no: int) -> str | None:
        row = self.stream(stream_no).row or {}
        number = row.get("session_no")
        return self.sessions.get(number) if isinstance(number, int) else None


def between(after: int | None, before: int | None) -> list[Range]:
    """The batches between two batch ids, both exclusive; None stands for the very ends.

    >>> between((2 << 40) + 3, (2 << 40) + 6)
    [(2, 4, 5)]
    """
    first = 0 if after is None else after + 1
    last = (1 << 63) - 1 if before is None else before - 1
    if last < first:
        return []
    if stream_of(first) == stream_of(last):
        return [(stream_of(first), number_of(first), number_of(last))]
    begun = [(stream_of(first), number_of(first), LAST_BATCH_NO)] if after is not None else []
    ended = [(stream_of(last), 0, number_of(last))] if before is not None else []
    return begun + ended
