"""`Attribution`: the notice that licenses such as CC BY and MIT ask for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from origin.core.license.judge import Judge
from origin.core.license.mix import SourceUse, shares_of
from origin.core.license.registry import LicenseRegistry
from origin.core.license.terms import LicenseTerms
from origin.core.license.uses import DATA as REDISTRIBUTE
from origin.core.license.uses import UNSETTLED, Use
from origin.core.license.vocabulary import CONDITIONS, DATA
from origin.core.record import SourceRecord
from origin.core.wording import Shown, one_line

MISSING = "not recorded"


@dataclass(frozen=True, slots=True)
class AttributionEntry:
    """What is to be said of one source.

    Args:
        source_id: the source.
        title: what the work is called; the source's id if no title is recorded.
        author: who made it; None if that is not recorded.
        source: where others find it: its URL, or its path if that is one.
        license: its license; ``unknown`` where that is not known.
        license_urls: where the text of the license is; one for each license.
        changes: what was changed in it; None if that is not recorded.
        asks: what its license asks for, in words.
        missing: what its license asks for and nobody recorded.
    """

    source_id: str
    title: str
    author: str | None
    source: str | None
    license: str
    license_urls: tuple[str, ...]
    changes: str | None
    asks: tuple[str, ...]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        by = f" by {one_line(self.author)}" if self.author else ""
        lines = [f"{one_line(self.title)}{by}"]
        if self.source:
            lines.append(f"  source: {one_line(self.source)}")
        link = f" ({', '.join(map(one_line, self.license_urls))})" if self.license_urls else ""
        lines.append(f"  license: {one_line(self.license)}{link}")
        if self.changes:
            lines.append(f"  changes: {one_line(self.changes)}")
        if self.asks:
            lines.append(f"  the license asks to {'; to '.join(self.asks)}")
        if self.missing:
            lines.append(f"  {MISSING}: {', '.join(self.missing)}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, repr=False)
class Attribution(Shown):
    """The notice for a session: an entry for each source, as text when it is printed.

    Args:
        session_id: which session.
        entries: one for each source, in the order of their titles.
    """

    session_id: str
    entries: tuple[AttributionEntry, ...]

    @property
    def missing(self) -> dict[str, tuple[str, ...]]:
        """For each source, what its license asks for and nobody recorded."""
        return {one.source_id: one.missing for one in self.entries if one.missing}

    def __str__(self) -> str:
        head = (
            f"NOTICE\n\nData that went into training session {self.session_id}, under the licenses "
            "that were declared for it."
        )
        return "\n\n".join([head, *map(str, self.entries)]) + "\n"


def attribution_of(
    session_id: str,
    uses: Iterable[SourceUse],
    sources: Mapping[str, SourceRecord],
    registry: LicenseRegistry,
) -> Attribution:
    """The notice for a session.

    Args:
        session_id: which session.
        uses: what it had from each source.
        sources: the sources by id.
        registry: reads and describes the licenses.
    """
    by_source: dict[str, list[SourceUse]] = {}
    for one in uses:
        by_source.setdefault(one.source_id, []).append(one)
    entries = [_entry(sources[own], members, registry) for own, members in by_source.items()]
    return Attribution(session_id, tuple(sorted(entries, key=lambda e: (e.title, e.source_id))))


def _entry(
    source: SourceRecord, uses: list[SourceUse], registry: LicenseRegistry
) -> AttributionEntry:
    shares = shares_of(uses, registry)
    judge, sharing = Judge(registry, UNSETTLED), Use(REDISTRIBUTE)
    judged = [judge.judge(share.tree, sharing) for share in shares if share.tree is not None]
    terms = [registry.terms(one) for found in judged for one in found.applied]
    asked = [one.name for own in terms for one in own.conditions if DATA in one.binds]
    asks = tuple(CONDITIONS[name] for name in dict.fromkeys(asked))
    return AttributionEntry(
        source.source_id,
        source.title or source.source_id,
        source.author,
        _link_of(source),
        " AND ".join(dict.fromkeys(share.party.license for share in shares)),
        tuple(dict.fromkeys(url for own in terms if (url := _url_of(own)) is not None)),
        source.changes,
        asks,
        tuple(_missing(source, set(asked), is_known=len(judged) == len(shares))),
    )


def _missing(source: SourceRecord, asked: set[str], *, is_known: bool) -> Iterable[str]:
    if not is_known:
        yield "license"
    if asked & {"attribution", "include-copyright"} and source.author is None:
        yield "author"
    if "attribution" in asked:
        if source.title is None:
            yield "title"
        if _link_of(source) is None:
            yield "source"
    if "document-changes" in asked and source.changes is None:
        yield "changes"


def _link_of(source: SourceRecord) -> str | None:
    """Where others find a source. A path on somebody's disk tells them nothing, and may tell too
    much."""
    path = source.source_path or ""
    return source.url or (path if path.startswith(("http://", "https://")) else None)


def _url_of(terms: LicenseTerms) -> str | None:
    if terms.url is not None:
        return terms.url
    if terms.is_custom or terms.license_id.startswith("LicenseRef-"):
        return None
    return f"https://spdx.org/licenses/{terms.license_id}.html"
