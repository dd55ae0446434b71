"""Values that are written as a typed leaf: dates, decimals, images, and arrays of other kinds.

A typed leaf is a name and a body. The body is made of values the encoder knows already, so
this module never writes any text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from origin.core.arrays import as_numpy, is_tensor
from origin.core.refusal import Refusal
from origin.core.tensors import tensor_leaf

__all__ = ["Leaf", "Listed", "array_leaf", "is_image", "is_packed", "leaf"]

# Months for the calendar units, attoseconds for all others.
_UNITS = {
    "Y": 12,
    "M": 1,
    "W": 604800 * 10**18,
    "D": 86400 * 10**18,
    "h": 3600 * 10**18,
    "m": 60 * 10**18,
    "s": 10**18,
    "ms": 10**15,
    "us": 10**12,
    "ns": 10**9,
    "ps": 10**6,
    "fs": 10**3,
    "as": 1,
}
_NOT_A_TIME = -(2**63)
_INDEXED_MODES = frozenset({"P", "PA"})
_KEYED_MODES = frozenset({"1", "L", "P", "RGB"})


class Leaf(NamedTuple):
    """The name of a typed leaf, and the value that stands behind it."""

    name: str
    body: object


class Listed(NamedTuple):
    """An array whose elements are written one by one, in C order."""

    dtype: str
    shape: tuple[int, ...]
    items: Sequence[object]


def leaf(value: object) -> Leaf | Listed | None:
    """Reduce a value to a typed leaf.

    Args:
        value: anything but a dense array of numbers.

    Returns:
        The leaf or the listed array; None if the value is neither.

    Raises:
        Refusal: the value is of such a kind, and cannot be encoded.

    >>> leaf(date(2024, 5, 1))
    Leaf(name='date', body='2024-05-01')
    """
    for kind, reduce in _SCALARS:
        if isinstance(value, kind):
            return Leaf(*reduce(value))
    if is_image(value):
        return _image(value)
    if is_packed(value):
        return Leaf("packed", value._asdict())  # type: ignore[attr-defined]
    if is_tensor(value):
        return Leaf(*tensor_leaf(value))
    found = as_numpy(value)
    return None if found is None else array_leaf(found, value)


def is_image(value: object) -> bool:
    """Tell whether a value is a Pillow image, without importing Pillow.

    Args:
        value: anything.

    Returns:
        True for images of every mode.

    >>> is_image("a.png")
    False
    """
    image = getattr(sys.modules.get("PIL.Image"), "Image", None)
    return image is not None and isinstance(value, image)


def is_packed(value: object) -> bool:
    """Tell whether a value is a PyTorch ``PackedSequence``, without importing PyTorch.

    Args:
        value: anything.

    Returns:
        True for packed sequences.

    >>> is_packed(())
    False
    """
    packed = getattr(sys.modules.get("torch.nn.utils.rnn"), "PackedSequence", None)
    return packed is not None and isinstance(value, packed)


def array_leaf(found: NDArray[Any], owner: object) -> Leaf | Listed:
    """Reduce a NumPy array that does not hold plain numbers.

    Args:
        found: an array of strings, objects, dates or records.
        owner: the value the array was made from, which an error names.

    Returns:
        The array as a list of elements, or a record of arrays.

    Raises:
        Refusal: the array is masked, or its elements have no portable form.

    >>> array_leaf(np.array(["a", "bc"]), None)
    Listed(dtype='str', shape=(2,), items=['a', 'bc'])
    """
    if isinstance(found, np.ma.MaskedArray):
        raise Refusal(owner, "masked elements have no value; pass .data and .mask, or .filled()")
    kind = found.dtype.kind
    if kind in "Mm":
        return _times(found, owner)
    if found.dtype.names:
        fields = {name: found[name] for name in found.dtype.names}
        return Leaf("record", {"shape": list(found.shape), "fields": fields})
    if kind not in _LISTED:
        advice = f"dtype {found.dtype} has no portable form; convert it, e.g. to float64"
        raise Refusal(owner, advice)
    return Listed(_LISTED[kind], found.shape, found.ravel().tolist())


_LISTED = {"U": "str", "T": "str", "S": "bytes", "O": "object"}


def _times(found: NDArray[Any], owner: object) -> Listed:
    name = "datetime64" if found.dtype.kind == "M" else "timedelta64"
    unit, count = np.datetime_data(found.dtype)
    steps = np.asarray(found).ravel().view(found.dtype.str[0] + "i8").tolist()
    if unit == "generic":
        raise Refusal(owner, f"a {name} without a unit has no length; give it one with .astype()")
    if unit in "YM" and name == "timedelta64":
        name = "timedelta64[M]"
    scale = count * _UNITS[unit]
    items = [None if step == _NOT_A_TIME else step * scale for step in steps]
    if name == "datetime64" and unit in "YM":
        items = [None if months is None else _attoseconds(months) for months in items]
    return Listed(name, found.shape, items)


def _attoseconds(months: int) -> int:
    """Count from 1970-01-01 to the first day of a month, in the proleptic Gregorian calendar."""
    years, month = divmod(months + 1970 * 12 - 2, 12)  # years that begin in March
    leaps = years // 4 - years // 100 + years // 400
    days = 365 * years + leaps + (153 * month + 2) // 5 - 719468
    return days * _UNITS["D"]


def _datetime(value: datetime) -> tuple[str, object]:
    if value != value:
        return "datetime", "NaT"
    if not 1 <= value.year <= 9999:
        raise Refusal(value, "its year is outside of 1 to 9999; pass a NumPy datetime64")
    # The methods of the base class, here and below: a subclass may print something else.
    _check_zone(value, datetime.utcoffset)
    text = datetime.isoformat(value, timespec="microseconds")
    nanoseconds = getattr(value, "nanosecond", 0)
    if nanoseconds:
        text = f"{text[:26]}{nanoseconds:03d}{text[26:]}"
    return "datetime", text


def _time(value: time) -> tuple[str, object]:
    _check_zone(value, time.utcoffset)
    return "time", time.isoformat(value, timespec="microseconds")


def _check_zone(value: Any, offset: Callable[[Any], timedelta | None]) -> None:
    # Without an offset, isoformat() prints the same as for a time without zone.
    if value.tzinfo is not None and offset(value) is None:
        advice = "its zone gives it no offset; pass a datetime, or .replace(tzinfo=None)"
        raise Refusal(value, advice)


def _timedelta(value: timedelta) -> tuple[str, object]:
    parts = [value.days, value.seconds, value.microseconds]
    nanoseconds = getattr(value, "nanoseconds", 0)
    return "timedelta", [*parts, nanoseconds] if nanoseconds else parts


def _decimal(value: Decimal) -> tuple[str, object]:
    # The letter of the exponent depends on the context of the thread.
    return "decimal", Decimal.__str__(value).replace("e", "E")


# A datetime is a date, so it stands first.
_SCALARS: list[tuple[type, Callable[[Any], tuple[str, object]]]] = [
    (datetime, _datetime),
    (date, lambda value: ("date", date.isoformat(value))),
    (time, _time),
    (timedelta, _timedelta),
    (Decimal, _decimal),
    (UUID, lambda value: ("uuid", UUID.__str__(value))),
    (complex, lambda value: ("complex", [value.real, value.imag])),
]


def _image(image: Any) -> Leaf:
    image.load()  # Pillow's own lazy load: mode and palette are final only after it
    pixels = _pixels(image)
    body = {
        "mode": image.mode,
        "size": list(image.size),
        "palette": _palette(image, pixels),
        "pixels": pixels,
    }
    if image.mode in _KEYED_MODES and "transparency" in image.info:
        body["transparency"] = image.info["transparency"]
    return Leaf("image", body)


def _palette(image: Any, pixels: bytes) -> object:
    if image.palette is None or image.mode not in _INDEXED_MODES:
        return None
    # How many unused entries a palette has depends on the version of Pillow.
    indices = np.frombuffer(pixels, "u1")[:: len(image.mode)]
    count = int(indices.max()) + 1 if indices.size else 0
    mode = image.palette.mode
    size = count * len(mode)
    colors = bytes(image.getpalette(mode)[:size])
    return {"mode": mode, "data": colors.ljust(size, b"\0")}


def _pixels(image: Any) -> bytes:
    pixels: bytes = image.tobytes()
    if sys.byteorder == "big" and image.mode in ("I", "F"):
        return np.frombuffer(pixels, "u4").byteswap().tobytes()
    return pixels
