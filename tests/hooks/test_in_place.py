"""What a training loop does to a batch afterwards never changes what is recorded."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hooks_support import Recording, prints
from torch.utils.data import DataLoader

from origin.hooks.placement import Placement

SMALL, LARGE = 8, 30_000


def spoil(batch: Any) -> None:
    """Everything loops do to their batches, and worse."""
    if isinstance(batch, dict):
        for field in list(batch.values()):
            spoil(field)
        batch.pop("y", None)
        batch["new"] = 1
    elif isinstance(batch, list | tuple):
        for field in batch:
            spoil(field)
        if isinstance(batch, list):
            batch.clear()
    elif isinstance(batch, torch.Tensor):
        batch.numpy()[...] = 7  # behind the back of the version counter
        if batch.is_floating_point():
            batch.div_(3)
        batch.resize_(0)
    elif isinstance(batch, np.ndarray):
        batch.fill(9)


def tensors(width: int) -> Iterator[torch.Tensor]:
    for number in range(12):
        yield torch.arange(2 * width, dtype=torch.float32).reshape(2, width) + number


FORMS: dict[str, Callable[[torch.Tensor], Any]] = {
    "tensor": lambda x: x,
    "pair": lambda x: [x, torch.tensor([1, 2])],
    "dict": lambda x: {"x": x, "y": [1, 2]},
    "nested": lambda x: {"x": {"a": x}, "y": ["p", "q"]},
    "NumPy": lambda x: x.numpy(),
    "list of dicts": lambda x: [{"x": row} for row in x],
    "transposed": lambda x: x.reshape(-1, 2).t(),
}


def samples_of(form: str, x: torch.Tensor) -> list[Any]:
    return {
        "tensor": lambda: list(x),
        "pair": lambda: [[x[i], torch.tensor(i + 1)] for i in range(2)],
        "dict": lambda: [{"x": x[i], "y": i + 1} for i in range(2)],
        "nested": lambda: [{"x": {"a": x[i]}, "y": "pq"[i]} for i in range(2)],
        "NumPy": lambda: list(x),
        "list of dicts": lambda: [{"x": row} for row in x],
        "transposed": lambda: list(x.reshape(-1, 2).t()),
    }[form]()


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Where each batch was hashed: True for in the background."""
    told: list[bool] = []
    decide = Placement.in_background

    def noting(self: Placement, size: int, count: int) -> bool:
        told.append(decide(self, size, count))
        return told[-1]

    monkeypatch.setattr(Placement, "in_background", noting)
    return told


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_spoiling_a_batch(
    recording: Recording, placed: list[bool], form: str, background: bool
) -> None:
    width = LARGE if background else SMALL
    expected = [prints(samples_of(form, x)) for x in tensors(width)]
    hook = recording.hook()
    for batch in hook.wrap(FORMS[form](x) for x in tensors(width)):
        spoil(batch)
        time.sleep(0.01 if background else 0)
    assert recording.fingerprints(hook) == expected
    assert any(placed) is background


@pytest.mark.parametrize("form", FORMS)
def test_spoiling_a_batch_that_is_held_back(recording: Recording, form: str) -> None:
    expected = [prints(samples_of(form, x)) for x in tensors(SMALL)]
    hook = recording.hook(record_gradients=True)
    for batch in hook.wrap(FORMS[form](x) for x in tensors(SMALL)):
        spoil(batch)
    recording.end()
    assert recording.fingerprints(hook) == expected
    assert recording.complete()


def test_spoiling_an_observed_batch(recording: Recording) -> None:
    hook = recording.hook()
    for x in tensors(LARGE):
        hook.observe(batch := {"x": x.clone()})
        spoil(batch)
    assert recording.fingerprints(hook) == [prints({"x": row} for row in x) for x in tensors(LARGE)]


def test_a_buffer_that_the_loader_uses_again(recording: Recording) -> None:
    """A loader may write every batch into the same memory."""
    data = torch.rand(20, LARGE)

    def loader() -> Iterator[torch.Tensor]:
        buffer = torch.empty(2, LARGE)
        for at in range(0, 20, 2):
            buffer.copy_(data[at : at + 2])
            yield buffer

    hook = recording.hook()
    for _ in hook.wrap(loader()):
        time.sleep(0.005)
    assert [row for rows in recording.fingerprints(hook) for row in rows] == prints(data)


def test_the_data_set_itself_is_never_written_to(recording: Recording) -> None:
    data = torch.rand(6, 4)
    before = data.clone()
    for _ in recording.hook(record_gradients=True).wrap(DataLoader(data, batch_size=2)):
        pass
    assert torch.equal(data, before)
    assert not data.requires_grad
