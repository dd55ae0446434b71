"""Which license may follow which: whether an input under one may go into a work under another.

The answer has a direction, and pairs are never chained: that A may become B and B may become C does
not tell of A and C.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from origin.core.license.matrix import osadl_letter
from origin.core.license.reading.expression import One
from origin.core.license.reading.names import is_exception, spdx_ids
from origin.core.license.terms import STRONG, LicenseTerms, data
from origin.core.license.vocabulary import Grant


class May(Enum):
    """Whether something may be done."""

    YES = "yes"
    UNKNOWN = "unknown"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Flow:
    """Whether one license may follow another.

    Args:
        may: whether it may.
        rule_id: the rule that says so.
        source: where that is written.
    """

    may: May
    rule_id: str
    source: str = ""


def flow(inbound: LicenseTerms, outbound: LicenseTerms) -> Flow:
    """Whether what is under one license may go into an adapted work under another.

    Args:
        inbound: what the input is under.
        outbound: what the work would be under.
    """
    for rule in _RULES:
        found = rule(inbound, outbound)
        if found is not None:
            return found
    return _by_category(inbound, outbound)


def _same(inbound: LicenseTerms, outbound: LicenseTerms) -> Flow | None:
    if inbound.license_id != outbound.license_id:
        return None
    granted = inbound.permits("modifications")
    if granted is Grant.UNKNOWN:
        return _matrix(inbound, outbound) or Flow(May.UNKNOWN, "permission-unknown")
    if granted is Grant.DENY:
        return Flow(May.NO, "nd-adaptation", inbound.source)
    return Flow(May.YES, "same-license", inbound.source)


def _named(inbound: LicenseTerms, outbound: LicenseTerms) -> Flow | None:
    if inbound.is_custom or outbound.is_custom:
        return None
    entry = _edges().get((inbound.license_id, outbound.license_id))
    if entry is None:
        return None
    return Flow(May.YES if entry["allowed"] else May.NO, "named-compatible", entry["source"])


def _nothing_reserved(inbound: LicenseTerms, outbound: LicenseTerms) -> Flow | None:
    if inbound.category == "public-domain" and inbound.takes_any:
        return Flow(May.YES, "public-domain", inbound.source)
    return None


def _elements(inbound: LicenseTerms, outbound: LicenseTerms) -> Flow | None:
    if inbound.elements is None or outbound.elements is None:
        return None
    fits = "ND" not in inbound.elements and inbound.elements <= outbound.elements
    if fits and "SA" in inbound.elements:
        fits = inbound.elements == outbound.elements and _is_later(inbound, outbound)
        if fits and "-IGO" in outbound.license_id:
            # Older versions speak of ports to jurisdictions, and that is none.
            return Flow(May.UNKNOWN, "cc-elements", inbound.source)
    # Without "may be adapted" in it, nothing can be an adaptation under that license.
    fits = fits and "ND" not in outbound.elements
    return Flow(May.YES if fits else May.NO, "cc-elements", inbound.source)


def _is_later(inbound: LicenseTerms, outbound: LicenseTerms) -> bool:
    older, newer = _version(inbound.license_id), _version(outbound.license_id)
    # Version 1.0 does not speak of later ones.
    return newer == older if older <= (1, 0) else newer >= older


def _matrix(inbound: LicenseTerms, outbound: LicenseTerms) -> Flow | None:
    if inbound.is_custom or outbound.is_custom:
        return None
    letter = osadl_letter(outbound.license_id, inbound.license_id)
    if letter is None:
        return None
    may = {"S": May.YES, "Y": May.YES, "N": May.NO}.get(letter, May.UNKNOWN)
    return Flow(may, "osadl", f"row {outbound.license_id}, column {inbound.license_id}")


def _kept(inbound: LicenseTerms, outbound: LicenseTerms) -> Flow | None:
    if outbound.category == "public-domain" and inbound.conditions:
        return Flow(May.NO, "conditions-dropped", inbound.source)
    return None


def _adapted(inbound: LicenseTerms, outbound: LicenseTerms) -> Flow | None:
    if inbound.permits("modifications") is Grant.DENY:
        return Flow(May.NO, "nd-adaptation", inbound.source)
    if outbound.permits("modifications") is Grant.DENY:
        return Flow(May.NO, "nd-adaptation", outbound.source)
    commercial = inbound.permits("commercial-use"), outbound.permits("commercial-use")
    if commercial == (Grant.DENY, Grant.GRANT):
        return Flow(May.NO, "nc-dropped", inbound.source)
    if inbound.takes_any and outbound.category != "unknown":
        return Flow(May.YES, "notices-only", inbound.source)
    return None


def _passed_on(inbound: LicenseTerms, outbound: LicenseTerms) -> Flow | None:
    if inbound.copyleft == STRONG:
        # One that is only known by its category may name others.
        may = May.UNKNOWN if inbound.by_category else May.NO
        return Flow(may, "share-alike", inbound.source)
    if inbound.has("pass-on-terms"):
        return Flow(May.UNKNOWN, "pass-on-terms", inbound.source)
    return None


def _by_category(inbound: LicenseTerms, outbound: LicenseTerms) -> Flow:
    are_permissive = inbound.category == outbound.category == "permissive"
    are_permissive = are_permissive and not outbound.has("database-only")
    may_be_adapted = inbound.permits("modifications") is Grant.GRANT
    if are_permissive and may_be_adapted and not _is_doubted(inbound, outbound):
        return Flow(May.YES, "permissive-category", inbound.source)
    return Flow(May.UNKNOWN, "nothing-says")


# Asked in this order; the first that can tell does.
_RULES = (
    _same,
    _named,
    _nothing_reserved,
    _elements,
    _matrix,
    _kept,
    _adapted,
    _passed_on,
)


# The attribution license that the matrix knows.
_TYPICAL = "CC-BY-3.0"


def _is_doubted(inbound: LicenseTerms, outbound: LicenseTerms) -> bool:
    """Whether OSADL's matrix does not let a typical attribution license follow, or be followed."""
    follows = osadl_letter(_TYPICAL, inbound.license_id)
    is_followed = osadl_letter(outbound.license_id, _TYPICAL)
    return not {follows, is_followed} <= {"Y", "S", None}


