"""How an audit of exposure is made."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from origin.core.record import Gap, SessionRecord, StreamRecord
from origin.query.asking import Asker
from origin.query.audit import EpochExposure, ExposureAudit, RankShare, Samples, SourceExposure
from origin.query.deliveries import (
    Deliveries,
    Delivery,
    Place,
    deliveries_of,
    padding_of,
    samples_at,
)
from origin.query.exposure import (
    REFERENCE,
    Audited,
    EpochCounts,
    SourceCounts,
    count_exposure,
)
from origin.query.findings import (
    SourceEvidence,
    findings_of,
    record_findings,
    reference_findings,
)
from origin.query.relations import Relations
from origin.query.restarts import Restart, find_restarts, read_heads
from origin.storage.database import ProvenanceDatabase


@dataclass(frozen=True)
class _Seen:
    """Everything an audit reads, at one moment."""

    sources: list[str]
    audited: list[Audited]
    observations: int
    evidence: list[SourceEvidence]
    counts: dict[int, SourceCounts]
    in_all: Mapping[int, int]


class Auditor:
    """Audits the sessions of one training run.

    Args:
        db: an open database.
        asker: of that database.
        session_ids: the sessions, in the order in which they were run.
        reference_ids: those they are compared with.
    """

    def __init__(
        self,
        db: ProvenanceDatabase,
        asker: Asker,
        session_ids: Sequence[str],
        reference_ids: Sequence[str],
    ) -> None:
        self._db = db
        self._asker = asker
        self._session_ids = tuple(session_ids)
        self._reference_ids = tuple(reference_ids)

    def audit(self) -> ExposureAudit:
        """The audit, of what is on record now."""
        all_ids = list(dict.fromkeys([*self._reference_ids, *self._session_ids]))
        seen = self._asker.ask(all_ids, self._read)
        sessions = [self._db.get_session(session_id) for session_id in self._session_ids]
        findings = [
            *record_findings(sessions),
            *reference_findings(self._references(), seen.evidence),
            *(found for evidence in seen.evidence for found in findings_of(evidence)),
        ]
        return ExposureAudit(
            session_ids=self._session_ids,
            reference_ids=self._reference_ids,
            statuses=tuple(session.status for session in sessions),
            complete=all(session.complete for session in sessions),
            observations=sum(times * samples for times, samples in seen.in_all.items()),
            distinct_samples=sum(seen.in_all.values()),
            times_seen=dict(sorted(seen.in_all.items())),
            sources=tuple(
                _source_exposure(evidence, seen.counts[part])
                for part, evidence in enumerate(seen.evidence)
            ),
            findings=tuple(findings),
            _samples=Samples(self._asker, seen.sources, seen.audited, seen.observations, all_ids),
        )

    def _references(self) -> list[SessionRecord]:
        return [self._db.get_session(session_id) for session_id in self._reference_ids]

    # -- reading -----------------------------------------------------------------------

    def _read(self, relations: Relations) -> _Seen:
        own = self._streams_of(relations, self._session_ids)
        reference = self._streams_of(relations, self._reference_ids)
        heads = read_heads(relations, [one.stream_no for one in [*reference, *own]])
        restarts = list(find_restarts(own, heads))
        shifts = {restart.later: restart.shift for restart in restarts}
        sources = list(dict.fromkeys(one.source_id for one in own))
        audited = [
            Audited(one.stream_no, sources.index(one.source_id), one.rank, is_reference,
                    0 if is_reference else shifts.get(one.stream_no, 0))
            for streams, is_reference in ((own, False), (reference, True))
            for one in streams
            if one.source_id in sources
        ]  # fmt: skip
        observations = sum(one.observations for one in [*own, *reference])
        counts, in_all = count_exposure(relations, audited, observations)
        reference_nos = {one.stream_no for one in reference}
        resumed = [
            found
            for found in find_restarts([*reference, *own], heads)
            if found.earlier in reference_nos and found.later not in reference_nos
        ]
        gaps = [
            gap for session_id in self._session_ids for gap in self._db.catalog.gaps(session_id)
        ]
        evidence = []
        for source in sources:
            some = [one for one in own if one.source_id == source]
            worlds = {one.world_size for one in some}
            there = [
                one for one in reference if one.source_id == source and {one.world_size} == worlds
            ]
            evidence.append(
                SourceEvidence(
                    source_id=source,
                    streams=some,
                    deliveries=deliveries_of(some, heads, shifts, _about(restarts, source)),
                    reference=deliveries_of(there, heads, {}, ()),
                    restarts=_about(restarts, source),
                    resumed=_about(resumed, source),
                    gaps=_gaps_of(gaps, some),
                )
            )
        for one, count in zip(evidence, counts.values(), strict=True):
            one.counts = count
        self._explain_padding(relations, evidence)
        return _Seen(sources, audited, observations, evidence, counts, in_all)

    def _streams_of(self, relations: Relations, session_ids: Iterable[str]) -> list[StreamRecord]:
        return [
            stream
            for session_id in session_ids
            for stream in relations.moment.streams
            if stream.session_id == session_id and stream.batches
        ]

    def _explain_padding(self, relations: Relations, evidence: Sequence[SourceEvidence]) -> None:
        """Look for padding in the epochs that have repeats it could explain."""
        suspects: list[tuple[SourceEvidence, int, list[Delivery]]] = []
        for one in evidence:
            for epoch, ranks in one.whole_epochs().items():
                if one.surplus(epoch) > 0:
                    suspects.append((one, epoch, ranks))
        places: list[Place] = [
            place for _, _, ranks in suspects for rank in ranks for place in (rank.first, rank.last)
        ]
        found = samples_at(relations, places)
        for one, epoch, ranks in suspects:
            padded = padding_of(ranks, found)
            if padded and padded <= one.surplus(epoch):
                one.padding[epoch] = padded


def _about(restarts: Iterable[Restart], source_id: str) -> list[Restart]:
    return [restart for restart in restarts if restart.source_id == source_id]


def _gaps_of(gaps: Iterable[Gap], streams: Iterable[StreamRecord]) -> list[Gap]:
    numbers = {stream.stream_no for stream in streams}
    return [gap for gap in gaps if gap.stream_no in numbers]


def _source_exposure(evidence: SourceEvidence, counts: SourceCounts) -> SourceExposure:
    epochs = [epoch for epoch in sorted(counts.epochs) if epoch > REFERENCE]
    return SourceExposure(
        source_id=evidence.source_id,
        observations=sum(times * samples for times, samples in counts.times_seen.items()),
        distinct_samples=sum(counts.times_seen.values()),
        times_seen=dict(sorted(counts.times_seen.items())),
        epochs=tuple(_epoch_exposure(evidence, epoch, counts.epochs[epoch]) for epoch in epochs),
        ranks=_rank_shares(evidence.streams, evidence.deliveries),
    )


def _epoch_exposure(evidence: SourceEvidence, epoch: int, counts: EpochCounts) -> EpochExposure:
    return EpochExposure(
        source_id=evidence.source_id,
        epoch=epoch,
        batches=sum(one.batches for (of, _), one in evidence.deliveries.items() if of == epoch),
        observations=counts.observations,
        distinct_samples=counts.distinct,
        repeated_samples=counts.repeated,
        padding=evidence.padding.get(epoch, 0),
        redelivered=evidence.redelivered(epoch),
        new_samples=counts.fresh,
        skipped_samples=evidence.skipped(epoch),
        cut_short=evidence.is_cut_short(epoch),
        times_seen=dict(sorted(counts.times_seen.items())),
    )


def _rank_shares(streams: Sequence[StreamRecord], deliveries: Deliveries) -> tuple[RankShare, ...]:
    total = sum(stream.observations for stream in streams)
    shares: dict[tuple[int, int], list[StreamRecord]] = {}
    for stream in streams:
        shares.setdefault((stream.world_size, stream.rank), []).append(stream)
    return tuple(
        RankShare(
            own[0].source_id,
            rank,
            world_size,
            sum(stream.batches for stream in own),
            sum(stream.observations for stream in own),
            sum(stream.observations for stream in own) / total if total else 0.0,
        )
        for (world_size, rank), own in sorted(shares.items())
    )
