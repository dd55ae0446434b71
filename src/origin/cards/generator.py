"""`ProvenanceCardGenerator`: what went into a training run, for people to read."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from origin.cards.facts import RunFacts, SourceFacts, gather, notes_of
from origin.cards.figures import duration_of, human_size
from origin.cards.markdown import Safe, environment
from origin.cards.report import html_report
from origin.core.license.vocabulary import CONDITIONS
from origin.core.record import SessionRecord
from origin.core.wording import enumerated, many
from origin.query.engine import QueryEngine
from origin.query.steps import Step
from origin.storage.database import ProvenanceDatabase, require_database

# So many rows of a table, or lines of a list, are shown; what is beyond them is summed up.
MOST_ROWS = 200


class ProvenanceCardGenerator:
    """Writes cards: what a training run was given, what the licenses say, how to verify it.

    Args:
        db: an open database; a read-only one will do.

    Raises:
        ConfigurationError: ``db`` is no database.

    >>> import tempfile
    >>> from origin.hooks.pytorch import DataLoaderHook
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
    ...     with db.session(config_hash="v1") as session:
    ...         hook = DataLoaderHook(db, session.session_id, "poems", "CC0-1.0")
    ...         root = hook.observe(["a poem", "another"])
    ...     card = ProvenanceCardGenerator(db).generate(session.session_id)
    >>> print(card.splitlines()[0])
    # Training data provenance
    >>> "| `poems` | `CC0-1.0` | `CC0-1.0` | 100 % | 2 | 2 |" in card
    True
    >>> folder.cleanup()
    """

    def __init__(self, db: ProvenanceDatabase) -> None:
        require_database("ProvenanceCardGenerator", db)
        self._db = db

    def __repr__(self) -> str:
        return f"ProvenanceCardGenerator({self._db!r})"

    def generate(self, session_id: str | SessionRecord) -> str:
        """The card of a session.

        For a given record it is always the same: all times in it are the record's own.

        Args:
            session_id: which session.

        Returns:
            Markdown, for GitHub and the Hugging Face Hub.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        return card_of(gather(self._db, session_id))

    def generate_html(self, session_id: str | SessionRecord) -> str:
        """A report about a session: one HTML page, which needs no network and no script.

        For a given record it is always the same.

        Args:
            session_id: which session.

        Returns:
            A whole page, to be written as UTF-8.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        return html_report(self._db, session_id)

    def generate_batch(
        self,
        session_id: str | SessionRecord,
        batch_no: int,
        *,
        source: str | None = None,
        rank: int | None = None,
    ) -> str:
        """The card of one batch: that of this number in every stream of a session.

        Args:
            session_id: which session.
            batch_no: the number of the batch; each stream begins with 0.
            source: only what came from this source.
            rank: only what this rank was given.

        Returns:
            Markdown, for GitHub and the Hugging Face Hub.

        Raises:
            SessionNotFoundError: no session has that id.
            BatchNotFoundError: no such batch is on record.
            ConfigurationError: the session has no such stream.
        """
        step = QueryEngine(self._db).get_step(session_id, batch_no, source=source, rank=rank)
        return batch_card_of(step)


def card_of(facts: RunFacts, *, level: int = 1, most: int = MOST_ROWS) -> str:
    """The card that tells some facts of a session.

    Args:
        facts: what ``gather`` found.
        level: of its heading, 1 to 4.
        most: so many rows of a table, or lines of a list, are shown.

    Returns:
        Markdown, for GitHub and the Hugging Face Hub.
    """

    def cut(rows: Sequence[Any]) -> _Cut:
        return _cut(rows, most)

    rows, rest = cut(facts.sources)
    missing = list(facts.missing.items())
    return _rendered(
        "card.md.j2",
        under=Safe("#" * (level - 1)),
        facts=facts,
        rules=_rules(facts),
        verdict=verdict_line(facts),
        duration=duration_of(facts.session),
        sources=rows,
        other_sources=_summed(rest) if rest else None,
        has_repeated=len(facts.source_ids) < len(facts.sources),
        licenses=cut(facts.licenses),
        notes=cut(notes_of(facts.sources)),
        open=cut(facts.open_conflicts),
        settled=cut([one for one in facts.conflicts if one.settled is not None]),
        conditions=[CONDITIONS.get(name, name) for name in facts.conditions],
        missing=cut(missing),
        size=human_size(facts.counts["bytes"]),
        gaps=cut(facts.gaps),
        missing_batches=sum(one["last_batch"] - one["first_batch"] + 1 for one in facts.gaps),
    )


def batch_card_of(step: Step) -> str:
    """The card that tells a step: the batches of one number.

    Args:
        step: what ``QueryEngine.get_step`` gave.

    Returns:
        Markdown, for GitHub and the Hugging Face Hub.
    """
    return _rendered(
        "batch.md.j2",
        step=step,
        batches=_cut(step.batches),
        gaps=_cut(step.missing),
        most=MOST_ROWS,
        samples=sum(one.batch.samples for one in step.batches),
    )


def verdict_line(facts: RunFacts) -> str:
    """Whether the record is complete, licenses conflict and licenses are unknown.

    Args:
        facts: what is told of a session.
    """
    return "; ".join((facts.completeness, _conflicts(facts), _unknown(facts))) + "."


def _rules(facts: RunFacts) -> str:
    return facts.rules.partition(",")[0]


def _conflicts(facts: RunFacts) -> str:
    counted = ((facts.errors, "error"), (facts.warnings, "warning"))
    told = enumerated([many(number, noun) for number, noun in counted if number] or ["no conflict"])
    if facts.open_conflicts:
        told += " about licenses that nobody has settled"
    else:
        told += " of licenses" + (" that is open" if facts.settled else "")
    rest = f" ({facts.settled:,} settled)" if facts.settled else ""
    return f"{_rules(facts)} found {told}{rest}"


def _unknown(facts: RunFacts) -> str:
    unknown, sources = len(facts.unknown_sources), len(facts.source_ids)
    if not sources:
        return "there are no sources"
    if not unknown:
        return f"the license of {'its source' if sources == 1 else 'each source'} is known"
    return f"the license of {unknown:,} of {many(sources, 'source')} is unknown"


class _OtherSources(NamedTuple):
    """The sources that are not shown."""

    number: int
    share: float
    observations: int


def _summed(rest: Sequence[SourceFacts]) -> _OtherSources:
    return _OtherSources(
        len({one.source.source_id for one in rest}),
        sum(one.share for one in rest),
        sum(one.observations for one in rest),
    )


class _Cut(NamedTuple):
    """The rows of a table that are shown, and how many more there are."""

    shown: Sequence[Any]
    more: Sequence[Any]


def _cut(rows: Sequence[Any], most: int = MOST_ROWS) -> _Cut:
    return _Cut(rows[:most], rows[most:])


def _rendered(template: str, **values: object) -> str:
    return environment().get_template(template).render(values).rstrip("\n") + "\n"
