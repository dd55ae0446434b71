"""Rows for a question: the first time ever, cold in fresh processes, and warm."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.ask import QUESTIONS
from benchmarks.children import ChildFailed, ask_child
from benchmarks.records import made, remember
from benchmarks.rows import Row, amount
from benchmarks.sizes import TINY, Sizes

_WARM = 20


class Record:
    """A large record that is asked about, by fresh processes.

    Args:
        folder, name, recipe: as for ``benchmarks.records.made``.
        part: the part of the suite.
        sizes: how many processes ask.
    """

    def __init__(self, folder: Path, name: str, recipe: Any, part: str, sizes: Sizes) -> None:
        self._folder, self._name, self._part, self._sizes = folder, name, part, sizes
        self.path, self.known = made(folder, name, recipe)
        # Answers may be kept in the record: the first time ever is only once.
        self._first: dict[str, float] = dict(self.known.get("first_answers", {}))

    def ask(
        self,
        question: str,
        arguments: Sequence[Sequence[Any]],
        goal: float,
        *,
        unit: str = "ms",
        is_long: bool = False,
    ) -> list[Row]:
        """A row with the goal for the warm answer, and one each for the others.

        Args:
            question: one of ``benchmarks.ask.QUESTIONS``.
            arguments: of each time it is asked.
            goal: in seconds.
            unit: ``ms`` or ``s``.
            is_long: it takes so long that one process is enough, and its first answer the cold one.
        """
        what = f"{amount(self.known['observations'])} observations, {question}"
        told = {
            "path": str(self.path),
            "question": question,
            "arguments": [list(one) for one in arguments],
            "most": _WARM,
        }
        try:
            found = self._found(question, told, is_long)
        except ChildFailed as error:
            problem = f"{QUESTIONS[question]}: {error}"
            return [Row(self._part, f"{what}: warm", unit, [], goal, problem=problem)]
        warm = [statistics.median(one["warm"]) for one in found]
        peak = max(one["peak"] for one in found)
        details = {
            "question": question,
            "worst warm answer in s": round(max(max(one["warm"]) for one in found), 4),
            "peak MiB of the process": round(peak / (1 << 20), 1),
            "first answer ever in s": round(self._first[question], 4),
        }
        cold = [one["cold"] for one in found]
        return [
            Row(self._part, f"{what}: warm", unit, warm, goal, details=details),
            Row(self._part, f"{what}: cold", unit, cold, goal, details={"question": question}),
        ]

    def _found(self, question: str, told: dict[str, Any], is_long: bool) -> list[dict[str, Any]]:
        found = [] if question in self._first else [ask_child("ask", told)]
        if found:
            self._first[question] = found[0]["cold"]
            remember(self._folder, self._name, {"first_answers": self._first})
        if is_long or self._sizes.name == TINY.name:
            return found or [ask_child("ask", told)]
        return [ask_child("ask", told) for _ in range(self._sizes.processes)]
