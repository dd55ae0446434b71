"""The different samples of a stream, in the order of their fingerprints."""

from collections.abc import Iterator
from functools import partial

from origin.core.record import StreamRecord
from origin.errors import CorruptDatabaseError
from origin.query.asking import Asker
from origin.query.counts import slices
from origin.query.relations import Relations
from origin.query.sql import BATCH_SAMPLES, FIRST_PLACE, MEMBERS, MEMBERS_BETWEEN
from origin.storage.sealing.segments import ids_of


class Members:
    """Finds the samples that streams of one database have.

    Args:
        asker: of that database.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def in_order(self, session_id: str, stream: StreamRecord) -> Iterator[bytes]:
        """All different fingerprints of a stream, ascending, 32 bytes each, many to a string.

        Args:
            session_id: the session of the stream.
            stream: which, as it was read.

        Raises:
            SegmentError: a sealed file is missing or damaged.
            CorruptDatabaseError: the stream counts other observations than there are.
        """
        seen = 0
        for low, high in slices(stream.observations):
            packed, times = self._asker.ask([session_id], partial(_part, stream, low, high))
            seen += times
            yield packed
        if seen != stream.observations:
            raise CorruptDatabaseError(
                f"the record has {seen:,} observations of stream {stream.stream_no}, which counts "
                f"{stream.observations:,}; db.check() tells more"
            )

    def between(self, session_id: str, stream_no: int, low: bytes, high: bytes) -> list[bytes]:
        """The different fingerprints of a stream in a narrow range, both ends included."""
        first, last = low.hex(), high.hex()

        def find(relations: Relations) -> list[bytes]:
            rows = relations.between(first, last).rows(MEMBERS_BETWEEN, (stream_no, first, last))
            return [bytes.fromhex(sample_id) for (sample_id,) in rows]

        return self._asker.ask([session_id], find)

    def first_place(self, session_id: str, fingerprint: bytes) -> tuple[int, int, int] | None:
        """Stream, batch and position at which a session saw a sample first, or None."""
        sample_id = fingerprint.hex()

        def find(relations: Relations) -> tuple[int, int, int] | None:
            rows = relations.around(sample_id).rows(FIRST_PLACE, (sample_id,))
            return None if not rows else (rows[0][0], rows[0][1], rows[0][2])

        return self._asker.ask([session_id], find)

    def of_batch(self, session_id: str, stream_no: int, batch_no: int) -> list[bytes]:
        """The fingerprints of a batch, in order."""

        def find(relations: Relations) -> list[bytes]:
            rows = relations.rows(BATCH_SAMPLES, (stream_no, batch_no))
            return [bytes.fromhex(sample_id) for (sample_id,) in rows]

        return self._asker.ask([session_id], find)


def _part(stream: StreamRecord, low: str, high: str, relations: Relations) -> tuple[bytes, int]:
    table = relations.within(low, high).table(MEMBERS, (stream.stream_no, low, high))
    packed = bytes.fromhex(ids_of(table).tobytes().decode("ascii"))
    times = sum(table["times"].to_pylist())
    return packed, times
