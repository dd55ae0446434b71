"""`LicenseRegistry`: what each license says, those of the user's own included."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from origin.core.license import terms as described_terms
from origin.core.license.matrix import osadl_ids
from origin.core.license.reading.expression import One
from origin.core.license.reading.hub import hub_name
from origin.core.license.reading.names import is_exception, is_free, spdx_ids, spdx_name
from origin.core.license.reading.normalize import NormalizedLicense, normalize_license
from origin.core.license.terms import LicenseTerms, creative_commons, from_entry, from_record
from origin.core.license.vocabulary import PERMISSIONS, Grant
from origin.core.record import RESERVED_LICENSES, LicenseRecord, license_key
from origin.core.validation import require_record
from origin.errors import InvalidRecordError, LicenseNotFoundError


class LicenseRegistry:
    """Describes licenses: every SPDX license, the data licenses of the field, and your own.

    Args:
        custom: licenses that the user defined, such as ``db.list_licenses()``. One with the id of
            a license that everybody knows stands in its place.

    >>> registry = LicenseRegistry([LicenseRecord("OURS", "Ours", permissions=["use"])])
    >>> registry.get("cc by-nc 4.0").permits("commercial-use").value
    'deny'
    >>> registry.get("OURS").permits("private-use").value
    'grant'
    """

    def __init__(self, custom: Iterable[LicenseRecord] = ()) -> None:
        self._custom: dict[str, LicenseTerms] = {}
        # What was found of pairs with one of the user's own.
        self.flows: dict[tuple[str, str], Any] = {}
        if not isinstance(custom, Iterable):
            raise InvalidRecordError("LicenseRegistry takes a list of LicenseRecord(...)")
        for record in custom:
            self.add(record)

    def add(self, record: LicenseRecord) -> None:
        """Have a license of the user's own join in.

        Raises:
            InvalidRecordError: it is no ``LicenseRecord``.
        """
        require_record("add", record, LicenseRecord)
        if license_key(record.license_id) in RESERVED_LICENSES:
            return  # these say that there is no license, or that none is known
        self.flows.clear()
        self._custom[license_key(record.license_id)] = from_record(record)

    @property
    def custom_ids(self) -> tuple[str, ...]:
        """The ids of the user's own licenses."""
        return tuple(one.license_id for one in self._custom.values())

    def read(self, text: str | None) -> NormalizedLicense:
        """What a license that somebody declared is read as; its own ids come first.

        Args:
            text: what was declared; None where nobody said.

        Raises:
            InvalidRecordError: it is neither text nor None.
        """
        return normalize_license(text, self.custom_ids)

    def get(self, text: str) -> LicenseTerms:
        """What one license says.

        Args:
            text: its id or name, as people write it; ``unknown`` and ``NONE`` are described too.

        Raises:
            LicenseNotFoundError: it names no license, or an expression of several.

        >>> LicenseRegistry().get("ODbL 1.0").copyleft
        'strong'
        """
        read = self.read(text)
        if read.is_none:
            return _nothing("NONE", "no license", Grant.DENY)
        if read.tree is None and license_key(read.declared) in RESERVED_LICENSES:
            return _nothing("unknown", "a license that is not known", Grant.UNKNOWN)
        if not isinstance(read.tree, One):
            why = read.notes[0] if read.notes else f"{read.expression} is not one license"
            raise LicenseNotFoundError(
                f"no license can be described for {text!r}: {why}; give one SPDX id, or define it "
                "with db.record_license(LicenseRecord(...))"
            )
        return self.terms(read.tree)

    def terms(self, license_: One) -> LicenseTerms:
        """What a leaf of an expression says.

        An exception that SPDX lists adds permissions to those of its license, and is not judged
        itself. Whatever else stands after ``WITH`` may take some away, so nothing is known then.
        """
        own = self._custom.get(license_key(license_.key))
        if license_.exception is None or is_exception(license_.exception):
            return own or _terms_of(license_.key)
        return _terms_of(f"{license_.key} WITH {license_.exception}")

    def terms_to_follow(self, license_: One) -> LicenseTerms:
        """What a license says under which something is to be shared: with its exception, it is
        another license than without."""
        if license_.exception is None:
            return self.terms(license_)
        return _terms_of(f"{license_.key} WITH {license_.exception}")

    def known_terms(self, license_: One) -> LicenseTerms | None:
        """What everybody knows of a license in whose place one of the user's own stands; None if
        none does."""
        if license_key(license_.key) not in self._custom:
            return None
        tree = normalize_license(license_.key).tree
        if not isinstance(tree, One):
            return None
        known = _terms_of(tree.key)
        return None if known.category == "unknown" else known

    def __contains__(self, text: object) -> bool:
        """Whether a text names a license of which something is known."""
        if not isinstance(text, str):
            return False
        tree = self.read(text).tree
        return isinstance(tree, One) and self.terms(tree).category != "unknown"

    def __iter__(self) -> Iterator[str]:
        """The ids of all licenses that are known by name."""
        known = [*self.custom_ids, *spdx_ids(), *described_terms.described()]
        return iter(dict.fromkeys(known))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"LicenseRegistry({len(self._custom)} of your own, {len(self)} in all)"


def _nothing(license_id: str, name: str, grant: Grant) -> LicenseTerms:
    """What is said where there is no license, or none is known."""
    return LicenseTerms(
        license_id, name, "unknown", dict.fromkeys(PERMISSIONS, grant), source="its name"
    )


@lru_cache(maxsize=4096)
def _terms_of(license_id: str) -> LicenseTerms:
    base, with_, exception = license_id.partition(" WITH ")
    if with_ and is_exception(exception):
        # An exception takes back a part of what its license asks for; which, is not known here.
        return replace(_terms_of(base), license_id=license_id, copyleft="unknown")
    if with_:
        source = f"nothing that Origin reads describes {exception}"
        return LicenseTerms(license_id, license_id, source=source)
    name = spdx_name(license_id) or hub_name(license_id) or license_id
    # ScanCode has Creative Commons licenses that SPDX does not have, in small letters.
    commons = license_id
    if license_id in _scancode_categories():
        commons = license_id.removeprefix("LicenseRef-scancode-")
    terms = creative_commons(commons if commons == license_id else commons.upper(), name)
    if terms is not None:
        return replace(terms, license_id=license_id)
    entry = described_terms.described().get(license_id)
    if entry is not None:
        return from_entry(license_id, name, entry, "")
    category = _scancode_categories().get(license_id)
    by_category = described_terms.data()["category"].get(category)
    if by_category is None:
        return LicenseTerms(license_id, name, source="nothing that Origin reads describes it")
    source = f"ScanCode's category {category!r}"
    terms = replace(from_entry(license_id, name, by_category, source), by_category=True)
    if is_free(license_id) or license_id in osadl_ids():
        return terms
    # A category is one word about a whole license. What it permits to outsiders counts only where
    # people who read licenses call it free.
    inside = {word: grant for word, grant in terms.permissions.items() if word == "private-use"}
    return replace(terms, permissions=dict.fromkeys(PERMISSIONS, Grant.UNKNOWN) | inside)


@lru_cache(maxsize=1)
def _scancode_categories() -> dict[str, str]:
    from license_expression import get_license_index

    found: dict[str, str] = {}
    entries: list[dict[str, Any]] = get_license_index()
    for entry in entries:
        own = entry.get("spdx_license_key")
        for key in (own, *entry.get("other_spdx_license_keys", ())):
            if key and not entry.get("is_exception"):
                found.setdefault(key, entry["category"])
    return found
