"""The report: one HTML page about a session, which needs no network and no script."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from origin.cards.facts import RunFacts, SourceFacts, gather, notes_of
from origin.cards.figures import duration_of, time_of
from origin.cards.pages import environment
from origin.core.license.vocabulary import CONDITIONS
from origin.core.record import SessionRecord
from origin.core.wording import span
from origin.query.engine import QueryEngine
from origin.query.timeline import Timeline
from origin.storage.database import ProvenanceDatabase

_MOST_SOURCES = 50
_MOST_EPOCHS = 60
_MOST_FINDINGS = 30
_MOST_STRIPS = 12
_MOST_GAPS = 50

# In parts of a hundred: whatever is there can be seen.
_LOWEST = 2.0


def html_report(db: ProvenanceDatabase, session_id: str | SessionRecord) -> str:
    """A report about a session, as one HTML page.

    Args:
        db: an open database.
        session_id: which session.

    Returns:
        A whole page, in UTF-8, with its styles and drawings inside.

    Raises:
        SessionNotFoundError: no session has that id.
    """
    return report_of(db, gather(db, session_id))


def report_of(db: ProvenanceDatabase, facts: RunFacts) -> str:
    """The report about a session whose facts are gathered already.

    Args:
        db: an open database.
        facts: what ``gather`` found in it.
    """
    return page_of(facts, QueryEngine(db).get_timeline(facts.session, streams=facts.streams))


def page_of(facts: RunFacts, timeline: Timeline) -> str:
    """The page that tells these facts.

    Args:
        facts: of the session.
        timeline: how it went on.
    """
    template = environment("origin.cards").get_template("report.html.j2")
    return str(template.render(content_of(facts, timeline)))


def content_of(facts: RunFacts, timeline: Timeline) -> dict[str, Any]:
    """What the template of a report asks for, by its names.

    Args:
        facts: of the session.
        timeline: how it went on.
    """
    # By epoch, so that where some are left out there is something of each source.
    epochs = sorted(timeline.epochs, key=lambda one: one.epoch)
    highest = max((max(seen) for seen in timeline.sources.values()), default=0)
    strips = [(name, _bars(seen, highest), sum(seen)) for name, seen in timeline.sources.items()]
    if len(strips) == 1:
        strips = []  # it would say the same as the bars of all
    one_license = Counter(one.source.source_id for one in facts.sources)
    return {
        "facts": facts,
        "session": facts.session,
        "counts": facts.counts,
        **_cut("sources", facts.sources, _MOST_SOURCES),
        **_cut("licenses", facts.licenses, _MOST_SOURCES),
        **_cut("findings", facts.conflicts, _MOST_FINDINGS),
        **_cut("missing", list(facts.missing.items()), _MOST_SOURCES),
        **_cut("gaps", facts.gaps, _MOST_GAPS),
        **_cut("epochs", epochs, _MOST_EPOCHS),
        **_cut("strips", strips, _MOST_STRIPS),
        **_cut("notes", notes_of(facts.sources), _MOST_SOURCES),
        "conditions": [CONDITIONS.get(name, name) for name in facts.conditions],
        "most_in_epoch": max((one.observations for one in epochs), default=0),
        "timeline": timeline,
        "bars": _bars(timeline.observations),
        "gap_marks": _gap_marks(facts, timeline),
        "times_seen": lambda one: _times_seen(one, one_license[one.source.source_id] > 1),
        "duration": duration_of(facts.session),
        "address_of": None,
    }


def _cut(name: str, rows: Sequence[Any], most: int) -> dict[str, Any]:
    """As many rows as a page can show, and how many more there are."""
    return {name: rows[:most], f"more_{name}": len(rows) - most}


def _bars(seen: Sequence[int], highest: int = 0) -> list[tuple[float, float, int]]:
    """For each stretch of time where its bar stands and how high it is, in parts of a hundred."""
    most = highest or max(seen, default=0)
    if not most:
        return []
    width = 100 / len(seen)
    return [
        (round(at * width, 3), round(max(_LOWEST, 100 * one / most), 2) if one else 0.0, one)
        for at, one in enumerate(seen)
    ]


def _gap_marks(facts: RunFacts, timeline: Timeline) -> list[tuple[float, str]]:
    """Where gaps were noticed, in parts of a hundred of the time, and what they are."""
    began, ended = timeline.began_at, timeline.ended_at
    if began is None or ended is None:
        return []
    marks = []
    for gap in facts.gaps[:_MOST_GAPS]:
        noticed = time_of(gap["noticed_at"])
        if noticed is not None:
            place = 100 * (noticed - began) / (ended - began)
            batches = span("batch", gap["first_batch"], gap["last_batch"])
            marks.append((round(min(max(place, 0.0), 99.6), 2), f"gap: {batches}"))
    return marks


def _times_seen(one: SourceFacts, has_several: bool) -> str:
    """How often a sample of a source was seen on average.

    Under several licenses that is not known for each: its samples are counted together.
    """
    if has_several or not one.samples:
        return "not known"
    times = f"{one.observations / one.samples:,.2f}".rstrip("0").rstrip(".")
    return "once" if times == "1" else f"{times} times"
