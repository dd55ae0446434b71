"""What the tests of the hooks share: a database with a running session, and what is in it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from origin.core.fingerprint import fingerprint_sample
from origin.core.record import Gap, PackedBatch
from origin.hooks.base import BaseHook
from origin.hooks.pytorch import DataLoaderHook
from origin.storage.database import ProvenanceDatabase


class Recording:
    """One session in a new database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = ProvenanceDatabase(path, busy_timeout=20)
        self.session_id = self.db.begin_session("config").session_id

    def hook(self, source: str = "data", license_id: str | None = None, **options: Any) -> Any:
        return DataLoaderHook(self.db, self.session_id, source, license_id, **options)

    def batches(self, hook: BaseHook) -> list[PackedBatch]:
        self.db.flush()
        return list(self.db.ledger.batches(hook.stream().number))

    def fingerprints(self, hook: BaseHook) -> list[list[str]]:
        """The fingerprints of each batch."""
        return [
            [batch.fingerprints[at : at + 32].hex() for at in range(0, 32 * batch.count, 32)]
            for batch in self.batches(hook)
        ]

    def epochs(self, hook: BaseHook) -> list[int]:
        return [batch.epoch for batch in self.batches(hook)]

    def gaps(self) -> list[Gap]:
        self.db.flush()
        return self.db.catalog.gaps(self.session_id)

    def complete(self) -> bool:
        return self.db.get_session(self.session_id).complete

    def end(self, status: str = "completed") -> None:
        self.db.end_session(self.session_id, status)


def loop(batches: Iterable[Any], step: Callable[[int, Any], object]) -> int:
    """A training loop; how many batches it got."""
    count = 0
    for number, batch in enumerate(batches):
        step(number, batch)
        count += 1
    return count


def prints(samples: Iterable[Any]) -> list[str]:
    return [fingerprint_sample(sample) for sample in samples]
