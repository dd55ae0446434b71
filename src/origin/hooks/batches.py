"""Reading a batch as samples, whatever framework made it.

A sample is one item along the batch axis across all fields. Which axis that is can be
ambiguous; the loader's batch size settles it, and after that what ``default_collate`` does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from origin.core.arrays import CanonicalArray, is_array
from origin.core.leaves import is_packed
from origin.errors import BatchError, FingerprintError


class Items(list[Any]):
    """A list that holds one value per sample and nothing else."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a batch is read.

    Args:
        count: how many samples it has.
        across_fields: whether a sample is taken across fields, not as one item of a list.
    """

    count: int
    across_fields: bool


def read(
    batch: Any,
    batch_size: int | None,
    earlier: Reading | None = None,
    collates_fields: bool | None = None,
) -> Reading | None:
    """Find the batch axis.

    Args:
        batch: what a loader yielded, passed through ``open_up``.
        batch_size: what the loader declares, None when it declares nothing.
        earlier: how a full batch of the same loader was read.
        collates_fields: whether the loader collates as ``default_collate`` does, which makes
            fields of lists and tuples; None when that is not known.

    Returns:
        How to read the batch; None when nothing in it has an axis, or no axis is common to
        all fields, so that the whole is one sample.

    Raises:
        BatchError: the loader declares a batch size and the fields have no axis in common.

    >>> read(["a", "b"], None)
    Reading(count=2, across_fields=False)
    >>> read({"text": ["a", "b", "c"], "label": [0, 1, 1]}, 3)
    Reading(count=3, across_fields=True)
    """
    items = len(batch) if is_list(batch) else None
    inside = _common_lengths(children(batch)) if not is_array(batch) else lengths(batch)
    likely = _likely_length(batch)
    candidates = [Reading(n, True) for n in sorted(inside or (), key=lambda n: (n != likely, n))]
    has_only_fields = is_record(batch) or (collates_fields and bool(inside))
    if items is not None and not has_only_fields:
        candidates.append(Reading(items, False))
    if _prefers_items(batch):
        candidates.reverse()
    if not candidates:
        _require_agreement(batch, batch_size, inside)
        return None
    chosen = _choose(candidates, batch_size, earlier)
    if batch_size is not None and earlier is None and chosen.count != batch_size:
        _require_first_axis(batch, batch_size, chosen)
    return chosen


def _choose(candidates: list[Reading], batch_size: int | None, earlier: Reading | None) -> Reading:
    if batch_size is None:
        return candidates[0]
    fitting = [reading for reading in candidates if reading.count <= batch_size]
    if earlier is not None:
        # A short batch may have as many fields as the loader puts samples into a full one.
        fitting.sort(key=lambda reading: reading.across_fields != earlier.across_fields)
        fitting = [r for r in fitting if r.across_fields == fitting[0].across_fields]
    exact = [reading for reading in fitting if reading.count == batch_size]
    return (exact or fitting or candidates)[0]


def _require_first_axis(batch: Any, batch_size: int, chosen: Reading) -> None:
    """Refuse a batch that has the loader's batch size somewhere, only not where it was read."""
    if not chosen.across_fields:
        _require_agreement(batch, _among_lengths(batch, batch_size), set())
    elif chosen.count > batch_size and any(batch_size in shape[1:] for shape in _shapes(batch)):
        raise BatchError(
            f"the loader's batch size is {batch_size}, and that is not the first axis of its "
            f"{type(batch).__name__}; put the batch axis first, or extend BaseHook with an "
            "_extract_samples of your own"
        )


def _among_lengths(batch: Any, batch_size: int) -> int | None:
    found = any(batch_size in (lengths(child) or ()) for child in children(batch))
    return batch_size if found else None


def _shapes(node: Any) -> list[tuple[int, ...]]:
    if is_array(node):
        return [tuple(node.shape)]
    return [shape for child in children(node) for shape in _shapes(child)]


def _require_agreement(batch: object, batch_size: int | None, inside: set[int] | None) -> None:
    if batch_size is None or inside is None:
        return
    found = {name: lengths(child) for name, child in named_children(batch)}
    told = ", ".join(f"{name}: {sorted(axes)}" for name, axes in found.items() if axes)
    raise BatchError(
        f"the fields of a {type(batch).__name__} have no batch axis in common ({told}), and the "
        f"loader's batch size is {batch_size}; give each field one entry per sample, or extend "
        "BaseHook with an _extract_samples of your own"
    )


