"""How names are compared: what carries no meaning is left out, long forms become short ones."""

import re
import unicodedata

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad"), "-")
_TOKENS = re.compile(r"\d+(?:\.\d+)*[a-z]?(?![^\W_])|\d+(?:\.\d+)*|[^\W\d_]+|\+")
_ODD = re.compile(r"[?~#^|;=<>\[\]{}\\$%@\x00-\x1f\x7f\ud800-\udfff]")
_VERSION_WORD = re.compile(r"(?:(?<![^\W_])version|(?<![^\W_])ver|v)[\s.]*(?=\d)")
_FILLERS = frozenset({"the", "license", "licence", "licenses", "licences", "version"})
_PHRASES = [
    (re.compile(rf"\b(?:{pattern})\b"), short)
    for pattern, short in (
        ("(?:gnu )?affero (?:general public|gpl)|gnu agpl", "agpl"),
        ("(?:gnu )?(?:library or lesser|lesser|library) (?:general public|gpl)|gnu lgpl", "lgpl"),
        ("(?:gnu )?general public|gnu gpl|gnu public", "gpl"),
        ("(?:gnu )?free documentation|gnu gfdl|gnu fdl|fdl", "gfdl"),
        ("mozilla public|mozilla mpl", "mpl"),
        ("eclipse public", "epl"),
        ("apache software", "apache"),
        ("two clause", "2 clause"),
        ("three clause", "3 clause"),
        ("creative commons(?: cc)?", "cc"),
    )
]
_CC_PHRASES = [
    (re.compile(rf"\b(?:{pattern})\b"), short)
    for pattern, short in (
        ("attribution", "by"),
        ("non commercial|noncommercial", "nc"),
        ("no derivatives|noderivatives|no derivs|noderivs|no derivative works", "nd"),
        ("share alike|sharealike", "sa"),
        ("zero", "0"),
        ("international public|international|unported|generic|universal", ""),
        ("(?<=^cc 0 1) +public domain dedication", ""),
    )
]


def cleaned(text: str) -> str:
    """A text without what carries no meaning: odd dashes and blanks, quotes around it.

    >>> cleaned(" 'CC\N{NO-BREAK SPACE}BY\N{EN DASH}SA 4.0' ")
    'CC BY-SA 4.0'
    """
    plain = unicodedata.normalize("NFKC", text.replace("\u00ad", "")).translate(_DASHES)
    visible = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    return " ".join(visible.split()).strip(" '\"`\u2018\u2019\u201c\u201d\u00ab\u00bb")


def phrase_key(text: str) -> str:
    """The form in which names are compared; empty if a text is none.

    Case, punctuation, "the", "license", "version" and zeros at the end of a number do not count.

    >>> phrase_key("The Apache License, Version 2.0"), phrase_key("apache-2")
    ('apache 2', 'apache 2')
    >>> phrase_key("Creative Commons Attribution-ShareAlike 4.0 International")
    'cc by sa 4'
    """
    if _ODD.search(text) or not _balanced(text):
        return ""
    folded = _VERSION_WORD.sub(" ", text.casefold().replace("&", " and "))
    tokens = [number_key(token) for token in _TOKENS.findall(folded) if token not in _FILLERS]
    key = " ".join(tokens)
    for pattern, short in _PHRASES:
        key = pattern.sub(short, key)
    if re.match(r"by (?:nc|nd|sa)\b", key):
        key = f"cc {key}"
    elif re.match(r"attribution\b.*\b(?:international|unported|generic)\b", key):
        key = f"cc {key}"  # the titles of Creative Commons' licenses do not say whose they are
    return _cc_key(key) if re.match(r"cc\b", key) else key


def number_key(token: str) -> str:
    """A version without zeros at its end.

    >>> number_key("4.0"), number_key("1.10")
    ('4', '1.10')
    """
    return re.sub(r"(?:\.0+)+$", "", token)


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0


def _cc_key(key: str) -> str:
    for pattern, short in _CC_PHRASES:
        key = " ".join(pattern.sub(short, key).split())
    elements = re.match(r"cc ((?:(?:by|nc|nd|sa)\b ?)+)", key)
    if elements is None:
        return key
    named = elements[1].split()
    return " ".join(["cc", *sorted(dict.fromkeys(named)), key[elements.end() :]]).strip()
