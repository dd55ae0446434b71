"""A batch laid out by what each part of it gives to a sample."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from origin.core.arrays import CanonicalArray, canonical_array, is_array
from origin.hooks.batches import Items, has_nested, is_list, is_record, lengths

# For each list in a batch, by the way to it: whether its items are fields (else samples).
# Learned from batches in which it can only be one of the two.
Habits = dict[tuple[Any, ...], bool]


@dataclass(frozen=True, slots=True)
class Rows:
    """A dense array with one row for each sample."""

    array: CanonicalArray

    def take(self, index: int) -> CanonicalArray:
        """One sample's row."""
        array = self.array
        size = len(array.data) // array.shape[0]
        data = array.data[index * size : (index + 1) * size]
        return CanonicalArray(array.dtype, array.shape[1:], data)


@dataclass(frozen=True, slots=True)
class Entries:
    """Anything else with one entry for each sample."""

    items: Any

    def take(self, index: int) -> Any:
        """One sample's entry."""
        return self.items[index]


@dataclass(frozen=True, slots=True)
class Shared:
    """What belongs to every sample as it is."""

    value: Any

    def take(self, index: int) -> Any:
        """The same for each sample."""
        return self.value


@dataclass(frozen=True, slots=True)
class Fields:
    """Parts side by side, under names or in order; a sample has something of each."""

    names: list[Any] | None
    parts: "list[Part]"

    def take(self, index: int) -> Any:
        """What one sample has of each."""
        taken = [part.take(index) for part in self.parts]
        return taken if self.names is None else dict(zip(self.names, taken, strict=True))


Part = Rows | Entries | Shared | Fields


def lay_out(
    batch: Any,
    count: int,
    habits: Habits,
    collates_fields: bool | None = None,
    convert: bool = True,
) -> Part:
    """Lay out a batch that is read across its fields.

    Args:
        batch: what a loader yielded, passed through ``open_up``.
        count: how many samples it has.
        habits: what is known of the lists in this loader's batches; more is noted here.
        collates_fields: whether a list that can be both is one of fields, as ``default_collate``
            makes them; None when that is not known.
        convert: whether arrays are brought to canonical form.

    >>> lay_out({"text": ["a", "b"], "task": "mnli"}, 2, {}).take(1)
    {'text': 'b', 'task': 'mnli'}
    """
    layout = _Layout(count, habits, collates_fields, convert)
    if is_list(batch) and not isinstance(batch, Items):
        return layout.fields(None, batch, range(len(batch)), ())
    return layout.part(batch, ())


def columns(part: Part) -> list[CanonicalArray] | None:
    """The arrays of a layout in order; None when there is anything else in it."""
    if isinstance(part, Rows):
        return [part.array]
    if not isinstance(part, Fields) or not part.parts:
        return None
    found: list[CanonicalArray] = []
    for inner in part.parts:
        own = columns(inner)
        if own is None:
            return None
        found += own
    return found


class _Layout:
    def __init__(
        self, count: int, habits: Habits, collates_fields: bool | None, convert: bool
    ) -> None:
        self._count = count
        self._habits = habits
        self._collates_fields = collates_fields
        self._convert = convert

    def part(self, node: Any, path: tuple[Any, ...]) -> Part:
        if is_array(node):
            return self._array(node)
        if isinstance(node, Mapping):
            return self.fields(list(node), list(node.values()), node, path)
        if is_record(node):
            return self.fields(None, node, range(len(node)), path)
        if is_list(node):
            return self._list(node, path)
        if is_dataclass(node) and not isinstance(node, type):
            names = [field.name for field in fields(node)]
            return self.fields(names, [getattr(node, name) for name in names], names, path)
        return Shared(node)

    def fields(
        self, names: list[Any] | None, nodes: Sequence[Any], steps: Any, path: tuple[Any, ...]
    ) -> Fields:
        parts = zip(nodes, steps, strict=True)
        return Fields(names, [self.part(node, (*path, step)) for node, step in parts])

    def _array(self, node: Any) -> Part:
        dense = canonical_array(node) if self._convert else None
        if not len(node.shape) or node.shape[0] != self._count:
            return Shared(node if dense is None else dense)
        return Entries(node) if dense is None else Rows(dense)

    def _list(self, node: Any, path: tuple[Any, ...]) -> Part:
        of_samples = len(node) == self._count
        of_fields = not isinstance(node, Items) and self._can_be_fields(node)
        if of_samples and of_fields:
            of_fields = self._is_of_fields(node, path)
        elif of_samples or of_fields:
            self._habits.setdefault(path, of_fields)
        if of_fields:
            return self.fields(None, node, range(len(node)), path)
        return Entries(node) if of_samples else Shared(node)

    def _can_be_fields(self, node: Any) -> bool:
        if not has_nested(node):
            return False
        axes = [found for child in node if (found := lengths(child)) is not None]
        return bool(axes) and all(self._count in found for found in axes)

    def _is_of_fields(self, node: Any, path: tuple[Any, ...]) -> bool:
        if path in self._habits:
            return self._habits[path]
        if self._collates_fields:
            return True
        alike = all(is_array(child) and tuple(child.shape) == (self._count,) for child in node)
        if alike and self._collates_fields is None:
            return True  # most likely lists that were transposed: one array for each place
        return len({_kind(child) for child in node}) > 1


def _kind(node: Any) -> object:
    return (str(node.dtype), len(node.shape)) if is_array(node) else type(node)
