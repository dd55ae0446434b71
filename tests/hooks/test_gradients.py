"""``record_gradients``: what the loop's gradients say of each sample."""

import gc
import math
from typing import Any

import pytest
import torch
from hooks_support import Recording, prints
from loader_data import Listed, as_it_is
from torch.utils.data import DataLoader, TensorDataset

DATA = torch.arange(24, dtype=torch.float64).reshape(8, 3) / 7


def told(recording: Recording, hook: Any) -> list[list[Any]]:
    return [batch.metadata or [] for batch in recording.batches(hook)]


def norms(rows: list[Any]) -> list[float]:
    return [row["grad_norm"] for row in rows]


def test_norms_are_those_of_autograd(recording: Recording) -> None:
    hook = recording.hook(record_gradients=True)
    x = DATA.clone().requires_grad_()
    (x**2).sum().backward()
    assert x.grad is not None
    expected = x.grad.norm(dim=1).tolist()
    for batch in hook.wrap(DataLoader(DATA, batch_size=3)):
        batch.requires_grad_()
        (batch**2).sum().backward()
    recording.end()
    rows = [row for batch in told(recording, hook) for row in batch]
    assert norms(rows) == pytest.approx(expected)
    assert all(row["requires_grad"] is True for row in rows)
    assert recording.fingerprints(hook)[0] == prints(DATA[:3])


def test_all_fields_count(recording: Recording) -> None:
    hook = recording.hook(record_gradients=True)
    for x, y in hook.wrap(DataLoader(TensorDataset(DATA, DATA * 2), batch_size=8)):
        x.requires_grad_()
        y.requires_grad_()
        (3 * x.sum() + 4 * y.sum()).backward()
    recording.end()
    assert norms(told(recording, hook)[0]) == pytest.approx([5 * math.sqrt(3)] * 8)


def test_no_gradients_left(recording: Recording) -> None:
    hook = recording.hook(record_gradients=True)
    for batch in hook.wrap([DATA[:2].clone(), DATA[2:4].clone().requires_grad_()]):
        (batch * 2).sum()
    recording.end()
    assert told(recording, hook) == [[{"requires_grad": False}] * 2, [{"requires_grad": True}] * 2]


@pytest.mark.parametrize("leaving", ["pop", "clear"])
def test_a_loop_that_takes_the_batch_apart(recording: Recording, leaving: str) -> None:
    hook = recording.hook(record_gradients=True)
    for batch in hook.wrap([{"x": DATA[:2].clone(), "y": [0, 1]}]):
        x = batch.pop("x").requires_grad_()
        if leaving == "clear":
            batch.clear()
        (x * 2).sum().backward()
    recording.end()
    assert norms(told(recording, hook)[0]) == pytest.approx([2 * math.sqrt(3)] * 2)


def test_a_tensor_that_is_no_leaf(recording: Recording) -> None:
    hook = recording.hook(record_gradients=True)
    for batch in hook.wrap([DATA[:2].clone().requires_grad_() * 1]):
        batch.sum().backward()
    recording.end()
    assert told(recording, hook) == [[{"requires_grad": True}] * 2]


def test_a_list_of_samples(recording: Recording) -> None:
    """Three samples of three features: each tensor is a sample, not a field."""
    hook = recording.hook(record_gradients=True)
    items = [{"x": row.clone()} for row in DATA[:3]]
    loader = DataLoader(Listed(items), batch_size=3, collate_fn=as_it_is)
    for batch in hook.wrap(loader):
        for factor, item in enumerate(batch, start=1):
            item["x"].requires_grad_()
            (factor * item["x"].sum()).backward()
    recording.end()
    assert norms(told(recording, hook)[0]) == pytest.approx([n * math.sqrt(3) for n in (1, 2, 3)])


@pytest.mark.parametrize("ending", ["end_session", "close", "break", "forgotten", "exception"])
def test_the_last_batch_is_settled(recording: Recording, ending: str) -> None:
    def train() -> int:
        hook = recording.hook(record_gradients=True)
        for index, batch in enumerate(hook.wrap(DataLoader(DATA, batch_size=2))):
            batch.requires_grad_()
            (batch.sum() * (index + 1)).backward()
            if index == 1 and ending == "exception":
                raise ZeroDivisionError
            if index == 1 and ending != "end_session":
                break
        return int(hook.stream().number)

    if ending == "exception":
        with pytest.raises(ZeroDivisionError):
            train()
        stream_no = 1
    else:
        stream_no = train()
    gc.collect()
    if ending == "close":
        recording.db.close()
        recording = Recording(recording.path)
    else:
        recording.end()
    found = list(recording.db.ledger.batches(stream_no))
    factors = [1, 2, 3, 4] if ending == "end_session" else [1, 2]
    assert [norms(batch.metadata or []) for batch in found] == [
        pytest.approx([n * math.sqrt(3)] * 2) for n in factors
    ]
    recording.db.close()


def test_a_gradient_that_cannot_be_read(recording: Recording) -> None:
    """The batch is on record, with a note of what is missing."""
    hook = recording.hook(record_gradients=True)
    for batch in hook.wrap([DATA.clone()]):
        batch.requires_grad_()
        batch.grad = batch.detach().to_sparse()
    recording.end()
    assert all("hindsight_error" in row for row in told(recording, hook)[0])
    assert recording.fingerprints(hook) == [prints(DATA)]
    assert recording.complete()


def test_gradients_beside_the_users_metadata(recording: Recording) -> None:
    hook = recording.hook(record_gradients=True, key=1)
    for batch in hook.wrap([[DATA[:2].clone(), ["a", "b"]]]):
        batch[0].requires_grad_().sum().backward()
    recording.end()
    assert recording.batches(hook)[0].keys == ["a", "b"]
    assert norms(told(recording, hook)[0]) == pytest.approx([math.sqrt(3)] * 2)
