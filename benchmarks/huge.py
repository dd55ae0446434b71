"""A record of a hundred million observations: a trace, and the audit of a session."""

from pathlib import Path

from benchmarks.asking import Record
from benchmarks.records import details, one_session
from benchmarks.rows import Row
from benchmarks.sizes import Sizes

GOAL_BYTES = 2 << 30


def measure(sizes: Sizes, folder: Path) -> list[Row]:
    """Warm and cold rows for each question, and the memory of the audit."""
    recipe = one_session(sizes.huge_observations)
    record = Record(folder, "huge", recipe, "huge", sizes)
    session = record.known["sessions"][0]
    traces = record.ask("trace", [[sample] for sample in record.known["samples"]], 0.050)
    traces[0].details["record"] = details(record.known)
    audits = record.ask("audit", [[session]], 60.0, unit="s", is_long=True)
    return [*traces, *audits, _memory(audits)]


def _memory(audits: list[Row]) -> Row:
    told = audits[0]
    peak = told.details.get("peak MiB of the process")
    return Row(
        "huge",
        f"{told.what.rpartition(':')[0]}: peak memory of its process",
        "MiB",
        [] if peak is None else [peak * (1 << 20)],
        GOAL_BYTES,
        problem=told.problem,
    )
