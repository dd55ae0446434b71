"""Which licenses a work from several inputs can be under: all inputs at once, never pair by pair.

Every license of a universe is one bit. An input is the mask of those that may follow it, joined
licenses are the intersection, a choice the union, and inputs fit together if a bit is left.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import comb

from origin.core.license.flows import Flow, May, alternatives, flow, later_versions
from origin.core.license.matrix import osadl_ids
from origin.core.license.reading.expression import AllOf, One, Tree
from origin.core.license.registry import LicenseRegistry
from origin.core.license.terms import STRONG, WEAK, LicenseTerms, described

_ELEMENTS = ("BY", "BY-SA", "BY-NC", "BY-NC-SA")
_COMMONS = tuple(f"CC-{name}-4.0" for name in _ELEMENTS)

# How many subsets of one size are tried; beyond that one that is small is found, not a smallest.
_MOST_TRIED = 100_000
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Joint:
    """Whether inputs fit together.

    Args:
        candidates: the licenses that a work from all of them may be under, those of the inputs
            first.
        possible: where there is none, those of which nobody can tell.
        conflicts: where there is neither, the smallest sets of inputs that have no license in
            common, by their places; ten at most.
        unsettled: where there are no candidates, the smallest sets of inputs for which that is so.
    """

    candidates: tuple[str, ...]
    possible: tuple[str, ...]
    conflicts: tuple[tuple[int, ...], ...]
    unsettled: tuple[tuple[int, ...], ...]


def joined(trees: Sequence[Tree], registry: LicenseRegistry) -> Joint:
    """Which licenses a work from several inputs can be under.

    Args:
        trees: what each input is under.
        registry: describes the licenses.

    >>> from origin.core.license.reading.normalize import normalize_license
    >>> inputs = [normalize_license(one).tree for one in ("MIT", "CC-BY-SA-4.0", "CC-BY-NC-4.0")]
    >>> joined(inputs, LicenseRegistry()).conflicts
    ((1, 2),)
    """
    if not trees:
        return Joint((), (), (), ())
    universe = Universe(trees, registry)
    masks = [universe.mask(tree) for tree in trees]
    sure, maybe = [one[0] for one in masks], [one[1] for one in masks]
    candidates, possible = _common(sure), _common(maybe)
    if candidates:
        return Joint(universe.names(candidates), (), (), ())
    if possible:
        return Joint((), universe.names(possible), (), smallest_disjoint(sure))
    return Joint((), (), smallest_disjoint(maybe), ())


def _common(masks: Iterable[int]) -> int:
    found = -1
    for mask in masks:
        found &= mask
    return 0 if found == -1 else found


class Universe:
    """The licenses that a work may be under, each a bit.

    Args:
        trees: the inputs; what they are under, and its later versions, comes first.
        registry: describes the licenses.
    """

    def __init__(self, trees: Sequence[Tree], registry: LicenseRegistry) -> None:
        self._registry = registry
        own = [leaf.key for tree in trees for leaf in leaves(tree)]
        later = [one for key in own for one in later_versions(key)]
        ids = dict.fromkeys([*own, *later, *_COMMONS, *_copyleft_ids()])
        self._terms = [registry.terms(One(one)) for one in ids]
        self._masks: dict[One, tuple[int, int]] = {}

    def names(self, mask: int) -> tuple[str, ...]:
        """The licenses that a mask stands for."""
        return tuple(one.license_id for place, one in enumerate(self._terms) if mask >> place & 1)

    def mask(self, tree: Tree) -> tuple[int, int]:
        """Which licenses may follow a tree: for sure, and as far as anybody can tell."""
        if isinstance(tree, One):
            if tree not in self._masks:
                self._masks[tree] = self._mask_of(tree)
            return self._masks[tree]
        parts = [self.mask(part) for part in tree.parts]
        sure, maybe = parts[0]
        for own_sure, own_maybe in parts[1:]:
            if isinstance(tree, AllOf):
                sure, maybe = sure & own_sure, maybe & own_maybe
            else:
                sure, maybe = sure | own_sure, maybe | own_maybe
        return sure, maybe

    def _mask_of(self, license_: One) -> tuple[int, int]:
        sure = maybe = 0
        for place, outbound in enumerate(self._terms):
            may = flow_of(license_, outbound, self._registry).may
            sure |= (may is May.YES) << place
            maybe |= (may is not May.NO) << place
        return sure, maybe


def flow_of(license_: One, outbound: LicenseTerms, registry: LicenseRegistry) -> Flow:
    """Whether a leaf of an expression may go into a work under a license; the licensee may choose
    among its versions, and the best answer counts."""
    base = registry.terms(license_)
    if base.is_custom:
        return _flow_between(base, outbound, registry)
    best = None
    for key in alternatives(license_):
        inbound = base if key in (license_.key, base.license_id) else registry.terms(One(key))
        found = _flow_between(inbound, outbound, registry)
        if found.may is May.YES:
            return found
        if best is None or (best.may is May.NO and found.may is May.UNKNOWN):
            best = found
    assert best is not None  # noqa: S101  every leaf has its own key among the alternatives
    return best


def _flow_between(inbound: LicenseTerms, outbound: LicenseTerms, registry: LicenseRegistry) -> Flow:
    # What the id alone does not tell is remembered with the registry that knows it.
    is_unknown = "unknown" in (inbound.category, outbound.category)
    if inbound.is_custom or outbound.is_custom or is_unknown:
        pair = (inbound.license_id, outbound.license_id)
        if pair not in registry.flows:
            registry.flows[pair] = flow(inbound, outbound)
        found: Flow = registry.flows[pair]
        return found
    return _remembered(inbound.license_id, outbound.license_id)


@cache
def _remembered(inbound: str, outbound: str) -> Flow:
    # Licenses that are nobody's own never change within a process.
    registry = LicenseRegistry()
    return flow(registry.terms(One(inbound)), registry.terms(One(outbound)))


def leaves(tree: Tree) -> Iterable[One]:
    """The licenses of a tree, in order."""
    if isinstance(tree, One):
        yield tree
    else:
        for part in tree.parts:
            yield from leaves(part)


@cache
def _copyleft_ids() -> tuple[str, ...]:
    """Licenses with copyleft: a work that is under none of its inputs' licenses is under one of
    these, or of Creative Commons. A permissive license that may follow all inputs is never
    needed: one of the inputs then may as well, which a test holds for all of OSADL's."""
    registry = LicenseRegistry()
    known = dict.fromkeys([*described(), *osadl_ids()])
    return tuple(one for one in known if registry.terms(One(one)).copyleft in (STRONG, WEAK))


def smallest_disjoint(masks: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The smallest sets of masks that have no bit in common, by their places; ten at most.

    Args:
        masks: which together have no bit in common.

    >>> smallest_disjoint([0b011, 0b110, 0b101, 0b111])
    ((0, 1, 2),)
    """
    for size in range(1, len(masks) + 1):
        if comb(len(masks), size) > _MOST_TRIED:
            break
        found = []
        for places in combinations(range(len(masks)), size):
            if not _common(masks[place] for place in places):
                found.append(places)
                if len(found) == _MOST_TOLD:
                    break
        if found:
            return tuple(found)
    return (_small_disjoint(masks),)


def _small_disjoint(masks: Sequence[int]) -> tuple[int, ...]:
    """A set of masks that have no bit in common, none of which can be left out."""
    places = list(range(len(masks)))
    for place in reversed(range(len(masks))):
        rest = [one for one in places if one != place]
        if rest and not _common(masks[one] for one in rest):
            places = rest
    return tuple(places)
