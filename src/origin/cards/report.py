"""The report: one HTML page about a session, which needs no network and no script."""

from typing import Any

from origin.cards.facts import RunFacts, gather
from origin.cards.figures import duration_of, human_duration, human_size, human_time
from origin.cards.timeline import Course, EpochShare, course_of, epochs_of
from origin.core.record import SessionRecord
from origin.core.wording import listed, many, one_line, percent
from origin.storage.database import ProvenanceDatabase

_MOST_SOURCES = 50
_MOST_EPOCHS = 60
_MOST_FINDINGS = 100


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
    facts = gather(db, session_id)
    own = facts.session.session_id
    return page_of(facts, epochs_of(db, own), course_of(db, own))


def page_of(facts: RunFacts, epochs: tuple[EpochShare, ...], course: Course) -> str:
    """The page that tells these facts.

    Args:
        facts: of the session.
        epochs: what each epoch had from each source.
        course: how it went on.
    """
    page: str = _template().render(
        facts=facts,
        session=facts.session,
        counts=facts.counts,
        sources=facts.sources[:_MOST_SOURCES],
        more_sources=len(facts.sources) - _MOST_SOURCES,
        findings=facts.conflicts[:_MOST_FINDINGS],
        more_findings=len(facts.conflicts) - _MOST_FINDINGS,
        epochs=epochs[:_MOST_EPOCHS],
        more_epochs=len(epochs) - _MOST_EPOCHS,
        most_in_epoch=max((one.observations for one in epochs), default=0),
        course=course,
        bars=_bars(course),
        duration=duration_of(facts.session),
    )
    return page


def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("origin.cards"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    environment.filters.update(
        bytes=human_size,
        time=human_time,
        span=human_duration,
        percent=percent,
        listed=listed,
        many=many,
        number=lambda value: f"{value:,}",
    )
    return environment.get_template("report.html.j2")


def _plain(value: Any) -> Any:
    """What is written by others, on its line and readable; what is markup already, as it is."""
    return one_line(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _bars(course: Course) -> list[tuple[float, float, int]]:
    """For each stretch of time where its bar stands and how high it is, in parts of a hundred."""
    most = max(course.observations, default=0)
    if not most:
        return []
    width = 100 / len(course.observations)
    return [
        (round(at * width, 3), round(100 * seen / most, 2), seen)
        for at, seen in enumerate(course.observations)
    ]