# -- versions --------------------------------------------------------------------------------

_VERSIONED = re.compile(r"(?P<stem>.+?)-(?P<version>\d+(?:\.\d+)*)(?P<rest>-.+)?")


def _version(license_id: str) -> tuple[int, ...]:
    found = _VERSIONED.fullmatch(license_id)
    return tuple(map(int, found["version"].split("."))) if found else ()


@cache
def later_versions(license_id: str) -> tuple[str, ...]:
    """The ids of the later versions of a license, and its own, oldest first.

    Args:
        license_id: an SPDX id; ``-only`` and ``-or-later`` at its end do not count.

    >>> later_versions("GPL-2.0-or-later")
    ('GPL-2.0-only', 'GPL-2.0-or-later', 'GPL-3.0-only', 'GPL-3.0-or-later')
    >>> later_versions("EPL-1.0")
    ('EPL-1.0', 'EPL-2.0')
    """
    own = _VERSIONED.fullmatch(license_id)
    # The number of a BSD license is that of its clauses.
    if own is None or own["stem"] == "BSD":
        return (license_id,)
    wanted = (own["stem"], _rest(own))
    found = [
        (_version(one), one)
        for one in spdx_ids()
        if (match := _VERSIONED.fullmatch(one)) is not None
        and (match["stem"], _rest(match)) == wanted
        and _version(one) >= _version(license_id)
        and not _is_deprecated(one, match)
    ]
    return tuple(one for _, one in sorted(found)) or (license_id,)


def _rest(match: re.Match[str]) -> str:
    return re.sub("-(only|or-later)$", "", match["rest"] or "")


def _is_deprecated(license_id: str, match: re.Match[str]) -> bool:
    # "GPL-2.0" is listed beside "GPL-2.0-only", which took its place.
    return not match["rest"] and f"{license_id}-only" in spdx_ids()


def alternatives(license_: One) -> Iterator[str]:
    """The ids any of which a leaf of an expression lets the licensee choose.

    >>> list(alternatives(One("EPL-1.0", or_later=True)))
    ['EPL-1.0', 'EPL-2.0']
    """
    if license_.exception is not None:
        yield f"{license_.key} WITH {license_.exception}"
        if not is_exception(license_.exception):
            return
    yield license_.key
    if license_.or_later or license_.key.endswith("-or-later"):
        yield from (one for one in later_versions(license_.key) if one != license_.key)


# -- tables ----------------------------------------------------------------------------------


@cache
def _edges() -> dict[tuple[str, str], Any]:
    return {
        (inbound, outbound): entry
        for entry in data()["edge"]
        for inbound in entry["from"]
        for outbound in entry["to"]
    }
