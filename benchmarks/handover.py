"""Cards, reports and exports of a hundred thousand and of ten million observations."""

from pathlib import Path

from benchmarks.asking import Record
from benchmarks.children import ask_child
from benchmarks.records import one_session
from benchmarks.rows import Row, amount
from benchmarks.sizes import Sizes

_SMALL = 100
GOAL = 1.0
GOAL_BYTES = 1 << 30


def measure(sizes: Sizes, folder: Path) -> list[Row]:
    """Warm and cold rows for the card and the report of each record; two for the JSONL of one."""
    rows = []
    for observations in (sizes.asked_observations // _SMALL, sizes.asked_observations):
        recipe = one_session(observations)
        record = Record(folder, f"handed-over-{observations}", recipe, "handover", sizes)
        session = record.known["sessions"][0]
        rows += record.ask("card", [[session]], GOAL)
        rows += record.ask("report", [[session]], GOAL)
    target = folder / "handed-over.jsonl"
    told = ask_child("export", {"path": str(record.path), "target": str(target)})
    target.unlink()
    what = f"{amount(record.known['observations'])} observations, JSONL"
    return [
        *rows,
        Row("handover", what, "s", [told["seconds"]], details={"lines": told["lines"]}),
        Row("handover", f"{what}: peak memory", "MiB", [told["peak"]], GOAL_BYTES),
    ]
