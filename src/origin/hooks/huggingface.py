"""`DatasetHook`: for the data sets of Hugging Face ``datasets``, at rest and streamed."""

import sys
from collections.abc import Iterable, Mapping
from inspect import GEN_CREATED, getgeneratorstate
from types import GeneratorType
from typing import Any
from weakref import WeakSet

from origin.core.fingerprint import algorithm_of
from origin.core.fingerprintkey import KeyGiven
from origin.core.hashing import SHA256, Algorithm
from origin.errors import BatchError
from origin.hooks.base import BaseHook
from origin.hooks.passes import Pass, Reader
from origin.hooks.pytorch import loader_reader
from origin.hooks.rowfiles import FileColumns, StoredRows
from origin.hooks.rows import RowReader
from origin.hooks.wrapper import RecordedLoader
from origin.storage.database import ProvenanceDatabase

__all__ = ["DatasetHook", "fingerprint_row"]

# The generator functions of a data set, and what they yield.
_FORMS = {"iter": "batch", "__iter__": "row"}


def fingerprint_row(
    row: Mapping[str, Any], algorithm: Algorithm = SHA256, *, key: KeyGiven | None = None
) -> str:
    """Compute the fingerprint that ``DatasetHook`` records a row under.

    It is that of ``fingerprint_sample`` unless the row holds files or more than 4096 numbers in
    one list. A cell of the form ``{"bytes", "path"}`` counts as its file, as in a column of
    Image, Audio or Video; of a decoded image, the file is not known, so turn decoding off. Rows
    made by a transform of your own are recorded under ``fingerprint_sample``.

    Args:
        row: one row in any format: ``dataset[0]``, or a table of one row.
        algorithm, key: as for ``fingerprint_sample``; ``db.fingerprinting`` is a database's.

    Returns:
        64 lower-case hexadecimal digits.

    Raises:
        BatchError: it is no row, or a table of another number of rows.
        FingerprintError: it cannot be fingerprinted.
        ConfigurationError: there is no such algorithm, or the key is none.

    >>> fingerprint_row({"text": "hi", "scores": [0.5] * 5000})[:16]
    '3034c0931d7a4fed'
    """
    capture = RowReader("row").read(row)
    if capture.count != 1:
        raise BatchError(f"give one row; this {type(row).__name__} holds {capture.count}")
    capture.hash(algorithm_of(algorithm, key))
    return (capture.fingerprints or b"").hex()


