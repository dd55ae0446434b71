"""What was handed to each rank in each epoch, counted from batches alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from origin.core.record import StreamRecord
from origin.query.relations import Relations
from origin.query.restarts import Numbers, Restart, StreamHeads
from origin.query.sql import Query

# The samples at some places.
SAMPLES_AT = Query(
    "samples_at",
    """
    SELECT p.place_no, o.sample_id
    FROM ledger AS o JOIN asked_places AS p
        ON o.stream_no = p.stream_no AND o.batch_no = p.batch_no AND o.position = p.position
    """,
    ("ledger", "asked_places"),
)

Place = tuple[int, int, int]
"""A stream, the number of a batch in it, and a position in that."""


@dataclass
class Delivery:
    """What one rank was given of one source in one epoch.

    Args:
        batches, observations: how many.
        again: how many of these batches a restart delivered again.
        observations_again: how many observations these have.
        full_batches: whether all batches had one number of samples.
        streams: the streams through which it came.
        first, last: where its first and its last sample stand.
    """

    batches: int = 0
    observations: int = 0
    again: int = 0
    observations_again: int = 0
    full_batches: bool = True
    streams: list[int] = field(default_factory=list)
    first: Place = (0, 0, 0)
    last: Place = (0, 0, 0)

    @property
    def once(self) -> tuple[int, int]:
        """Batches and observations, without what was delivered again."""
        return self.batches - self.again, self.observations - self.observations_again


Deliveries = dict[tuple[int, int], Delivery]
"""By epoch and rank."""


def deliveries_of(
    streams: Iterable[StreamRecord],
    heads: Mapping[int, StreamHeads],
    shifts: Mapping[int, int],
    restarts: Sequence[Restart],
) -> Deliveries:
    """What each rank was given in each epoch.

    Args:
        streams: of one source, in the order they were opened.
        heads: their batches.
        shifts: what is to be added to the epochs of a stream, where it is not 0.
        restarts: among these streams.
    """
    found: Deliveries = {}
    for stream in streams:
        own = heads[stream.stream_no]
        epochs = own.epochs + shifts.get(stream.stream_no, 0)
        for epoch in np.unique(epochs).tolist():
            delivery = found.setdefault((epoch, stream.rank), Delivery())
            _add(delivery, stream.stream_no, own, np.flatnonzero(epochs == epoch))
    for restart in restarts:
        for epoch, batches in restart.by_epoch.items():
            delivery = found[epoch, restart.rank]
            delivery.again += batches
            delivery.observations_again += restart.samples[epoch]
    return dict(sorted(found.items()))


def _add(
    delivery: Delivery,
    stream_no: int,
    heads: StreamHeads,
    at: Numbers,
) -> None:
    samples = heads.samples[at]
    delivery.batches += len(at)
    delivery.observations += int(samples.sum())
    delivery.full_batches &= len(np.unique(samples)) == 1
    filled = at[samples > 0]
    if len(filled):
        first, last = int(filled[0]), int(filled[-1])
        if not delivery.streams:
            delivery.first = (stream_no, int(heads.numbers[first]), 0)
        delivery.last = (stream_no, int(heads.numbers[last]), int(heads.samples[last]) - 1)
        delivery.streams.append(stream_no)


def samples_at(relations: Relations, places: Iterable[Place]) -> dict[Place, str]:
    """The samples that stand at some places."""
    import pyarrow as pa

    asked = sorted(set(places))
    if not asked:
        return {}
    columns = [pa.array(column, pa.int64()) for column in zip(*asked, strict=True)]
    names = ["stream_no", "batch_no", "position", "place_no"]
    relations.give(
        "asked_places", pa.table([*columns, pa.array(range(len(asked)), pa.int64())], names)
    )
    return {asked[number]: sample_id for number, sample_id in relations.rows(SAMPLES_AT)}


def padding_of(ranks: Sequence[Delivery], samples: Mapping[Place, str]) -> int:
    """How many samples were repeated so that all ranks got equally many; 0 if that is not it.

    ``DistributedSampler`` deals one order of all samples to the ranks in turn, and fills the last
    round with the first samples of that order. So the last samples of the last ranks must be the
    first samples of the first ranks.

    Args:
        ranks: what each rank of an epoch was given, from rank 0 on.
        samples: those at the first and last place of each.
    """
    world = len(ranks)
    each = ranks[0].once[1]
    if world < 2 or not each or any(rank.once[1] != each for rank in ranks):
        return 0
    firsts = [samples[rank.first] for rank in ranks]
    lasts = [samples[rank.last] for rank in ranks]
    for padded in range(world - 1, 0, -1):
        dealt = each * world - padded
        ends = lasts[world - padded :]
        if all(end == firsts[at % dealt] for at, end in enumerate(ends)):
            return padded
    return 0
