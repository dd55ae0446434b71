"""Which alternatives are taken where licenses leave a choice: those that go with the others."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from origin.core.license.flows import May
from origin.core.license.joint import Joint, flow_of, joined
from origin.core.license.judge import Judge, Judgement
from origin.core.license.reading.expression import AllOf, One, Tree, has_choice, with_alternatives
from origin.core.license.registry import LicenseRegistry
from origin.core.license.terms import LicenseTerms
from origin.core.license.uses import Use


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen of several trees.

    Args:
        judged: for each tree what it means, its alternatives settled.
        places: of those that have to go together.
        joint: whether these do.
    """

    judged: tuple[Judgement, ...]
    places: tuple[int, ...]
    joint: Joint


def choose(
    trees: Sequence[Tree],
    use: Use,
    judge: Judge,
    registry: LicenseRegistry,
    takes_part: Callable[[Judgement], bool],
) -> Choice:
    """Settle what several trees leave open.

    An alternative with an error for the use is taken only if there is no other. Of those that are
    left, it is one that lets a license follow that all let follow: that license for which the
    alternatives that let it follow have the least against them.

    Args:
        trees: the licenses.
        use: what is to be done.
        judge: says what they mean for it.
        registry: describes them.
        takes_part: whether a tree has to go together with the others.
    """
    left = [judge.viable(tree, use) for tree in trees]
    judged = [judge.judge(tree, use) for tree in left]
    places = [place for place, found in enumerate(judged) if takes_part(found)]
    joint = joined([left[place] for place in places], registry)
    open_ = [place for place in places if has_choice(left[place])]
    if joint.candidates and open_:
        ways = [
            [judge.judge(_fitting(left[place], registry.terms(One(one)), registry), use)
             for place in open_]
            for one in joint.candidates
        ]  # fmt: skip
        for place, found in zip(open_, min(ways, key=_weight_of_all), strict=True):
            judged[place] = found
    return Choice(tuple(judged), tuple(places), joint)


def _weight_of_all(judged: Iterable[Judgement]) -> list[int]:
    return [sum(counts) for counts in zip(*(one.weight for one in judged), strict=True)]


def _fitting(tree: Tree, wanted: LicenseTerms, registry: LicenseRegistry) -> Tree:
    """A tree without the alternatives that do not let a license follow."""
    return with_alternatives(
        tree, lambda parts: [part for part in parts if _lets(part, wanted, registry)]
    )


def _lets(tree: Tree, wanted: LicenseTerms, registry: LicenseRegistry) -> bool:
    if isinstance(tree, One):
        return flow_of(tree, wanted, registry).may is May.YES
    lets = [_lets(part, wanted, registry) for part in tree.parts]
    return all(lets) if isinstance(tree, AllOf) else any(lets)
