"""Samples that users give to be looked for: fingerprints, or the values themselves."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from origin.core.fingerprint import fingerprint_digest
from origin.errors import ConfigurationError
from origin.query.counts import END, slices
from origin.query.listing import Range
from origin.query.records import parse_sample_id
from origin.storage.sealing.observations import hex_column, order_of

if TYPE_CHECKING:
    import pyarrow as pa

# So few samples are looked up one by one: a sealed file then reads a small part for each.
_FEW = 64


class Given:
    """Samples to look for, each with the number it was given as, from 0.

    A value may have more than one fingerprint under which it can have been seen.

    Args:
        pairs: number and fingerprint, the numbers ascending.

    Attributes:
        count: how many were given.
        distinct: how many different ones.

    >>> given = Given([(0, b"a" * 32), (1, b"b" * 32), (2, b"a" * 32)])
    >>> given.count, given.distinct
    (3, 2)
    """

    def __init__(self, pairs: Iterable[tuple[int, bytes]]) -> None:
        told, told_numbers = bytearray(), array("q")
        for number, fingerprint in pairs:
            told += fingerprint
            told_numbers.append(number)
        packed = np.frombuffer(told, np.uint8).reshape(-1, 32)
        numbers = np.frombuffer(told_numbers, np.int64)
        # The first fingerprint of each number is its value's own.
        own = np.flatnonzero(np.diff(numbers, prepend=-1))
        is_new = ~_repeats(packed[own])
        self.count, self.distinct = len(own), int(is_new.sum())
        self._firsts = numbers[own[is_new]]
        kept = np.flatnonzero(np.isin(numbers, self._firsts))
        kept = kept[order_of(packed[kept].tobytes())]
        self._packed, self._numbers = packed[kept], numbers[kept]
        # The first eight bytes, big-endian, order fingerprints as their hex digits do.
        self._heads = self._packed[:, :8].copy().view(">u8").reshape(-1).astype(np.uint64)

    @property
    def numbers(self) -> frozenset[int]:
        """Those of the distinct ones; what was given more than once goes by the first."""
        return frozenset(self._firsts.tolist())

    def ranges(self) -> list[Range]:
        """Ranges of sample ids that hold them all."""
        if len(self._packed) > _FEW:
            return slices(len(self._packed))
        ids = sorted({row.tobytes().hex() for row in self._packed})
        return [(sample_id, sample_id + "0") for sample_id in ids]

    def table(self, low: str, high: str) -> "pa.Table":
        """Those in a range, as a relation with ``sample_id`` and ``given_no``."""
        import pyarrow as pa

        begin = np.searchsorted(self._heads, _head(low), side="left")
        end = len(self._heads) if high == END else np.searchsorted(
            self._heads, _head(high), side="right"
        )  # fmt: skip
        return pa.table(
            {
                "sample_id": hex_column(self._packed[begin:end].tobytes()),
                "given_no": pa.array(self._numbers[begin:end], pa.int64()),
            }
        )


def _repeats(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which fingerprints stand further up already."""
    order = order_of(packed.tobytes())
    ordered = packed[order]
    is_repeat = np.zeros(len(packed), bool)
    # Equal ones keep their order: the first of them comes first.
    is_repeat[order[1:]] = (ordered[1:] == ordered[:-1]).all(axis=1)
    return is_repeat


def _head(sample_id: str) -> np.uint64:
    return np.uint64(int(sample_id[:16].ljust(16, "0"), 16))


def given_fingerprints(fingerprints: Iterable[str | bytes]) -> Given:
    """Samples given by their ids.

    Raises:
        SampleNotFoundError: something is no sample id.
        ConfigurationError: it is no list of them.
    """
    require_many("fingerprints", fingerprints)
    return Given(enumerate(map(parse_sample_id, fingerprints)))


def given_values(values: Any, algorithm: str) -> Given:
    """Samples given as values: what a data set yields, item by item.

    Args:
        values: an iterable, or a data set that has a length and takes an index.
        algorithm: that of the database's fingerprints.

    Raises:
        FingerprintError: a value has no fingerprint.
        ConfigurationError: they cannot be iterated over.
    """
    return Given(
        (number, fingerprint)
        for number, value in enumerate(_items(values))
        for fingerprint in _fingerprints(value, algorithm)
    )


def _items(values: Any) -> Iterator[Any]:
    if not hasattr(values, "__iter__") and hasattr(values, "__len__"):
        return (values[index] for index in range(len(values)))
    require_many("values", values)
    return iter(values)


def require_many(name: str, given: object) -> None:
    """Raise ConfigurationError for a single text, or what cannot be iterated over."""
    iterable = hasattr(given, "__iter__") or hasattr(given, "__getitem__")
    if isinstance(given, str | bytes | Mapping) or not iterable:
        raise ConfigurationError(
            f"{name} must be a list or another iterable, not a {type(given).__name__}"
        )


def _fingerprints(value: Any, algorithm: str) -> list[bytes]:
    """Those under which a value can have been recorded: its own, and that of its collated form."""
    own = fingerprint_digest(value, algorithm)
    collated = _collated(value)
    if collated is value:
        return [own]
    return list(dict.fromkeys([own, fingerprint_digest(collated, algorithm)]))


def _collated(value: Any) -> Any:
    """A value as ``default_collate`` hands it on: its plain numbers have become arrays.

    >>> _collated(("text", 3))
    ['text', array(3)]
    """
    if type(value) in (bool, int, float):
        try:
            return np.array(value, {bool: np.bool_, int: np.int64, float: np.float64}[type(value)])
        except OverflowError:
            return value  # it fits into no tensor
    if isinstance(value, np.generic):
        return np.array(value)
    if type(value) is dict:
        return _unless_same(value, {name: _collated(one) for name, one in value.items()})
    if type(value) in (list, tuple):
        return _unless_same(value, [_collated(one) for one in value])
    return value


def _unless_same(value: Any, collated: Any) -> Any:
    pairs = (
        ((value[name], one) for name, one in collated.items())
        if isinstance(collated, dict)
        else zip(value, collated, strict=True)
    )
    return value if all(old is new for old, new in pairs) else collated


def given_texts(name: str, texts: Iterable[str]) -> dict[str, int]:
    """Texts that users give, each once, with the place where it was given first.

    Raises:
        ConfigurationError: they are no list of texts.
    """
    require_many(name, texts)
    found: dict[str, int] = {}
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise ConfigurationError(f"{name} must be a list of str")
        found.setdefault(text, number)
    return found
