"""Long lists of numbers in a row: they count as typed arrays, whatever form they came in.

Writing hundreds of thousands of numbers as text takes a hundred times as long as hashing their
bytes. The rule looks at the values alone, so that it holds for every format of a data set: a
rectangular list of more than 4096 numbers, all floats or, with two or more axes, all integers of
64 bits, is an array of float64 or int64. The outermost such list becomes the array.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from origin.core.jsontext import ATOMS

__all__ = ["LIMIT", "compact", "holds_long", "listed", "seems_long"]

LIMIT = 4096
# What every version of NumPy can hold; a list that is nested deeper counts by its items.
_MAX_AXES = 32
_MAX_INT = 2**63 - 1
_WIDE = (np.dtype(np.float64), np.dtype(np.int64))
_SEQUENCES = frozenset({list, tuple})
_only_sequences = _SEQUENCES.issuperset
_only_atoms = frozenset(ATOMS).issuperset


def compact(value: Any) -> Any:
    """Turn the long lists of numbers in a value into arrays.

    Args:
        value: a value in Python's own types, in which ``listed`` may have left arrays.

    Returns:
        The same with an array of float64 or int64 for each long list of numbers, and a list of
        integers for each other array that ``listed`` left.

    >>> compact({"pixels": [[0.5] * 5000] * 2, "ids": [7, 8]})["pixels"].shape
    (2, 5000)
    >>> type(compact([7] * 5000)), type(compact([7, 0.5] * 5000))
    (<class 'list'>, <class 'list'>)
    """
    kind = type(value)
    if kind is dict:
        return {name: compact(child) for name, child in value.items()}
    if kind in _SEQUENCES:
        found = _gathered(value) if _begins_long(value) else None
        if found is not None:
            return found
        return value if _only_atoms(map(type, value)) else [compact(child) for child in value]
    if kind is np.ndarray and value.ndim == 1 and value.dtype == np.int64:
        return value.tolist()
    return value


def listed(found: NDArray[Any], limit: int = LIMIT) -> Any:
    """An array as a list, unless it has more than ``limit`` numbers.

    Args:
        found: an array whose elements Python's own types can hold.
        limit: up to how many elements it becomes a list in any case.

    Returns:
        A list; for many floats or integers an array of float64 or int64 instead, which
        ``compact`` settles. It may share the memory of ``found``.

    >>> listed(np.array([0.5, 1], np.float16))
    [0.5, 1.0]
    >>> listed(np.zeros((2, 5000), np.uint8)).dtype
    dtype('int64')
    """
    if found.size > limit and found.ndim <= _MAX_AXES:
        wide = _widened(np.asarray(found))
        if wide is not None:
            return wide
    return found.tolist()


def seems_long(row: Mapping[str, Any]) -> bool:
    """Guess by first items whether a row holds a list that becomes an array; quick.

    >>> seems_long({"ids": [7] * 5000, "text": "a"}), seems_long({"a": {"scores": [0.5] * 5000}})
    (False, True)
    """
    for value in row.values():
        kind = type(value)
        if kind in _SEQUENCES:
            if _begins_long(value):
                return True
        elif kind is dict and seems_long(value):
            return True
    return False


def holds_long(value: Any) -> bool:
    """Whether a value of plain JSON data may hold a list that becomes an array; never misses one.

    >>> holds_long({"a": [None, [0.5] * 5000]}), holds_long({"a": [None, [7] * 5000]})
    (True, False)
    """
    kind = type(value)
    if kind is dict:
        return any(map(holds_long, value.values()))
    if kind not in _SEQUENCES:
        return False
    if _begins_long(value):
        return True
    return not _only_atoms(map(type, value)) and any(map(holds_long, value))


def _begins_long(value: Any) -> bool:
    """What is rectangular and long is so by its first items as well."""
    count, axes = 1, 0
    while type(value) in _SEQUENCES and value and axes < _MAX_AXES:
        count *= len(value)
        axes += 1
        value = value[0]
    kind = type(value)
    if kind is np.ndarray:
        return True
    return count > LIMIT and (kind is float or (kind is int and axes > 1))


def _widened(found: NDArray[Any]) -> NDArray[Any] | None:
    """The same numbers with 64 bits; None if they are others, or do not fit."""
    kind = found.dtype.kind
    if kind == "f":
        return found.astype(np.float64, copy=False)
    if kind not in "iu" or (found.dtype == np.uint64 and found.max() > _MAX_INT):
        return None
    return found.astype(np.int64, copy=False)


def _gathered(items: Sequence[Any]) -> NDArray[Any] | None:
    """A rectangular list of numbers of one type as an array; None for any other list."""
    level, shape = items, [len(items)]
    while _only_sequences(map(type, level)):
        widths = set(map(len, level))
        if len(widths) != 1 or len(shape) == _MAX_AXES:
            return None
        # A list of one item is common, and its item need not be copied.
        level = level[0] if len(level) == 1 else list(chain.from_iterable(level))
        shape += widths
    kinds = set(map(type, level))
    found = _stacked(level) if np.ndarray in kinds else _numbers(level, kinds)
    if found is None or len(shape) + found.ndim - 1 > _MAX_AXES:
        return None
    return found.reshape(*shape, *found.shape[1:])


def _numbers(level: Sequence[Any], kinds: set[type]) -> NDArray[Any] | None:
    if kinds == {float}:
        return np.fromiter(level, np.float64, len(level))
    if kinds != {int}:
        return None
    try:
        return np.fromiter(level, np.int64, len(level))
    except OverflowError:
        return None


def _stacked(level: Sequence[Any]) -> NDArray[Any] | None:
    """Arrays, and lists among them, as one array."""
    found: list[NDArray[Any]] = []
    for item in level:
        one = _gathered(item) if type(item) in _SEQUENCES and item else item
        if type(one) is not np.ndarray or one.dtype not in _WIDE:
            return None
        found.append(one)
    alike = len({(one.shape, one.dtype) for one in found}) == 1 and found[0].ndim < _MAX_AXES
    return np.stack(found) if alike else None
