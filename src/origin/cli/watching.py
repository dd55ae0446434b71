"""The command that follows a session while it is recorded."""

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from origin.cards.figures import duration_of, human_duration, human_size, time_of
from origin.cards.markdown import visible
from origin.cli.arguments import Session, short
from origin.cli.output import Output
from origin.cli.picking import LATEST, Chosen, picked
from origin.core.record import SessionRecord, license_key, utc_now
from origin.core.wording import many, percent
from origin.errors import SessionNotFoundError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from origin.storage.database import ProvenanceDatabase

_SHOWN_LICENSES = 5


@dataclass(frozen=True, slots=True)
class Glance:
    """A session as its counts were at one moment; nothing is scanned for it.

    Args:
        session: its record.
        at: when that was, in seconds of a clock that only goes forward.
        batches, observations, size: what was recorded so far.
        gaps: how many gaps the record has.
        licenses: observations by license, most first.
    """

    session: SessionRecord
    at: float
    batches: int
    observations: int
    size: int
    gaps: int
    licenses: dict[str, int]

    def rate_since(self, earlier: "Glance | None") -> float | None:
        """Observations a second since an earlier glance; None if there was none."""
        if earlier is None or self.at <= earlier.at:
            return None
        return (self.observations - earlier.observations) / (self.at - earlier.at)


def glance(db: "ProvenanceDatabase", session_id: str) -> Glance:
    """A session as it is now."""
    # Read first, so that one that has ended is told to its end.
    session, at = db.get_session(session_id), time.monotonic()
    streams = db.catalog.streams(session_id)
    names: dict[str, str] = {}
    licenses: dict[str, int] = {}
    for one in streams:
        name = names.setdefault(license_key(one.license_id), one.license_id or "unknown")
        licenses[name] = licenses.get(name, 0) + one.observations
    return Glance(
        session,
        at,
        sum(one.batches for one in streams),
        sum(one.observations for one in streams),
        sum(one.bytes_seen for one in streams),
        session.gaps,
        dict(sorted(licenses.items(), key=lambda one: -one[1])),
    )


def watch(
    context: typer.Context,
    session: Session = "",
    interval: Annotated[
        float, typer.Option(help="Seconds between two looks.", min=0.05, max=3600)
    ] = 1.0,
) -> None:
    """Follow a session while it is recorded, until it ends.

    Without a session, it is the newest that is running.

    Example: origin watch latest --interval 0.5
    """
    chosen: Chosen = context.obj
    with chosen.database() as db:
        own = picked(db, session) if session else _running(db)
        looks = _looks(db, own.session_id, interval)
        last = _show(chosen.output, looks)
    if not chosen.output.is_json:
        chosen.output.lines(_ending(last.session))


def _running(db: "ProvenanceDatabase") -> SessionRecord:
    found = db.list_sessions(1, "running")
    if not found:
        raise SessionNotFoundError(
            f"nothing is being recorded into {db.path}; `origin watch {LATEST}` tells how the "
            "newest session ended"
        )
    return found[0]


def _looks(db: "ProvenanceDatabase", session_id: str, interval: float) -> Iterator[Glance]:
    while True:
        now = glance(db, session_id)
        yield now
        if now.session.status != "running":
            return
        time.sleep(interval)


def _show(output: Output, looks: Iterator[Glance]) -> Glance:
    """Show each look, and give the last one."""
    if output.is_json or not sys.stdout.isatty():
        return _show_lines(output, looks)
    from rich.console import Console
    from rich.live import Live

    before: Glance | None = None
    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False) as live:
        for now in looks:
            live.update(_panel(now, before), refresh=True)
            before = now
    assert before is not None  # noqa: S101  there is always a first look
    return before


def _show_lines(output: Output, looks: Iterator[Glance]) -> Glance:
    before: Glance | None = None
    for now in looks:
        if output.is_json:
            output.json_line(_told(now, before))
        else:
            output.lines(_line(now, before))
        sys.stdout.flush()
        before = now
    assert before is not None  # noqa: S101  there is always a first look
    return before


def _told(now: Glance, before: Glance | None) -> dict[str, Any]:
    return {
        "at": utc_now(),
        "session_id": now.session.session_id,
        "status": now.session.status,
        "complete": now.session.complete,
        "batches": now.batches,
        "observations": now.observations,
        "bytes": now.size,
        "observations_per_second": now.rate_since(before),
        "gaps": now.gaps,
        "licenses": now.licenses,
    }


def _rate(now: Glance, before: Glance | None) -> str:
    rate = now.rate_since(before)
    return "" if rate is None else f"{rate:,.0f} a second"


def _line(now: Glance, before: Glance | None) -> str:
    parts = [
        f"{short(now.session.session_id)} {now.session.status}",
        many(now.batches, "batch"),
        f"{many(now.observations, 'observation')} ({human_size(now.size)})",
        _rate(now, before),
        many(now.gaps, "gap"),
        _licenses(now),
    ]
    return "  ".join(one for one in parts if one)


def _licenses(now: Glance) -> str:
    whole = sum(now.licenses.values())
    told = [f"{name} {percent(count / whole)}" for name, count in now.licenses.items() if count]
    more = [f"and {len(told) - _SHOWN_LICENSES:,} more"] if len(told) > _SHOWN_LICENSES else []
    return ", ".join([*told[:_SHOWN_LICENSES], *more])


def _panel(now: Glance, before: Glance | None) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    seen = f"{many(now.observations, 'observation')} in {many(now.batches, 'batch')}"
    for name, value in (
        ("Session", f"{now.session.session_id}  {now.session.status}"),
        ("For", _age(now.session)),
        ("Seen", f"{seen} ({human_size(now.size)})"),
        ("Rate", _rate(now, before) or "…"),
        ("Gaps", f"{now.gaps:,}"),
        ("Licenses", _licenses(now)),
    ):
        table.add_row(Text(name, style="bold"), Text(visible(value)))
    return table


def _age(session: SessionRecord) -> str:
    if session.ended_at is not None:
        return duration_of(session)
    began, now = time_of(session.created_at), time_of(utc_now())
    with suppress(TypeError):
        return human_duration(max((now - began).total_seconds(), 0.0))  # type: ignore[operator]
    return "not known"


def _ending(session: SessionRecord) -> str:
    if session.status == "interrupted":
        own = short(session.session_id)
        how = f"interrupted: its process is gone; `origin end {own}` ends it"
    else:
        how = f"{session.status} after {duration_of(session)}"
    gaps = f", {many(session.gaps, 'gap')}" if session.gaps else ""
    return f"{how}; record {'complete' if session.complete else 'incomplete'}{gaps}"
