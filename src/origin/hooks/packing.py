"""Batches whose fields are all dense arrays: nothing is copied, no Python per sample."""

from typing import Any

from origin.core.arrays import CanonicalArray, canonical_array
from origin.core.fingerprint import encode
from origin.hooks.batches import is_record, take
from origin.recorder.capture import Capture, Table


class Packer:
    """Writes the canonical bytes of batches of one form.

    The text before an array's bytes is the same for every sample, so it is made once.

    Args:
        batch: a batch with every array in canonical form, each with one row per sample.
        count: how many samples it has.
        columns: its arrays, in order.
    """

    def __init__(self, batch: Any, count: int, columns: list[CanonicalArray]) -> None:
        # The first row's encoding tells header and order; payloads are known by identity.
        rows: list[CanonicalArray] = []
        encoding = encode(_first_row(batch, count, rows))
        places = {id(row.data): place for place, row in enumerate(rows)}
        header = encoding.text.encode("utf-8", "surrogatepass") + b"\n"
        self._count = count
        self._header = header
        self._order = [places[id(payload)] for payload in encoding.payloads]
        self._content_type = "array" if isinstance(batch, CanonicalArray) else "json"
        self._forms = [(column.dtype, column.shape) for column in columns]
        self._outside: tuple[Any, list[Any] | None] = (type(batch), None)

    @classmethod
    def of(cls, batch: Any, count: int) -> "tuple[Packer, list[CanonicalArray]] | None":
        """A packer for a batch and the columns to pack; None if it has anything but arrays."""
        columns = _columns(batch, count) if count else None
        return None if columns is None else (cls(batch, count, columns), columns)

    def expect(self, batch: Any) -> "Packer":
        """Note the outward form of the batch as the loader made it."""
        names = list(batch) if type(batch) is dict else None
        self._outside = (type(batch), names)
        return self

    def pack_alike(self, batch: Any) -> Capture | None:
        """Pack a batch of the very form this was made for; None if it has another."""
        kind, names = self._outside
        if type(batch) is not kind:
            return None
        fields: list[Any]
        if kind is dict:
            fields = list(batch.values()) if list(batch) == names else []
        else:
            fields = [*batch] if kind in (list, tuple) else [batch]
        if len(fields) != len(self._forms):
            return None
        columns: list[CanonicalArray] = []
        for field, form in zip(fields, self._forms, strict=True):
            column = canonical_array(field)
            if column is None or (column.dtype, column.shape) != form:
                return None
            columns.append(column)
        return self.pack(columns)

    def pack(self, columns: list[CanonicalArray]) -> Capture:
        """Line the columns up as the canonical bytes have them; nothing is copied."""
        table = Table(self._header, [columns[place].data for place in self._order], self._count)
        return Capture(table, self._count, table.row_bytes, self._content_type)


def _columns(node: Any, count: int) -> list[CanonicalArray] | None:
    """The arrays of a structure in order; None when anything in it is not one row per sample."""
    if isinstance(node, CanonicalArray):
        return [node] if node.shape and node.shape[0] == count else None
    if not (type(node) in (dict, list, tuple) or is_record(node)) or not node:
        return None
    found: list[CanonicalArray] = []
    for child in node.values() if isinstance(node, dict) else node:
        columns = _columns(child, count)
        if columns is None:
            return None
        found += columns
    return found


def _first_row(node: Any, count: int, rows: list[CanonicalArray]) -> Any:
    if isinstance(node, CanonicalArray):
        rows.append(take(node, count, 0))
        return rows[-1]
    if isinstance(node, dict):
        return {name: _first_row(child, count, rows) for name, child in node.items()}
    return [_first_row(child, count, rows) for child in node]
