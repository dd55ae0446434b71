"""Batches whose fields are all dense arrays: nothing is copied, no Python per sample."""

from collections.abc import Iterator
from typing import Any

from origin.core.arrays import CanonicalArray, canonical_array, is_array
from origin.core.fingerprint import encode
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
        self._header = encoding.text.encode("utf-8", "surrogatepass") + b"\n"
        self._order = [places[id(payload)] for payload in encoding.payloads]
        self._count = arrays[0].shape[0]
        self._content_type = "array" if isinstance(layout, Rows) else "json"
        self._forms = [(array.dtype, array.shape) for array in arrays]
        self._kind = type(batch) if _is_flat(batch) else None
        self._names = list(batch) if type(batch) is dict else None

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
        arrays: list[CanonicalArray] = []
        for field, form in zip(fields, self._forms, strict=True):
            array = canonical_array(field)
            if array is None or (array.dtype, array.shape) != form:
                return None
            arrays.append(array)
        return self.pack(arrays)

    def _fields(self, batch: Any) -> list[Any]:
        if self._names is not None:
            return list(batch.values()) if list(batch) == self._names else []
        return list(batch) if isinstance(batch, list | tuple) else [batch]

    def pack(self, arrays: list[CanonicalArray]) -> Capture:
        """Line the arrays up as the canonical bytes have them; nothing is copied."""
        table = Table(self._header, [arrays[place].data for place in self._order], self._count)
        return Capture(table, self._count, table.row_bytes, self._content_type)


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
