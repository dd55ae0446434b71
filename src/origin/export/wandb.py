"""A session as config and description of a Weights & Biases run."""

import json
import os
from typing import Any

from origin.cards.facts import RunFacts, gather
from origin.core.record import SessionRecord
from origin.core.wording import many, one_line, percent, quoted
from origin.export.files import write_record
from origin.export.texts import plain, shortened
from origin.storage.database import ProvenanceDatabase

# A config is shown as one table, and kept with every run: longer lists and texts are told short.
MOST_LISTED, MOST_IN_TEXT = 100, 5_000
_IN_DESCRIPTION = 10


def to_wandb(db: ProvenanceDatabase, session_id: str | SessionRecord) -> dict[str, Any]:
    """What of a session goes into a W&B run.

    Args:
        db: an open database.
        session_id: which session.

    Returns:
        ``metadata``, JSON types under the one name ``provenance``, so that nothing of the run's
        own config is overwritten; and ``description``, a few lines of text.

    Raises:
        SessionNotFoundError: no session has that id.
    """
    facts = gather(db, session_id)
    return {"metadata": {"provenance": metadata_of(facts)}, "description": description(facts)}


def export(
    db: ProvenanceDatabase, session_id: str | SessionRecord, path: str | os.PathLike[str]
) -> int:
    """Write the same as one JSON file; returns 1, for it is one record."""
    return write_record(path, json.dumps(to_wandb(db, session_id), indent=2, allow_nan=False))


def metadata_of(facts: RunFacts) -> dict[str, Any]:
    """The facts of a session as JSON types, not longer than a config can be."""
    session = facts.session
    by_license = list(facts.samples_by_license.items())
    return {
        "session_id": session.session_id,
        "config_hash": _text(session.config_hash),
        "status": session.status,
        "created_at": session.created_at,
        "ended_at": session.ended_at,
        "complete": facts.is_complete,
        "why_not_complete": facts.why_not,
        "caveats": list(facts.caveats),
        "fingerprint": facts.fingerprint,
        "fingerprint_algorithm": facts.fingerprint_algorithm,
        **facts.counts,
        "license": None if facts.license is None else _text(facts.license),
        "errors": facts.errors,
        "warnings": facts.warnings,
        "settled": facts.settled,
        "conflicts": [_text(facts.told(one)) for one in facts.open_conflicts[:MOST_LISTED]],
        "conditions": [_text(one) for one in facts.conditions[:MOST_LISTED]],
        "verdicts": {one.use: one.text for one in facts.verdicts},
        "declared_license_count": len(by_license),
        "declared_licenses": [
            {"license": _text(name), "samples": count} for name, count in by_license[:MOST_LISTED]
        ],
        "source_count": len(facts.source_ids),
        "sources": [
            {
                "source": _text(one.source.source_id),
                "license": _text(one.license),
                "samples": one.samples,
                "observations": one.observations,
                "share": one.share,
            }
            for one in facts.sources[:MOST_LISTED]
        ],
        "rules": facts.rules,
        "origin_version": facts.origin_version,
    }


def _text(text: str) -> str:
    return shortened(text, MOST_IN_TEXT)


def description(facts: RunFacts) -> str:
    """A session in a few lines, for people."""
    counts, session = facts.counts, facts.session
    seen = (
        f"{many(counts['distinct_samples'], 'different sample')} seen "
        f"{many(counts['observations'], 'time')} in {many(counts['batches'], 'batch')}"
    )
    begin = (
        f"Data of training session {one_line(session.session_id)}: {session.status}, "
        f"{facts.completeness}."
    )
    lines = [
        begin,
        f"{seen}.",
        *(f"{one.text}." for one in facts.verdicts),
        *(
            f"{quoted(one.source.source_id)}: {quoted(one.license)[1:-1]}, "
            f"{percent(one.share)} of samples"
            for one in facts.sources[:_IN_DESCRIPTION]
        ),
    ]
    if (more := len(facts.sources) - _IN_DESCRIPTION) > 0:
        lines.append(f"and {more:,} more")
    lines.append(f"Fingerprint of the session: {facts.fingerprint}")
    return plain("\n".join(lines))
