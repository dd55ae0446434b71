"""A database of its own for every test that asks for one, and one browser for all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from origin.storage.database import ProvenanceDatabase


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "provenance.db"


@pytest.fixture
def db(path: Path) -> Iterator[ProvenanceDatabase]:
    with ProvenanceDatabase(path, busy_timeout=20) as database:
        yield database


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from browser import launched

    with launched() as browser:
        yield browser
