"""`RunFacts`: all that cards and exports tell of a session, gathered once.

Cards and exports put these facts into words and formats; they ask nothing themselves, so that all
of them say the same. For a given record they are the same whenever they are gathered: every time
in them is the record's own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from origin._version import __version__
from origin.core.license import USES, Finding, LicenseAnalyzer, Party, SourceUse
from origin.core.license.analysis import LicenseAnalysis, verdict
from origin.core.license.attribution import attribution_of
from origin.core.license.conflicts import policy_of_session
from origin.core.license.findings import ERROR, INFO
from origin.core.license.mix import reading_of, uses_of
from origin.core.license.registry import LicenseRegistry
from origin.core.license.uses import ANY_USE
from origin.core.record import SessionRecord, SourceRecord, StreamRecord
from origin.query.engine import QueryEngine
from origin.query.summary import Look
from origin.query.wording import caveats_of, why_not_whole
from origin.storage.database import ProvenanceDatabase


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a session had from one source under one license.

    Args:
        source: the source as it is registered now.
        declared: the license that was recorded with it; None where nobody said.
        license: what that was read as; ``unknown`` where that is not known.
        notes: what was assumed in reading it, or why it is unknown.
        observations: how many samples, every time they were seen.
        samples: how many different samples the session saw from the source, under all licenses.
        share: its observations as a part of all, from 0 to 1.
        fingerprint: the one the session would have with no other source, under all licenses.
    """

    source: SourceRecord
    declared: str | None
    license: str
    notes: tuple[str, ...]
    observations: int
    samples: int
    share: float
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules found against one use.

    Args:
        use: the use.
        errors: how many errors nobody has settled.
        warnings: how many warnings nobody has settled.
        text: the same in one line.
    """

    use: str
    errors: int
    warnings: int
    text: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """All that is told of a session.

    Args:
        session: its record.
        is_complete: whether all that was handed to the training loop is on record.
        why_not: why not, in words; empty if it is.
        caveats: what is to be said beside all numbers.
        gaps: the gaps of its record, as ``get_session_summary`` has them.
        counts: ``streams``, ``batches``, ``epochs``, ``observations``, ``distinct_samples`` and
            ``bytes``.
        samples_by_license: distinct samples under each license, as it was declared, most first.
        sources: what it had from each source, most first.
        licenses: each license as it was read, and what came under it, most first.
        license: the license that a work from all of it comes under, or ``mixed``.
        verdicts: what was found against each use.
        conflicts: errors and warnings about its licenses, open ones first.
        conditions: what the licenses ask for, as words of the vocabulary.
        missing: for each source, what its license asks for in a notice and nobody recorded.
        fingerprint: of the session; the same data in the same order have the same one.
        fingerprint_algorithm: of its samples.
        rules: the version of the license rules and their data.
        streams: its streams, as long as they were at the moment of which all this tells.
        also: for conflicts that stand against further uses, what they are against these, such as
            ``warning against train``, by their ids.
        origin_version: of the library that gathered these facts.
    """

    session: SessionRecord
    is_complete: bool
    why_not: str
    caveats: tuple[str, ...]
    gaps: tuple[Mapping[str, Any], ...]
    counts: Mapping[str, int]
    samples_by_license: Mapping[str, int]
    sources: tuple[SourceFacts, ...]
    licenses: tuple[Party, ...]
    license: str | None
    verdicts: tuple[Verdict, ...]
    conflicts: tuple[Finding, ...]
    conditions: tuple[str, ...]
    missing: Mapping[str, tuple[str, ...]]
    fingerprint: str
    fingerprint_algorithm: str
    rules: str
    streams: tuple[StreamRecord, ...] = ()
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    origin_version: str = __version__

    @property
    def unknown_sources(self) -> tuple[str, ...]:
        """The ids of the sources whose license is not known."""
        found = (one.source.source_id for one in self.sources if one.license == "unknown")
        return tuple(dict.fromkeys(found))

    @property
    def source_ids(self) -> tuple[str, ...]:
        """The ids of all sources."""
        return tuple(dict.fromkeys(one.source.source_id for one in self.sources))

    @property
    def open_conflicts(self) -> tuple[Finding, ...]:
        """The errors and warnings that nobody has settled."""
        return tuple(one for one in self.conflicts if one.is_conflict)

    @property
    def errors(self) -> int:
        """How many errors nobody has settled."""
        return sum(one.severity == ERROR for one in self.open_conflicts)

    @property
    def warnings(self) -> int:
        """How many warnings nobody has settled."""
        return len(self.open_conflicts) - self.errors

    @property
    def settled(self) -> int:
        """How many conflicts somebody has settled."""
        return len(self.conflicts) - len(self.open_conflicts)

    @property
    def completeness(self) -> str:
        """Whether the record is complete, in a few words."""
        if not self.is_complete:
            return f"the record is not complete: {self.why_not}"
        is_running = self.session.status == "running"
        return "the record is complete" + (" so far, and still being written" if is_running else "")

    def told(self, one: Finding) -> str:
        """A conflict in one line, with the uses it stands against."""
        against = "any use" if one.use == ANY_USE else one.use
        return "; ".join((f"{one} against {against}", *self.also.get(one.finding_id, ())))

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {
            "session": asdict(self.session),
            "complete": self.is_complete,
            "why_not_complete": self.why_not,
            "caveats": list(self.caveats),
            "gaps": [dict(gap) for gap in self.gaps],
            "counts": dict(self.counts),
            "samples_by_license": dict(self.samples_by_license),
            "sources": [
                {
                    **asdict(one.source),
                    "declared_license": one.declared,
                    "license": one.license,
                    "license_notes": list(one.notes),
                    "observations": one.observations,
                    "samples": one.samples,
                    "share": one.share,
                    "fingerprint": one.fingerprint,
                }
                for one in self.sources
            ],
            "licenses": [asdict(one) for one in self.licenses],
            "license": self.license,
            "verdicts": [asdict(one) for one in self.verdicts],
            "conflicts": [
                {
                    **one.to_dict(),
                    "also": list(self.also.get(one.finding_id, ())),
                    "settled": _word(one),
                }
                for one in self.conflicts
            ],
            "conditions": list(self.conditions),
            "missing_in_notice": {own: list(words) for own, words in self.missing.items()},
            "session_fingerprint": self.fingerprint,
            "fingerprint_algorithm": self.fingerprint_algorithm,
            "rules": self.rules,
            "origin_version": self.origin_version,
        }


class Note(NamedTuple):
    """Why a license was read as it was."""

    declared: str | None
    license: str
    notes: tuple[str, ...]


def notes_of(sources: Iterable[SourceFacts]) -> list[Note]:
    """Each thing that was assumed in reading licenses, once."""
    told = (Note(one.declared, one.license, one.notes) for one in sources if one.notes)
    return list(dict.fromkeys(told))


def _word(one: Finding) -> dict[str, Any] | None:
    return None if one.settled is None else asdict(one.settled)


def gather(
    db: ProvenanceDatabase,
    session_id: str | SessionRecord,
    engine: QueryEngine | None = None,
) -> RunFacts:
    """Gather what is told of a session.

    Args:
        db: an open database.
        session_id: which session.
        engine: of that database, which remembers what it has counted.

    Raises:
        SessionNotFoundError: no session has that id.
    """
    engine, analyzer = engine or QueryEngine(db), LicenseAnalyzer(db)
    look = engine.look(session_id)
    session, summary = look.session, look.summary
    registered = {one.source_id: one for one in db.list_sources()}
    uses = _uses(db, look, registered)
    conflicts = analyzer.conflicts_among(session, uses)
    analyses = _analyses(db, session.session_id, analyzer, uses)
    notice = attribution_of(session.session_id, uses, registered, analyzer.registry)
    names = ("streams", "batches", "epochs", "observations", "distinct_samples", "bytes")
    fingerprint, by_source = engine.fingerprints_of(look)
    return RunFacts(
        session,
        session.complete,
        why_not_whole(session) or ("" if session.complete else "nothing is in it"),
        caveats_of([session]),
        tuple(summary["gaps"]),
        {name: summary[name] for name in names},
        summary["licenses"],
        tuple(_sources(uses, registered, summary["sources"], by_source, analyzer.registry)),
        analyses[0].licenses,
        analyses[0].license,
        tuple(_verdict(one, conflicts) for one in analyses),
        tuple(conflicts),
        tuple(dict.fromkeys(str(term) for term in analyses[0].effect.conditions)),
        notice.missing,
        fingerprint,
        db.fingerprint_algorithm,
        analyses[0].data_version,
        look.streams,
        _also(conflicts, analyses),
    )


def _uses(
    db: ProvenanceDatabase, look: Look, registered: Mapping[str, SourceRecord]
) -> list[SourceUse]:
    return uses_of(
        (
            (one.stream_no, one.source_id, one.license_id, registered[one.source_id].license_id,
             one.observations)
            for one in look.streams
        ),
        db.licensing.first_batches(look.session.session_id),
    )  # fmt: skip


def _analyses(
    db: ProvenanceDatabase, session_id: str, analyzer: LicenseAnalyzer, uses: Sequence[SourceUse]
) -> list[LicenseAnalysis]:
    said, policy = db.licensing.words(session_id), policy_of_session(db, session_id)
    return [
        analyzer.analyze(uses, use, session_id=session_id, said=said, policy=policy) for use in USES
    ]


def _also(
    conflicts: Sequence[Finding], analyses: Sequence[LicenseAnalysis]
) -> dict[str, tuple[str, ...]]:
    """What each conflict is against the uses that it is not told of, since it is told but once."""
    by_matter: dict[object, list[Finding]] = {}
    for one in (one for analysis in analyses for one in analysis.findings):
        if one.severity != INFO:
            by_matter.setdefault((one.matter, one.settled is None), []).append(one)
    return {
        one.finding_id: tuple(
            f"{other.severity} against {other.use}"
            for other in by_matter.get((one.matter, one.settled is None), ())
            if other.use != one.use
        )
        for one in conflicts
    }


def _verdict(analysis: LicenseAnalysis, conflicts: Sequence[Finding]) -> Verdict:
    # What breaks the session's policy stands among its conflicts, and in no analysis.
    broken = [one for one in conflicts if one.kind == "policy" and one.use == analysis.use]
    found = [*analysis.findings, *broken]
    open_ = [one for one in found if one.is_conflict]
    errors = sum(one.severity == ERROR for one in open_)
    return Verdict(analysis.use, errors, len(open_) - errors, verdict(analysis.use, found))


def _sources(
    uses: Sequence[SourceUse],
    registered: Mapping[str, SourceRecord],
    samples: Mapping[str, int],
    fingerprints: Mapping[str, str],
    registry: LicenseRegistry,
) -> list[SourceFacts]:
    total = sum(one.observations for one in uses)
    found = []
    for one in uses:
        read = reading_of(one, registry)
        notes = (note for reading in read.readings for note in reading.notes)
        found.append(
            SourceFacts(
                registered[one.source_id],
                one.declared,
                read.license,
                tuple(dict.fromkeys(notes)),
                one.observations,
                samples.get(one.source_id, 0),
                one.observations / total if total else 0.0,
                fingerprints[one.source_id],
            )
        )
    return sorted(found, key=lambda one: (-one.observations, one.source.source_id))
