"""The licenses of a session with a thousand sources, and the reading of expressions."""

import time
from pathlib import Path

from benchmarks.asking import Record
from benchmarks.generator import Part, Recipe
from benchmarks.rows import Row
from benchmarks.sizes import Sizes
from origin.core.license import normalize_license

# fmt: off
LICENSES = (
    "MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "BSL-1.0", "NCSA",
    "PostgreSQL", "Artistic-2.0", "MPL-2.0", "EPL-2.0", "LGPL-2.1-only", "LGPL-3.0-or-later",
    "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "AGPL-3.0-only",
    "EUPL-1.2", "CDDL-1.0", "OSL-3.0", "Unlicense", "WTFPL", "CC0-1.0", "CC-BY-2.0", "CC-BY-3.0",
    "CC-BY-4.0", "CC-BY-SA-2.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0",
    "CC-BY-ND-4.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0", "ODbL-1.0",
    "ODC-By-1.0", "PDDL-1.0", "CDLA-Permissive-2.0", "CDLA-Sharing-1.0", "C-UDA-1.0", "O-UDA-1.0",
    "llama3.1", "gemma", "bigscience-openrail-m", "research-only", "proprietary", "unknown",
)
# fmt: on

_NESTED = "(" * 10 + "MIT" + "".join(f" OR {one})" for one in LICENSES[1:11])
_BATCH = 32


def measure(sizes: Sizes, folder: Path) -> list[Row]:
    """Two rows for the analysis of a session, one for a nested expression."""
    observations = sizes.asked_observations // 10
    sources = max(1, min(1_000, observations // _BATCH))
    each = observations // sources
    parts = [
        Part(f"source {at}", LICENSES[at % len(LICENSES)], at * each, each) for at in range(sources)
    ]
    record = Record(folder, "licensed", Recipe([parts], 1), "licenses", sizes)
    (session,) = record.known["sessions"]
    arguments = [[session, "distribute-weights-commercially"], [session, "redistribute-data"]]
    rows = record.ask("licenses", arguments, 0.200)
    rows[0].details |= {"sources": sources, "licenses": min(sources, len(LICENSES))}
    return [*rows, _nested(sizes)]


def _nested(sizes: Sizes) -> Row:
    seconds = []
    for at in range(sizes.rounds):
        # Texts are remembered, so that each has to be another.
        begun = time.perf_counter()
        normalize_license(f"{_NESTED} AND LicenseRef-{at}")
        seconds.append(time.perf_counter() - begun)
    return Row("licenses", "reading an expression of ten nested ORs", "ms", seconds, 0.010)
