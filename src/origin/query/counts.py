"""How many distinct samples streams have, alone and together."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from origin.core.record import StreamRecord, license_key
from origin.errors import CorruptDatabaseError
from origin.query.relations import Relations
from origin.query.sql import COMBINATIONS
from origin.query.streams import license_name
from origin.storage.sealing.columns import number_column

if TYPE_CHECKING:
    import pyarrow as pa

# The samples of a slice are in memory together: about 100 bytes each.
_SLICE_OBSERVATIONS = 2_000_000
# Groups are bits of a signed 64-bit number.
_GROUPS_AT_ONCE = 62

# Behind every sample id, whose digits end with "f".
END = "g"

Group = frozenset[int]


def slices(observations: int) -> list[tuple[str, str]]:
    """Ranges of sample ids, such that each holds a part of so many observations that fits.

    Fingerprints are spread evenly, and no sample is in two ranges: what is counted in each
    adds up.

    >>> slices(10)
    [('', 'g')]
    """
    count = max(1, ceil(observations / _SLICE_OBSERVATIONS))
    inner = [f"{(number << 32) // count:08x}" for number in range(1, count)]
    return list(zip(["", *inner], [*inner, END], strict=True))


def count_samples(
    relations: Relations, groups: Iterable[Group], streams: Sequence[StreamRecord]
) -> dict[Group, int]:
    """How many distinct samples each group of streams has together.

    Args:
        relations: of the moment of which the streams are.
        groups: the numbers of the streams of each group.
        streams: among others, those of the groups.

    Raises:
        CorruptDatabaseError: the streams' records count other observations than there are.
    """
    wanted = list(dict.fromkeys(groups))
    counts: dict[Group, int] = {}
    for first in range(0, len(wanted), _GROUPS_AT_ONCE):
        some = wanted[first : first + _GROUPS_AT_ONCE]
        bits = [sum(1 << at for at, group in enumerate(some) if one.stream_no in group)
                for one in streams]  # fmt: skip
        seen = sum(one.observations for one, bit in zip(streams, bits, strict=True) if bit)
        found = _combinations(relations, _group_table(streams, bits), seen)
        for at, group in enumerate(some):
            counts[group] = sum(number for combined, number in found if combined >> at & 1)
    return counts


def _group_table(streams: Sequence[StreamRecord], bits: Sequence[int]) -> "pa.Table":
    import pyarrow as pa

    chosen = [one.stream_no for one, bit in zip(streams, bits, strict=True) if bit]
    return pa.table(
        {
            "stream_no": number_column(np.array(chosen, np.int32)),
            "bits": number_column(np.array([bit for bit in bits if bit], np.int64)),
        }
    )


def _combinations(
    relations: Relations, table: "pa.Table", observations: int
) -> list[tuple[int, int]]:
    if not observations:
        return []
    relations.give("stream_groups", table)
    found = [
        row
        for low, high in slices(observations)
        for row in relations.within(low, high).rows(COMBINATIONS, (low, high))
    ]
    seen = sum(int(times) for *_, times in found)
    if seen != observations:
        # Counts are kept for good; one that contradicts the record must not be among them.
        raise CorruptDatabaseError(
            f"the record has {seen:,} observations where its streams count {observations:,}; "
            "db.check() tells more"
        )
    return [(combined, samples) for combined, samples, _ in found]


@dataclass(frozen=True)
class SessionCounts:
    """The distinct samples of one session.

    Args:
        total: of all its streams together.
        licenses: under each license, most first.
        sources: of each source, most first.
    """

    total: int
    licenses: dict[str, int]
    sources: dict[str, int]


class Groups:
    """The streams of a session as they are counted.

    Args:
        streams: as their records were read; those that saw nothing are left out.
    """

    def __init__(self, streams: Iterable[StreamRecord]) -> None:
        self.streams = [stream for stream in streams if stream.observations]
        self.licenses = self._by(lambda one: license_key(one.license_id), _license_of)
        self.sources = self._by(_source_of, _source_of)
        self.total = frozenset(stream.stream_no for stream in self.streams)

    def _by(
        self, key: Callable[[StreamRecord], Hashable], name: Callable[[StreamRecord], str]
    ) -> dict[str, Group]:
        members: dict[Hashable, list[StreamRecord]] = {}
        for stream in self.streams:
            members.setdefault(key(stream), []).append(stream)
        # The spelling that a session met first is the one shown.
        return {
            name(some[0]): frozenset(one.stream_no for one in some) for some in members.values()
        }

    def all(self) -> list[Group]:
        """Every group, in an order that depends on the streams only."""
        return list(dict.fromkeys([self.total, *self.licenses.values(), *self.sources.values()]))

    def counts(self, found: dict[Group, int]) -> SessionCounts:
        """What was found, by name."""
        return SessionCounts(
            found[self.total],
            _most_first({name: found[group] for name, group in self.licenses.items()}),
            _most_first({name: found[group] for name, group in self.sources.items()}),
        )


def _license_of(stream: StreamRecord) -> str:
    return license_name(stream.license_id)


def _source_of(stream: StreamRecord) -> str:
    return stream.source_id


def _most_first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def compare(relations: Relations, a: Groups, b: Groups) -> dict[str, Any]:
    """How the distinct samples of two sessions differ.

    Returns:
        ``shared_samples``, ``unique_to_a``, ``unique_to_b`` and ``license_diff``: the
        counts under each license whose counts are not the same.
    """
    both = a.total | b.total
    streams = {one.stream_no: one for one in (*a.streams, *b.streams)}
    found = count_samples(relations, [both, *a.all(), *b.all()], list(streams.values()))
    counts_a, counts_b, either = a.counts(found), b.counts(found), found[both]
    return {
        "shared_samples": counts_a.total + counts_b.total - either,
        "unique_to_a": either - counts_b.total,
        "unique_to_b": either - counts_a.total,
        "license_diff": differences(counts_a.licenses, counts_b.licenses),
    }


def differences(a: dict[str, int], b: dict[str, int]) -> dict[str, Any]:
    """For each license whose counts differ, what they are.

    >>> differences({"MIT": 1, "BSD": 2}, {"mit": 1, "BSD": 3})
    {'BSD': {'a': 2, 'b': 3}}
    """
    counts_a = {license_key(name): count for name, count in a.items()}
    counts_b = {license_key(name): count for name, count in b.items()}
    # The spelling that the first session uses is the one shown.
    names = {license_key(name): name for name in (*b, *a)}
    return {
        name: {"a": counts_a.get(key, 0), "b": counts_b.get(key, 0)}
        for key, name in sorted(names.items())
        if counts_a.get(key, 0) != counts_b.get(key, 0)
    }
