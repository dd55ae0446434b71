"""`Timeline`: how a session went on, source by source, by epochs and in the course of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from origin.core.record import StreamRecord
from origin.storage.batchtable import BatchTable


@dataclass(frozen=True, slots=True)
class EpochShare:
    """What one epoch had from one source.

    Args:
        source_id: the source.
        epoch: the number of the epoch.
        batches: how many batches.
        observations: how many samples these have.
    """

    source_id: str
    epoch: int
    batches: int
    observations: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """How a session went on.

    Args:
        began_at: when the first batch was handed over, in UTC; None if there was none.
        stretch: the length of the equal stretches of time that are told apart.
        sources: for each source how many observations each stretch had, in order; those sources
            first that have the most.
        epochs: what each epoch had from each source, the sources in the same order.
    """

    began_at: datetime | None
    stretch: timedelta
    sources: dict[str, tuple[int, ...]]
    epochs: tuple[EpochShare, ...]

    @property
    def ended_at(self) -> datetime | None:
        """When the last stretch ends."""
        if self.began_at is None:
            return None
        return self.began_at + self.stretch * len(self.observations)

    @property
    def observations(self) -> tuple[int, ...]:
        """How many observations each stretch had from all sources."""
        return tuple(map(sum, zip(*self.sources.values(), strict=True)))


def timeline_of(table: BatchTable, streams: Sequence[StreamRecord], most: int) -> Timeline:
    """How some streams went on.

    Args:
        table: where their batches are.
        streams: those of a session.
        most: into how many stretches the time is divided; there are fewer if it has fewer
            milliseconds.
    """
    spans = [span for one in streams if (span := table.span(one.stream_no, one.batches))]
    if not spans:
        return Timeline(None, timedelta(0), {}, ())
    first, last = min(begun for begun, _ in spans), max(ended for _, ended in spans)
    count = min(most, last - first + 1)
    length = (last - first + 1) / count
    seen: dict[str, list[int]] = {}
    epochs: dict[tuple[str, int], list[int]] = {}
    for one in streams:
        for epoch, slot, batches, samples in table.counts(
            one.stream_no, one.batches, first, length
        ):
            slots = seen.setdefault(one.source_id, [0] * count)
            slots[min(slot, count - 1)] += samples
            share = epochs.setdefault((one.source_id, epoch), [0, 0])
            share[0] += batches
            share[1] += samples
    order = sorted(seen, key=lambda source_id: (-sum(seen[source_id]), source_id))
    ranks = {source_id: rank for rank, source_id in enumerate(order)}
    return Timeline(
        datetime.fromtimestamp(first / 1000, UTC),
        timedelta(milliseconds=length),
        {source_id: tuple(seen[source_id]) for source_id in order},
        tuple(
            EpochShare(source_id, epoch, *epochs[source_id, epoch])
            for source_id, epoch in sorted(epochs, key=lambda place: (ranks[place[0]], place[1]))
        ),
    )
