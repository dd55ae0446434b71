"""The licenses that cards on the Hugging Face Hub may name, and what SPDX calls them."""

from functools import lru_cache

from origin.core.license.reading.expression import One, Reading
from origin.core.license.reading.names import read_id, read_name, reference, spdx_ids, unsaid
from origin.core.license.reading.spelling import phrase_key

# Ids that are an id of SPDX's list but for the case.
# fmt: off
_SAME = (
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd-2-clause", "bsd-3-clause",
    "bsd-3-clause-clear", "bsl-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0",
    "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0",
    "cdla-sharing-1.0", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2",
    "gpl-2.0", "gpl-3.0", "isc", "lgpl-2.1", "lgpl-3.0", "lppl-1.3c", "mit", "mpl-2.0",
    "ms-pl", "ncsa", "ofl-1.1", "openmdw-1.0", "osl-3.0", "postgresql", "unlicense", "wtfpl",
    "zlib",
)
# fmt: on

# Ids with a name of their own in SPDX's list, or in ScanCode's.
_OTHERS = {
    "c-uda": "C-UDA-1.0",
    "lgpl-lr": "LGPLLR",
    "odbl": "ODbL-1.0",
    "odc-by": "ODC-By-1.0",
    "pddl": "PDDL-1.0",
    "bigcode-openrail-m": "LicenseRef-scancode-bigcode-open-rail-m-v1",
    "bigscience-bloom-rail-1.0": "LicenseRef-scancode-bigscience-rail-1.0",
    "bigscience-openrail-m": "LicenseRef-scancode-bigscience-open-rail-m",
    "creativeml-openrail-m": "LicenseRef-scancode-stable-diffusion-2022-08-22",
    "gemma": "LicenseRef-scancode-gemma-tou-2024-04-01",
    "llama2": "LicenseRef-scancode-llama-2-license-2023",
    "llama3.1": "LicenseRef-scancode-llama-3.1-license-2024",
    "llama3.2": "LicenseRef-scancode-llama-3.2-license-2024",
    "llama3.3": "LicenseRef-scancode-llama-3.3-license-2024",
    # What ScanCode calls llama-4-license-2025 is the acceptable use policy.
    "llama4": "LicenseRef-scancode-llama-4-cla-2025",
}

# Ids that no list has.
# fmt: off
_OWN = (
    "apple-amlr", "apple-ascl", "deepfloyd-if-license", "fair-noncommercial-research-license",
    "grok2-community", "h-research", "intel-research", "llama3", "openmdw-1.1", "openrail++",
)
# fmt: on

_FAMILIES = ("bsd", "cc", "gfdl", "gpl", "lgpl", "openrail")
_UNKNOWN = ("other", "unknown")

# The names that cards show for what SPDX's list does not have.
_NAMES = {
    "Apple Model License for Research": "apple-amlr",
    "Apple Sample Code license": "apple-ascl",
    "BigCode Open RAIL-M v1": "bigcode-openrail-m",
    "BigScience BLOOM RAIL 1.0": "bigscience-bloom-rail-1.0",
    "BigScience OpenRAIL-M": "bigscience-openrail-m",
    "CreativeML OpenRAIL-M": "creativeml-openrail-m",
    "DeepFloyd IF Research License Agreement": "deepfloyd-if-license",
    "FAIR Noncommercial Research License": "fair-noncommercial-research-license",
    "Gemma Terms of Use": "gemma",
    "Grok 2 Community License Agreement": "grok2-community",
    "H Research License": "h-research",
    "Intel Research Use License Agreement": "intel-research",
    "Llama 2 Community License Agreement": "llama2",
    "Llama 3 Community License Agreement": "llama3",
    "Llama 3.1 Community License Agreement": "llama3.1",
    "Llama 3.2 Community License Agreement": "llama3.2",
    "Llama 3.3 Community License Agreement": "llama3.3",
    "Llama 4 Community License Agreement": "llama4",
    "Open Model, Data & Weights License Agreement v1.1": "openmdw-1.1",
    "Open Rail++-M License": "openrail++",
    "OpenRAIL++-M": "openrail++",
    "CreativeML Open RAIL++-M License": "openrail++",
}

