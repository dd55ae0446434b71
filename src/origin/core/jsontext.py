"""The JSON text of canonical bytes: strings, numbers, and a short way for plain data.

Strings are escaped as RFC 8259, section 7, demands and no further; the rest of the rules is
in docs/fingerprint.md.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Any

__all__ = ["ATOMS", "flat_text", "float_text", "int_text", "plain_text", "quote"]

_ESCAPED = json.JSONEncoder(ensure_ascii=False)


def _plain_encoder() -> Callable[[object], str]:
    documented = json.JSONEncoder(
        ensure_ascii=False,
        check_circular=False,
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
    ).encode
    # That method builds the C encoder anew for each value, which takes a third of the time.
    make = getattr(json.encoder, "c_make_encoder", None)
    escape = getattr(json.encoder, "encode_basestring", None)
    probe = {"b": [1.5, None, True], "a": "\xe9\n"}
    try:
        chunks = make(None, None, escape, None, ":", ",", True, False, False)  # type: ignore[misc]
        if "".join(chunks(probe, 0)) != documented(probe):
            return documented
    except TypeError:
        return documented  # the constructor is no public interface and may change
    return lambda value: "".join(chunks(value, 0))


_encode_plain = _plain_encoder()
quote: Callable[[str], str] = _ESCAPED.encode


def int_text(value: int) -> str:
    """Write an integer in decimal, however long it is.

    Args:
        value: any integer, subclasses included.

    Returns:
        An optional minus sign and the digits.

    >>> int_text(-12)
    '-12'
    >>> len(int_text(10**5000))
    5001
    """
    try:
        return int.__repr__(value)
    except ValueError:
        # Python limits the digits int.__repr__ may write; the limit is a setting of the
        # process, and a fingerprint must not depend on one.
        return format(Decimal(value), "f")


def float_text(value: float) -> str:
    """Write a float: the shortest decimal that reads back the same, or its bits.

    Args:
        value: any float, subclasses included.

    Returns:
        A JSON number with a point or an exponent, or a ``$float`` leaf for NaN and infinities.

    >>> float_text(1.0), float_text(-0.0), float_text(1e16)
    ('1.0', '-0.0', '1e+16')
    >>> float_text(float("inf"))
    '{"$float":"7ff0000000000000"}'
    """
    if isfinite(value):
        return float.__repr__(value)
    return f'{{"$float":"{struct.pack(">d", value).hex()}"}}'


ATOMS: dict[type, Callable[[Any], str]] = {
    str: quote,
    int: int_text,
    float: float_text,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
}

_only_atoms = frozenset(ATOMS).issuperset


def plain_text(value: object) -> str | None:
    """Write plain JSON data with the standard library's encoder, which is written in C.

    Args:
        value: anything.

    Returns:
        The canonical text; None if the value needs the long way.

    >>> plain_text({"text": "hi", "label": 0})
    '{"label":0,"text":"hi"}'
    >>> plain_text({"text": b"hi"}) is None
    True
    """
    try:
        return _encode_plain(value) if _is_plain(value) else None
    except (ValueError, RecursionError):
        return None  # a NaN, an integer above Python's limit of digits, or a cycle


def flat_text(items: list[Any] | tuple[Any, ...]) -> str | None:
    """Write a sequence of strings, numbers, truth values and None in one go.

    Args:
        items: a list or tuple.

    Returns:
        The canonical text; None if an item is of another kind or needs the long way.

    >>> flat_text([1, "a", None])
    '[1,"a",null]'
    """
    try:
        return _encode_plain(items) if _only_atoms(map(type, items)) else None
    except ValueError:
        return None


def _is_plain(value: object) -> bool:
    kind = type(value)
    if kind is dict:
        for key in value:  # type: ignore[attr-defined]
            if type(key) is not str or key[:1] == "$":
                return False
        items = value.values()  # type: ignore[attr-defined]
    elif kind is list or kind is tuple:
        items = value
    else:
        return kind in ATOMS
    return _only_atoms(map(type, items)) or all(map(_is_plain, items))
