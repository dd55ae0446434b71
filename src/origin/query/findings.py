"""What stands out in an audit, in words: a cause is named only where the record shows it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from origin.core.record import Gap, SessionRecord, StreamRecord
from origin.core.wording import listed, many, span, were
from origin.query.audit import Finding
from origin.query.deliveries import Deliveries, Delivery
from origin.query.exposure import REFERENCE, SourceCounts
from origin.query.records import iso_time
from origin.query.restarts import Restart
from origin.query.wording import why_not_whole


@dataclass
class SourceEvidence:
    """What is known of one source in the sessions that are audited.

    Args:
        source_id: which source.
        streams: those that brought it, in the order they were opened.
        deliveries: what each rank was given in each epoch.
        reference: the same of the reference, if it had equally many ranks.
        restarts: where one stream began again what another had delivered.
        resumed: where a stream began again what the reference had delivered.
        gaps: batches that are missing from the record.
        counts: how often samples were seen.
        padding: how many samples were repeated to give every rank equally many, by epoch.
    """

    source_id: str
    streams: Sequence[StreamRecord]
    deliveries: Deliveries
    reference: Deliveries
    restarts: Sequence[Restart]
    resumed: Sequence[Restart]
    gaps: Sequence[Gap]
    counts: SourceCounts = field(default_factory=SourceCounts)
    padding: dict[int, int] = field(default_factory=dict)

    @property
    def epochs(self) -> list[int]:
        """The numbers of its epochs."""
        return sorted(epoch for epoch in self.counts.epochs if epoch > REFERENCE)

    @property
    def has_reference(self) -> bool:
        """Whether the reference saw this source."""
        return REFERENCE in self.counts.epochs

    def ranks_of(self, epoch: int) -> dict[int, Delivery]:
        """What each rank was given in an epoch."""
        return {rank: one for (of, rank), one in self.deliveries.items() if of == epoch}

    def redelivered(self, epoch: int) -> int:
        """How many observations of an epoch were delivered again by restarts."""
        return sum(restart.samples.get(epoch, 0) for restart in self.restarts)

    def surplus(self, epoch: int) -> int:
        """How many observations of an epoch repeat another, with no restart to explain them."""
        seen = self.counts.epochs[epoch]
        return seen.observations - seen.distinct - self.redelivered(epoch)

    def skipped(self, epoch: int) -> int | None:
        """How many samples seen before an epoch it did not see; None if nothing was before."""
        before = [one for number, one in self.counts.epochs.items() if number < epoch]
        if not before:
            return None
        own = self.counts.epochs[epoch]
        return sum(one.fresh for one in before) - (own.distinct - own.fresh)

    def fullest(self, rank: int) -> tuple[int, Delivery] | None:
        """The epoch, of the reference if it has a longer one, that gave a rank most batches."""
        found: tuple[int, Delivery] | None = None
        for deliveries in (self.deliveries, self.reference):
            for (epoch, of), one in deliveries.items():
                if of != rank or self.begun_again(of, one):
                    continue  # how long a pass is cannot be seen from two in one
                if found is None or one.once > found[1].once:
                    found = (epoch, one)
        return found

    def begun_again(self, rank: int, delivery: Delivery) -> list[int]:
        """The streams that went on with an epoch, with no restart to explain where they began."""
        known = {restart.later for restart in self.restarts if restart.rank == rank}
        return [number for number in delivery.streams[1:] if number not in known]

    def shortened(self, epoch: int) -> dict[int, tuple[int, int]]:
        """For which ranks an epoch was cut short: batches it had, and batches of a whole one."""
        found = {}
        for rank, one in self.ranks_of(epoch).items():
            fullest = self.fullest(rank)
            if fullest is not None and all(
                own < most for own, most in zip(one.once, fullest[1].once, strict=True)
            ):
                found[rank] = (one.once[0], fullest[1].once[0])
        return found

    def is_cut_short(self, epoch: int) -> bool | None:
        """Whether an epoch was cut short for a rank; None if that cannot be told."""
        if self.gaps or len(self.worlds()) > 1 or not (len(self.epochs) > 1 or self.reference):
            return None
        return bool(self.shortened(epoch))

    def worlds(self) -> set[int]:
        """The numbers of processes that its streams say there were."""
        return {stream.world_size for stream in self.streams}

    def whole_epochs(self) -> dict[int, list[Delivery]]:
        """The epochs in which every rank of one world had a part: these parts, by rank."""
        found: dict[int, list[Delivery]] = {}
        worlds = self.worlds()
        if len(worlds) != 1 or self.gaps:
            return found
        (world,) = worlds
        for epoch in self.epochs:
            ranks = self.ranks_of(epoch)
            if world > 1 and sorted(ranks) == list(range(world)):
                found[epoch] = [ranks[rank] for rank in range(world)]
        return found


def record_findings(sessions: Iterable[SessionRecord]) -> Iterator[Finding]:
    """What keeps an audit from being about all that was handed over."""
    for session in sessions:
        if why := why_not_whole(session):
            yield Finding(
                "incomplete_record",
                f"the record of session {session.session_id} is not whole ({why}): what is missing "
                "from it counts as not seen",
            )


def reference_findings(
    reference: Sequence[SessionRecord], sources: Iterable[SourceEvidence]
) -> Iterator[Finding]:
    """What keeps a reference from telling what should have been seen."""
    if not reference:
        return
    for session in reference:
        if why := why_not_whole(session):
            yield Finding(
                "incomplete_record",
                f"the record of the reference {session.session_id} is not whole ({why}): what is "
                "missing from it does not count as skipped",
            )
    for one in sources:
        if not one.has_reference:
            yield Finding(
                "not_in_reference",
                f"the reference saw nothing of {one.source_id!r}: it cannot tell what of that was "
                "skipped",
                one.source_id,
            )


def findings_of(evidence: SourceEvidence) -> list[Finding]:
    """What stands out about one source, epoch by epoch."""
    found = [*_of_ranks(evidence), *_of_resuming(evidence), *_of_missing_epochs(evidence)]
    for epoch in evidence.epochs:
        found += _of_length(evidence, epoch)
        found += _of_restarts(evidence, epoch)
        found += _of_repeats(evidence, epoch)
        found += _of_skips(evidence, epoch)
    return found


def _place(evidence: SourceEvidence, epoch: int) -> str:
    return f"epoch {epoch} of {evidence.source_id!r}"


# -- ranks -----------------------------------------------------------------------------


def _of_ranks(evidence: SourceEvidence) -> Iterator[Finding]:
    source = evidence.source_id
    worlds = evidence.worlds()
    if len(worlds) > 1:
        return
    (world,) = worlds
    totals = dict.fromkeys(range(world), 0)
    for stream in evidence.streams:
        totals[stream.rank] = totals.get(stream.rank, 0) + stream.observations
    missing = [rank for rank in range(world) if not totals[rank]]
    if missing:
        named = listed(missing)
        yield Finding(
            "missing_ranks",
            f"nothing of {source!r} is on record for {many(len(missing), 'rank')} of "
            f"{world} ({named})",
            source,
        )
    given = {rank: total for rank, total in totals.items() if total}
    if len(given) > 1 and len(set(given.values())) > 1:
        most, least = max(given, key=given.__getitem__), min(given, key=given.__getitem__)
        whole = sum(given.values())
        yield Finding(
            "uneven_ranks",
            f"the ranks were given unequal shares of {source!r}: rank {most} "
            f"{many(given[most], 'observation')} ({given[most] / whole:.2%}), rank {least} "
            f"{given[least]:,} ({given[least] / whole:.2%})",
            source,
        )


# -- epochs ----------------------------------------------------------------------------


def _of_missing_epochs(evidence: SourceEvidence) -> Iterator[Finding]:
    epochs = evidence.epochs
    missing = sorted(set(range(epochs[0], epochs[-1])) - set(epochs)) if epochs else []
    if missing:
        named = listed(missing)
        yield Finding(
            "missing_epochs",
            f"nothing of {evidence.source_id!r} is on record for {many(len(missing), 'epoch')} "
            f"between epochs {epochs[0]} and {epochs[-1]} ({named})",
            evidence.source_id,
        )


def _of_length(evidence: SourceEvidence, epoch: int) -> Iterator[Finding]:
    if not evidence.is_cut_short(epoch):
        return
    lengths: dict[tuple[int, int], list[int]] = {}
    for rank, length in evidence.shortened(epoch).items():
        lengths.setdefault(length, []).append(rank)
    world = max(evidence.worlds())
    for (own, whole), ranks in lengths.items():
        where = "" if world == 1 else f" on {_ranks_named(ranks, world)}"
        yield Finding(
            "cut_short",
            f"{_place(evidence, epoch)} was cut short after {own:,} of "
            f"{many(whole, 'batch')}{where}",
            evidence.source_id,
            epoch,
        )


def _ranks_named(ranks: Sequence[int], world: int) -> str:
    if len(ranks) == world:
        return f"each of {world} ranks"
    return f"{'rank' if len(ranks) == 1 else 'ranks'} {listed(ranks)}"


# -- restarts --------------------------------------------------------------------------


def _of_resuming(evidence: SourceEvidence) -> Iterator[Finding]:
    for restart in evidence.resumed:
        yield Finding(
            "continues_reference",
            f"rank {restart.rank} goes on with {evidence.source_id!r} where the reference was: its "
            f"first {_firsts(restart.batches)} "
            f"{span('batch', restart.first_batch, restart.last_batch)} of stream "
            f"{restart.earlier} of the reference, and {were(restart.batches)} delivered in both",
            evidence.source_id,
        )


def _of_restarts(evidence: SourceEvidence, epoch: int) -> Iterator[Finding]:
    for restart in evidence.restarts:
        if epoch not in restart.by_epoch:
            continue
        yield Finding(
            "redelivered",
            f"{_place(evidence, epoch)}: {many(restart.by_epoch[epoch], 'batch')} with "
            f"{many(restart.samples[epoch], 'observation')} {were(restart.by_epoch[epoch])} "
            f"delivered again to rank {restart.rank} after the restart at "
            f"{iso_time(restart.seen_at)}: stream {restart.later} begins with what "
            f"{were(restart.batches)} {span('batch', restart.first_batch, restart.last_batch)} of "
            f"stream {restart.earlier}",
            evidence.source_id,
            epoch,
        )
    for rank, one in evidence.ranks_of(epoch).items():
        if evidence.begun_again(rank, one):
            yield Finding(
                "begun_again",
                f"{_place(evidence, epoch)} came to rank {rank} through "
                f"{many(len(one.streams), 'stream')} "
                f"({', '.join(map(str, one.streams[:10]))}), as when a hook is made anew or a run "
                "is restarted and its epochs are numbered from 0 again; they are counted as one",
                evidence.source_id,
                epoch,
            )


def _firsts(number: int) -> str:
    return "batch equals" if number == 1 else f"{many(number, 'batch')} equal"


# -- repeats ---------------------------------------------------------------------------


def _of_repeats(evidence: SourceEvidence, epoch: int) -> Iterator[Finding]:
    padded = evidence.padding.get(epoch, 0)
    left = evidence.surplus(epoch) - padded
    source = evidence.source_id
    if padded:
        ranks = evidence.ranks_of(epoch)
        dealt = sum(one.once[1] for one in ranks.values()) - padded
        yield Finding(
            "padding",
            f"rank padding: {many(padded, 'sample')} of {_place(evidence, epoch)} "
            f"{'was' if padded == 1 else 'were'} seen once more, as DistributedSampler pads "
            f"{dealt:,} samples to {len(ranks)} ranks",
            source,
            epoch,
        )
    if left <= 0:
        return
    if _is_unsharded(evidence, epoch):
        world = len(evidence.ranks_of(epoch))
        yield Finding(
            "unsharded",
            f"every sample of {_place(evidence, epoch)} was seen {world} times, and each of the "
            f"{world} ranks was given as many observations as there are samples: the ranks were "
            "given all samples each, not a share",
            source,
            epoch,
        )
    elif _has_equal_items(evidence):
        yield Finding(
            "equal_items",
            f"{_place(evidence, epoch)}: {many(left, 'observation')} "
            f"{'repeats' if left == 1 else 'repeat'} another, of the same samples and equally "
            "often in every epoch: what is iterated over has them more than once, as equal items "
            "or because its sampler lists them so",
            source,
            epoch,
        )
    else:
        yield _unexplained(evidence, epoch, left)


def _spread(number: int) -> str:
    return f"{many(number, 'sample')} {were(number)} seen through more than one stream"


def _is_unsharded(evidence: SourceEvidence, epoch: int) -> bool:
    ranks = evidence.whole_epochs().get(epoch)
    if ranks is None or evidence.redelivered(epoch):
        return False
    seen = evidence.counts.epochs[epoch]
    return (
        set(seen.times_seen) == {len(ranks)}
        and seen.spread == seen.distinct
        and all(rank.observations == seen.distinct for rank in ranks)
    )


def _has_equal_items(evidence: SourceEvidence) -> bool:
    # One stream, so that nothing but the items themselves comes into question.
    return len(evidence.streams) == 1 and len(evidence.epochs) > 1 and not evidence.counts.uneven


def _unexplained(evidence: SourceEvidence, epoch: int, left: int) -> Finding:
    seen = evidence.counts.epochs[epoch]
    if not seen.spread:
        where = " within one rank" if max(evidence.worlds()) > 1 else ""
        hint = "a sampler that draws with replacement does that, and so do equal items"
    elif max(evidence.worlds()) > 1:
        where = f"; {_spread(seen.spread)}"
        hint = "ranks whose samplers were not given different shares do that"
    else:
        where = f"; {_spread(seen.spread)}"
        hint = "a pass that was begun anew does that"
    most = max(seen.times_seen)
    often = "2" if most == 2 else f"2 to {most}"
    return Finding(
        "unexplained_repeats",
        f"unexplained repeats in {_place(evidence, epoch)}: {many(left, 'observation')} "
        f"{'repeats' if left == 1 else 'repeat'} another ({many(seen.repeated, 'sample')} seen "
        f"{often} times{where}), and neither padding nor a restart accounts for them; {hint}",
        evidence.source_id,
        epoch,
    )


# -- skips -----------------------------------------------------------------------------


def _of_skips(evidence: SourceEvidence, epoch: int) -> Iterator[Finding]:
    skipped = evidence.skipped(epoch)
    if not skipped:
        return
    own = evidence.counts.epochs[epoch]
    before = "the reference or an earlier epoch" if evidence.has_reference else "an earlier epoch"
    if own.fresh == own.distinct:
        yield Finding(
            "nothing_in_common",
            f"{_place(evidence, epoch)} has no sample in common with {before}, as when samples are "
            "changed on their way, at random or by padding: then each is another sample every "
            "time, and skipped ones cannot be told",
            evidence.source_id,
            epoch,
        )
        return
    yield Finding(
        "skipped",
        f"{_place(evidence, epoch)} did not see {many(skipped, 'sample')} that {before} saw"
        f"{_dropped(evidence, epoch, skipped)}",
        evidence.source_id,
        epoch,
    )


def _dropped(evidence: SourceEvidence, epoch: int, skipped: int) -> str:
    """What explains few samples that are missing, if it does."""
    if evidence.is_cut_short(epoch):
        return "; it was cut short"
    ranks = list(evidence.ranks_of(epoch).values())
    full = all(one.full_batches for one in evidence.deliveries.values())
    size = ranks[0].observations // ranks[0].batches if ranks[0].batches else 0
    if full and 0 < skipped < size * len(ranks):
        return (
            "; all batches are full and these samples would not fill another one on each rank, "
            "as with drop_last=True"
        )
    return ""
