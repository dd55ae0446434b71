"""One line of the results: what was measured, the goal, and every round of it."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

# How values of a unit are written, and by what they are divided for that.
_FORMS = {
    "ratio": ("{:.3f}", 1),
    "samples/s": ("{:,.0f}/s", 1),
    "µs": ("{:.2f} µs", 1e-6),
    "%": ("{:.2f} %", 1),
    "B": ("{:.1f} B", 1),
    "MiB": ("{:,.0f} MiB", 1 << 20),
    "ms": ("{:,.1f} ms", 1e-3),
    "s": ("{:,.2f} s", 1),
}


def shown(value: float | None, unit: str) -> str:
    """A value as the table has it.

    >>> shown(0.0042, "ms")
    '4.2 ms'
    """
    if value is None:
        return "-"
    form, scale = _FORMS[unit]
    return form.format(value / scale)


def amount(count: float) -> str:
    """A large number in words.

    >>> amount(50_000_000)
    '50 million'
    """
    return f"{count / 1e6:,.4g} million" if count >= 1e6 else f"{count:,.0f}"


@dataclass
class Row:
    """One thing that was measured.

    Args:
        part: the part of the suite that measures it.
        what: in words.
        unit: of the values, as in ``shown``; times are in seconds and sizes in bytes.
        rounds: the value of every round; none when it could not be measured.
        goal: what the median should reach, if there is a goal.
        higher_is_better: else at most the goal is wanted.
        details: whatever else belongs to it, in words or numbers.
        problem: why it could not be measured.
    """

    part: str
    what: str
    unit: str
    rounds: Sequence[float]
    goal: float | None = None
    higher_is_better: bool = False
    details: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def median(self) -> float | None:
        """The middle of the rounds."""
        return statistics.median(self.rounds) if self.rounds else None

    @property
    def best(self) -> float | None:
        """The best round: what the others were kept from by the machine."""
        return (max if self.higher_is_better else min)(self.rounds, default=None)

    @property
    def middle_half(self) -> tuple[float, float] | None:
        """Where half of the rounds lie."""
        if len(self.rounds) < 3:
            return None
        low, _, high = statistics.quantiles(self.rounds, n=4, method="inclusive")
        return low, high

    @property
    def is_met(self) -> bool | None:
        """Whether the median reaches the goal; None if there is nothing to say."""
        if self.goal is None or self.median is None:
            return None
        return self.median >= self.goal if self.higher_is_better else self.median <= self.goal

    def as_json(self) -> dict[str, Any]:
        """All of it, with what follows from the rounds."""
        return {**asdict(self), "median": self.median, "best": self.best, "met": self.is_met}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Row":
        """What ``as_json`` made."""
        return cls(**{key: told[key] for key in cls.__dataclass_fields__})
