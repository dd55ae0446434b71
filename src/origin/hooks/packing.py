"""Batches whose fields are all dense arrays: nothing is copied, no Python per sample."""

import sys
from collections.abc import Iterator
from typing import Any

from origin.core.arrays import CanonicalArray, canonical_array, is_array
from origin.core.fingerprint import encode
from origin.core.hashing import Column, RowForm
from origin.hooks.parts import Part, Rows, columns
from origin.recorder.capture import Capture, Table


class Packer:
    """Lines up the canonical bytes of batches of one form.

    The text before an array's bytes is the same for every sample, so it is made once.

    Args:
        layout: the layout of a batch of that form.
        arrays: its arrays, each with one row for each sample.
        batch: the batch as the loader made it.
    """

    def __init__(self, layout: Part, arrays: list[CanonicalArray], batch: Any) -> None:
        # The first row's encoding tells header and order; payloads are known by identity.
        first = layout.take(0)
        encoding = encode(first)
        places = {id(row.data): place for place, row in enumerate(_arrays(first))}
        self._order = [places[id(payload)] for payload in encoding.payloads]
        self._count = arrays[0].shape[0]
        header = encoding.text.encode("utf-8", "surrogatepass") + b"\n"
        widths = [arrays[place].data.size // self._count for place in self._order]
        self._rows = RowForm(header, widths)
        self._content_type = "array" if isinstance(layout, Rows) else "json"
        self._kind = type(batch) if _is_flat(batch) else None
        self._names = list(batch) if type(batch) is dict else None
        fields = self._fields(batch) if self._kind else []
        self._forms = list(map(_FieldForm, fields, arrays))

    @classmethod
    def of(
        cls, layout: Part, count: int, batch: Any
    ) -> "tuple[Packer, list[CanonicalArray]] | None":
        """A packer for a batch, and its arrays; None if it has anything but arrays."""
        arrays = columns(layout) if count else None
        return None if arrays is None else (cls(layout, arrays, batch), arrays)

    def pack_alike(self, batch: Any) -> Capture | None:
        """Pack a batch of the very form this was made for; None if it has another."""
        if type(batch) is not self._kind:
            return None
        fields = self._fields(batch)
        if len(fields) != len(self._forms):
            return None
        found: list[Column] = []
        for form, field in zip(self._forms, fields, strict=True):
            column = form.column(field)
            if column is None:
                return None
            found.append(column)
        return self._captured(found)

    def _fields(self, batch: Any) -> list[Any]:
        if self._names is not None:
            return list(batch.values()) if list(batch) == self._names else []
        return list(batch) if isinstance(batch, list | tuple) else [batch]

    def pack(self, arrays: list[CanonicalArray]) -> Capture:
        """Line the arrays up as the canonical bytes have them; nothing is copied."""
        return self._captured([Column.of(array.data) for array in arrays])

    def _captured(self, fields: list[Column]) -> Capture:
        table = Table(self._rows, [fields[place] for place in self._order], self._count)
        return Capture(table, self._count, self._rows.row_bytes, self._content_type)


# Tensors of these dtypes are no views that negate or conjugate lazily, once that is excluded,
# and their elements lie in memory as in the canonical bytes.
_AS_THEY_LIE = frozenset(
    {"bfloat16", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8"}
)


class _FieldForm:
    """The form of an array that is a field of a batch."""

    def __init__(self, field: Any, array: CanonicalArray) -> None:
        self._dtype, self._shape, self._size = array.dtype, array.shape, array.data.size
        torch: Any = sys.modules.get("torch")
        can_lie = sys.byteorder == "little" and array.dtype in _AS_THEY_LIE
        self._kind = torch.Tensor if can_lie and torch and type(field) is torch.Tensor else None
        self._kind_dtype = field.dtype if self._kind else None
        self._kind_layout = torch.strided if self._kind else None

    def column(self, field: Any) -> Column | None:
        """The bytes of an array of this form; None for anything else."""
        if type(field) is self._kind and self._lies_ready(field):
            address = field.data_ptr()
            if address:
                return Column(address, self._size, field)
        array = canonical_array(field)
        if array is None or (array.dtype, array.shape) != (self._dtype, self._shape):
            return None
        return Column.of(array.data)

    def _lies_ready(self, tensor: Any) -> bool:
        """Whether the memory of a tensor holds the canonical bytes; it spares half the work."""
        return (
            tensor.dtype is self._kind_dtype
            and tensor.layout is self._kind_layout
            and tensor.is_cpu
            and not tensor.is_nested
            and tensor.shape == self._shape
            and tensor.is_contiguous()
            and not tensor.is_neg()
        )


def _is_flat(batch: Any) -> bool:
    """Whether each field of a batch is itself an array, so that they tell its whole form."""
    if type(batch) is dict:
        return all(map(is_array, batch.values()))
    return all(map(is_array, batch)) if type(batch) in (list, tuple) else is_array(batch)


def _arrays(value: Any) -> Iterator[CanonicalArray]:
    if isinstance(value, CanonicalArray):
        yield value
    else:
        for child in value.values() if isinstance(value, dict) else value:
            yield from _arrays(child)
