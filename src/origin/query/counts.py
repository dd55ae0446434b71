"""How many distinct samples streams have, alone and together."""

from collections.abc import Callable, Hashable, Iterable, Sequence

from origin.core.record import StreamRecord, license_key
from origin.query.distinct import DistinctRows, Rows, count_union
from origin.query.streams import heads, license_name
from origin.storage.ledger import Ledger


class DistinctCounts:
    """The distinct samples of some streams, for any number of questions about them.

    Args:
        ledger: where their batches are.
        streams: as their records were read; what was appended since is left out.

    Attributes:
        rows: each stream's distinct fingerprints, by its number.
        epochs: how many epochs have begun in the stream that began most.
    """

    def __init__(self, ledger: Ledger, streams: Iterable[StreamRecord]) -> None:
        self.streams = list(streams)
        self.rows: dict[int, Rows] = {}
        self.epochs = 0
        self._known: dict[frozenset[int], int] = {}
        for stream in self.streams:
            self.rows[stream.stream_no] = self._read(ledger, stream)

    def _read(self, ledger: Ledger, stream: StreamRecord) -> Rows:
        distinct, epochs = DistinctRows(), set()
        for head in heads(ledger, stream):
            distinct.add(head.fingerprints)
            epochs.add(head.epoch)
        self.epochs = max(self.epochs, len(epochs))
        return distinct.settle().rows

    def total(self) -> int:
        """The distinct samples of all streams together."""
        return self._count(self.streams)

    def by_license(self) -> dict[str, int]:
        """The distinct samples under each license, most first."""
        return self._by(lambda stream: license_key(stream.license_id), _license_of)

    def by_source(self) -> dict[str, int]:
        """The distinct samples of each source, most first."""
        return self._by(_source_of, _source_of)

    def _by(
        self, key: Callable[[StreamRecord], Hashable], name: Callable[[StreamRecord], str]
    ) -> dict[str, int]:
        groups: dict[Hashable, list[StreamRecord]] = {}
        for stream in filter(_observations_of, self.streams):
            groups.setdefault(key(stream), []).append(stream)
        counts = {name(members[0]): self._count(members) for members in groups.values()}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def _count(self, streams: Sequence[StreamRecord]) -> int:
        # A session's one license or one source asks for the very same streams as its total.
        numbers = frozenset(stream.stream_no for stream in streams)
        if numbers not in self._known:
            self._known[numbers] = count_union(self.rows[number] for number in numbers)
        return self._known[numbers]


def _observations_of(stream: StreamRecord) -> int:
    return stream.observations


def _license_of(stream: StreamRecord) -> str:
    return license_name(stream.license_id)


def _source_of(stream: StreamRecord) -> str:
    return stream.source_id


def compare(a: DistinctCounts, b: DistinctCounts) -> dict[str, object]:
    """How the distinct samples of two sessions differ.

    Returns:
        ``shared_samples``, ``unique_to_a``, ``unique_to_b`` and ``license_diff``: the
        counts under each license whose counts are not the same.
    """
    in_a, in_b = a.total(), b.total()
    either = count_union([*a.rows.values(), *b.rows.values()])
    return {
        "shared_samples": in_a + in_b - either,
        "unique_to_a": either - in_b,
        "unique_to_b": either - in_a,
        "license_diff": _differences(a.by_license(), b.by_license()),
    }


def _differences(a: dict[str, int], b: dict[str, int]) -> dict[str, dict[str, int]]:
    counts_a = {license_key(name): count for name, count in a.items()}
    counts_b = {license_key(name): count for name, count in b.items()}
    # The spelling that the first session uses is the one shown.
    names = {license_key(name): name for name in (*b, *a)}
    return {
        name: {"a": counts_a.get(key, 0), "b": counts_b.get(key, 0)}
        for key, name in sorted(names.items())
        if counts_a.get(key, 0) != counts_b.get(key, 0)
    }