class DatasetHook(BaseHook):
    """Records what a ``datasets.Dataset`` or ``datasets.IterableDataset`` yields.

    A sample is one row. Its fingerprint is that of the row in the python format, so that
    ``fingerprint_sample(dataset[0])`` finds it, and every format that keeps the values (numpy,
    torch, arrow, pandas, polars) records the same. A rectangular list, array or tensor of more
    than 4096 numbers counts as an array of float64 if all are floats, and of int64 if all are
    integers in two or more axes (not a flat list of token ids); ``fingerprint_row(dataset[0])``
    finds such rows as well. A cell of an Image, Audio or Video column counts as the bytes of its
    encoded file, decoded or not. Exceptions, which are recorded as
    delivered: rows made by a transform of your own (``set_transform``), and decoded images
    whose file is not at hand, as in a stream or a generator that was already begun; those are
    known by their pixels. A generator that is wrapped must be read through the hook alone.

    A license that the data set states (``dataset.info.license``) is free text, so it is not
    taken over: name it as ``license_id``.

    Args:
        db, session_id, source_id, license_id: as for ``BaseHook``.
        options: ``key`` is the column that holds your own id of each sample; ``on_error``,
            ``enabled``, ``rank`` and ``world_size`` as for ``BaseHook``.

    >>> import tempfile
    >>> rows = [{"text": "a", "label": 0}, {"text": "b", "label": 1}]
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
    ...     with db.session(config_hash="v1") as session:
    ...         hook = DatasetHook(db, session.session_id, "reviews", "CC0-1.0")
    ...         for row in hook.wrap(rows):
    ...             pass
    ...     hook.get_stats()["samples_observed"]
    2
    >>> folder.cleanup()
    """

    def __init__(
        self,
        db: ProvenanceDatabase,
        session_id: str,
        source_id: str,
        license_id: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(db, session_id, source_id, license_id, **options)
        self._of_rows: WeakSet[RecordedLoader] = WeakSet()

    def wrap(self, iterable: Iterable[Any]) -> Any:
        """Wrap a data set or an iterable of batches, so that iterating over it is recorded.

        Args:
            iterable: a data set (its rows are recorded), ``dataset.iter(batch_size=…)``, a
                PyTorch DataLoader (its batches are read as ``DataLoaderHook`` reads them), or
                any iterable of rows, of mappings of columns or of tables. A mapping whose
                values are all columns of one length is a batch; any other is one row.

        Returns:
            What ``BaseHook.wrap`` returns: a stand-in that yields the very same objects.

        Raises:
            TypeError: it cannot be iterated over, is wrapped already, or holds several splits.
        """
        _refuse_splits(iterable)
        return super().wrap(iterable)

    def wrap_dataset(self, dataset: Iterable[Any]) -> Any:
        """Wrap a data set, so that iterating over its rows is recorded.

        Args:
            dataset: a ``datasets.Dataset``, a streamed one, or any iterable of rows, such as a
                list of dicts or a generator: each item is one row. What is known to yield
                batches (``dataset.iter(…)``, a DataLoader) is read as ``wrap`` reads it.

        Returns:
            What ``wrap`` returns: a stand-in for the data set.

        Raises:
            TypeError: it cannot be iterated over, is wrapped already, or holds several splits.
        """
        return self._wrap_rows(dataset, "wrap_dataset")

    def wrap_streaming(self, dataset: Iterable[Any]) -> Any:
        """Wrap a streamed data set, so that iterating over its rows is recorded.

        Args:
            dataset: a ``datasets.IterableDataset``, or whatever ``wrap_dataset`` takes.

        Returns:
            What ``wrap`` returns: a stand-in for the data set.

        Raises:
            TypeError: it cannot be iterated over, is wrapped already, or holds several splits.
        """
        return self._wrap_rows(dataset, "wrap_streaming")

    def begin_pass(self, iterable: Iterable[Any], epoch: int | None) -> Pass:
        """A new iteration begins, as in ``BaseHook``."""
        reader = self._row_reader(iterable)
        if reader is None:
            return super().begin_pass(iterable, epoch)
        return _RowPass(self, reader, epoch)

    def _wrap_rows(self, dataset: Iterable[Any], method: str) -> Any:
        if not hasattr(dataset, "__iter__") and not hasattr(dataset, "__getitem__"):
            raise TypeError(
                f"{method}() takes a data set or another iterable of rows, not a "
                f"{type(dataset).__name__}"
            )
        recorded = self.wrap(dataset)
        if isinstance(recorded, RecordedLoader):
            self._of_rows.add(recorded)
        return recorded

    def _extract_samples(self, batch: Any) -> list[tuple[Any, dict[str, Any]]]:
        return [(row, {}) for row in RowReader().samples(batch)]

    def _reader_for(self, iterable: Iterable[Any] | None) -> Reader:
        reader = self._row_reader(iterable)
        if reader is not None:
            return reader.read
        if type(self)._extract_samples is not DatasetHook._extract_samples:
            return self._read_extracted
        return loader_reader(iterable, self.key)

    def _row_reader(self, iterable: Any) -> RowReader | None:
        """What reads rows out of an iterable; None if they are read in another way."""
        if type(self)._extract_samples is not DatasetHook._extract_samples:
            return None
        if _is_dataset(iterable):
            return self._dataset_reader(iterable, "row", is_new=True)
        if isinstance(iterable, GeneratorType) and iterable.gi_frame is not None:
            owner = iterable.gi_frame.f_locals.get("self")
            if _is_dataset(owner) and iterable.__name__ in _FORMS:
                is_new = getgeneratorstate(iterable) == GEN_CREATED
                return self._dataset_reader(owner, _FORMS[iterable.__name__], is_new)
        if _is_loader(iterable):
            return None
        is_rows = any(recorded._iterable is iterable for recorded in list(self._of_rows))
        return RowReader("row" if is_rows else "any", key=self.key)

    def _dataset_reader(self, dataset: Any, form: str, is_new: bool) -> RowReader:
        if not isinstance(dataset, _classes("Dataset")):
            files = None if dataset.features is None else FileColumns(dataset.features)
            return RowReader(form, files, key=self.key)
        if dataset.format["type"] == "custom":
            return RowReader(form, key=self.key, as_delivered=True)
        files = FileColumns(dataset.features)
        names = _columns_to_look_up(dataset, files)
        stored = StoredRows(dataset, names) if names and is_new else None
        return RowReader(form, files, stored, self.key)


class _RowPass(Pass):
    """A pass that counts every batch, also one that an error keeps from being read."""

    def __init__(self, hook: DatasetHook, reader: RowReader, epoch: int | None) -> None:
        super().__init__(hook, reader.read, epoch)
        self._reader = reader

    def hand_over(self, batch: Any) -> None:
        """Record a batch that the loop is about to get."""
        self._reader.expect(batch)
        super().hand_over(batch)


def _columns_to_look_up(dataset: Any, files: FileColumns) -> list[str]:
    """The columns of files that the data set delivers in another form than they are stored."""
    form = dataset.format
    if form["type"] == "arrow":
        return []
    shown = dataset.column_names if form["output_all_columns"] else form["columns"]
    return [name for name in files.decoded_names() if name in shown]


def _classes(*names: str) -> Any:
    """Classes of the package ``datasets`` as far as it has been imported."""
    module = sys.modules.get("datasets")
    return tuple(getattr(module, name) for name in names if hasattr(module, name))


def _is_dataset(iterable: Any) -> bool:
    return isinstance(iterable, _classes("Dataset", "IterableDataset"))


def _is_loader(iterable: object) -> bool:
    loader = getattr(sys.modules.get("torch.utils.data"), "DataLoader", None)
    return loader is not None and isinstance(iterable, loader)


def _refuse_splits(iterable: Any) -> None:
    if isinstance(iterable, _classes("DatasetDict", "IterableDatasetDict")):
        splits = list(map(str, iterable))
        example = splits[0] if splits else "train"
        raise TypeError(
            f"a {type(iterable).__name__} holds several data sets: take a split, such as "
            f"hook.wrap(dataset[{example!r}]); there are: {', '.join(splits) or 'none'}"
        )
