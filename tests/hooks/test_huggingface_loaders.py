"""PyTorch loaders over data sets of Hugging Face."""

from typing import Any

import pytest
import torch
from datasets import Dataset
from hooks_support import Recording, prints
from huggingface_support import flat, hook_for, reviews
from torch.utils.data import DataLoader

from origin.hooks.pytorch import DataLoaderHook


def tokens() -> Dataset:
    columns = {"ids": [[place] * 4 for place in range(10)], "label": list(range(10))}
    return Dataset.from_dict(columns).with_format("torch")


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_read_as_the_loader_hook_reads_them(workers: int, recording: Recording) -> None:
    loader: Any = DataLoader(tokens(), batch_size=4, num_workers=workers)
    hook = hook_for(recording)
    same = DataLoaderHook(recording.db, recording.session_id, "other")
    batches = list(hook.wrap(loader))
    list(same.wrap(loader))
    assert [tuple(batch["ids"].shape) for batch in batches] == [(4, 4), (4, 4), (2, 4)]
    rows = [{"ids": torch.full((4,), n), "label": torch.tensor(n)} for n in range(10)]
    assert recording.fingerprints(hook) == recording.fingerprints(same)
    assert flat(recording, hook) == prints(rows)


@pytest.mark.parametrize("workers", [0, 2])
def test_rows_in_lists_have_the_fingerprints_of_rows(workers: int, recording: Recording) -> None:
    loader: Any = DataLoader(reviews(7), batch_size=3, num_workers=workers, collate_fn=list)
    hook = hook_for(recording)
    for _ in range(2):
        list(hook.wrap(loader))
    rows = prints(reviews(7))
    assert recording.fingerprints(hook) == [rows[:3], rows[3:6], rows[6:]] * 2


def test_a_loader_over_a_stream(recording: Recording) -> None:
    stream = tokens().to_iterable_dataset(num_shards=2).with_format("torch")
    loader: Any = DataLoader(stream, batch_size=5, num_workers=2)
    hook = hook_for(recording)
    batches = list(hook.wrap(loader))
    order = [n for batch in batches for n in batch["label"].tolist()]
    assert sorted(order) == list(range(10))
    rows = [{"ids": torch.full((4,), n), "label": torch.tensor(n)} for n in order]
    assert flat(recording, hook) == prints(rows)


def test_keys_of_a_loaders_batches(recording: Recording) -> None:
    hook = hook_for(recording, key="label")
    list(hook.wrap(DataLoader(tokens(), batch_size=5)))  # type: ignore[arg-type]
    found = [batch.keys for batch in recording.batches(hook)]
    assert [list(keys or []) for keys in found] == [list("01234"), list("56789")]
