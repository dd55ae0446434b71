"""Columns of numbers and of texts, from NumPy and Python to Arrow and back, by their buffers.

Arrow's own conversions import pandas wherever it is installed: half a second and 40 MB, in the
middle of somebody's training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Who opens a database does not need it, and it takes longer to load than all else.
    import numpy.typing as npt
    import pyarrow as pa

_LONGEST = (1 << 31) - 1


def number_column(values: npt.NDArray[Any]) -> pa.Array:
    """Numbers as a column of the same type, without a copy.

    >>> import numpy as np
    >>> number_column(np.array([1, 2], np.int32)).type, len(number_column(np.empty(0, np.int64)))
    (DataType(int32), 0)
    """
    import numpy as np
    import pyarrow as pa

    dense = np.ascontiguousarray(values)
    buffers = [None, pa.py_buffer(dense)]
    return pa.Array.from_buffers(pa.from_numpy_dtype(dense.dtype), len(dense), buffers)


def text_column(values: Sequence[str | None]) -> pa.Array:
    """Texts as a column of type ``string``; None is null.

    >>> text_column(["a", None, "", "öl"]).to_pylist()
    ['a', None, '', 'öl']
    """
    import numpy as np
    import pyarrow as pa

    if not len(values) or all(value is None for value in values):
        return pa.nulls(len(values), pa.string())
    encoded = [b"" if value is None else value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)])
    if ends[-1] > _LONGEST:
        return pa.array(values, pa.string())
    known = np.array([value is not None for value in values])
    buffers = [
        None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little")),
        pa.py_buffer(ends.astype(np.int32)),
        pa.py_buffer(b"".join(encoded)),
    ]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def numbers_of(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """A column of integers that has no nulls.

    >>> import numpy as np
    >>> import pyarrow as pa
    >>> column = number_column(np.array([1, 2, 3]))
    >>> table = pa.concat_tables([pa.Table.from_arrays([column], ["a"]).slice(1)] * 2)
    >>> numbers_of(table, "a").tolist()
    [2, 3, 2, 3]
    """
    import numpy as np

    column = table[name]
    kind = column.type.to_pandas_dtype()
    parts = [_numbers_of_chunk(chunk, kind) for chunk in column.chunks if len(chunk)]
    return np.concatenate(parts) if parts else np.empty(0, kind)


def _numbers_of_chunk(chunk: pa.Array, kind: Any) -> npt.NDArray[Any]:
    import numpy as np

    begin = chunk.offset * np.dtype(kind).itemsize
    found: npt.NDArray[Any] = np.frombuffer(chunk.buffers()[1], kind, len(chunk), begin)
    return found


def empty_table(schema: pa.Schema) -> pa.Table:
    """A table without rows."""
    import pyarrow as pa

    return pa.Table.from_batches([], schema)
