"""Samples that users give to be looked for: fingerprints, or the values themselves."""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from origin.core.fingerprint import canonical_bytes, content_type, fingerprint_digest
from origin.core.hashing import Algorithm
from origin.errors import ConfigurationError
from origin.query.counts import END, slices
from origin.query.listing import Range
from origin.query.records import parse_sample_id
from origin.storage.sealing.observations import hex_column, order_of

if TYPE_CHECKING:
    import pyarrow as pa

# Of so many values the type and size are noted.
FORMS_TOLD = 100

# So few samples are looked up one by one: a sealed file then reads a small part for each.
_FEW = 64


class Given:
    """Samples to look for, each with the number it was given as, from 0.

    A value may have more than one fingerprint under which it can have been seen.

    Args:
        pairs: number and fingerprint, the numbers ascending.
        forms: content type and size in bytes of the first given values, also as they come; empty
            where only fingerprints are known.

    Attributes:
        count: how many were given.
        distinct: how many different ones.

    >>> given = Given([(0, b"a" * 32), (1, b"b" * 32), (2, b"a" * 32)])
    >>> given.count, given.distinct
    (3, 2)
    """

    def __init__(
        self, pairs: Iterable[tuple[int, bytes]], forms: Collection[tuple[str, int]] = ()
    ) -> None:
        self.forms = forms
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

    def numbers_of(self, packed: bytes) -> npt.NDArray[np.int64]:
        """Of each of some fingerprints, end to end, the first number it was given as, or -1.

        >>> Given([(3, b"a" * 32), (5, b"a" * 32)]).numbers_of(b"a" * 32 + b"b" * 32).tolist()
        [3, -1]
        """
        wanted = np.frombuffer(packed, np.uint8).reshape(-1, 32)
        heads = wanted[:, :8].copy().view(">u8").reshape(-1).astype(np.uint64)
        places = np.searchsorted(self._heads, heads)
        found = np.full(len(wanted), -1, np.int64)
        left = np.arange(len(wanted))
        # Hardly ever do two that differ agree in their heads; then the next place is looked at.
        while len(left := left[places[left] < len(self._heads)]):
            left = left[self._heads[places[left]] == heads[left]]
            is_it = (self._packed[places[left]] == wanted[left]).all(axis=1)
            found[left[is_it]] = self._numbers[places[left[is_it]]]
            left = left[~is_it]
            places[left] += 1
        return found

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
        ConfigurationError: it is no list of them, or an empty one.
    """
    require_many("fingerprints", fingerprints)
    return _unless_empty("fingerprints", Given(enumerate(map(parse_sample_id, fingerprints))))


def _unless_empty(name: str, given: Given) -> Given:
    if not given.count:
        raise ConfigurationError(f"nothing was given: {name} has nothing in it")
    return given


def given_values(values: Any, algorithm: Algorithm) -> Given:
    """Samples given as values: what a data set yields, item by item.

    Args:
        values: an iterable, or a data set that has a length and takes an index.
        algorithm: what makes the database's fingerprints.

    Raises:
        FingerprintError: a value has no fingerprint.
        ConfigurationError: they cannot be iterated over, are none, or no single samples.
    """
    forms: set[tuple[str, int]] = set()
    return _unless_empty("values", Given(_told(values, algorithm, forms), forms))


def _told(
    values: Any, algorithm: Algorithm, forms: set[tuple[str, int]]
) -> Iterator[tuple[int, bytes]]:
    for number, value in enumerate(_items(values)):
        collated = _collated(value)
        different = [value] if collated is value else [value, collated]
        # Those under which it can have been recorded: its own, and that of its collated form.
        for fingerprint in dict.fromkeys(fingerprint_digest(one, algorithm) for one in different):
            yield number, fingerprint
        if number < FORMS_TOLD:
            forms.update((content_type(one), len(canonical_bytes(one))) for one in different)


def _items(values: Any) -> Iterator[Any]:
    _require_samples(values)
    if not hasattr(values, "__iter__") and hasattr(values, "__len__"):
        return (values[index] for index in range(len(values)))
    require_many("values", values)
    return iter(values)


def _require_samples(values: Any) -> None:
    """Raise ConfigurationError for what yields whole batches or columns."""
    makes_batches = getattr(values, "batch_size", None) or getattr(values, "batch_sampler", None)
    if hasattr(values, "dataset") and makes_batches:
        raise ConfigurationError(
            f"values must yield single samples, and a {type(values).__name__} yields batches: give "
            "the data set itself (values=loader.dataset), or record a pass over the loader and "
            "compare the sessions"
        )
    if (
        isinstance(values, tuple)
        and len(values) > 1
        and all(getattr(one, "shape", ()) for one in values)
        and len({one.shape[0] for one in values}) == 1
    ):
        raise ConfigurationError(
            f"values is a tuple of {len(values)} arrays of equal length; give values=zip(X, y) if "
            "they are the columns of samples, the data set, or a list if each is one sample"
        )


def require_many(name: str, given: object) -> None:
    """Raise ConfigurationError for a single text, or what cannot be iterated over."""
    iterable = hasattr(given, "__iter__") or hasattr(given, "__getitem__")
    if isinstance(given, str | bytes | Mapping) or not iterable:
        raise ConfigurationError(
            f"{name} must be a list or another iterable, not a {type(given).__name__}"
        )


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


def given_texts(name: str, texts: Iterable[str | int]) -> dict[str, int]:
    """Texts that users give, each once, with the place where it was given first.

    A whole number stands for its digits, as hooks record a key that is one.

    Raises:
        ConfigurationError: they are no list of texts, or an empty one.

    >>> given_texts("keys", ["a", 3])
    {'a': 0, '3': 1}
    """
    require_many(name, texts)
    found: dict[str, int] = {}
    for number, text in enumerate(texts):
        if isinstance(text, bool) or not isinstance(text, str | int | np.integer):
            raise ConfigurationError(f"{name} must be a list of str, not of {text!r}")
        found.setdefault(str(text), number)
    if not found:
        raise ConfigurationError(f"nothing was given: {name} has nothing in it")
    return found
