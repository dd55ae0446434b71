"""`Finding`: something that the rules say about the licenses of a run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any, NamedTuple

from origin.core.license.rules import RULES, Rule
from origin.core.license.terms import RULES_VERSION
from origin.core.license.uses import ANY_USE, DATA
from origin.core.record import UNKNOWN_LICENSE, Settlement
from origin.core.wording import Shown, html_table, one_line, percent, quoted

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)

_SHOWN_SOURCES = 3
_SHOWN_FINDINGS = 50


class FirstBatch(NamedTuple):
    """Where something was first seen in a session."""

    source_id: str
    stream_no: int
    batch_no: int


@dataclass(frozen=True, slots=True)
class Party:
    """A license that a finding is about, and what came under it.

    Args:
        license: what it was read as; ``unknown`` where that is not known.
        declared: as it was declared, each way that occurs.
        sources: the ids of the sources, in the order they were first seen.
        observations: how many samples came from them, every time they were seen.
        share: that as a part of all observations of the session, from 0 to 1.
        first_batch: where the first of them was seen.
    """

    license: str
    declared: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    observations: int = 0
    share: float = 0.0
    first_batch: FirstBatch | None = None

    def __str__(self) -> str:
        named_license = quoted(self.license, 200)[1:-1]
        if not self.sources:
            return named_license
        named = _named(self.sources)
        noun = "source" if len(self.sources) == 1 else "sources"
        share = f"{percent(self.share)} of samples"
        return f"{named_license} ({self._as_declared()}{noun} {named}, {share})"

    def _as_declared(self) -> str:
        is_telling = self.license == UNKNOWN_LICENSE or self.license.startswith("LicenseRef-")
        if not is_telling or not self.declared or self.declared == (self.license,):
            return ""
        return f"declared as {', '.join(map(quoted, self.declared[:_SHOWN_SOURCES]))}, "


@dataclass(frozen=True, slots=True, repr=False)
class Finding(Shown):
    """Something that the rules say about the licenses of a run.

    Args:
        kind: ``forbidden-use``, ``incompatible``, ``share-alike``, ``unknown-license``,
            ``undetermined``, ``obligation``, ``restriction``, ``assumption``,
            ``license-changed`` or ``policy``.
        severity: ``error``, ``warning`` or ``info``.
        use: what it stands in the way of; ``any`` if it matters for all uses.
        parties: the licenses it is about, the sources with them.
        rule_id: the rule that says so.
        reason: what was found, as a sentence without a full stop.
        data_version: the rules and data it was made with.
        about: what tells it from other findings by the same rule, such as a permission.
        source: what says so in this case; the rule has a source of its own.
        settled: who settled it, why and when; None while it stands.
    """

    kind: str
    severity: str
    use: str
    parties: tuple[Party, ...]
    rule_id: str
    reason: str
    data_version: str
    about: str = ""
    source: str = ""
    settled: Settlement | None = field(default=None, compare=False)

    @property
    def finding_id(self) -> str:
        """Sixteen hex digits that stay the same as long as licenses, the way they were declared,
        sources, use and rule do.

        So a finding that was settled stands again once another source takes part in it, or for a
        use that demands more.
        """
        told = repr((self.use, *self.matter))
        return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def matter(self) -> tuple[object, ...]:
        """What it is about, whatever the use: equal for what is found again for another use."""
        scope = self.use if self.use in (ANY_USE, DATA) else "model"
        about = [[one.license, *sorted(one.declared), *sorted(one.sources)] for one in self.parties]
        return (scope, self.kind, self.rule_id, self.about, repr(about))

    @property
    def rule(self) -> Rule:
        """The rule that says so, with its text and source."""
        return RULES[self.rule_id]

    @property
    def licenses(self) -> tuple[str, ...]:
        """The licenses it is about."""
        return tuple(one.license for one in self.parties)

    @property
    def license_a(self) -> str:
        """The first license it is about."""
        return self.parties[0].license

    @property
    def license_b(self) -> str | None:
        """The second license it is about, if there is one."""
        return self.parties[1].license if len(self.parties) > 1 else None

    @property
    def sources(self) -> tuple[str, ...]:
        """The ids of all sources it is about."""
        return tuple(dict.fromkeys(one for party in self.parties for one in party.sources))

    @property
    def observations(self) -> int:
        """How many samples came from these sources, every time they were seen."""
        return sum(one.observations for one in self.parties)

    @property
    def share(self) -> float:
        """That as a part of all observations of the session, from 0 to 1."""
        return sum(one.share for one in self.parties)

    @property
    def first_batch(self) -> FirstBatch | None:
        """Where the first of these samples was seen; None if none was yet."""
        seen = [one.first_batch for one in self.parties if one.first_batch is not None]
        return min(seen, key=lambda one: one[1:], default=None)

    @property
    def is_conflict(self) -> bool:
        """Whether it is an error or a warning that nobody has settled."""
        return self.severity != INFO and self.settled is None

    def explain(self) -> str:
        """What was found and by which rule, in two sentences."""
        named = " and ".join(map(str, self.parties))
        told = f"{named}: {one_line(self.reason)}."
        rule, source = self.rule, self.source or self.rule.source
        return f"{told} Rule {rule.rule_id} of rules v{RULES_VERSION}: {rule.text} [{source}]."

    def __str__(self) -> str:
        mark = "settled" if self.settled is not None else self.severity
        named = " and ".join(map(str, self.parties))
        text = f"{mark}: {named}: {one_line(self.reason)} [rule {self.rule_id}]"
        if self.settled is None:
            return text
        return (
            f"{text}; settled by {one_line(self.settled.person)} on {self.settled.settled_on}: "
            f"{one_line(self.settled.reason)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON types; who settled it is kept apart from it."""
        told = asdict(replace(self, settled=None))
        del told["settled"]
        for party in told["parties"]:
            first = party["first_batch"]
            party["first_batch"] = None if first is None else list(first)
        return {"finding_id": self.finding_id, **told}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any], settled: Settlement | None = None) -> "Finding":
        """The finding that ``to_dict`` gave."""
        parties = tuple(_party(one) for one in told["parties"])
        names = ("kind", "severity", "use", "rule_id", "reason", "data_version", "about", "source")
        return cls(parties=parties, settled=settled, **{name: told[name] for name in names})


