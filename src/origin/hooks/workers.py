"""Fingerprinting in the workers of a PyTorch ``DataLoader``.

A worker fingerprints each batch right after collating it and sends what it found along with
the batch, so that the training process has little left to do. What a worker cannot do, or
what depends on earlier batches, it leaves to the training process. No worker touches a database.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from origin.core.arrays import is_tensor
from origin.core.hashing import Algorithm
from origin.core.leaves import is_image
from origin.hooks import batches
from origin.hooks.reader import BatchReader, Found, Settings

_PLAIN = frozenset({bool, bytes, complex, float, int, str, type(None)})


class Carrier:
    """A batch on its way from a worker, with what the worker found out about it.

    Args:
        batch: what the loader's collate function made.
        found: its fingerprints and what belongs to them; None if the worker could not tell.
    """

    __slots__ = ("batch", "found")

    def __init__(self, batch: Any, found: Found | None) -> None:
        self.batch = batch
        self.found = found

    def __reduce__(self) -> tuple[Any, ...]:
        return Carrier, (self.batch, self.found)

    def pin_memory(self) -> "Carrier":
        """Pin the batch as the loader itself would; its thread calls this."""
        from torch.utils.data._utils.pin_memory import pin_memory

        pinned = pin_memory(self.batch)
        return Carrier(pinned, self.found if _is_alike(self.batch, pinned) else None)


class Carrying:
    """An iterator that unpacks carriers.

    ``carried`` is what came with the batch that it yielded last.
    """

    settings: Settings
    algorithm: Algorithm
    carried: Found | None = None


class FingerprintingCollate:
    """Stands in for a loader's collate function inside the workers.

    Args:
        collate: the loader's own function.
        settings: how its batches are read.
        algorithm: what they are fingerprinted with.

    >>> carrier = FingerprintingCollate(list, Settings(batch_size=2), "sha256")(("a", "b"))
    >>> carrier.batch, carrier.found is None
    (['a', 'b'], False)
    """

    def __init__(
        self, collate: Callable[[Any], Any], settings: Settings, algorithm: Algorithm
    ) -> None:
        self._collate = collate
        self._algorithm = algorithm
        self._reader = BatchReader(*settings)

    def __call__(self, data: Any) -> Carrier:
        batch = self._collate(data)
        try:
            if _travels(batch):
                return Carrier(batch, self._reader.read_apart(batch, self._algorithm))
        except Exception:  # noqa: S110  the training process meets it as well, and acts on it
            pass
        return Carrier(batch, None)


class AsItsIteratorSeesIt:
    """A loader as it is, but for its collate function."""

    def __init__(self, loader: Any, collate: Callable[[Any], Any]) -> None:
        self.collate_fn = collate
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def begin_iteration(
    loader: Iterable[Any], settings: Settings, algorithm: Algorithm
) -> Iterator[Any]:
    """Iterate over a loader that has known workers.

    Args:
        loader: the loader; of it nothing is changed.
        settings: how its batches are read.
        algorithm: what they are fingerprinted with.

    Returns:
        The loader's own iterator, or one that differs from it in being ``Carrying``.
    """
    try:
        from origin.hooks.torchworkers import CarryingIterator
    except ImportError:  # the insides of PyTorch have moved
        return iter(loader)
    return CarryingIterator.over(loader, settings, algorithm)


def has_known_workers(loader: Any) -> bool:
    """Whether a loader has workers, and iterates in no other way than PyTorch's own.

    >>> has_known_workers(["a batch"])
    False
    """
    module = sys.modules.get("torch.utils.data.dataloader")
    if module is None or not isinstance(loader, module.DataLoader) or not loader.num_workers:
        return False
    for name in ("__iter__", "_get_iterator"):
        method = getattr(module.DataLoader, name, None)
        is_original = getattr(method, "__module__", None) == module.__name__
        if not is_original or getattr(type(loader), name) is not method or name in vars(loader):
            return False
    # A device of its own for pinning is known to the pinning thread only.
    return not (loader.pin_memory and getattr(loader, "pin_memory_device", ""))


def _travels(batch: Any) -> bool:
    """Whether the training process gets the values that a batch has in the worker.

    On its way between processes a tensor loses what is not in its memory: that it is to be
    conjugated or negated, and the scale of a quantized one. An image may lose transparent colors.
    """
    if is_tensor(batch):
        return not (batch.is_conj() or batch.is_neg() or batch.is_quantized)
    if is_image(batch):
        return batch.palette is None
    if _holds_no_tensor(batch):
        return True
    return all(map(_travels, batches.children(batch)))


def _holds_no_tensor(node: Any) -> bool:
    """Whether this is a plain value or a list of such; long ones are told at once."""
    if type(node) in (list, tuple):
        return _PLAIN.issuperset(map(type, node))
    return type(node) in _PLAIN


def _is_alike(batch: Any, pinned: Any) -> bool:
    """Whether pinning left everything as it was; objects may have a way of their own to do it."""
    if type(batch) is not type(pinned):
        return False
    if is_tensor(batch) or _holds_no_tensor(batch):
        return True
    before, after = batches.children(batch), batches.children(pinned)
    own_way = hasattr(batch, "pin_memory")
    return not own_way and len(before) == len(after) and all(map(_is_alike, before, after))
