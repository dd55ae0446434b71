"""The licenses of a session: what came under which, and what they say together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from origin.core.license.choice import choose
from origin.core.license.findings import FirstBatch, Party
from origin.core.license.flows import later_versions
from origin.core.license.joint import Joint
from origin.core.license.judge import Judge, Judgement
from origin.core.license.reading.expression import AllOf, One, Tree, has_choice, render
from origin.core.license.reading.normalize import NormalizedLicense
from origin.core.license.registry import LicenseRegistry
from origin.core.license.uses import Use
from origin.core.license.vocabulary import PERMISSIONS, Grant, Term, in_words, meet
from origin.core.record import MIXED_LICENSE, UNKNOWN_LICENSE, license_key
from origin.core.wording import Shown, listed, one_line, quoted
from origin.errors import InvalidRecordError


@dataclass(frozen=True, slots=True)
class SourceUse:
    """What a session had from a source under one license.

    Args:
        source_id: the source.
        declared: the license that was recorded with it; None where nobody said.
        registered: the license that the source is registered under now.
        observations: how many samples, every time they were seen.
        first_batch: where the first was seen; None if none was yet.
    """

    source_id: str
    declared: str | None
    registered: str | None
    observations: int = 0
    first_batch: FirstBatch | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.source_id, str) or not isinstance(self.observations, int):
            raise InvalidRecordError("a SourceUse has a text for its source and counts by an int")


@dataclass(frozen=True, slots=True)
class Reading:
    """How the license of a source was read.

    Args:
        license: what it was read as; ``unknown`` where that is not known.
        tree: the same as an expression; None if it is unknown.
        readings: how each text that was declared was read.
        was: for sources that are registered under another license since, what was recorded and what
            they are registered as.
        is_withdrawn: nobody names a license for them any more.
        is_learnt: nobody had named one when they were recorded.
    """

    license: str
    tree: Tree | None
    readings: tuple[NormalizedLicense, ...]
    was: tuple[str, str] | None = None
    is_withdrawn: bool = False
    is_learnt: bool = False

    @property
    def is_none(self) -> bool:
        """Whether it was declared that there is no license."""
        return any(one.is_none for one in self.readings)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for sources that are judged as one: what is unknown is told apart by how it was
        declared, and so are assumptions."""
        apart = tuple(
            None if is_unnamed(one) else one.declared
            for one in self.readings
            if one.notes or one.tree is None
        )
        return (self.license, apart, self.was)


@dataclass(frozen=True, slots=True)
class Share:
    """All sources of a session that are under the same licenses.

    Args:
        party: the license and what came under it.
        reading: how it was read.
        tree: what it is judged by: as it was read, or what a policy leaves of that.
    """

    party: Party
    reading: Reading
    tree: Tree | None


def shares_of(uses: Iterable[SourceUse], registry: LicenseRegistry) -> list[Share]:
    """A session's sources by license, those with the most observations first.

    Args:
        uses: what the session had from each source.
        registry: reads what was declared.
    """
    listed = list(uses)
    total = sum(one.observations for one in listed)
    groups: dict[tuple[object, ...], list[SourceUse]] = {}
    readings: dict[tuple[object, ...], Reading] = {}
    for one in listed:
        reading = reading_of(one, registry)
        groups.setdefault(reading.key, []).append(one)
        readings[reading.key] = reading
    found = [_share(readings[key], members, total) for key, members in groups.items()]
    return sorted(found, key=lambda one: (-one.party.observations, one.party.license))


def uses_of(
    streams: Iterable[tuple[int, str, str | None, str | None, int]], firsts: Mapping[int, int]
) -> list[SourceUse]:
    """What came from each source under each license, in the order they came.

    Args:
        streams: number, source, license as it was recorded and as it is registered, and how many
            observations there are.
        firsts: the number of the first batch of each stream that has one.
    """
    found: dict[tuple[str, str | None], SourceUse] = {}
    for number, source_id, declared, registered, seen in streams:
        first = FirstBatch(source_id, number, firsts[number]) if number in firsts else None
        before = found.get((source_id, declared))
        if before is not None:
            seen, first = seen + before.observations, before.first_batch or first
        found[source_id, declared] = SourceUse(source_id, declared, registered, seen, first)
    return list(found.values())


def is_unnamed(read: NormalizedLicense) -> bool:
    """Whether nobody named a license."""
    return read.declared is None or license_key(read.declared) == UNKNOWN_LICENSE


def reading_of(one: SourceUse, registry: LicenseRegistry) -> Reading:
    """How the license of a source was read, both where it is registered under another since."""
    recorded, registered = registry.read(one.declared), registry.read(one.registered)
    if _are_same(recorded, registered):
        return Reading(_shown(recorded), recorded.tree, (recorded,))
    was = (_named(recorded), _named(registered))
    if is_unnamed(registered):
        return Reading(_shown(recorded), recorded.tree, (recorded,), was, is_withdrawn=True)
    if is_unnamed(recorded):
        # What nobody knew then and somebody knows now is no change.
        return Reading(_shown(registered), registered.tree, (registered,), was, is_learnt=True)
    if recorded.tree is None or registered.tree is None:
        lacking = [one for one in (recorded, registered) if one.tree is None]
        none = next((one for one in lacking if one.is_none), lacking[0])
        return Reading(_shown(none), None, (none,), was)
    both = AllOf((recorded.tree, registered.tree))
    return Reading(render(both), both, (recorded, registered), was)


def _are_same(one: NormalizedLicense, other: NormalizedLicense) -> bool:
    if one.expression is not None or other.expression is not None:
        return one.expression == other.expression
    return is_unnamed(one) == is_unnamed(other) and (
        is_unnamed(one) or license_key(one.declared) == license_key(other.declared)
    )


