"""A session written as JSONL by a fresh process.

::

    python -m benchmarks.export '{"path": …, "target": …}'
"""

import time
from pathlib import Path
from typing import Any

from benchmarks.children import argument, peak_bytes
from origin.export.formats import ProvenanceExporter
from origin.storage.database import ProvenanceDatabase


def export(path: Path, target: Path) -> dict[str, Any]:
    """Write the first session of a database, and say how long it took."""
    with ProvenanceDatabase(path, read_only=True) as db:
        session = db.list_sessions()[-1]
        begun = time.perf_counter()
        lines = ProvenanceExporter(db).to_jsonl(session, target)
        seconds = time.perf_counter() - begun
    return {"seconds": seconds, "lines": lines, "peak": peak_bytes()}


if __name__ == "__main__":
    import json

    told = argument()
    print(json.dumps(export(Path(told["path"]), Path(told["target"]))))
