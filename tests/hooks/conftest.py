from collections.abc import Iterator
from pathlib import Path

import pytest
from hooks_support import Recording


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    recording = Recording(tmp_path / "provenance.db")
    yield recording
    recording.db.close()
