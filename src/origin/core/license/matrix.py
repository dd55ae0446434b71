"""OSADL's matrix: which software license may go into a work under which."""

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _osadl() -> dict[str, Any]:
    text = files("origin.core.license").joinpath("data/osadl.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    found["places"] = {own: at for at, own in enumerate(found["ids"])}
    return found


def osadl_ids() -> tuple[str, ...]:
    """The licenses that OSADL's matrix knows."""
    return tuple(_osadl()["ids"])


def osadl_version() -> str:
    """The day of OSADL's matrix."""
    return str(_osadl()["version"])


def osadl_letter(outbound: str, inbound: str) -> str | None:
    places = _osadl()["places"]
    if outbound not in places or inbound not in places:
        return None
    letter: str = _osadl()["rows"][places[outbound]][places[inbound]]
    return letter
