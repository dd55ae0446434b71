"""`LicenseTerms`: what one license says, in the words of the vocabulary."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from origin.core.license.vocabulary import (
    DATA,
    OUTPUTS,
    PERMISSIONS,
    RESTRICTIONS,
    WEIGHTS,
    Grant,
    Term,
    condition_word,
    in_words,
    permission_word,
    restriction_word,
)
from origin.core.record import LicenseRecord
from origin.core.wording import one_line

# Raised whenever a rule or an entry of the data changes what is found.
RULES_VERSION = 1

CATEGORIES = (
    "public-domain",
    "permissive",
    "copyleft-limited",
    "copyleft",
    "share-alike",
    "non-commercial",
    "no-derivatives",
    "research-only",
    "restricted",
    "proprietary",
    "custom",
    "unknown",
)

NONE, WEAK, STRONG = "none", "weak", "strong"

_BINDABLE = (DATA, WEIGHTS, OUTPUTS)


@dataclass(frozen=True, slots=True)
class LicenseTerms:
    """What a license says.

    Args:
        license_id: its SPDX id, a ``LicenseRef-…``, or an id of the user's own.
        name: its full name.
        category: one of ``CATEGORIES``.
        permissions: for each word of ``PERMISSIONS`` whether it is granted; what nobody can tell is
            unknown, and never a grant.
        restrictions: what it rules out.
        conditions: what it asks for in return.
        copyleft: ``none``, ``weak`` (its own files), ``strong`` (all that is adapted from it), or
            ``unknown``.
        source: what says so.
        elements: of a Creative Commons license, such as ``{"BY", "SA"}``.
        results_free: it says that it puts nothing on results, such as trained models.
        takes_any: it only asks for notices that any license lets stand.
        unread: words of the user's own that are not in the vocabulary, and so not judged.
        is_custom: whether the user defined it.
        url: where its text is, if that is known.
        by_category: nothing but ScanCode's category tells of it.
    """

    license_id: str
    name: str
    category: str = "unknown"
    permissions: Mapping[str, Grant] = field(default_factory=dict)
    restrictions: tuple[Term, ...] = ()
    conditions: tuple[Term, ...] = ()
    copyleft: str = "unknown"
    source: str = ""
    elements: frozenset[str] | None = None
    results_free: bool = False
    takes_any: bool = False
    unread: tuple[str, ...] = ()
    is_custom: bool = False
    url: str | None = None
    by_category: bool = False

    def permits(self, permission: str) -> Grant:
        """Whether it grants a permission.

        >>> LicenseTerms("x", "X").permits("distribution").value
        'unknown'
        """
        return self.permissions.get(permission, Grant.UNKNOWN)

    def has(self, word: str) -> bool:
        """Whether a word is among its restrictions or conditions."""
        return any(term.name == word for term in (*self.restrictions, *self.conditions))

    def __str__(self) -> str:
        lines = in_words(self.permissions, self.restrictions, self.conditions)
        head = f"{self.license_id}: {self.name}, {self.category}, copyleft {self.copyleft}"
        return "\n  ".join(map(one_line, [head, *lines, f"source: {self.source}"]))


@cache
def data() -> dict[str, Any]:
    """The table of licenses that Origin describes itself, ``data/terms.toml``."""
    text = files("origin.core.license").joinpath("data/terms.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def described() -> dict[str, dict[str, Any]]:
    """The entries of that table by license id."""
    return {own: entry for entry in data()["license"] for own in entry["ids"]}


def from_entry(license_id: str, name: str, entry: Mapping[str, Any], source: str) -> LicenseTerms:
    """The terms that an entry of the table describes.

    Args:
        license_id: which license it is.
        name: its full name, unless the entry has one.
        entry: of ``data/terms.toml``.
        source: what says so, unless the entry tells.
    """
    told = entry.get("source", source).replace("{id}", license_id)
    permissions = dict.fromkeys(PERMISSIONS, Grant.UNKNOWN)
    permissions.update(dict.fromkeys(entry.get("grants", ()), Grant.GRANT))
    permissions.update(dict.fromkeys(entry.get("denies", ()), Grant.DENY))
    return LicenseTerms(
        license_id,
        entry.get("name", name),
        entry["category"],
        permissions,
        _terms(entry.get("restrictions", ()), told),
        _terms(entry.get("conditions", ()), told),
        entry.get("copyleft", "unknown"),
        told,
        results_free=entry.get("results", False),
        takes_any=entry.get("takes_any", False),
    )


def _terms(written: list[str], source: str) -> tuple[Term, ...]:
    found = []
    for text in written:
        word, _, binds = text.partition(":")
        found.append(Term(word, tuple(binds.split(",")), source))
    return tuple(found)


_CREATIVE_COMMONS = re.compile(r"CC-((?:BY|NC|ND|SA)(?:-(?:BY|NC|ND|SA))*)-(\d\.\d)(?:-.+)?")


def creative_commons(license_id: str, name: str) -> LicenseTerms | None:
    """What a Creative Commons license says, which its elements tell; None if it is none.

    >>> sorted(creative_commons("CC-BY-NC-SA-3.0-IGO", "").elements)
    ['BY', 'NC', 'SA']
    """
    found = _CREATIVE_COMMONS.fullmatch(license_id)
    if found is None:
        return None
    elements = frozenset(found[1].split("-"))
    source = f"the elements of its name; Creative Commons {found[1]} {found[2]}, sections 2 to 4"
    denied = {"NC": "commercial-use", "ND": "modifications"}
    permissions = {
        "private-use": Grant.GRANT,
        "modifications": Grant.GRANT,
        "distribution": Grant.GRANT,
        "commercial-use": Grant.GRANT,
        "patent-use": Grant.UNKNOWN,
    } | {denied[one]: Grant.DENY for one in elements & denied.keys()}
    ruled_out = {"NC": "no-commercial", "ND": "no-derivatives"}
    asked = ["attribution"] if "BY" in elements else []
    asked += ["include-copyright", "document-changes"]
    asked += ["same-license"] if "SA" in elements else []
    return LicenseTerms(
        license_id,
        name,
        _category_of(elements),
        permissions,
        tuple(Term(ruled_out[one], (DATA,), source) for one in sorted(elements & denied.keys())),
        tuple(Term(word, (DATA,), source) for word in asked),
        STRONG if "SA" in elements else NONE,
        source,
        elements,
        url=f"https://creativecommons.org/licenses/{found[1].lower()}/{found[2]}/",
    )


def _category_of(elements: frozenset[str]) -> str:
    if "ND" in elements:
        return "no-derivatives"
    if "NC" in elements:
        return "non-commercial"
    return "share-alike" if "SA" in elements else "permissive"


def from_record(record: LicenseRecord) -> LicenseTerms:
    """What a license of the user's own says, as far as its words are in the vocabulary.

    What is neither permitted nor ruled out is unknown.

    >>> from_record(LicenseRecord("X", "X", restrictions=["no-redistribution"])).permits(
    ...     "distribution"
    ... ).value
    'deny'
    """
    source = f"the record of {record.license_id!r} in this database"
    unread: list[str] = []

    def read(words: tuple[str, ...], reader: Any) -> list[str]:
        known = [(word, reader(word)) for word in words]
        unread.extend(word for word, meaning in known if meaning is None)
        return [meaning for _, meaning in known if meaning is not None]

    permissions = dict.fromkeys(PERMISSIONS, Grant.UNKNOWN)
    for word in read(record.permissions, permission_word):
        permissions[word] = Grant.GRANT
    restrictions = tuple(read(record.restrictions, restriction_word))
    for word in restrictions:
        denied = RESTRICTIONS[word]
        if denied is not None:
            permissions[denied] = Grant.DENY
    conditions = read(record.conditions, condition_word)
    if record.copyleft and "same-license" not in conditions:
        conditions.append("same-license")
    return LicenseTerms(
        record.license_id,
        record.license_name,
        "custom",
        permissions,
        tuple(Term(word, _BINDABLE, source) for word in dict.fromkeys(restrictions)),
        tuple(Term(word, _bound_by(word), source) for word in dict.fromkeys(conditions)),
        _copyleft_of(conditions),
        source,
        unread=tuple(unread),
        is_custom=True,
        url=record.license_url,
    )


def _bound_by(word: str) -> tuple[str, ...]:
    """What a condition of the user's own speaks of; some only make sense for models."""
    if word == "pass-on-terms":
        return (DATA, WEIGHTS)
    if word in ("built-with", "model-name", "offer-database"):
        return (WEIGHTS,)
    return (WEIGHTS, OUTPUTS) if word == "notice-of-use" else (DATA,)


def _copyleft_of(conditions: list[str]) -> str:
    if "same-license" in conditions:
        return STRONG
    return WEAK if "same-license--file" in conditions else NONE
