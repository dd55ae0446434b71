"""Data sets and collate functions that a spawned loader process can import."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence, pack_sequence
from torch.utils.data import Dataset, IterableDataset, get_worker_info


class Pair(NamedTuple):
    text: str
    label: int


@dataclass
class Example:
    image: torch.Tensor
    name: str


class Listed(Dataset[Any]):
    """A data set over a list."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


class Streamed(IterableDataset[Any]):
    """An iterable data set that each worker reads its own part of."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        return iter(self.items[worker.id :: worker.num_workers] if worker else self.items)


def as_it_is(batch: list[Any]) -> list[Any]:
    return batch


def detection_style(batch: list[Any]) -> tuple[Any, ...]:
    return tuple(zip(*batch, strict=True))


def padded(batch: list[Any]) -> dict[str, torch.Tensor]:
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(item) for item in batch], batch_first=True)
    return {"ids": ids, "mask": (ids > 0).long()}


def packed(batch: list[torch.Tensor]) -> PackedSequence:
    return pack_sequence(batch, enforce_sorted=False)


def jagged(batch: list[torch.Tensor]) -> torch.Tensor:
    return torch.nested.nested_tensor(batch, layout=torch.jagged)


def to_examples(batch: list[Any]) -> Example:
    return Example(torch.stack([image for image, _ in batch]), [name for _, name in batch])  # type: ignore[arg-type]


def to_objects(batch: list[Any]) -> np.ndarray[Any, Any]:
    array = np.empty(len(batch), object)
    array[:] = batch
    return array
