"""Any recorded text and number as JSON that reads back the same, and as text for others."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_TEXT, _NUMBER = "\x00utf8:", "\x00float:"
# JSON reads two surrogates that stand for themselves as the one character they encode.
_JOINED = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")
_UNFIT = re.compile(r"[\ud800-\udfff\x00]")


def to_form(value: Any) -> Any:
    """A value in the form in which JSON holds it exactly; ``docs/exports.md`` describes it.

    Args:
        value: anything made of JSON types, tuples and numbers that are not finite included.

    Returns:
        The same, with texts and numbers that JSON would change behind a mark.

    >>> to_form(("a", {"b": float("inf")}))
    ['a', {'b': '\\x00float:inf'}]
    """
    if isinstance(value, str):
        return _marked(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f"{_NUMBER}{value}"
    if isinstance(value, Mapping):
        return {_marked(str(name)): to_form(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [to_form(one) for one in value]
    return value


def _marked(text: str) -> str:
    if not text.startswith((_TEXT, _NUMBER)) and _JOINED.search(text) is None:
        return text
    return _TEXT + text.encode("utf-8", "surrogatepass").hex()


def from_form(value: Any) -> Any:
    """The value that ``to_form`` was given.

    Raises:
        ValueError: what stands behind a mark is not what ``to_form`` writes.

    >>> from_form(to_form(["a\\ud800\\udc00"])) == ["a\\ud800\\udc00"]
    True
    """
    if isinstance(value, str):
        if value.startswith(_NUMBER):
            return _number(value)
        return _unmarked(value)
    if isinstance(value, dict):
        return {_unmarked(name): from_form(one) for name, one in value.items()}
    if isinstance(value, list):
        return [from_form(one) for one in value]
    return value


def _unmarked(text: str) -> str:
    if not text.startswith(_TEXT):
        return text
    try:
        return bytes.fromhex(text.removeprefix(_TEXT)).decode("utf-8", "surrogatepass")
    except ValueError:
        raise ValueError(f"what stands behind the mark 'utf8:' is no text: {text[:80]!r}") from None


def _number(text: str) -> float:
    if text.removeprefix(_NUMBER) not in ("nan", "inf", "-inf"):
        raise ValueError(f"what stands behind the mark 'float:' is no number: {text[:80]!r}")
    return float(text.removeprefix(_NUMBER))


def json_text(form: Any, *, pretty: bool = False) -> str:
    """What ``to_form`` gave as JSON text, in ASCII: it can be written in any encoding.

    >>> json_text({"a": ["ü"]})
    '{"a":["\\\\u00fc"]}'
    """
    if pretty:
        return json.dumps(form, indent=2, allow_nan=False)
    return json.dumps(form, separators=(",", ":"), allow_nan=False)


def plain(text: str) -> str:
    """A text for systems that hold only valid Unicode without NUL characters.

    >>> plain("a\\ud800\\x00b")
    'a\\\\ud800\\\\x00b'
    """
    return _UNFIT.sub(lambda found: ascii(found[0])[1:-1], text)


def shortened(text: str, most: int) -> str:
    """The same, cut to a length; what was cut is told with the text's own hash.

    Args:
        text: any text.
        most: how many characters there may be, 100 or more.

    >>> shortened("a" * 5_000, 100)[51:]
    'aaaa… (5,000 characters, sha256 c526c6222044dab5)'
    """
    from hashlib import sha256

    whole = plain(text)
    if len(whole) <= most:
        return whole
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    told = f"… ({len(text):,} characters, sha256 {digest})"
    return whole[: most - len(told)] + told
