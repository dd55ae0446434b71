"""Writes the OSADL compatibility matrix as Origin carries it: `make_license_data.py MATRIX.json`.

The matrix is published at https://www.osadl.org/Checklists and, for one, inside the package
license-audit (0.15.0). It is CC-BY-4.0; whom to name stands in the file that this writes.
"""

import json
import sys
from pathlib import Path

TARGET = Path(__file__).parent.parent / "src/origin/core/license/data/osadl.json"
LETTERS = {"Same": "S", "Yes": "Y", "No": "N", "Unknown": "U", "Check dependency": "C"}


def main(given: str) -> None:
    """Write the rows as one letter for each license, which takes a tenth of the room."""
    matrix = json.loads(Path(given).read_text())
    ids = [name for name, row in matrix.items() if isinstance(row, dict)]
    rows = ["".join(LETTERS[matrix[out][into]] for into in ids) for out in ids]
    written = {
        "title": "OSADL license compatibility matrix",
        "version": matrix["timestamp"][:10],
        "source": "https://www.osadl.org/Checklists",
        "license": "CC-BY-4.0",
        "copyright": "(C) 2017 - 2024 Open Source Automation Development Lab (OSADL) eG and "
        "contributors, info@osadl.org",
        "changes": "written as letters: a row for each outbound, a letter for each inbound license",
        "letters": {letter: word for word, letter in LETTERS.items()},
        "ids": ids,
        "rows": rows,
    }
    TARGET.write_text(json.dumps(written, indent=0) + "\n")
    print(f"{TARGET.name}: {len(ids)} licenses of {written['version']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