def _named(read: NormalizedLicense) -> str:
    if is_unnamed(read):
        return "nobody's license"
    return quoted(str(read.declared)) if read.expression is None else read.expression


def _shown(read: NormalizedLicense) -> str:
    return UNKNOWN_LICENSE if read.expression is None else read.expression


def _share(reading: Reading, members: Sequence[SourceUse], total: int) -> Share:
    seen = [one.first_batch for one in members if one.first_batch is not None]
    observations = sum(one.observations for one in members)
    declared = [one.declared for one in reading.readings if one.declared is not None]
    spelt = [one.declared for one in members if one.declared is not None]
    party = Party(
        reading.license,
        tuple(dict.fromkeys([*spelt, *declared])),
        tuple(dict.fromkeys(one.source_id for one in members)),
        observations,
        observations / total if total else 0.0,
        min(seen, key=lambda one: one[1:], default=None),
    )
    return Share(party, reading, reading.tree)


@dataclass(frozen=True, slots=True, repr=False)
class Propagation(Shown):
    """What several licenses say together.

    Args:
        license: the license that a work from all of them comes under: the only one there is, the
            only one of them that all others let follow, ``mixed`` if there is no such one, or
            ``unknown``; None if there are no licenses.
        permissions: what all of them grant; unknown if one does not tell.
        restrictions: what any of them rules out.
        conditions: what any of them asks for.
        candidates: the licenses that all of them let follow; none if one is unknown.
        conflicts: where no license may follow all of them, the smallest sets of them for which that
            is so.
        choices: which was taken where they leave a choice.
        unknown: those of which nothing can be told, as they were declared.
    """

    license: str | None
    permissions: dict[str, Grant]
    restrictions: tuple[Term, ...]
    conditions: tuple[Term, ...]
    candidates: tuple[str, ...]
    conflicts: tuple[tuple[str, ...], ...]
    choices: dict[str, str]
    unknown: tuple[str, ...]

    def __str__(self) -> str:
        together = [f"no license for: {' and '.join(one)}" for one in self.conflicts]
        if self.candidates:
            together = [f"may be followed by: {listed(self.candidates)}"]
        taken = [f"of {text}, taken: {one}" for text, one in self.choices.items()]
        unknown = [f"unknown: {', '.join(map(quoted, self.unknown))}"] if self.unknown else []
        said = in_words(self.permissions, self.restrictions, self.conditions)
        lines = [f"license: {self.license}", *together, *taken, *unknown, *said]
        return "\n  ".join(map(one_line, lines))


def propagated(
    readings: Sequence[NormalizedLicense], use: Use, judge: Judge, registry: LicenseRegistry
) -> Propagation:
    """What several licenses say together.

    Args:
        readings: the licenses.
        use: for which the choices are made that they leave.
        judge: makes them.
        registry: describes the licenses.
    """
    by_text = {_shown(one): one.tree for one in readings if one.tree is not None}
    unknown = [one for one in readings if one.tree is None]
    texts = list(by_text)
    chosen = choose(
        list(by_text.values()), use, judge, registry, lambda found: _tells(found, registry)
    )
    applied = [registry.terms(one) for found in chosen.judged for one in found.applied]
    # What nobody named grants nothing that is known, and neither does what is not there.
    nothing = [Grant.UNKNOWN] * (bool(unknown) or not texts)
    tells_all = not unknown and len(chosen.places) == len(texts)
    return Propagation(
        _resulting(by_text, chosen.joint, bool(unknown), tells_all),
        {
            word: meet([*(terms.permits(word) for terms in applied), *nothing])
            for word in PERMISSIONS
        },
        _united([terms.restrictions for terms in applied]),
        _united([terms.conditions for terms in applied]),
        chosen.joint.candidates if tells_all else (),
        tuple(
            tuple(texts[chosen.places[place]] for place in places)
            for places in chosen.joint.conflicts
        ),
        {
            text: " AND ".join(map(render, found.applied))
            for (text, tree), found in zip(by_text.items(), chosen.judged, strict=True)
            if has_choice(tree)
        },
        tuple(dict.fromkeys(_declared(one) for one in unknown)),
    )


def _tells(judged: Judgement, registry: LicenseRegistry) -> bool:
    """Whether it is known what licenses say of adapted works."""
    terms = [registry.terms(one) for one in judged.applied]
    return all(one.permits("modifications") is not Grant.UNKNOWN for one in terms)


def _declared(read: NormalizedLicense) -> str:
    return UNKNOWN_LICENSE if read.declared is None else read.declared


def _resulting(
    by_text: dict[str, Tree], joint: Joint, has_unnamed: bool, tells_all: bool
) -> str | None:
    if not by_text:
        return UNKNOWN_LICENSE if has_unnamed else None
    if len(by_text) == 1 and not has_unnamed:
        return next(iter(by_text))
    if not tells_all:
        return MIXED_LICENSE
    own = [tree.key for tree in by_text.values() if isinstance(tree, One)]
    fitting = [one for one in own if one in joint.candidates]
    if not fitting:
        # A later version of one of them, or the form that allows later ones.
        later = [version for one in own for version in later_versions(one)]
        fitting = [one for one in joint.candidates if one in later]
        if len({_stem(one) for one in fitting}) == 1:
            return fitting[-1]
    return fitting[0] if len(fitting) == 1 else MIXED_LICENSE


def _stem(license_id: str) -> str:
    return license_id.removesuffix("-only").removesuffix("-or-later")


def _united(terms: Sequence[tuple[Term, ...]]) -> tuple[Term, ...]:
    return tuple(dict.fromkeys(one for some in terms for one in some))
