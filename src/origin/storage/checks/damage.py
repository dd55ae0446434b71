"""What a check of a database says."""

from dataclasses import dataclass

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class BatchRange:
    """Batches of one stream, from the first to the last inclusive.

    Args:
        stream_no: the stream.
        first, last: the numbers of the batches in it.
        session_id: the session the stream flows into, as far as that can be read.

    >>> print(BatchRange(3, 0, 7, "7d0e…"))
    batches 0 to 7 of stream 3 (session 7d0e…)
    """

    stream_no: int
    first: int
    last: int
    session_id: str | None = None

    def __str__(self) -> str:
        numbers = f"batch {self.first}"
        if self.last != self.first:
            numbers = f"batches {self.first} to {self.last}"
        session = "" if self.session_id is None else f" (session {self.session_id})"
        return f"{numbers} of stream {self.stream_no}{session}"


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it was committed.

    Args:
        where: the table and row, or the file.
        what: what is wrong with it.
        batches: the batches whose record it touches; none when it touches no batch's.
    """

    where: str
    what: str
    batches: tuple[BatchRange, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}"]
        lines += [f"    touches {batches}" for batches in self.batches[:_SHOWN]]
        if len(self.batches) > _SHOWN:
            lines.append(f"    and {len(self.batches) - _SHOWN} more ranges")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found, and how much it looked at.

    Args:
        path: the database.
        damages: what is not as it was committed.
        notes: what is odd and no damage, such as files that no record needs.
        batches, observations: how many are on record.
        segments: how many sealed files.
        bytes_read: the size of the database and of its segments.

    >>> print(CheckReport("provenance.db", (), (), 2, 64, 0, 4096))
    provenance.db: all is as it was committed
    looked at 2 batches, 64 observations, 0 segments, 4,096 bytes
    """

    path: str
    damages: tuple[Damage, ...]
    notes: tuple[str, ...]
    batches: int
    observations: int
    segments: int
    bytes_read: int

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damages

    @property
    def touched(self) -> tuple[BatchRange, ...]:
        """The batches that any damage touches, each range once."""
        found = {batches for damage in self.damages for batches in damage.batches}
        return tuple(sorted(found, key=lambda r: (r.stream_no, r.first, r.last)))

    def __str__(self) -> str:
        verdict = "all is as it was committed"
        if self.damages:
            verdict = (
                f"{len(self.damages)} damaged {'place' if len(self.damages) == 1 else 'places'}"
            )
        looked_at = (
            f"looked at {self.batches:,} batches, {self.observations:,} observations, "
            f"{self.segments:,} {'segment' if self.segments == 1 else 'segments'}, "
            f"{self.bytes_read:,} bytes"
        )
        notes = [f"note: {note}" for note in self.notes]
        lines = [f"{self.path}: {verdict}", *map(str, self.damages), *notes, looked_at]
        return "\n".join(lines)
