"""Questions to a record of ten million observations."""

import statistics
from pathlib import Path

from benchmarks.asking import Record
from benchmarks.children import ask_child
from benchmarks.records import details, two_sessions
from benchmarks.rows import Row
from benchmarks.sizes import Sizes


def measure(sizes: Sizes, folder: Path) -> list[Row]:
    """Warm and cold rows for each question."""
    recipe = two_sessions(sizes.asked_observations)
    record = Record(folder, "asked", recipe, "questions", sizes)
    first, second = record.known["sessions"]
    rows = [
        *record.ask("trace", [[sample] for sample in record.known["samples"]], 0.010),
        *record.ask("breakdown", [[first]], 0.010),
        *record.ask("summary", [[first]], 0.010),
        *record.ask("overlap", [[first, second]], 2.0, unit="s"),
    ]
    rows[0].details["record"] = details(record.known)
    return [*rows, _imports(sizes)]


def _imports(sizes: Sizes) -> Row:
    told = {"question": "imports"}
    seconds = [ask_child("ask", told)["seconds"] for _ in range(sizes.processes)]
    return Row(
        "questions",
        "importing DuckDB and Arrow, which a cold question pays for",
        "ms",
        seconds,
        details={"median s": round(statistics.median(seconds), 3)},
    )
