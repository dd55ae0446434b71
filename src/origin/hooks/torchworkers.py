"""The iterator over a PyTorch ``DataLoader`` whose workers fingerprint; this imports PyTorch."""

from collections.abc import Iterator
from typing import Any

from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from origin.core.hashing import Algorithm
from origin.hooks.reader import Settings
from origin.hooks.workers import AsItsIteratorSeesIt, Carrier, Carrying, FingerprintingCollate


class CarryingIterator(_MultiProcessingDataLoaderIter, Carrying):  # type: ignore[misc]
    """The loader's own iterator, whose workers send fingerprints along.

    It yields the batches as the loader would, also to a loop that nobody records.
    """

    def __init__(self, loader: Any, settings: Settings, algorithm: Algorithm) -> None:
        self.settings = settings
        self.algorithm = algorithm
        collate = FingerprintingCollate(loader.collate_fn, settings, algorithm)
        super().__init__(AsItsIteratorSeesIt(loader, collate))
        # Profilers show the loader under this name.
        self._profile_name = f"enumerate(DataLoader)#{CarryingIterator.__base__.__name__}.__next__"

    @classmethod
    def over(cls, loader: Any, settings: Settings, algorithm: Algorithm) -> Iterator[Any]:
        """What ``iter(loader)`` returns; of a loader that keeps its workers, those."""
        if loader.persistent_workers and loader._iterator is not None:
            return iter(loader)
        loader.check_worker_number_rationality()
        iterator = cls(loader, settings, algorithm)
        if loader.persistent_workers:
            loader._iterator = iterator
        return iterator

    def __next__(self) -> Any:
        batch = super().__next__()
        if type(batch) is not Carrier:
            self.carried = None
            return batch
        self.carried = batch.found
        return batch.batch
