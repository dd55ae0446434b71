"""A database of its own for every test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from origin.storage.database import ProvenanceDatabase


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "provenance.db"


@pytest.fixture
def db(path: Path) -> Iterator[ProvenanceDatabase]:
    with ProvenanceDatabase(path, busy_timeout=20) as database:
        yield database
