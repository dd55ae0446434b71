"""Loaders with workers, of every form of batch, that a spawned process can import."""

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nested._internal.nested_tensor  # or each worker would take seconds to do it
from loader_data import (
    Listed,
    Pair,
    Streamed,
    as_it_is,
    detection_style,
    jagged,
    packed,
    padded,
    to_examples,
    to_objects,
)
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, default_collate
from transformers import BatchEncoding

IMAGES = torch.arange(84, dtype=torch.float32).reshape(7, 3, 2, 2)
TEXTS = ["one", "zwei", "trois", "", "öl", "\ud800", "seven"]
RAGGED = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10], [11, 12], [13], [14, 15]]
SQUARE = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12], [13, 14, 15], [16, 17, 18], [19, 20, 21]]
COMPLEX = torch.complex(torch.arange(7.0), torch.ones(7))


class Dicts(Dataset[Any]):
    """Rows with an id; texts and numbers beside a tensor."""

    def __len__(self) -> int:
        return 7

    def __getitem__(self, index: int) -> Any:
        return {"id": f"row {index}", "x": IMAGES[index], "text": TEXTS[index], "y": index / 3}


class Random(Dataset[Any]):
    """Rows made of every generator that a worker seeds."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        return torch.rand(2), random.random(), np.random.rand(2), index  # noqa: S311


class Faulty(Dataset[Any]):
    """A data set whose fifth row cannot be read, or kills the worker."""

    def __init__(self, kill: bool = False) -> None:
        self.kill = kill

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        if index == 5:
            if self.kill:
                os._exit(1)
            raise KeyError("row 5 is missing")
        return torch.tensor([index])


class WholeBatches(IterableDataset[Any]):
    """A stream of batches, each made by the data set itself."""

    def __iter__(self) -> Iterator[Any]:
        worker = torch.utils.data.get_worker_info()
        step, begin = (1, 0) if worker is None else (worker.num_workers, worker.id)
        for number in range(begin, 4, step):
            yield {"x": IMAGES[number : number + 3] + number, "text": TEXTS[:3]}


def encoded(batch: list[Any]) -> BatchEncoding:
    return BatchEncoding(padded(batch))


def as_tuple(batch: list[Any]) -> tuple[Any, ...]:
    x, y = zip(*batch, strict=True)
    return torch.stack(x), torch.tensor(y)  # type: ignore[arg-type]


def with_numpy(batch: list[Any]) -> dict[str, Any]:
    return {"x": np.asarray(batch, dtype=">f4"), "n": np.arange(len(batch))}


def conjugated(batch: list[Any]) -> Any:
    return {"x": default_collate(batch).conj()}


def negated(batch: list[Any]) -> Any:
    return [default_collate(batch).conj().imag]


def of_both_kinds(batch: list[Any]) -> Any:
    """A collate function that gives samples once and fields another time."""
    return batch if len(batch[0]) % 2 else as_tuple([(torch.tensor(r[:1]), 1.5) for r in batch])


def transparent() -> Image.Image:
    image = Image.new("P", (2, 2), 1)
    image.putpalette(list(range(8)), "RGBA")
    return image


def loader(data: Any, batch_size: int | None = 3, **options: Any) -> Callable[..., Any]:
    def make(**more: Any) -> Any:
        return DataLoader(data, batch_size=batch_size, **{"num_workers": 2, **options, **more})

    return make


_PAIRS = [(IMAGES[i], i) for i in range(7)]

# The forms that the workers can do, all of them.
FORMS: dict[str, Callable[..., Any]] = {
    "tensor": loader(IMAGES),
    "pairs": loader(TensorDataset(IMAGES, torch.arange(7))),
    "pairs by a function": loader(_PAIRS, collate_fn=as_tuple),
    "dicts": loader(Dicts()),
    "strings": loader(Listed(TEXTS)),
    "namedtuples": loader(Listed([Pair(text, n) for n, text in enumerate(TEXTS)])),
    "dataclass": loader(Listed(list(zip(IMAGES, TEXTS, strict=True))), collate_fn=to_examples),
    "nested": loader(Listed([{"in": {"x": IMAGES[i], "t": (i, TEXTS[i])}} for i in range(7)])),
    "list of samples": loader(Listed(_PAIRS), collate_fn=as_it_is),
    "ragged lists": loader(Listed(RAGGED), collate_fn=as_it_is),
    "square lists": loader(Listed(SQUARE), collate_fn=as_it_is),
    "square fields": loader(Listed([{"ids": row} for row in SQUARE])),
    "detection": loader(
        Listed([(IMAGES[i], {"boxes": torch.ones(i, 4)}) for i in range(7)]),
        collate_fn=detection_style,
    ),
    "padded": loader(Listed(RAGGED), collate_fn=padded),
    "encoding": loader(Listed(RAGGED), collate_fn=encoded),
    "packed": loader(Listed([torch.tensor(row) for row in RAGGED]), collate_fn=packed),
    "jagged": loader(Listed([torch.tensor(row) for row in RAGGED]), collate_fn=jagged),
    "objects": loader(Listed(RAGGED), collate_fn=to_objects),
    "NumPy": loader(Listed(SQUARE), collate_fn=with_numpy),
    "bfloat16": loader(IMAGES.bfloat16()),
    "None in a list": loader(Listed([None, "a", None]), collate_fn=as_it_is),
    "one sample a batch": loader(Listed(_PAIRS), batch_size=1),
    "rows without a batch": loader(IMAGES, batch_size=None),
    "a stream": loader(Streamed(TEXTS)),
    "a stream of batches": loader(WholeBatches(), batch_size=None),
}
# Forms of which a worker cannot be sure what the training process gets, or how it reads it.
LEFT_TO_THE_PARENT: dict[str, Callable[..., Any]] = {
    "conjugated": loader(COMPLEX, collate_fn=conjugated),
    "negated": loader(COMPLEX, collate_fn=negated),
    "palettes": loader(Listed([transparent() for _ in range(4)]), collate_fn=as_it_is),
}
