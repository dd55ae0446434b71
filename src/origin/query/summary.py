"""What the engine tells of a session as plain dicts, which notebooks show as tables."""

from dataclasses import dataclass
from typing import Any

from origin.core.record import SessionRecord, StreamRecord
from origin.core.wording import enumerated, html_table, many

_SHOWN = 20


class Breakdown(dict[str, int]):
    """How many samples each license or source has, most first.

    >>> Breakdown({"MIT": 3, "CC0-1.0": 1})
    {'MIT': 3, 'CC0-1.0': 1}
    """

    of = ""

    @classmethod
    def by(cls, of: str, counts: dict[str, int]) -> "Breakdown":
        """The same counts.

        Args:
            of: what has these samples, in one word.
            counts: how many each has.
        """
        made = cls(counts)
        made.of = of
        return made

    def _repr_html_(self) -> str:
        more = len(self) - _SHOWN
        rest = f"<p>and {more:,} more</p>" if more > 0 else ""
        return html_table((self.of, "samples"), list(self.items())[:_SHOWN]) + rest


class SessionSummary(dict[str, Any]):
    """What a session is and what went into it, by the names that ``get_session_summary`` tells."""

    def _repr_html_(self) -> str:
        whole = "complete" if self["complete"] else "not complete"
        gaps = f", {many(len(self['gaps']), 'gap')}" if self["gaps"] else ""
        seen = enumerated(
            [
                many(self["observations"], "observation"),
                many(self["distinct_samples"], "distinct sample"),
            ]
        )
        rows = [
            ("session", self["session_id"]),
            ("status", f"{self['status']}, record {whole}{gaps}"),
            ("configuration", self["config_hash"]),
            ("began", self["created_at"]),
            ("ended", self["ended_at"] or "not recorded"),
            (
                "seen",
                f"{seen} in {many(self['batches'], 'batch')}, {many(self['epochs'], 'epoch')}",
            ),
            *((name, "; ".join(_told(self[name]))) for name in ("licenses", "sources")),
        ]
        return html_table(("", "recorded"), rows)


def _told(counts: dict[str, int]) -> list[str]:
    told = [f"{name}: {count:,}" for name, count in list(counts.items())[:_SHOWN]]
    return [*told, "…"] if len(counts) > _SHOWN else told


@dataclass(frozen=True, slots=True)
class Look:
    """A session as it was at one moment: all of it fits together, also while it is being written.

    Args:
        session: its record, with as many streams and gaps as it had.
        streams: its streams, as long as they were.
        summary: what ``get_session_summary`` tells.
    """

    session: SessionRecord
    streams: tuple[StreamRecord, ...]
    summary: SessionSummary
