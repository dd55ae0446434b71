"""From a batch to the canonical bytes of its samples."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from origin.core.arrays import is_array
from origin.core.fingerprint import canonical_bytes, content_type
from origin.core.hashing import SHA256, Algorithm
from origin.errors import BatchError, FingerprintError
from origin.hooks import batches
from origin.hooks.batches import Reading
from origin.hooks.packing import Packer
from origin.hooks.parts import Habits, Part, lay_out
from origin.recorder.capture import Capture, capture_rows

# How the last full batch was read: across its fields, as items, or there was none yet.
History = bool | None
_ANY_HISTORY: tuple[History, ...] = (None, True, False)


class Settings(NamedTuple):
    """What makes two ``BatchReader`` read alike; its arguments."""

    batch_size: int | None = None
    key: str | int | None = None
    collates_fields: bool | None = None


class Found(NamedTuple):
    """What a batch is, found without knowing all that came before it, and when that holds.

    Args:
        root, fingerprints, byte_sizes, content_types, keys, metadata: as in ``Capture``.
        algorithm: as there, as text: a key stays where it is.
        full: how it was read, if it has as many samples as the loader declares.
        histories: the histories under which it is read like this.
        asked: the lists in it that go by a rule as long as earlier batches say nothing of them.
        learned: what it says of lists in batches to come.
    """

    root: bytes
    fingerprints: bytes
    algorithm: str
    byte_sizes: int | list[int]
    content_types: str | list[str]
    keys: list[str | None] | None
    metadata: list[dict[str, Any] | None] | None
    full: History
    histories: tuple[History, ...]
    asked: tuple[Any, ...]
    learned: tuple[tuple[Any, bool], ...]

    def capture(self) -> Capture:
        """The batch as it is when it was hashed here."""
        return Capture(
            rows=None,
            count=len(self.fingerprints) // 32,
            byte_sizes=self.byte_sizes,
            content_types=self.content_types,
            keys=self.keys,
            metadata=self.metadata,
            fingerprints=self.fingerprints,
            root=self.root,
            algorithm=self.algorithm,
        )


class _Noted(dict[tuple[Any, ...], bool]):
    """Habits of which nothing is known yet; they note which were asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __contains__(self, path: object) -> bool:
        self.asked.append(path)
        return False


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
        self.settings = Settings(batch_size, key, collates_fields)
        self._batch_size = batch_size
        self._key = key
        self._collates_fields = collates_fields
        self._habits: Habits = {}
        self._history: History = None
        # Batches of one form are read alike, under the same histories.
        self._packer: Packer | None = None
        self._packed: tuple[History, tuple[History, ...]] = (None, ())

    def read(self, batch: Any) -> Capture:
        """Take a batch apart; the capture may share its memory, so hash it or ``own`` it at once.

        Raises:
            BatchError: the fields have no batch axis in common.
            FingerprintError: a sample cannot be fingerprinted.
        """
        if alike := self._pack_alike(batch):
            return alike
        opened = batches.open_up(batch)
        return self._take_apart(batch, opened, self._reading(opened))

    def read_apart(self, batch: Any, algorithm: Algorithm = SHA256) -> Found:
        """Take a batch apart and hash it, without knowing all that came before it.

        Args:
            batch: what the loader yields.
            algorithm: what to hash with.

        Raises:
            BatchError, FingerprintError: as ``read`` does.
        """
        self._habits = habits = _Noted()
        if alike := self._pack_alike(batch):
            alike.hash(algorithm)
            return _found(alike, *self._packed, habits)
        opened = batches.open_up(batch)
        reading = self._reading(opened)
        capture = self._take_apart(batch, opened, reading)
        capture.hash(algorithm)
        return _found(capture, self._full(reading), self._histories(opened, reading), habits)

    def resume(self, found: Found) -> Capture | None:
        """Take over what ``read_apart`` found of the next batch; None if it must be read here.

        Either way this reader then knows what it would know had it read them all itself.

        >>> worker, reader = BatchReader(2), BatchReader(2)
        >>> reader.resume(worker.read_apart(["a", "b"])).count
        2
        """
        if self._history not in found.histories:
            return None
        if found.asked and any(path in self._habits for path in found.asked):
            return None
        if found.full is not None:
            self._history = found.full
        for path, of_fields in found.learned:
            self._habits.setdefault(path, of_fields)
        return found.capture()

    def _pack_alike(self, batch: Any) -> Capture | None:
        if self._packer is None or self._history not in self._packed[1]:
            return None
        alike = self._packer.pack_alike(batch)
        if alike is not None and self._packed[0] is not None:
            self._history = self._packed[0]
        return alike

    def _take_apart(self, batch: Any, opened: Any, reading: Reading | None) -> Capture:
        if reading is None:
            return self._one_by_one([opened], self._keys([opened]))
        if not reading.across_fields:
            return self._one_by_one(opened, self._keys(opened))
        layout = self._layout(opened, reading)
        if self._key is None and (found := Packer.of(layout, reading.count, batch)):
            self._packer, arrays = found
            self._packed = self._full(reading), self._histories(opened, reading)
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
        reading = self._reading_after(self._history, batch)
        full = self._full(reading)
        if full is not None:
            self._history = full
        return reading

    def _reading_after(self, history: History, batch: Any) -> Reading | None:
        earlier = None if history is None else Reading(self._batch_size or 0, history)
        return batches.read(batch, self._batch_size, earlier, self._collates_fields)

    def _full(self, reading: Reading | None) -> History:
        is_full = reading is not None and reading.count == self._batch_size
        return reading.across_fields if is_full and reading is not None else None

    def _histories(self, batch: Any, reading: Reading | None) -> tuple[History, ...]:
        """After which histories a batch is read like this."""
        if self._batch_size is None:
            return _ANY_HISTORY
        if self._full(reading) is not None and not batches.is_list(batch):
            return _ANY_HISTORY  # there is no other way
        return tuple(
            history for history in _ANY_HISTORY if self._reads_like(batch, history, reading)
        )

    def _reads_like(self, batch: Any, history: History, reading: Reading | None) -> bool:
        try:
            return self._reading_after(history, batch) == reading
        except BatchError:
            return False

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


def batch_reader(read: Callable[[Any], Capture]) -> BatchReader | None:
    """The ``BatchReader`` that a reader belongs to, if it is one's.

    >>> batch_reader(read_item) is None
    True
    """
    owner = getattr(read, "__self__", None)
    return owner if isinstance(owner, BatchReader) else None


def _found(
    capture: Capture, full: History, histories: tuple[History, ...], habits: _Noted
) -> Found:
    return Found(
        root=capture.root,
        fingerprints=capture.fingerprints or b"",
        algorithm=str(capture.algorithm),
        byte_sizes=capture.byte_sizes,
        content_types=capture.content_types,
        keys=capture.keys,
        metadata=capture.metadata,
        full=full,
        histories=histories,
        asked=tuple(habits.asked),
        learned=tuple(habits.items()),
    )


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
