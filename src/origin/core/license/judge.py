"""What one license means for a use: the rules, applied to its terms."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from origin.core.license.findings import ERROR, INFO, SEVERITIES, WARNING
from origin.core.license.flows import May
from origin.core.license.joint import flow_of
from origin.core.license.reading.expression import AnyOf, One, Tree, with_alternatives
from origin.core.license.reading.names import is_exception
from origin.core.license.registry import LicenseRegistry
from origin.core.license.terms import STRONG, WEAK, LicenseTerms
from origin.core.license.uses import DATA, NO, TRAIN, UNSETTLED, YES, Use
from origin.core.license.vocabulary import CONDITIONS, PERMISSIONS, Grant
from origin.core.wording import enumerated

_OPEN = "; whether weights are adapted from their data is unsettled"

_RESTRICTED = {
    "no-commercial": "it is for non-commercial use only",
    "no-derivatives": "only the unchanged material may be shared, so not what was cleaned or cut",
    "no-redistribution": "it may not be passed on",
    "no-training": "it may not be trained on",
    "research-only": "it permits research only",
    "computational-use-only": "it may be used for computation only",
    "use-based": "it rules out certain uses, which are listed in its text",
    "user-limit": "it ends above a number of users, which is in its text",
    "no-other-models": "it may not be used to improve other language models than its own",
    "region-limit": "it grants nothing, or less, to some regions, which its text names",
    "database-only": "it is a license of the database, and what is in it may be under others",
    "trademark-use": "it grants no use of trademarks",
    "liability": "it excludes liability",
    "warranty": "it excludes warranty",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding about one license, before it is known how much came under it.

    Args:
        kind, severity, rule_id, reason: those of the finding.
        about: what tells it from others by the same rule; see ``Finding``.
        against: the license that the weights are to be under, if it is about that.
        source: what says so in this case.
    """

    kind: str
    severity: str
    rule_id: str
    reason: str
    about: str = ""
    against: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the licenses of one source mean for a use.

    Args:
        applied: the licenses that apply, after every choice.
        drafts: what is found of them.
    """

    applied: tuple[One, ...]
    drafts: tuple[Draft, ...]

    @property
    def weight(self) -> tuple[int, ...]:
        """How much stands against it: the number of errors, of warnings, and of all else."""
        return tuple(
            sum(one.severity == severity for one in self.drafts) for severity in SEVERITIES
        )


class Judge:
    """Applies the rules to licenses one by one.

    Args:
        registry: describes the licenses.
        setting: whether weights count as adapted from their data: ``yes``, ``no``, ``unsettled``.
    """

    def __init__(self, registry: LicenseRegistry, setting: str) -> None:
        self._registry, self._setting = registry, setting

    def judge(self, tree: Tree, use: Use) -> Judgement:
        """What licenses mean for a use. Where they are alternatives, the one with the least
        against it is taken, the first of equals."""
        if isinstance(tree, One):
            own = self._registry.terms(tree).source
            drafts = (replace(one, source=one.source or own) for one in self._drafts(tree, use))
            return Judgement((tree,), tuple(drafts))
        parts = [self.judge(part, use) for part in tree.parts]
        if isinstance(tree, AnyOf):
            return min(parts, key=lambda one: one.weight)
        return Judgement(
            tuple(dict.fromkeys(one for part in parts for one in part.applied)),
            tuple(dict.fromkeys(one for part in parts for one in part.drafts)),
        )

    def viable(self, tree: Tree, use: Use) -> Tree:
        """A tree without the alternatives that have more errors for a use than others."""

        def fewest(parts: list[Tree]) -> list[Tree]:
            errors = [self.judge(part, use).weight[0] for part in parts]
            return [part for part, own in zip(parts, errors, strict=True) if own == min(errors)]

        return with_alternatives(tree, fewest)

    def reach(self, terms: LicenseTerms) -> str | None:
        """How severe it is that a license speaks of adapted works when weights are shared; None
        if it does not reach them."""
        if terms.results_free or self._setting == NO:
            return None
        return ERROR if self._setting == YES else WARNING

    def _drafts(self, license_: One, use: Use) -> Iterator[Draft]:
        terms = self._registry.terms(license_)
        reach = self.reach(terms) if use.shares_weights else None
        open_ = _OPEN if reach is not None and self._setting == UNSETTLED else ""
        yield from _needs(terms, _needed(use, reach), open_)
        yield from _of_restrictions(terms, use)
        if use.shares_weights:
            yield from _of_offering(terms)
            if use.under is None:
                yield from self._of_copyleft(terms, reach, open_)
                yield from _of_passing_on(terms)
            else:
                yield from self._of_target(license_, use.under, reach, open_)
        yield from self._of_conditions(terms, use)
        if license_.exception is not None and is_exception(license_.exception):
            yield Draft(
                "assumption",
                INFO,
                "exception-not-judged",
                f"it is judged as {license_.key}, without {license_.exception}",
                license_.exception,
            )

    def _of_copyleft(self, terms: LicenseTerms, reach: str | None, open_: str) -> Iterator[Draft]:
        if reach is None or terms.copyleft not in (STRONG, WEAK):
            return
        asks = "the weights have to be shared under it, or under one that it names"
        severity = reach
        if terms.copyleft == WEAK:
            asks = "what is taken from its files has to stay under it"
            severity = WARNING if reach == ERROR else INFO
        yield Draft("share-alike", severity, "share-alike", f"{asks}{open_}", reach)

    def _of_target(
        self, license_: One, under: One, reach: str | None, open_: str
    ) -> Iterator[Draft]:
        terms, target = self._registry.terms(license_), self._registry.terms_to_follow(under)
        named = target.license_id
        if (license_.key, license_.exception) == (under.key, under.exception):
            yield from _of_passing_on(terms)
        elif _binds(terms, "pass-on-terms", "weights"):
            says = f"its terms flow down to the weights, and {named} does not carry them"
            yield Draft("incompatible", ERROR, "pass-on-terms", says, ERROR, named)
        elif _stays_with_weights(terms) and target.permits("commercial-use") is Grant.GRANT:
            says = f"what it rules out stays with the weights, and {named} permits it"
            yield Draft("incompatible", ERROR, "nc-dropped", says, ERROR, named)
        elif reach is not None and terms.permits("modifications") is Grant.GRANT:
            # Where that is denied or unknown, it is found already.
            found = flow_of(license_, target, self._registry)
            if found.may is May.NO:
                says = f"it does not let {named} follow{open_}"
                yield Draft("incompatible", reach, found.rule_id, says, reach, named, found.source)
            if found.may is May.UNKNOWN:
                says = f"nobody can tell whether {named} may follow{open_}"
                yield Draft(
                    "undetermined", WARNING, found.rule_id, says, reach, named, found.source
                )

    def _of_conditions(self, terms: LicenseTerms, use: Use) -> Iterator[Draft]:
        if use.name == TRAIN:
            return
        bound = {"data"} if use.name == DATA else {"weights", "outputs"}
        if use.shares_weights and self.reach(terms) is not None:
            bound.add("data")
        words = [one.name for one in terms.conditions if bound & set(one.binds)]
        if words:
            says = f"it asks to {', to '.join(CONDITIONS[one] for one in words)}"
            yield Draft("obligation", INFO, "conditions", says, " ".join(words))


def _needed(use: Use, reach: str | None) -> dict[str, str]:
    """The permissions that a use needs, and how severe it is if one is denied."""
    if use.name == DATA:
        return {"distribution": ERROR}
    needed = {"private-use": ERROR}
    if use.is_commercial:
        needed["commercial-use"] = ERROR
    if reach is not None:
        needed |= {"modifications": reach, "distribution": reach}
    return needed


def _of_passing_on(terms: LicenseTerms) -> Iterator[Draft]:
    if _binds(terms, "pass-on-terms", "weights"):
        says = "its terms have to go with the weights"
        yield Draft("obligation", WARNING, "pass-on-terms", says)


def _of_offering(terms: LicenseTerms) -> Iterator[Draft]:
    if _binds(terms, "offer-database", "weights"):
        says = "the database may have to be offered with the weights, if these are made from it"
        yield Draft("obligation", WARNING, "offer-database", says)


# What is a warning in itself: the kind, the rule, and the uses. All else is only told.
_MODEL = "model"
_WARNED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "database-only": ("restriction", "database-only", (_MODEL, DATA)),
    "no-other-models": ("restriction", "restriction", (_MODEL,)),
    "region-limit": ("restriction", "restriction", (_MODEL,)),
    "no-commercial": ("forbidden-use", "nc-commercial", (_MODEL,)),
    "research-only": ("forbidden-use", "research-only", (_MODEL,)),
    "no-derivatives": ("restriction", "nd-adaptation", (DATA,)),
}
# What is denied is found by the permission that is missing.
_DENIALS = {"no-redistribution", "no-training"}
_LEGAL = {"trademark-use", "liability", "warranty"}
_PURPOSES = ("no-commercial", "research-only")


def _of_restrictions(terms: LicenseTerms, use: Use) -> Iterator[Draft]:
    """What is ruled out besides permissions that are denied."""
    bound = {"weights", "outputs"} if use.shares_weights else {"data"}
    silent = _DENIALS | _LEGAL if use.name == TRAIN else _DENIALS
    for term in terms.restrictions:
        if term.name in _PURPOSES and use.is_commercial:
            continue  # an error, by the permission that is denied
        says = _RESTRICTED[term.name]
        # It is the same finding as that error, for a use that may be allowed.
        about = "commercial-use" if term.name in _PURPOSES else term.name
        kind, rule, uses = _WARNED.get(term.name, ("restriction", "restriction", ()))
        if (DATA if use.name == DATA else _MODEL) in uses:
            doubt = ", which a company's own use may not be" * (term.name == "no-commercial")
            yield Draft(kind, WARNING, rule, f"{says}{doubt}", about)
        elif bound & set(term.binds) and term.name not in silent:
            yield Draft("restriction", INFO, "restriction", says, term.name)


def _stays_with_weights(terms: LicenseTerms) -> bool:
    return any(one.name in _PURPOSES and "weights" in one.binds for one in terms.restrictions)


def _needs(terms: LicenseTerms, needed: dict[str, str], open_: str) -> Iterator[Draft]:
    """What stands against permissions that a use needs, each as severe as is said."""
    unknown = []
    for permission, severity in needed.items():
        grant = terms.permits(permission)
        if grant is Grant.DENY:
            yield _denied(terms, permission, severity, open_)
        elif grant is Grant.UNKNOWN:
            unknown.append(permission)
    if unknown:
        named = enumerated([PERMISSIONS[one] for one in unknown])
        says = f"nothing tells whether it permits {named}"
        yield Draft("undetermined", WARNING, "permission-unknown", says)


def _denied(terms: LicenseTerms, permission: str, severity: str, open_: str) -> Draft:
    if permission == "commercial-use":
        rule = "research-only" if terms.has("research-only") else "nc-commercial"
        says = "it does not permit commercial use"
        return Draft("forbidden-use", severity, rule, says, permission)
    rule = "nd-adaptation" if permission == "modifications" else "permission-denied"
    says = f"it does not permit {PERMISSIONS[permission]}{open_ if severity != ERROR else ''}"
    return Draft("forbidden-use", severity, rule, says, f"{permission} {severity}")


def _binds(terms: LicenseTerms, word: str, what: str) -> bool:
    return any(one.name == word and what in one.binds for one in terms.conditions)
