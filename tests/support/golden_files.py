"""Texts that are the same as ever; they are written anew only where ``ORIGIN_UPDATE_GOLDEN=1``."""

import os
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"
UPDATE = "ORIGIN_UPDATE_GOLDEN"


def check(name: str, text: str) -> None:
    """Fail unless a golden file has this text."""
    path = GOLDEN / name
    if os.environ.get(UPDATE) == "1":
        path.write_text(text, encoding="utf-8", newline="\n")
    known = path.read_text(encoding="utf-8") if path.exists() else ""
    assert text == known, f"{name} is another; if it should be, run this with {UPDATE}=1"
