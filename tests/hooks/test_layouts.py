"""Lists as long as the batch: what an earlier batch could only mean, a later one means too."""

from typing import Any

import pytest
import torch
from hooks_support import Recording, prints
from torch.utils.data import DataLoader, TensorDataset

import origin
from origin.errors import BatchError, ConfigurationError
from origin.hooks.base import BaseHook
from origin.hooks.pytorch import DataLoaderHook


def flat(recording: Recording, hook: BaseHook) -> list[str]:
    return [one for batch in recording.fingerprints(hook) for one in batch]


def collated(sample: dict[str, Any]) -> dict[str, Any]:
    """A sample as ``default_collate`` leaves it: its numbers become tensors."""
    return {k: torch.tensor(v) if isinstance(v, int) else v for k, v in sample.items()}


@pytest.mark.parametrize("size", [4, 2, 3])
def test_views_of_a_sample_stay_fields_in_every_batch(recording: Recording, size: int) -> None:
    samples = [{"views": [torch.rand(3), torch.rand(3)], "name": f"n{i}"} for i in range(6)]
    hook = recording.hook()
    list(hook.wrap(DataLoader(samples, batch_size=size)))
    assert flat(recording, hook) == prints(samples)


@pytest.mark.parametrize("size", [4, 2])
def test_texts_in_a_list_stay_fields(recording: Recording, size: int) -> None:
    samples = [{"pair": [f"q{i}", f"a{i}"], "y": i} for i in range(6)]
    hook = recording.hook()
    list(hook.wrap(DataLoader(samples, batch_size=size)))
    assert flat(recording, hook) == prints(map(collated, samples))


def boxes_as_a_list(samples: list[Any]) -> dict[str, Any]:
    return {"boxes": [b for b, _ in samples], "y": torch.tensor([y for _, y in samples])}


def test_boxes_stay_samples_when_their_number_is_the_batch_size(recording: Recording) -> None:
    counts = [1, 5, 2, 3, 4, 4, 4, 4]
    samples = [(torch.rand(n, 4), i) for i, n in enumerate(counts)]
    hook = recording.hook()
    list(hook.wrap(DataLoader(samples, batch_size=4, collate_fn=boxes_as_a_list)))
    assert flat(recording, hook) == prints(
        {"boxes": boxes, "y": torch.tensor(i)} for boxes, i in samples
    )


def test_structures_alike_in_their_arrays_are_told_apart(recording: Recording) -> None:
    rows = torch.rand(3, 2)
    hook = recording.hook()
    nested = {"a": {"b": rows}, "c": rows}
    list(hook.wrap([{"x": {"y": rows}}, {"x": rows}, nested, {"a": rows, "c": rows}]))
    expected = [
        *({"x": {"y": row}} for row in rows),
        *({"x": row} for row in rows),
        *({"a": {"b": row}, "c": row} for row in rows),
        *({"a": row, "c": row} for row in rows),
    ]
    assert flat(recording, hook) == prints(expected)


def test_two_passes_that_hold_a_batch_each(recording: Recording) -> None:
    hook = recording.hook(record_gradients=True)
    loaders = [DataLoader(torch.rand(8, 2), batch_size=2) for _ in range(2)]
    for _ in zip(*map(hook.wrap, loaders), strict=True):
        pass
    recording.end()
    assert len(recording.batches(hook)) == 8


def test_metadata_is_as_it_was_when_the_batch_was_handed_over(recording: Recording) -> None:
    class Tagged(BaseHook):
        def _extract_samples(self, batch: Any) -> list[tuple[Any, dict[str, Any]]]:
            return [(item["text"], {"tags": item["tags"], "id": item["text"]}) for item in batch]

    hook = Tagged(recording.db, recording.session_id, "tagged", key="id")
    for batch in hook.wrap([[{"text": "a", "tags": ["x"]}], [{"text": "b", "tags": ["y"]}]]):
        batch[0]["tags"].append(object())
    found = recording.batches(hook)
    assert [batch.metadata for batch in found] == [[{"tags": ["x"]}], [{"tags": ["y"]}]]
    assert [batch.keys for batch in found] == [["a"], ["b"]]


@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("kind", [str, str.encode])
def test_square_batches_of_texts(recording: Recording, width: int, kind: Any) -> None:
    rows = [tuple(kind(f"{part}{i}") for part in "qac"[:width]) for i in range(2 * width)]
    hook = recording.hook()
    list(hook.wrap(DataLoader(rows, batch_size=width)))
    assert flat(recording, hook) == prints(rows)


def test_square_batches_of_texts_beside_numbers(recording: Recording) -> None:
    rows = [((f"q{i}", f"a{i}"), i) for i in range(4)]
    hook = recording.hook()
    list(hook.wrap(DataLoader(rows, batch_size=2)))
    assert flat(recording, hook) == prints((pair, torch.tensor(i)) for pair, i in rows)


def lists_of_vectors(samples: list[Any]) -> dict[str, Any]:
    return {"x": [x for x, _ in samples], "y": [y for _, y in samples]}


def test_vectors_as_long_as_the_batch_under_a_custom_collate(recording: Recording) -> None:
    samples = [(torch.rand(4), torch.rand(4)) for _ in range(8)]
    hook = recording.hook()
    list(hook.wrap(DataLoader(samples, batch_size=4, collate_fn=lists_of_vectors)))
    assert flat(recording, hook) == prints({"x": x, "y": y} for x, y in samples)


@pytest.mark.parametrize(
    "collate",
    [
        lambda b: (torch.ones(4, 2), torch.ones(3)),
        lambda b: {"x": torch.ones(4, 2), "y": torch.ones(3)},
        lambda b: torch.stack(b, 1),
        lambda b: {"x": torch.stack(b, 1)},
    ],
)
def test_the_declared_batch_size_must_be_on_the_first_axis(
    recording: Recording, collate: Any
) -> None:
    loader = DataLoader(torch.rand(8, 7), batch_size=4, collate_fn=collate)
    with pytest.raises(BatchError, match="batch size is 4"):
        list(recording.hook().wrap(loader))


def test_a_data_set_yields_samples(recording: Recording) -> None:
    data = TensorDataset(torch.rand(10, 4), torch.rand(10, 4))
    hook = recording.hook()
    assert len(list(hook.wrap(data))) == 10
    assert flat(recording, hook) == prints(data[i] for i in range(10))


@pytest.mark.parametrize("wrong", ["abc", b"abc", {"a": [1]}, DataLoader, 3, None])
def test_what_is_no_loader(recording: Recording, wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"wrap\(\) takes a loader"):
        recording.hook().wrap(wrong)
    with pytest.raises(TypeError, match=r"track\(\) takes a loader"):
        origin.track(wrong, "source", path=recording.path)


def test_what_is_no_database() -> None:
    with pytest.raises(ConfigurationError, match="ProvenanceDatabase"):
        DataLoaderHook("a.db", "session", "source")