def open_up(node: Any) -> Any:
    """Turn the containers that hold samples in a form of their own into lists of samples.

    A ``PackedSequence`` becomes the list of its sequences in their original order, a nested
    tensor the list of its components; everything else stays what it is.

    Raises:
        FingerprintError: it contains itself.
    """
    try:
        return _opened(node)
    except RecursionError:
        raise FingerprintError(
            f"cannot read a batch of type '{type(node).__name__}': it is nested too deeply or "
            "contains itself"
        ) from None


def _opened(node: Any) -> Any:
    if is_array(node):
        return Items(node.unbind()) if getattr(node, "is_nested", False) else node
    if is_packed(node):
        from torch.nn.utils.rnn import unpack_sequence

        return Items(unpack_sequence(node))
    if isinstance(node, Mapping):
        opened = {name: _opened(child) for name, child in node.items()}
        return opened if _any_changed(opened.values(), node.values()) else node
    if type(node) in (list, tuple):
        children_now = [_opened(child) for child in node]
        return type(node)(children_now) if _any_changed(children_now, node) else node
    if is_dataclass(node) and not isinstance(node, type | CanonicalArray):
        named = dict(named_children(node))
        opened = {name: _opened(child) for name, child in named.items()}
        return opened if _any_changed(opened.values(), named.values()) else node
    return node


def _any_changed(new: Any, old: Any) -> bool:
    return any(one is not other for one, other in zip(new, old, strict=True))


def is_record(node: object) -> bool:
    """Whether this is a namedtuple: its items are fields, never samples."""
    return isinstance(node, tuple) and hasattr(node, "_fields")


def is_list(node: object) -> bool:
    """Whether a node is a sequence of values, as opposed to text, bytes or an array.

    >>> is_list((1, 2)), is_list("ab")
    (True, False)
    """
    if isinstance(node, list | tuple):
        return True
    return isinstance(node, Sequence) and not isinstance(node, str | bytes | bytearray | memoryview)


def named_children(node: object) -> Iterator[tuple[str, Any]]:
    """The fields of a mapping, dataclass, namedtuple or sequence, with their names."""
    if isinstance(node, Mapping):
        yield from ((str(name), child) for name, child in node.items())
    elif is_record(node):
        yield from zip(node._fields, node, strict=True)  # type: ignore[attr-defined,call-overload]
    elif is_list(node) and not isinstance(node, Items):
        yield from ((str(place), child) for place, child in enumerate(node))  # type: ignore[arg-type,var-annotated]
    elif is_dataclass(node) and not isinstance(node, type | CanonicalArray):
        yield from ((field.name, getattr(node, field.name)) for field in fields(node))


def children(node: object) -> list[Any]:
    """The fields of a mapping, dataclass, namedtuple or sequence."""
    return [child for _, child in named_children(node)]


def lengths(node: object) -> set[int] | None:
    """The lengths that the batch axis of a field may have; None when it has no axis.

    A field without an axis (a text, a number) belongs to every sample as it is.
    """
    if is_array(node):
        shape = tuple(node.shape)  # type: ignore[attr-defined]
        return {int(shape[0])} if shape else None
    if isinstance(node, Items):
        return {len(node)}
    if is_record(node) or not is_list(node):
        return _common_lengths(children(node))
    own = {len(node)}  # type: ignore[arg-type]
    if has_nested(node):
        own |= _common_lengths(children(node)) or set()
    return own


def has_nested(node: Any) -> bool:
    """Whether the items of a sequence may have a batch axis of their own."""
    return bool(node) and (
        is_array(node[0]) or is_list(node[0]) or isinstance(node[0], Mapping | Items)
    )


def _common_lengths(nodes: list[Any]) -> set[int] | None:
    found = [axes for node in nodes if (axes := lengths(node)) is not None]
    return set.intersection(*found) if found else None


def _likely_length(node: Any) -> int | None:
    """The batch length that the first field with an axis has, were there nothing else to go by."""
    if is_array(node):
        return int(node.shape[0]) if len(node.shape) else None
    if is_list(node) and not is_record(node) and not (node and is_array(node[0])):
        return len(node)
    found = (
        len(child) if _is_list_of_samples(child) else _likely_length(child)
        for child in children(node)
    )
    return next((length for length in found if length is not None), None)


def _is_list_of_samples(node: Any) -> bool:
    """Whether a list of arrays has one array per sample, of two or more dimensions each."""
    return is_list(node) and bool(node) and is_array(node[0]) and len(node[0].shape) > 1


def _prefers_items(node: Any) -> bool:
    """Whether a sequence with both readings is rather a list of samples than of fields."""
    return isinstance(node, list) and not any(is_array(child) for child in node)