class Findings(list[Finding]):
    """A list of findings, which notebooks show as a table."""

    def _repr_html_(self) -> str:
        if not self:
            return "<p>Nothing was found.</p>"
        shown = [_row(one) for one in self[:_SHOWN_FINDINGS]]
        more = len(self) - _SHOWN_FINDINGS
        rest = f"<p>and {more:,} more</p>" if more > 0 else ""
        columns = ("", "use", "license", "sources", "what was found", "rule")
        return html_table(columns, shown) + rest


def _row(one: Finding) -> tuple[str, ...]:
    mark, reason = one.severity, one.reason
    if one.settled is not None:
        word = one.settled
        mark = "settled"
        reason = f"{reason} (settled by {word.person} on {word.settled_on}: {word.reason})"
    licenses = " and ".join(one.licenses)
    return mark, one.use, licenses, _named(one.sources), reason, one.rule_id


def _named(sources: Sequence[str]) -> str:
    shown = ", ".join(map(quoted, sources[:_SHOWN_SOURCES]))
    more = len(sources) - _SHOWN_SOURCES
    return f"{shown} and {more} more" if more > 0 else shown


def _party(told: Mapping[str, Any]) -> Party:
    first = told["first_batch"]
    return Party(
        told["license"],
        tuple(told["declared"]),
        tuple(told["sources"]),
        told["observations"],
        told["share"],
        None if first is None else FirstBatch(*first),
    )


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Findings, what is open and severe first, then by how many samples they are about."""
    return sorted(
        findings,
        key=lambda one: (
            one.settled is not None,
            SEVERITIES.index(one.severity),
            -one.observations,
            one.finding_id,
        ),
    )
