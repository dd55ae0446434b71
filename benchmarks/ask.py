"""One question, asked in a fresh process: cold the first time, warm from then on.

::

    python -m benchmarks.ask '{"path": …, "question": "trace", "arguments": [[…], …], "most": 5}'
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.children import argument, peak_bytes
from origin.cards.generator import ProvenanceCardGenerator
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase

QUESTIONS = {
    "trace": "trace_sample",
    "breakdown": "get_license_breakdown",
    "summary": "get_session_summary",
    "overlap": "compare_sessions",
    "audit": "audit_exposure",
    "licenses": "analyze_licenses",
    "card": "generate",
    "report": "generate_html",
}
_OF_CARDS = ("card", "report")

# Warm answers are asked for until so much time is gone.
_SECONDS = 3.0


def ask(path: Path, question: str, arguments: list[list[Any]], most: int) -> dict[str, Any]:
    """Ask, and say how long it took.

    Args:
        path: of the database.
        question: one of ``QUESTIONS``.
        arguments: of each time it is asked; used in turns.
        most: how often to ask when warm.
    """
    with ProvenanceDatabase(path) as db:
        answers = ProvenanceCardGenerator if question in _OF_CARDS else QueryEngine
        asked: Callable[..., Any] = getattr(answers(db), QUESTIONS[question])
        opened = peak_bytes()
        cold = _seconds(asked, arguments[0])
        warm: list[float] = []
        while len(warm) < most and (not warm or sum(warm) < _SECONDS):
            warm.append(_seconds(asked, arguments[(len(warm) + 1) % len(arguments)]))
    return {"cold": cold, "warm": warm, "peak": peak_bytes(), "peak_before": opened}


def _seconds(asked: Callable[..., Any], arguments: list[Any]) -> float:
    begun = time.perf_counter()
    asked(*arguments)
    return time.perf_counter() - begun


def import_seconds() -> float:
    """How long the libraries take that answer; a cold question pays for them once."""
    begun = time.perf_counter()
    import duckdb  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    return time.perf_counter() - begun


if __name__ == "__main__":
    import json

    told = argument()
    if told["question"] == "imports":
        print(json.dumps({"seconds": import_seconds()}))
    else:
        told["path"] = Path(told["path"])
        print(json.dumps(ask(**told)))
