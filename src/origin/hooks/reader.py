"""From a batch to the canonical bytes of its samples."""

from collections.abc import Iterable, Mapping
from typing import Any

from origin.core.arrays import is_array
from origin.core.fingerprint import canonical_bytes, content_type
from origin.errors import BatchError, FingerprintError
from origin.hooks import batches
from origin.hooks.batches import Reading
from origin.hooks.packing import Packer
from origin.hooks.parts import Habits, Part, lay_out
from origin.recorder.capture import Capture, capture_rows


def read_item(item: Any) -> Capture:
    """Take what a data set yields as one sample, whatever it is made of."""
    return capture_rows([canonical_item(item, 0)], [content_type(item)])


def canonical_item(sample: Any, index: int) -> bytes:
    """The canonical bytes of one item of a batch; an error says which item it was."""
    try:
        return canonical_bytes(sample)
    except FingerprintError as error:
        raise FingerprintError(f"item {index} of the batch: {error}") from error


class BatchReader:
    """Reads the batches of one loader; it remembers how full ones were read.

    Args:
        batch_size: what the loader declares, None when it declares nothing.
        key: the field that holds the user's own sample ids: a name of a mapping or
            the place in a sequence.
        collates_fields: whether the loader makes lists of fields, as ``default_collate`` does;
            None when that is not known.
    """

    def __init__(
        self,
        batch_size: int | None = None,
        key: str | int | None = None,
        collates_fields: bool | None = None,
    ) -> None:
        self._batch_size = batch_size
        self._key = key
        self._collates_fields = collates_fields
        self._habits: Habits = {}
        self._earlier: Reading | None = None
        self._packer: Packer | None = None

    def read(self, batch: Any) -> Capture:
        """Take a batch apart; the capture may share its memory, so hash it or ``own`` it at once.

        Raises:
            BatchError: the fields have no batch axis in common.
            FingerprintError: a sample cannot be fingerprinted.
        """
        if self._packer is not None and (alike := self._packer.pack_alike(batch)):
            return alike
        opened = batches.open_up(batch)
        reading = self._reading(opened)
        if reading is None:
            return self._one_by_one([opened], self._keys([opened]))
        if not reading.across_fields:
            return self._one_by_one(opened, self._keys(opened))
        layout = self._layout(opened, reading)
        if self._key is None and (found := Packer.of(layout, reading.count, batch)):
            self._packer, arrays = found
            return self._packer.pack(arrays)
        samples = [layout.take(index) for index in range(reading.count)]
        keys = None if self._key is None else self._keys(self.samples(batch))
        return self._one_by_one(samples, keys)

    def samples(self, batch: Any) -> list[Any]:
        """The samples of a batch as values."""
        opened = batches.open_up(batch)
        reading = self._reading(opened)
        if reading is None:
            return [opened]
        if not reading.across_fields:
            return list(opened)
        layout = self._layout(opened, reading, convert=False)
        return [layout.take(index) for index in range(reading.count)]

    def _reading(self, batch: Any) -> Reading | None:
        reading = batches.read(batch, self._batch_size, self._earlier, self._collates_fields)
        if reading is not None and reading.count == self._batch_size:
            self._earlier = reading
        return reading

    def _layout(self, batch: Any, reading: Reading, convert: bool = True) -> Part:
        return lay_out(batch, reading.count, self._habits, self._collates_fields, convert)

    def _one_by_one(self, samples: Iterable[Any], keys: list[str | None] | None) -> Capture:
        rows, types = [], []
        for index, sample in enumerate(samples):
            rows.append(canonical_item(sample, index))
            types.append(content_type(sample))
        return capture_rows(rows, types, keys)

    def _keys(self, samples: Iterable[Any]) -> list[str | None] | None:
        if self._key is None:
            return None
        return [_key_of(sample, self._key) for sample in samples]


def _key_of(sample: Any, key: str | int) -> str | None:
    try:
        # A namedtuple or dataclass in a list of samples goes by names as well.
        named = isinstance(key, str) and not isinstance(sample, Mapping)
        found = getattr(sample, str(key)) if named else sample[key]
    except (LookupError, TypeError, AttributeError) as error:
        raise BatchError(
            f"key={key!r} names no field of a sample of type {type(sample).__name__}; "
            "name a field of the batch, or leave key out"
        ) from error
    if is_array(found):
        found = found.tolist()
    return None if found is None else str(found)
