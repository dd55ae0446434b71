"""`DataLoaderHook`: for PyTorch loaders, and for any iterable of batches like theirs."""

import sys
from collections.abc import Iterable
from typing import Any

from origin.core.arrays import is_tensor
from origin.hooks import batches
from origin.hooks.base import BaseHook
from origin.hooks.passes import Hindsight, Reader
from origin.hooks.reader import BatchReader, read_item
from origin.storage.database import ProvenanceDatabase


class DataLoaderHook(BaseHook):
    """Records what a ``torch.utils.data.DataLoader`` yields.

    A sample is one item along the batch axis across all fields of a batch: of a tensor, a
    tuple or dict of tensors and lists, a nested structure, or a list of samples.

    Args:
        db, session_id, source_id, license_id: as for ``BaseHook``.
        record_gradients: note for each sample whether its tensors require gradients and, where
            the loop left a gradient on the yielded tensors by the time it asks for the next
            batch, that gradient's L2 norm. A batch is held until then.
        options: ``key`` is the field that holds your own id of each sample, a name or a place in
            a sequence; ``on_error``, ``enabled``, ``in_workers``, ``rank`` and ``world_size`` as
            for ``BaseHook``.

    >>> import tempfile
    >>> import torch
    >>> from torch.utils.data import DataLoader
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
    ...     with db.session(config_hash="v1") as session:
    ...         hook = DataLoaderHook(db, session.session_id, "noise", "CC0-1.0")
    ...         for batch in hook.wrap(DataLoader(torch.rand(10, 3), batch_size=4)):
    ...             pass
    ...     hook.get_stats()["samples_observed"]
    10
    >>> folder.cleanup()
    """

    def __init__(
        self,
        db: ProvenanceDatabase,
        session_id: str,
        source_id: str,
        license_id: str | None = None,
        record_gradients: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(db, session_id, source_id, license_id, **options)
        self.record_gradients = record_gradients

    def _extract_samples(self, batch: Any) -> list[tuple[Any, dict[str, Any]]]:
        return [(sample, {}) for sample in BatchReader(key=self.key).samples(batch)]

    def _reader_for(self, iterable: Iterable[Any] | None) -> Reader:
        if type(self)._extract_samples is not DataLoaderHook._extract_samples:
            return self._read_extracted
        return loader_reader(iterable, self.key)

    def hindsight(self, batch: Any, count: int) -> Hindsight | None:
        """With ``record_gradients``: what the loop's gradients say of each sample."""
        if not self.record_gradients:
            return None
        # The tensors as they are now: the loop may take the batch itself apart.
        items = _items(batch, count)
        if items is not None:
            owned = [_tensors(item) for item in items]
            return lambda: [_gradients_of(tensors) for tensors in owned]
        found = [t for t in _tensors(batch) if t.dim() and t.size(0) == count]
        return lambda: _gradients(found, count)


def loader_reader(loader: Any, key: str | int | None) -> Reader:
    """How the batches of a loader are read, by what the loader says of itself."""
    if _is_dataset(loader):
        return read_item
    return BatchReader(declared_batch_size(loader), key, _collates_fields(loader)).read


def declared_batch_size(loader: Any) -> int | None:
    """The batch size that a loader or its batch sampler declares, None if neither does.

    >>> declared_batch_size([1, 2]) is None
    True
    """
    for holder in (loader, getattr(loader, "batch_sampler", None)):
        size = getattr(holder, "batch_size", None)
        if isinstance(size, int) and not isinstance(size, bool):
            return size
    return None


def _is_dataset(loader: Any) -> bool:
    """Whether this is no loader but a data set, whose items are samples."""
    utils = sys.modules.get("torch.utils.data")
    if utils is not None and isinstance(loader, utils.Dataset):
        return True
    kinds = {(base.__module__.partition(".")[0], base.__name__) for base in type(loader).__mro__}
    return bool(kinds & {("datasets", "Dataset"), ("datasets", "IterableDataset")})


def _collates_fields(loader: Any) -> bool | None:
    """Whether a loader collates by PyTorch's own rule, which makes lists of fields only."""
    utils = sys.modules.get("torch.utils.data")
    collate = getattr(loader, "collate_fn", None)
    if utils is None or collate is None:
        return None
    return collate is utils.default_collate


def _tensors(node: Any) -> list[Any]:
    if is_tensor(node):
        return [node]
    return [tensor for child in batches.children(node) for tensor in _tensors(child)]


def _items(batch: Any, count: int) -> Any:
    """The samples of a batch that is a list of them, or one sample; None if it has fields."""
    reading = batches.read(batches.open_up(batch), None)
    if reading is not None and not reading.across_fields and reading.count == count:
        return batch
    return [batch] if count == 1 and (reading is None or reading.count != 1) else None


def _gradients_of(tensors: list[Any]) -> dict[str, Any]:
    """What the gradients of one sample's own tensors say."""
    told: dict[str, Any] = {"requires_grad": any(tensor.requires_grad for tensor in tensors)}
    gradients = [t.grad for t in tensors if t.is_leaf and t.grad is not None]
    if gradients:
        squares = sum(float(g.detach().double().abs().square().sum()) for g in gradients)
        told["grad_norm"] = squares**0.5
    return told


def _gradients(tensors: list[Any], count: int) -> list[dict[str, Any]]:
    told: dict[str, Any] = {"requires_grad": any(tensor.requires_grad for tensor in tensors)}
    # A tensor that is no leaf keeps no gradient, and asking it for one only warns.
    gradients = [t.grad for t in tensors if t.is_leaf and t.grad is not None]
    if not gradients:
        return [dict(told) for _ in range(count)]
    squares = sum(
        gradient.detach().reshape(count, -1).double().abs().square().sum(1)
        for gradient in gradients
    )
    return [{**told, "grad_norm": norm} for norm in squares.sqrt().tolist()]
