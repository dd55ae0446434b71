"""How a session went on: by epochs, and in the course of time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase

_SLOTS = 48

_EPOCHS = """
    SELECT source_id, epoch, count(*), sum(samples) FROM batches WHERE session_id = ?
    GROUP BY source_id, epoch ORDER BY source_id, epoch
"""
_SPAN = "SELECT min(epoch_ms(seen_at)), max(epoch_ms(seen_at)) FROM batches WHERE session_id = ?"
_COURSE = """
    SELECT least(CAST(floor((epoch_ms(seen_at) - ?) / ?) AS INTEGER), ?) AS slot, sum(samples)
    FROM batches WHERE session_id = ? GROUP BY slot ORDER BY slot
"""


@dataclass(frozen=True, slots=True)
class EpochShare:
    """What one epoch had from one source.

    Args:
        source_id: the source.
        epoch: the number of the epoch.
        batches: how many batches.
        observations: how many samples these have.
    """

    source_id: str
    epoch: int
    batches: int
    observations: int


@dataclass(frozen=True, slots=True)
class Course:
    """How many samples were seen in each of equal stretches of time.

    Args:
        began_at: when the first batch was handed over, in UTC.
        stretch: how long one is.
        observations: of each, in order; empty if there was no batch.
    """

    began_at: datetime | None
    stretch: timedelta
    observations: tuple[int, ...]

    @property
    def ended_at(self) -> datetime | None:
        """When the last stretch ends."""
        if self.began_at is None:
            return None
        return self.began_at + self.stretch * len(self.observations)


def epochs_of(db: ProvenanceDatabase, session_id: str) -> tuple[EpochShare, ...]:
    """What each epoch of a session had from each source, by source and epoch."""
    rows = QueryEngine(db).sql(_EPOCHS, [session_id]).rows()
    return tuple(EpochShare(*row) for row in rows)


def course_of(db: ProvenanceDatabase, session_id: str) -> Course:
    """How a session went on, in 48 stretches or as many as it has milliseconds."""
    engine = QueryEngine(db)
    ((first, last),) = engine.sql(_SPAN, [session_id]).rows()
    if first is None:
        return Course(None, timedelta(0), ())
    slots = min(_SLOTS, last - first + 1)
    length = (last - first + 1) / slots
    seen = dict(engine.sql(_COURSE, [first, length, slots - 1, session_id]).rows())
    return Course(
        datetime.fromtimestamp(first / 1000, UTC),
        timedelta(milliseconds=length),
        tuple(seen.get(slot, 0) for slot in range(slots)),
    )
