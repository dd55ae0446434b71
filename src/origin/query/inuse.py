"""The licenses that a database names: who uses them, and what is known of each."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from origin.core.license import LicenseAnalyzer
from origin.core.license.mix import Propagation
from origin.core.license.reading.expression import One
from origin.core.license.vocabulary import Grant
from origin.core.record import UNKNOWN_LICENSE, license_key
from origin.core.wording import Shown, many
from origin.errors import LicenseNotFoundError
from origin.query.streams import license_name
from origin.storage.database import ProvenanceDatabase


@dataclass(frozen=True, slots=True, repr=False)
class LicenseInUse(Shown):
    """A license that a database names, and what came under it.

    Args:
        license_id: as it was declared first; ``unknown`` where nobody said.
        sources: the ids of the sources under it, now or when something of them was seen.
        sessions: how many sessions saw something under it.
        observations: how many samples, every time they were seen.
        terms: what is known of it.
        description: the same in words, with what says so.
    """

    license_id: str
    sources: tuple[str, ...]
    sessions: int
    observations: int
    terms: Propagation = field(compare=False)
    description: str = field(compare=False)

    @property
    def permits(self) -> tuple[str, ...]:
        """What it is known to permit."""
        return self._granted(Grant.GRANT)

    @property
    def rules_out(self) -> tuple[str, ...]:
        """What it is known to deny, and what it forbids besides."""
        return (*self._granted(Grant.DENY), *_names(self.terms.restrictions))

    @property
    def asks_for(self) -> tuple[str, ...]:
        """What it asks for in return."""
        return _names(self.terms.conditions)

    def _granted(self, wanted: Grant) -> tuple[str, ...]:
        return tuple(word for word, grant in self.terms.permissions.items() if grant is wanted)

    def __str__(self) -> str:
        seen = f"{many(self.observations, 'observation')} in {many(self.sessions, 'session')}"
        named = ", ".join(self.sources)
        use = f"{seen}, from {named}" if named else "nothing of it is on record"
        return f"{self.description}\n  {use}"


def _names(terms: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, terms)))


class _Use:
    def __init__(self, license_id: str) -> None:
        self.license_id = license_id
        self.sources: dict[str, None] = {}
        self.sessions: set[str] = set()
        self.observations = 0


def licenses_in_use(db: ProvenanceDatabase) -> list[LicenseInUse]:
    """The licenses that a database names, those most was seen under first."""
    analyzer = LicenseAnalyzer(db)
    found = sorted(_uses(db).values(), key=lambda one: (-one.observations, one.license_id))
    return [_described(one, analyzer) for one in found]


def license_in_use(db: ProvenanceDatabase, license_id: str) -> LicenseInUse:
    """One license, whether or not the database names it.

    Raises:
        LicenseNotFoundError: it does not, and nothing is known of it either.
    """
    analyzer = LicenseAnalyzer(db)
    uses = _uses(db)
    reading = analyzer.registry.read(license_id)
    names = [license_id, *([] if reading.expression is None else [str(reading.expression)])]
    for name in names:
        if license_key(name) in uses:
            return _described(uses[license_key(name)], analyzer)
    if reading.tree is None:
        # It says why nothing can be told; "unknown" and "none" can be.
        analyzer.registry.get(license_id)
    elif isinstance(reading.tree, One) and license_id not in analyzer.registry:
        raise LicenseNotFoundError(
            f"nothing is known of a license {license_id!r}, and {db.path} does not name it; "
            "`origin licenses` lists those it does"
        )
    return _described(_Use(license_id), analyzer)


def _uses(db: ProvenanceDatabase) -> dict[str, _Use]:
    uses: dict[str, _Use] = {}
    for license_id, source_id, session_id, observations in _named(db):
        own = uses.setdefault(license_key(license_id), _Use(license_id))
        if source_id is not None:
            own.sources[source_id] = None
        if session_id is not None:
            own.sessions.add(session_id)
        own.observations += observations
    return uses


def _named(db: ProvenanceDatabase) -> Iterator[tuple[str, str | None, str | None, int]]:
    """Each mention of a license: it, its source, the session, and how much was seen there."""
    for stream in db.catalog.streams():
        if stream.observations:
            name = license_name(stream.license_id)
            yield name, stream.source_id, stream.session_id, stream.observations
    for source in db.list_sources():
        yield license_name(source.license_id), source.source_id, None, 0
    for record in db.list_licenses():
        yield record.license_id, None, None, 0


def _described(use: _Use, analyzer: LicenseAnalyzer) -> LicenseInUse:
    is_unnamed = license_key(use.license_id) == UNKNOWN_LICENSE
    terms = analyzer.propagate([None if is_unnamed else use.license_id])
    try:
        description = str(analyzer.registry.get(use.license_id))
    except LicenseNotFoundError:
        description = str(terms)
    return LicenseInUse(
        use.license_id, tuple(use.sources), len(use.sessions), use.observations, terms, description
    )
