"""The results on disk: one JSON file that parts add to, and a table made from it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, shown

RESULTS, TABLE = "results.json", "table.md"

_VERDICTS = {True: "yes", False: "**no**", None: ""}


def load(folder: Path) -> dict[str, Any]:
    """What is known so far: for each part its rows and the machine's facts at that time."""
    path = folder / RESULTS
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def save(folder: Path, part: str, rows: Sequence[Row], facts: dict[str, Any]) -> dict[str, Any]:
    """Put a part's rows in the place of its older ones; returns all there is."""
    folder.mkdir(parents=True, exist_ok=True)
    results = load(folder)
    results[part] = {"facts": facts, "rows": [row.as_json() for row in rows]}
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (folder / RESULTS).write_text(text + "\n", encoding="utf-8")
    return results


def rows_of(results: dict[str, Any], part: str) -> list[Row]:
    """The rows of a part; none if it was not run."""
    return [Row.from_json(told) for told in results.get(part, {}).get("rows", [])]


def line(row: Row) -> str:
    """A row of the table."""
    cells = [
        row.what,
        _goal(row),
        row.problem or shown(row.median, row.unit),
        _half(row),
        shown(row.best, row.unit) if len(row.rounds) > 1 else "-",
        _VERDICTS[row.is_met],
    ]
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _goal(row: Row) -> str:
    if row.goal is None:
        return "-"
    return f"{'≥' if row.higher_is_better else '≤'} {shown(row.goal, row.unit)}"


def _half(row: Row) -> str:
    half = row.middle_half
    if half is None:
        return "-"
    return " … ".join(shown(value, row.unit) for value in half)


def write_table(folder: Path, results: dict[str, Any], order: Sequence[str]) -> None:
    """Write the table of all parts, in an order."""
    parts = [part for part in order if part in results]
    lines = ["# What recording costs", "", *_facts(results, parts), "", *_head()]
    lines += [line(row) for part in parts for row in rows_of(results, part)]
    lines += ["", "## Details", ""]
    for part in parts:
        lines += [f"### {part}", "", f"{_when(results[part]['facts'])}", ""]
        lines += [f"- {row.what}{_details(row)}" for row in rows_of(results, part)]
        lines.append("")
    (folder / TABLE).write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def _head() -> list[str]:
    return [
        "| what | goal | median | middle half of the rounds | best round | met |",
        "|---|---|---|---|---|---|",
    ]


_FOR_PLOTS = ("curve", "kind", "question")
_OWN = ("date", "commit", "load before", "seconds taken", "sizes", "rounds")


def _facts(results: dict[str, Any], parts: Sequence[str]) -> list[str]:
    if not parts:
        return []
    facts = results[parts[-1]]["facts"]
    told = [f"{name}: {value}" for name, value in facts.items() if name not in _OWN]
    return ["; ".join(told) + ".", "", *_when_all(results, parts)]


def _when_all(results: dict[str, Any], parts: Sequence[str]) -> list[str]:
    own = [results[part]["facts"] for part in parts]
    told = {
        name: ", ".join(dict.fromkeys(str(facts[name]) for facts in own))
        for name in ("commit", "sizes")
    }
    dates = sorted(facts["date"] for facts in own)
    return [f"Measured {dates[0]} to {dates[-1]}; commit {told['commit']}; {told['sizes']} sizes."]


def _when(facts: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {facts[name]}" for name in _OWN if name in facts) + "."


def _details(row: Row) -> str:
    told = [f"{name}: {value}" for name, value in _flat(row.details)]
    return f" — {'; '.join(told)}" if told else ""


def _flat(told: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in told.items():
        if name in _FOR_PLOTS:
            continue
        if isinstance(value, dict):
            found += _flat(value)
        elif not isinstance(value, list):
            found.append((name, f"{value:,}" if isinstance(value, int | float) else str(value)))
    return found
