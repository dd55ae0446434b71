"""What people write where a license is asked for, as an SPDX expression.

Nothing is guessed. What is certain gets its expression; what was assumed is said in a note; what
names several licenses, or none, stays unknown, and a note says why.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from origin.core.license.reading.expression import One, Reading, Tree, has_operators, parse, render
from origin.core.license.reading.hub import canonical_reference, read_hub
from origin.core.license.reading.links import is_link, read_link
from origin.core.license.reading.names import (
    read_collected,
    read_exception,
    read_id,
    read_name,
)
from origin.core.license.reading.spelling import cleaned, phrase_key
from origin.errors import InvalidRecordError

MAX_LENGTH = 2_000
NONE = "NONE"
PROPRIETARY = "LicenseRef-proprietary"
RESEARCH_ONLY = "LicenseRef-research-only"
NON_COMMERCIAL = "LicenseRef-non-commercial"

_SAYS_NOTHING = "{text!r} says that the license is not known"
_ELSEWHERE = "{text!r} points elsewhere: write the id of the license that stands there"
_NO_LICENSE = "{text!r} names no license"
_PUBLIC_DOMAIN = (
    "{text!r} is ambiguous: works are in the public domain for many reasons, and not everywhere; "
    "write CC0-1.0, PDDL-1.0 or CC-PDM-1.0 if one of them is meant"
)
_UNLICENSED = (
    "{text!r} says that nobody is given a license: taken as unknown; write NONE if nothing is "
    "granted, Unlicense if The Unlicense is meant"
)
_NOTHING = "{text!r} is ambiguous: write NONE if no license is granted; taken as unknown"

# By the text in lower case.
_REASONS = {
    **dict.fromkeys(
        (
            "",
            "-",
            "--",
            "?",
            "n/a",
            "na",
            "nan",
            "noassertion",
            "null",
            "none given",
            "none specified",
            "not available",
            "not known",
            "not provided",
            "not specified",
            "tbd",
            "todo",
            "undefined",
            "unknown",
            "unspecified",
        ),
        _SAYS_NOTHING,
    ),
    **dict.fromkeys(
        (
            "commercial",
            "copyleft",
            "custom",
            "free",
            "licence",
            "license",
            "mixed",
            "multiple",
            "open",
            "open source",
            "osi approved",
            "other",
            "permissive",
            "various",
        ),
        _NO_LICENSE,
    ),
    **dict.fromkeys(("public domain", "pd", "publicdomain"), _PUBLIC_DOMAIN),
    **dict.fromkeys(("none", "no license", "no licence"), _NOTHING),
    "unlicensed": _UNLICENSED,
}

# By phrase_key().
_DESCRIPTIONS = {
    **dict.fromkeys(
        (
            "proprietary",
            "all rights reserved",
            "other proprietary",
            "copyright all rights reserved",
        ),
        PROPRIETARY,
    ),
    **dict.fromkeys(
        (
            "research only",
            "for research only",
            "research use only",
            "for research use only",
            "research purposes only",
            "for research purposes only",
            "for research purpose only",
            "only for research",
            "only for research purposes",
        ),
        RESEARCH_ONLY,
    ),
    **dict.fromkeys(
        (
            "non commercial",
            "noncommercial",
            "non commercial only",
            "non commercial use",
            "non commercial use only",
            "noncommercial use only",
            "for non commercial use",
            "for non commercial use only",
            "for noncommercial use only",
            "for non commercial purposes only",
            "free for non commercial use",
        ),
        NON_COMMERCIAL,
    ),
}
_DESCRIBED = {own.casefold(): own for own in (PROPRIETARY, RESEARCH_ONLY, NON_COMMERCIAL)}

_PREFIX = re.compile(r"(?:spdx-license-identifier|licen[sc]e)\s*[:=](?!:)\s*", re.IGNORECASE)
_SEPARATORS = re.compile(r"\band/or\b|[/,;|&]|\s\+\s", re.IGNORECASE)
_WITH_ADDRESS = re.compile(r"([^:]+?)[\s(<-]+(https?://[^\s()<>]+)[)>]?", re.IGNORECASE)
_ABBREVIATED = re.compile(r"([^()]+)\(([^()]+)\)([^()]*)")


@dataclass(frozen=True, slots=True)
class NormalizedLicense:
    """A license as it was declared, and as it was read.

    Args:
        declared: what was given, untouched.
        expression: the canonical SPDX expression, or a license id of the user's; None: unknown.
        notes: what was assumed, or why it is unknown.
        tree: the expression, taken apart.
        is_none: whether SPDX's ``NONE`` was declared: no license is granted.

    >>> normalize_license("mit or apache-2.0").expression
    'MIT OR Apache-2.0'
    """

    declared: str | None
    expression: str | None
    notes: tuple[str, ...] = ()
    tree: Tree | None = field(default=None, repr=False, compare=False)
    is_none: bool = False


def normalize_license(text: str | None, custom: Iterable[str] = ()) -> NormalizedLicense:
    """Read what somebody declared as a license.

    Args:
        text: an id, a name, an address or an expression; None when nothing was declared.
        custom: ids of licenses that the user defined; they come before all others, without
            regard to case, and keep their spelling.

    Returns:
        The SPDX expression, or None with the reason in ``notes``; in both cases with notes on
        what was assumed.

    Raises:
        InvalidRecordError: ``text`` is neither a str nor None, or ``custom`` holds no str.

    >>> normalize_license("Apache 2").expression
    'Apache-2.0'
    >>> normalize_license("http://creativecommons.org/licenses/by/4.0/").expression
    'CC-BY-4.0'
    >>> gpl = normalize_license("GPLv3")
    >>> gpl.expression, gpl.notes[0]
    ('GPL-3.0-only', "'GPLv3' does not say whether later versions are included: ambiguous, \
assumed GPL-3.0-only")
    >>> normalize_license("MIT/Apache-2.0").expression is None
    True
    """
    own = _custom_ids(custom)
    if text is None:
        return NormalizedLicense(None, None, ("no license was declared",))
    if not isinstance(text, str):
        raise InvalidRecordError(
            f"a license is a str such as 'CC-BY-4.0', or None, not a {type(text).__name__}"
        )
    plain = str.__str__(text)
    if own:
        mine = _custom_id(plain, own) or _custom_id(plain.strip(), own)
        if mine is not None:
            return NormalizedLicense(plain, mine, (), One(mine))
    if len(plain) > MAX_LENGTH:
        note = (
            f"the text has {len(plain):,} characters, more than {MAX_LENGTH:,}: it was not read; "
            "write the id of the license"
        )
        return NormalizedLicense(plain, None, (note,))
    return _normalized(plain, own)


def _custom_ids(custom: Iterable[str]) -> tuple[str, ...]:
    own = tuple(custom) if isinstance(custom, Iterable) else (custom,)
    if isinstance(custom, str) or not all(isinstance(one, str) for one in own):
        raise InvalidRecordError("custom must hold the ids of licenses, such as ['MY-TERMS-1.0']")
    return own


@lru_cache(maxsize=4096)
def _normalized(text: str, custom: tuple[str, ...]) -> NormalizedLicense:
    plain = _PREFIX.sub("", cleaned(text), count=1).strip(" .,;'\"")
    if plain == NONE:
        return NormalizedLicense(text, NONE, (), None, True)
    reading = _read(plain, custom)
    expression = None if reading.tree is None else render(reading.tree)
    return NormalizedLicense(text, expression, reading.notes, reading.tree)


def _read(text: str, custom: tuple[str, ...]) -> Reading:
    """The whole text as one license if it is one, and else as an expression."""
    found = _single(text, custom)
    if found is not None:
        return found
    inside = None
    if has_operators(text):
        words = tuple(word for word in custom if re.fullmatch(r"[\w.:+-]+", word))
        inside = parse(text, lambda operand: _operand(operand, words), read_exception)
        if inside.tree is not None:
            return inside
    return read_collected(text) or _separated(text) or inside or _not_known(text)


def _single(text: str, custom: tuple[str, ...] = ()) -> Reading | None:
    mine = _custom_id(text, custom)
    if mine is not None:
        return Reading(One(mine))
    found = read_id(text)
    if found is not None:
        return _spelled(found)
    return (
        _described(text)
        or read_hub(text)
        or _linked(text)
        or _classifier(text)
        or _addressed(text)
        or _name(text)
    )


def _custom_id(text: str, custom: tuple[str, ...]) -> str | None:
    if text in custom:
        return text
    folded = text.casefold()
    return next((own for own in custom if own.casefold() == folded), None)


def _spelled(found: Reading) -> Reading:
    """References that are known here have one spelling."""
    if not isinstance(found.tree, One) or "Ref-" not in found.tree.key:
        return found
    key = found.tree.key
    return Reading(One(_DESCRIBED.get(key.casefold()) or canonical_reference(key)), found.notes)


def _described(text: str) -> Reading | None:
    reason = _REASONS.get(text.casefold())
    if reason is None and re.match(r"see\b", text, re.IGNORECASE):
        reason = _ELSEWHERE
    if reason is not None:
        return Reading(None, (reason.format(text=text),))
    own = _DESCRIPTIONS.get(phrase_key(text))
    if own is None:
        return None
    return Reading(One(own), (f"{text!r} is a description, not a license: written as {own}",))


def _linked(text: str) -> Reading | None:
    if not is_link(text):
        return None
    found = read_link(text)
    if found is not None:
        return found
    for address in _spellings(text):
        found = read_collected(address)
        if found is not None:
            return found
    note = (
        f"{_short(text)!r} is no address of a license that is known: write the license's id instead"
    )
    return Reading(None, (note,))


def _spellings(address: str) -> Iterable[str]:
    bare = re.sub(r"^\w+://", "", address).rstrip("/")
    for plain in (bare, bare.removeprefix("www."), f"www.{bare}"):
        for scheme in ("https://", "http://", ""):
            yield f"{scheme}{plain}"
            yield f"{scheme}{plain}/"


def _classifier(text: str) -> Reading | None:
    """A trove classifier: its last part names the license."""
    if "::" not in text:
        return None
    last = text.rpartition("::")[2].strip()
    return _single(last) or read_collected(text) or read_collected(last)


def _addressed(text: str) -> Reading | None:
    """A name and its address, if both mean the same."""
    match = _WITH_ADDRESS.fullmatch(text)
    if match is None:
        return None
    name, address = _single(match[1].strip()), _linked(match[2])
    if name is None or name.tree is None:
        return name and address
    return name if address is not None and address.tree == name.tree else None


def _name(text: str) -> Reading | None:
    found = read_name(text)
    if found is not None and found.tree is not None:
        return found
    match = _ABBREVIATED.fullmatch(text)
    if match is not None and not has_operators(match[1] + match[3]):
        return (
            _abbreviated(text, f"{match[1].strip()} {match[3].strip()}".strip(), match[2]) or found
        )
    return found


def _abbreviated(text: str, name: str, short: str) -> Reading | None:
    """``Name (SHORT)``, if both mean the same."""
    long_reading, short_reading = _single(name), _single(short.strip())
    if long_reading is None or short_reading is None:
        return None
    if short_reading.tree in (None, long_reading.tree) and phrase_key(name).startswith(
        phrase_key(short) if short_reading.tree is None else ""
    ):
        notes = (note.replace(repr(name), repr(text)) for note in long_reading.notes)
        return Reading(long_reading.tree, tuple(notes))
    if long_reading.tree is None and phrase_key(short).startswith(phrase_key(name)):
        return short_reading
    return None


def _operand(text: str, custom: tuple[str, ...]) -> Reading:
    plain = text.strip(" '\"")
    if plain in (NONE, "NOASSERTION"):
        return Reading(None, (f"{plain} stands alone, never in an expression",))
    return _single(plain, custom) or read_collected(plain) or _separated(plain) or _not_known(plain)


def _separated(text: str) -> Reading | None:
    """Several licenses with no word between them that says how they go together."""
    if is_link(text):
        return None
    parts = [part.strip() for part in _SEPARATORS.split(text) if part.strip(" ()")]
    if len(parts) < 2 or len(parts) > 20:
        return None
    if not all(_single(part) or read_collected(part) for part in parts):
        return None
    note = (
        f"{_short(text)!r} is ambiguous: it does not say whether all of these licenses apply or "
        "one may be chosen; write AND or OR between them"
    )
    return Reading(None, (note,))


def _not_known(text: str) -> Reading:
    return Reading(
        None,
        (f"{_short(text)!r} is no id and no name of a license that is known: write an SPDX id",),
    )


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
