"""The values of a row as plain Python values, whatever library delivered them.

The normal form is what the python format of Hugging Face ``datasets`` yields: numbers, strings,
truth values, None, bytes, dates, lists and dicts; but a long list of numbers is a typed array
(``rowarrays`` says which). A column of an array, a tensor or a table is split in one step.
"""

import sys
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from origin.core.arrays import (
    CanonicalArray,
    as_numpy,
    canonical_array,
    is_array,
    is_table,
    is_tensor,
)
from origin.core.refusal import Refusal
from origin.errors import MissingDependencyError
from origin.hooks.rowarrays import LIMIT, compact, listed

__all__ = ["as_items", "column_values", "is_frame", "normal", "table_columns"]

_ATOMS = frozenset({str, int, float, bool, type(None), bytes})
_KEPT = _ATOMS | {date, datetime, time, timedelta, Decimal}
_NUMPY_FLOATS = frozenset({"torch.float16", "torch.float32", "torch.float64"})
_only_kept = _KEPT.issuperset
# Bytes of the widest element of each kind that Python's numbers hold exactly.
_WIDEST = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}
# Cells that are read row by row, and only if the row turns out not to be plain.
_settled = (_KEPT | {dict, list}).issuperset


def normal(value: Any) -> Any:
    """Bring a value into normal form.

    Args:
        value: anything a row may hold.

    Returns:
        Python values with arrays, tensors and scalars of other libraries taken apart, and long
        lists of numbers as arrays; what has no plain form (an image, a sparse tensor) stays as
        it is.

    >>> normal({"ids": np.arange(3), "score": np.float32(0.5), "text": "hi"})
    {'ids': [0, 1, 2], 'score': 0.5, 'text': 'hi'}
    >>> normal([[0.5] * 5000]).dtype
    dtype('float64')
    """
    return compact(_plain(value))


