"""From rows and batches of columns to the canonical bytes of each row."""

from collections.abc import Mapping
from typing import Any

from origin.core.arrays import is_array
from origin.core.jsontext import plain_text
from origin.errors import BatchError, FingerprintError
from origin.hooks.reader import canonical_item
from origin.hooks.rowarrays import LIMIT, holds_long, seems_long
from origin.hooks.rowfiles import FileColumns, StoredRows, found_files
from origin.hooks.rowvalues import as_items, column_values, is_frame, normal, table_columns
from origin.recorder.capture import Capture, capture_rows

__all__ = ["RowReader"]

Row = dict[str, Any]


class RowReader:
    """Reads what an iteration over a data set yields.

    Args:
        form: ``"row"`` or ``"batch"`` where it is known what is yielded; ``"any"`` tells the
            two apart by what is in it.
        files: the columns that hold files; None where the features are unknown, so that a cell
            of the form ``{"bytes", "path"}`` is taken for a file.
        stored: the same rows as they are stored, read along; then ``expect`` comes before
            every ``read``.
        key: the column that holds the user's own sample ids.
        as_delivered: whether arrays in a row stay the arrays they are.

    >>> capture = RowReader().read({"text": ["a", "b"], "label": [0, 1]})
    >>> capture.count, capture.byte_sizes  # the first row is {"label":0,"text":"a"}
    (2, 22)
    """

    def __init__(
        self,
        form: str = "any",
        files: FileColumns | None = None,
        stored: StoredRows | None = None,
        key: str | int | None = None,
        as_delivered: bool = False,
    ) -> None:
        self._form = form
        self._files = files
        self._stored = stored
        self._key = key
        self._as_delivered = as_delivered

    def expect(self, batch: Any) -> None:
        """This was yielded, whether it will be read or not; it keeps the stored rows in step."""
        if self._stored is not None:
            self._stored.pass_on(1 if self._form == "row" else _count(batch))

    def read(self, batch: Any) -> Capture:
        """Take a batch apart; the capture shares no memory with it.

        Raises:
            BatchError: it is neither a row nor a batch of rows, or has no column ``key``.
            FingerprintError: a row cannot be fingerprinted.
        """
        try:
            rows = self._rows(batch)
            keys = None if self._key is None else [_key_of(row, self._key) for row in rows]
            encode = canonical_item if self._as_delivered else _row_bytes
            encoded = [encode(row, index) for index, row in enumerate(rows)]
        except RecursionError:
            raise FingerprintError(
                "cannot fingerprint the batch: a row is nested too deeply or contains itself"
            ) from None
        return capture_rows(encoded, ["json"] * len(rows), keys)

    def samples(self, batch: Any) -> list[Row]:
        """The rows of a batch in normal form."""
        return [normal(row) for row in self._rows(batch)]

    def _rows(self, batch: Any) -> list[Row]:
        if is_frame(batch):
            return self._across(table_columns(batch), len(batch), is_stored=_is_stored(batch))
        if isinstance(batch, Mapping):
            return self._of_mapping(batch)
        if isinstance(batch, list) and all(isinstance(row, Mapping) for row in batch):
            return [row for item in batch for row in self._across(_as_columns(item), 1)]
        raise BatchError(
            f"a {type(batch).__name__} is no batch of rows: give a mapping of columns, a table or "
            "a list of row dicts; for the batches of other loaders there is DataLoaderHook"
        )

    def _of_mapping(self, batch: Mapping[str, Any]) -> list[Row]:
        count = None if self._form == "row" else _common_length(batch)
        if count is not None:
            return self._across(batch, count)
        if self._form == "batch":
            raise BatchError(
                "the columns of a batch must all have one entry for each row, and these differ: "
                + ", ".join(f"{name}: {_length(column)}" for name, column in batch.items())
            )
        return self._across(_as_columns(batch), 1)

    def _across(self, batch: Mapping[str, Any], count: int, is_stored: bool = False) -> list[Row]:
        stored = {} if self._stored is None else self._stored.current()
        columns = {
            name: self._column(name, column, stored.get(name)) for name, column in batch.items()
        }
        if is_stored and self._files is not None:
            self._files.undo_storage(columns)
        if not columns:
            return [{} for _ in range(count)]
        names = list(columns)
        cells = zip(*columns.values(), strict=True)
        return [dict(zip(names, row, strict=True)) for row in cells]

    def _column(self, name: str, column: Any, stored: list[Any] | None) -> list[Any]:
        if self._as_delivered:
            return as_items(column)
        if self._files is None:
            return _with_found_files(column_values(column))
        if name in self._files.names:
            return self._files.cells(name, column, stored)
        return column_values(column)


def _with_found_files(cells: list[Any]) -> list[Any]:
    first = next((cell for cell in cells if cell is not None), None)
    return cells if isinstance(first, str | int | float) else [found_files(cell) for cell in cells]


def _as_columns(row: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {name: [value] for name, value in row.items()}


def _is_stored(table: Any) -> bool:
    return hasattr(table, "to_pydict") or hasattr(table, "to_arrow")


def _length(column: Any) -> int | None:
    """How many rows a column has; None for what is no column."""
    if is_array(column) and hasattr(column, "shape"):
        return int(column.shape[0]) if len(column.shape) else None
    if isinstance(column, str | bytes | bytearray | Mapping):
        return None
    return len(column) if hasattr(column, "__len__") and hasattr(column, "__getitem__") else None


def _common_length(batch: Mapping[str, Any]) -> int | None:
    lengths = {_length(column) for column in batch.values()}
    return lengths.pop() if len(lengths) == 1 else None


def _count(batch: Any) -> int:
    return len(batch) if is_frame(batch) else _common_length(batch) or 0


def _key_of(row: Row, key: str | int) -> str | None:
    if key not in row:
        raise BatchError(
            f"key={key!r} names no column; there are: {', '.join(map(str, row))}. Name one of "
            "these, or leave key out"
        )
    found = normal(row[key])
    return None if found is None else str(found)


def _row_bytes(row: Row, index: int) -> bytes:
    text = None if seems_long(row) else plain_text(row)
    if text is not None and not _hides_long(row, text):
        return text.encode("utf-8", "surrogatepass")
    return canonical_item(normal(row), index)


def _hides_long(row: Row, text: str) -> bool:
    """Whether a long list of numbers is where ``seems_long`` does not look."""
    # Each number takes up two characters or more, and flat lists are judged by their first item.
    if len(text) <= 2 * LIMIT or text.count("[") == sum(
        type(cell) is list for cell in row.values()
    ):
        return False
    return holds_long(row)