_ASSUMED = {
    "c-uda": "names no version; assumed C-UDA-1.0, the only one",
    "gemma": "does not say of which day the terms are; those of 2024-04-01 were assumed",
    "odbl": "names no version; assumed ODbL-1.0, the only one",
    "odc-by": "names no version; assumed ODC-By-1.0, the only one",
    "pddl": "names no version; assumed PDDL-1.0, the only one",
}


def hub_licenses() -> dict[str, str | None]:
    """All license ids of the Hub.

    Returns:
        For each its SPDX expression; None for one that names a family, or no license at all.

    >>> table = hub_licenses()
    >>> table["odc-by"], table["openrail++"], table["openrail"]
    ('ODC-By-1.0', 'LicenseRef-openrail-plus-plus', None)
    """
    return dict(_table())


def read_hub(text: str) -> Reading | None:
    """Read a license id of the Hub, or the name that the Hub shows for one.

    Args:
        text: the id, in any case.

    Returns:
        What it was read as, without a license for a family; None if the Hub has no such id.

    >>> read_hub("LLaMA3.1").tree.key
    'LicenseRef-scancode-llama-3.1-license-2024'
    """
    hub_id = text.casefold()
    if hub_id not in _table():
        hub_id = _by_name().get(phrase_key(text), "")
    if hub_id in _FAMILIES:
        return read_name(text) or read_name(hub_id)
    expression = _table().get(hub_id)
    if expression is None:
        return None
    one = One(expression)
    assumed = _ASSUMED.get(hub_id)
    notes = (f"{text!r} {assumed}",) if assumed else ()
    return Reading(one, (*notes, *unsaid(text, one)))


def hub_name(expression: str) -> str | None:
    """The name that the Hub shows for a license that is on no other list.

    >>> hub_name("LicenseRef-llama3")
    'Llama 3 Community License Agreement'
    """
    own = hub_id_of(expression)
    return next((name for name, known in _NAMES.items() if known == own), None)


def hub_id_of(expression: str) -> str | None:
    """The id by which the Hub knows a license, for a card.

    Args:
        expression: a normalized expression.

    Returns:
        The id; None if the Hub has none, so that a card says ``other`` and names the license.

    >>> hub_id_of("Apache-2.0"), hub_id_of("GPL-3.0-only"), hub_id_of("GPL-3.0-or-later")
    ('apache-2.0', 'gpl-3.0', None)
    """
    return _back().get(expression.casefold())


def canonical_reference(text: str) -> str:
    """A ``LicenseRef-…`` as it is spelled here; empty if the text is none.

    >>> canonical_reference("LICENSEREF-LLAMA3"), canonical_reference("licenseref-Mine")
    ('LicenseRef-llama3', 'LicenseRef-Mine')
    """
    plain = reference(text)
    known = _back().get(plain.casefold())
    return (known and _table()[known]) or plain


@lru_cache(maxsize=1)
def _table() -> dict[str, str | None]:
    ids = {own.casefold(): own for own in spdx_ids()}
    table: dict[str, str | None] = {}
    for hub_id in _SAME:
        found = read_id(ids[hub_id])
        table[hub_id] = found.tree.key if found and isinstance(found.tree, One) else None
    table.update(_OTHERS)
    table.update((hub_id, f"LicenseRef-{hub_id.replace('+', '-plus')}") for hub_id in _OWN)
    table.update(dict.fromkeys((*_FAMILIES, *_UNKNOWN)))
    return table


@lru_cache(maxsize=1)
def _back() -> dict[str, str]:
    return {own.casefold(): hub_id for hub_id, own in _table().items() if own is not None}


@lru_cache(maxsize=1)
def _by_name() -> dict[str, str]:
    """Names, also without what is often left out of them, and ids that are spelled freely."""
    found = {phrase_key(hub_id): hub_id for hub_id in (*_OTHERS, *_OWN) if "+" not in hub_id}
    for name, hub_id in _NAMES.items():
        key = phrase_key(name)
        for short in (
            key,
            key.removesuffix(" agreement"),
            key.removesuffix(" community agreement"),
        ):
            found[short] = hub_id
    return found