def _plain(value: Any) -> Any:
    """Normal form, except that long arrays are still arrays and long lists are still lists."""
    if type(value) in _KEPT or isinstance(value, CanonicalArray):
        return value
    if isinstance(value, Mapping):
        return {name: _plain(child) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return list(value) if _only_kept(map(type, value)) else [_plain(child) for child in value]
    if isinstance(value, datetime | timedelta):
        return None if value != value else value  # only NaT differs from itself
    if is_array(value):
        return _array_values(value)
    return _foreign_value(value) if is_table(value) else value


def column_values(column: Any) -> list[Any]:
    """The cells of a column, as far as that is done for all of them at once.

    Args:
        column: a list, tuple, array, tensor, or a column of a table.

    Returns:
        One value for each row, which may still need ``normal``.

    >>> column_values(np.array([[1, 2], [3, 4]]))
    [[1, 2], [3, 4]]
    """
    if is_array(column):
        found = _array_values(column, LIMIT * len(column))
    elif is_table(column):
        found = _plain(column)
    else:
        found = column if isinstance(column, list) else list(column)
        return found if _settled(map(type, found)) else [_plain(cell) for cell in found]
    return list(found if isinstance(found, list | np.ndarray) else column)


def as_items(column: Any) -> list[Any]:
    """The cells of a column as they were delivered, with arrays in canonical form.

    >>> as_items((1, None))
    [1, None]
    """
    items = [column[i] for i in range(len(column))] if is_array(column) else list(column)
    return [(canonical_array(item) or item) if is_array(item) else item for item in items]


def is_frame(batch: Any) -> bool:
    """Whether a batch is a table: of pyarrow, pandas or polars.

    >>> is_frame({"text": ["hi"]})
    False
    """
    return is_table(batch) and (_is_arrow_table(batch) or hasattr(batch, "columns"))


def table_columns(table: Any) -> dict[str, list[Any]]:
    """Read a table as lists of Python values, one list for each column.

    Args:
        table: a pyarrow Table or RecordBatch, or a DataFrame of pandas or polars.

    Returns:
        The columns by name.

    Raises:
        MissingDependencyError: a polars frame, and pyarrow is not installed.
    """
    if _is_arrow_table(table):
        found: dict[str, list[Any]] = table.to_pydict()
        return found
    if _library(table) == "polars":
        return {series.name: _polars_values(series) for series in table.get_columns()}
    return {str(name): _pandas_values(series) for name, series in table.items()}


def _is_arrow_table(table: Any) -> bool:
    return _library(table) == "pyarrow" and hasattr(table, "to_pydict")


def _library(value: Any) -> str:
    known = ("pandas", "polars", "pyarrow")
    names = (base.__module__.partition(".")[0] for base in type(value).__mro__)
    return next((name for name in names if name in known), "")


def _foreign_value(value: Any) -> Any:
    library = _library(value)
    if library == "pyarrow":
        if hasattr(value, "to_pylist"):
            return value.to_pylist()
        return value.as_py() if hasattr(value, "as_py") else value
    if library == "polars":
        return _polars_values(value) if hasattr(value, "to_list") else value
    if hasattr(value, "tolist"):
        return _pandas_values(value)
    return None if value is sys.modules["pandas"].NA else value


def _pandas_values(series: Any) -> list[Any]:
    values: list[Any] = series.tolist()
    if not isinstance(series.dtype, np.dtype):
        # Only dtypes of pandas' own can tell a missing value from NaN.
        missing = series.isna().tolist()
        values = [None if gone else value for value, gone in zip(values, missing, strict=True)]
    return values if _settled(map(type, values)) else [_plain(value) for value in values]


def _polars_values(series: Any) -> list[Any]:
    if str(series.dtype).startswith(("Object", "Extension")):  # these fail on the way to Arrow
        return [_plain(value) for value in series.to_list()]
    try:
        # polars' own way to Python drops nanoseconds.
        found: list[Any] = series.to_arrow().to_pylist()
    except ModuleNotFoundError as error:
        raise _missing("pyarrow", "reading a polars frame") from error
    return found


def _missing(package: str, purpose: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"{purpose} needs {package}; install it with: pip install 'origin-provenance[huggingface]'"
    )


def _array_values(value: Any, limit: int = LIMIT) -> Any:
    """An array as Python values; one of more than ``limit`` numbers may stay an array."""
    if is_tensor(value):
        return _tensor_values(value, limit)
    try:
        found = as_numpy(value)
    except Refusal:
        return value  # the fingerprint says what is wrong with it, and where it is
    if found is None or _is_masked(found):
        return value
    if found.dtype.kind == "O":
        return _plain(found.tolist())
    if found.dtype.kind in "mM":
        return _times(found, value)
    if found.dtype.type.__module__.partition(".")[0] == "ml_dtypes":
        # bfloat16 and the like widen exactly.
        return listed(found.astype(np.float64), limit) if "float" in found.dtype.name else value
    is_plain = found.dtype.itemsize <= _WIDEST.get(found.dtype.kind, -1)
    return listed(found, limit) if is_plain or found.dtype.kind in "SUT" else value


def _is_masked(found: NDArray[Any]) -> bool:
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", None)
    return masked is not None and isinstance(found, masked)


def _tensor_values(tensor: Any, limit: int) -> Any:
    if tensor.is_nested or tensor.is_quantized or tensor.is_meta:
        return tensor
    if str(tensor.layout) != "torch.strided":
        return tensor
    tensor = tensor.detach()
    is_integer = str(tensor.dtype).startswith(("torch.int", "torch.uint"))
    if tensor.numel() <= limit or not (is_integer or tensor.is_floating_point()):
        return tensor.tolist()
    tensor = tensor.cpu().resolve_neg()
    if not is_integer and str(tensor.dtype) not in _NUMPY_FLOATS:
        tensor = tensor.double()
    # NumPy widens the rest: PyTorch would do it in many threads, and wait for each.
    return listed(tensor.numpy(), limit)


def _times(found: NDArray[Any], value: Any) -> Any:
    unit = np.datetime_data(found.dtype)[0]
    if unit in ("h", "m"):
        found = found.astype(f"{found.dtype.kind}8[s]")
    elif unit == "ns":
        return _nanoseconds(found)
    elif unit not in ("D", "W", "s", "ms", "us"):
        return value
    plain = found.tolist()
    # Times outside of what Python knows come as integers, which would pass for other data.
    return value if _holds_int(plain) else plain


def _holds_int(value: Any) -> bool:
    return any(map(_holds_int, value)) if isinstance(value, list) else isinstance(value, int)


def _nanoseconds(found: NDArray[Any]) -> Any:
    missing = np.isnat(found)
    if not np.any(found.view(np.int64)[~missing] % 1000):
        return found.astype(f"{found.dtype.kind}8[us]").tolist()
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise _missing("pandas", "reading times with nanoseconds") from error
    kind = pandas.Timestamp if found.dtype.kind == "M" else pandas.Timedelta
    return _plain(np.vectorize(kind, otypes=[object])(found).tolist())
