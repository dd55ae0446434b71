"""What of a bundle is not as it was signed, kind by kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

__all__ = ["Difference", "Findings"]

# More of one kind in one place would hide all else.
_MOST = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """Something in a bundle that does not fit what was signed, or the rest of the bundle.

    Args:
        kind: ``missing``, ``extra``, ``digest``, ``form``, ``head``, ``states``, ``log``,
            ``order``, ``close``, ``samples``, ``set``, ``session``, ``license`` or ``statement``.
        where: the member.
        text: what, in words that are fit for a terminal.

    >>> print(Difference("digest", "card.md", "its content is not what was signed"))
    digest, card.md: its content is not what was signed
    """

    kind: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}, {self.where}: {self.text}"


class Findings:
    """Collects differences.

    >>> found = Findings()
    >>> for number in range(22):
    ...     found.add("order", "streams/0.jsonl", f"leaf {number}")
    >>> len(found.all()), found.all()[-1].text
    (21, '2 more of this kind')
    """

    def __init__(self) -> None:
        self._found: list[Difference] = []
        self._times: Counter[tuple[str, str]] = Counter()

    def add(self, kind: str, where: str, text: str) -> None:
        """Note a difference."""
        self._times[kind, where] += 1
        if self._times[kind, where] <= _MOST:
            self._found.append(Difference(kind, where, text))

    def all(self) -> tuple[Difference, ...]:
        """Those that were noted, and how many more there are."""
        more = [
            Difference(kind, where, f"{times - _MOST:,} more of this kind")
            for (kind, where), times in self._times.items()
            if times > _MOST
        ]
        return (*self._found, *more)
