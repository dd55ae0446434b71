"""`BundleReport`: what was found when everything in a bundle was computed anew."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from origin.verify.checks import SignedHead
from origin.verify.findings import Difference
from origin.verify.records import told_of
from origin.verify.streams import StreamSummary
from origin.verify.verdict import HISTORY, LATER, RECORD, Verdict, absent_processes, head_facts
from origin.verify.wording import joined, many, named, quoted

__all__ = ["BundleReport", "report_on_bundle"]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?=T)")
_SHOWN = 10

_SAID = (
    "that session.json, sources.json, licenses.json, models.json and the card are true: they are "
    "what the holder of the key says, as it was when the bundle was made"
)
_NO_PRINTS = (
    "that the batches hold what their roots stand for: the fingerprints are not in the bundle"
)
_TIMES = "when anything was done: all times are as the holder of the key tells them"


@dataclass(frozen=True, slots=True)
class BundleReport:
    """What was found when everything in a bundle was computed anew.

    Args:
        verdict: what the bundle shows, and what it does not; that holds only without differences.
        differences: what is not as it was signed.
    """

    verdict: Verdict
    differences: tuple[Difference, ...]

    @property
    def ok(self) -> bool:
        """Whether all is as it was signed."""
        return not self.differences

    def __str__(self) -> str:
        if self.ok:
            return str(self.verdict)
        session = named(self.verdict.session)
        lines = [f"the bundle of session {session} is not what was signed"]
        kinds = dict.fromkeys(one.kind for one in self.differences)
        for kind in kinds:
            lines += [f"  {one}" for one in self.differences if one.kind == kind]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON types; without a word of what is shown, if something differs."""
        told = self.verdict.to_dict()
        if not self.ok:
            told |= {"facts": {}, "shows": [], "does_not": []}
        return {**told, "ok": self.ok, "differences": [asdict(one) for one in self.differences]}


def report_on_bundle(
    *,
    session: str,
    signers: tuple[str, ...],
    head: SignedHead | None,
    streams: Sequence[StreamSummary],
    records: Mapping[str, Any],
    has_fingerprints: bool,
    differences: tuple[Difference, ...],
) -> BundleReport:
    """Put into words what was found.

    Args:
        session: the id of the session.
        signers: the names of the trusted keys that signed the bundle.
        head: the head, if it is signed by a trusted key.
        streams: what their logs say.
        records: what the members say that hold what is on record.
        has_fingerprints: whether these are in the bundle.
        differences: what is not as it was signed.
    """
    told = records.get("session.json", {})
    verdict = Verdict(
        kind="bundle",
        session=session,
        signers=signers,
        facts={
            "batches": sum(one.batches for one in streams),
            "observations": sum(one.observations for one in streams),
            "gaps": sum(one.gaps for one in streams),
            "missing": sum(one.missing for one in streams),
            "closed": all(one.closed is not None for one in streams),
            "fingerprints": has_fingerprints,
            "signed_at": told.get("signed_at"),
            "status": told.get("status"),
            "streams": [_facts(one) for one in streams],
            "models": records.get("models.json", []),
            "head": None if head is None else head_facts(head),
        },
        shows=tuple(_shows(session, streams, told, has_fingerprints)),
        does_not=tuple(_does_not(streams, has_fingerprints)),
    )
    return BundleReport(verdict, differences)


def _facts(stream: StreamSummary) -> dict[str, Any]:
    return {
        "stream": stream.number,
        "open": None if stream.opened is None else asdict(stream.opened),
        "close": None if stream.closed is None else asdict(stream.closed),
        "batches": stream.batches,
        "observations": stream.observations,
        "gaps": stream.gaps,
        "missing": stream.missing,
    }


def _shows(
    session: str, streams: Sequence[StreamSummary], told: Mapping[str, Any], has_prints: bool
) -> list[str]:
    open_ones = [one for one in streams if one.closed is None]
    log = "log" if len(streams) == 1 else "logs"
    closed = f"{log} not closed" if open_ones else f"{log} closed"
    batches = many(sum(one.batches for one in streams), "batch")
    signed, gaps = _day(told.get("signed_at")), _gaps(streams)
    samples = many(sum(one.observations for one in streams), "observation")
    size = f"{_ended(streams)}, {many(len(streams), 'stream')}, {samples}"
    lines = [
        f"record intact: {batches}, {closed}, signed {signed}; gaps: {gaps}",
        f"session {named(session)}: {size}",
    ]
    sources = [*dict.fromkeys(told_of(one.opened) for one in streams if one.opened is not None)]
    lines += [f"source {one}" for one in sources[:_SHOWN]]
    if len(sources) > _SHOWN:
        lines.append(f"and {many(len(sources) - _SHOWN, 'further source')}")
    lines += [
        f"stream {one.number:,} was not closed: it may be cut off" for one in open_ones[:_SHOWN]
    ]
    if has_prints:
        and_sets = ", and every set of samples" if len(open_ones) < len(streams) else ""
        lines.append(f"every batch{and_sets} was computed anew from the fingerprints")
    return lines


def _day(told: object) -> str:
    if not isinstance(told, str):
        return "on no known day"
    found = _DAY.match(told)
    return found[0] if found else quoted(told)


def _ended(streams: Sequence[StreamSummary]) -> str:
    words = [one.closed.status for one in streams if one.closed is not None]
    if len(words) < len(streams) or not words:
        return "still running when it was signed" if streams else "nothing recorded"
    return joined(words)


def _gaps(streams: Sequence[StreamSummary]) -> str:
    gaps = sum(one.gaps for one in streams)
    if not gaps:
        return "none"
    return f"{gaps:,} ({many(sum(one.missing for one in streams), 'batch')} missing)"


def _does_not(streams: Sequence[StreamSummary], has_prints: bool) -> list[str]:
    opened = [one.opened for one in streams if one.opened is not None]
    missing = sum(one.missing for one in streams)
    absent = absent_processes(opened) if opened else 0
    found = [RECORD]
    if missing:
        found.append(f"anything of the {many(missing, 'batch')} that the gaps are of")
    if absent:
        found.append(f"anything of {absent:,} training processes that have no stream")
    if not has_prints:
        found.append(_NO_PRINTS)
    return [*found, _SAID, _TIMES, LATER, HISTORY]
