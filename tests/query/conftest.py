"""Databases with known content, written through the same door the recorder uses."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

import pytest

from origin.core.record import PackedBatch
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class Writer:
    """Writes batches of samples that are named by integers."""

    def __init__(self, db: ProvenanceDatabase) -> None:
        self.db = db
        self.clock = START

    def session(self, **metadata: Any) -> str:
        return self.db.begin_session("config", metadata).session_id

    def stream(self, session_id: str, source: str = "web", license_id: str | None = "MIT") -> int:
        self.db.declare_source(session_id, source, license_id)
        return self.db.open_stream(session_id, source).stream_no

    def batch(self, stream_no: int, batch_no: int, samples: Iterable[int], **more: Any) -> None:
        self.clock += 1000
        fields = {
            "epoch": 0,
            "seen_at": self.clock,
            "root": sha256(b"%d %d" % (stream_no, batch_no)).digest(),
            "fingerprints": b"".join(map(self.fingerprint, samples)),
            "byte_sizes": 10,
            "content_types": "text",
        }
        self.db.append([PackedBatch(stream_no, batch_no, **(fields | more))])

    def fill(self, session_id: str, *batches: Iterable[int], **stream: Any) -> int:
        """A stream with these batches; returns its number."""
        number = self.stream(session_id, **stream)
        for batch_no, samples in enumerate(batches):
            self.batch(number, batch_no, samples)
        return number

    @staticmethod
    def fingerprint(sample: int) -> bytes:
        return sha256(b"sample %d" % sample).digest()

    def ids(self, *samples: int) -> list[str]:
        return [self.fingerprint(sample).hex() for sample in samples]


@pytest.fixture
def write(db: ProvenanceDatabase) -> Writer:
    return Writer(db)


@pytest.fixture
def engine(db: ProvenanceDatabase) -> QueryEngine:
    return QueryEngine(db)


@pytest.fixture
def session(write: Writer) -> str:
    return write.session()


@pytest.fixture(params=["unsealed", "sealed"])
def ask(request: pytest.FixtureRequest, db: ProvenanceDatabase) -> Callable[..., Any]:
    """Asks a question; in the second round of tests all that was recorded is sealed before."""

    def ask(method: str, *arguments: Any, **options: Any) -> Any:
        if request.param == "sealed":
            db.seal()
        return getattr(QueryEngine(db), method)(*arguments, **options)

    return ask
