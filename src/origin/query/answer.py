"""`SqlAnswer`: what a query of a user found."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from origin.core.wording import html_table
from origin.errors import MissingDependencyError
from origin.storage.text import from_column

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_MARK = "\x00utf8:"
_SHOWN_ROWS = 20
_SHOWN_WIDTH = 64


class SqlAnswer(Sequence[tuple[Any, ...]]):
    """The answer to a query: a sequence of tuples, and the same as Arrow, pandas or polars.

    Texts in rows are those that were recorded. The other forms hold valid Unicode only: there a
    text with a lone surrogate stands in the form that ``docs/storage.md`` describes.
    """

    def __init__(self, table: "pa.Table") -> None:
        self._table = _with_plain_integers(table)
        self._rows: list[tuple[Any, ...]] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(self._table.column_names)

    def arrow(self) -> "pa.Table":
        """The answer as a ``pyarrow.Table``."""
        return self._table

    def pandas(self) -> "pd.DataFrame":
        """The answer as a ``pandas.DataFrame``.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        try:
            import pandas  # noqa: F401
        except ImportError as error:
            raise _missing("pandas") from error
        return self._table.to_pandas()

    def polars(self) -> "pl.DataFrame":
        """The answer as a ``polars.DataFrame``.

        Raises:
            MissingDependencyError: polars is not installed.
        """
        try:
            import polars
        except ImportError as error:
            raise _missing("polars") from error
        return polars.from_arrow(self._table)

    def rows(self) -> list[tuple[Any, ...]]:
        """The answer as a list of tuples."""
        if self._rows is None:
            self._rows = _tuples(self._table)
        return list(self._rows)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.rows()[index]
        at = range(len(self))[index]
        return _tuples(self._table.slice(at, 1))[0]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for first in range(0, len(self), 1 << 14):
            yield from _tuples(self._table.slice(first, 1 << 14))

    def __repr__(self) -> str:
        shown = [self.columns, *self._shown()]
        widths = [max(len(row[at]) for row in shown) for at in range(len(self.columns))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in shown
        ]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([*lines, self._size()])

    def _repr_html_(self) -> str:
        return f"{html_table(self.columns, self._shown())}<p>{self._size()}</p>"

    def _shown(self) -> list[list[str]]:
        return [
            [_shown_cell(value) for value in row]
            for row in _tuples(self._table.slice(0, _SHOWN_ROWS))
        ]

    def _size(self) -> str:
        count = len(self)
        first = f"the first {_SHOWN_ROWS} of " if count > _SHOWN_ROWS else ""
        return f"({first}{count:,} row{'' if count == 1 else 's'})"


def _shown_cell(value: Any) -> str:
    text = "NULL" if value is None else str(value)
    # What would break the lines of a table, or a terminal, is shown as Python writes it.
    text = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return text if len(text) <= _SHOWN_WIDTH else text[: _SHOWN_WIDTH - 1] + "…"


def _tuples(table: "pa.Table") -> list[tuple[Any, ...]]:
    columns = [_values(column) for column in table.columns]
    return list(zip(*columns, strict=True)) if columns else []


def _values(column: Any) -> list[Any]:
    import pyarrow as pa

    values: list[Any] = column.to_pylist()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return [_text(one) if one and one.startswith(_MARK) else one for one in values]
    if pa.types.is_nested(column.type):
        return [_decoded(one) for one in values]
    return values


def _text(value: str) -> str:
    try:
        return from_column(value)
    except ValueError:
        return value  # a query made it up


def _decoded(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return type(value)(map(_decoded, value))
    if isinstance(value, dict):
        return {name: _decoded(one) for name, one in value.items()}
    return value


def _with_plain_integers(table: "pa.Table") -> "pa.Table":
    """A sum of integers comes as a decimal of 38 digits; as an integer, if it fits into one."""
    import pyarrow as pa

    for at, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type) and (field.type.precision, field.type.scale) == (38, 0):
            try:
                column = table.column(at).cast(pa.int64())
            except pa.ArrowInvalid:
                continue
            table = table.set_column(at, field.name, column)
    return table


def _missing(package: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"{package} is not installed; install it with: pip install {package}"
    )
