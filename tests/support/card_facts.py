"""Facts of runs that never were, for cards: every id and time in them is fixed."""

from collections.abc import Callable
from typing import Any

from origin.cards.facts import RunFacts, SourceFacts, Verdict
from origin.core.license import USES, Finding, Party
from origin.core.license.analysis import verdict
from origin.core.record import SessionRecord, Settlement, SourceRecord
from origin.query.wording import caveats_of, why_not_whole

RUN = "00000000-0000-4000-8000-000000000001"
BEGAN, ENDED = "2026-01-02T03:04:05.000006+00:00", "2026-01-02T05:06:07.500000+00:00"
FINGERPRINT = "0123456789abcdef" * 4


def same(text: str) -> str:
    return text


def session(status: str = "completed", **changes: Any) -> SessionRecord:
    ended = None if status in ("running", "interrupted") else ENDED
    fields: dict[str, Any] = {"ended_at": ended, "streams": 2, **changes}
    return SessionRecord(RUN, BEGAN, fields.pop("config_hash", "lr-3e-4"), status, **fields)


def source(source_id: str, declared: str | None, seen: int, of: int, **changes: Any) -> SourceFacts:
    """A source; ``license`` and ``notes`` say how its license was read."""
    read = changes.pop("license", declared or "unknown")
    notes = changes.pop("notes", () if declared else ("no license was declared",))
    record = SourceRecord(source_id, license_id=declared, first_seen=BEGAN, **changes)
    return SourceFacts(record, declared, read, notes, seen, seen // 2, seen / of, FINGERPRINT)


def _party(one: SourceFacts) -> Party:
    declared = () if one.declared is None else (one.declared,)
    sources = (one.source.source_id,)
    return Party(one.license, declared, sources, one.observations, one.share)


def _joined(one: Party, other: Party) -> Party:
    return Party(
        one.license,
        one.declared + other.declared,
        one.sources + other.sources,
        one.observations + other.observations,
        one.share + other.share,
    )


def finding(
    one: SourceFacts, settled: Settlement | None = None, reason: str = "", **changes: Any
) -> Finding:
    """An error about a source that permits no commercial use, or a warning about an unknown one."""
    fields = {
        "kind": "forbidden-use",
        "severity": "error",
        "use": "distribute-weights-commercially",
        "rule_id": "nc-commercial",
        "data_version": "rules v1",
        "settled": settled,
        **changes,
    }
    why = reason or "it does not permit commercial use"
    return Finding(parties=(_party(one),), reason=why, **fields)


def facts(own: SessionRecord, *sources: SourceFacts, **changes: Any) -> RunFacts:
    """The facts of a session; those that are not given are made to fit."""
    found: tuple[Finding, ...] = changes.pop("conflicts", ())
    seen = sum(one.observations for one in sources)
    parties: dict[str, Party] = {}
    for one in sources:
        known = parties.get(one.license)
        parties[one.license] = _party(one) if known is None else _joined(known, _party(one))
    fields: dict[str, Any] = {
        "gaps": (),
        "counts": {
            "streams": own.streams,
            "batches": seen // 4,
            "epochs": 2 if seen else 0,
            "observations": seen,
            "distinct_samples": seen // 2,
            "bytes": seen * 1_234,
        },
        "samples_by_license": {},
        "licenses": tuple(parties.values()),
        "license": None if not sources else "mixed" if len(parties) > 1 else sources[0].license,
        "conditions": (),
        "missing": {},
        "fingerprint": FINGERPRINT,
        "fingerprint_algorithm": "sha256",
        "rules": "rules v1, spdx 3.0",
        "origin_version": "0.1.0",
        **changes,
    }
    against = {use: [one for one in found if one.use in (use, "any")] for use in USES}
    verdicts = tuple(Verdict(use, 0, 0, verdict(use, own)) for use, own in against.items())
    return RunFacts(
        own,
        own.complete,
        why_not_whole(own) or ("" if own.complete else "nothing is in it"),
        caveats_of([own]),
        verdicts=verdicts,
        sources=sources,
        conflicts=found,
        **fields,
    )


def told(text: Callable[[str], str] = same) -> RunFacts:
    """A run with something in every field; each text that people chose goes through ``text``."""
    books = source(
        text("books"),
        text("nc"),
        96,
        128,
        license=text("LicenseRef-nc"),
        notes=(text("read so"),),
        title=text("Old books"),
    )
    scraped = source(text("scraped"), None, 32, 128)
    word = Settlement.stored(
        "f1", text("A. N. Other"), text("by letter"), text("2026-01-05"), BEGAN, False
    )
    gap = {
        "source": text("books again"),
        "stream_no": 1,
        "first_batch": 3,
        "last_batch": 5,
        "reason": text("KeyError: 7"),
        "noticed_at": text("2026-01-02T04:00:00+00:00"),
    }
    own = session(
        "failed", gaps=1, config_hash=text("config"), metadata={text("model"): text("tiny")}
    )
    open_ = finding(
        scraped, severity="warning", use="any", rule_id="no-license", reason=text("no one")
    )
    return facts(
        own,
        books,
        scraped,
        conflicts=(open_, finding(books, word, reason=text("no commerce"))),
        gaps=(gap,),
        conditions=("attribution", text("own condition")),
        missing={text("books too"): (text("author"), "title")},
    )
