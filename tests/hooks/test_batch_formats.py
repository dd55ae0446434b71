"""Every form a batch comes in is taken apart into the samples that it is made of."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hooks_support import Recording, prints
from loader_data import (
    Example,
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
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler, TensorDataset
from transformers import BatchEncoding

from origin.errors import BatchError

IMAGES = torch.arange(60, dtype=torch.float32).reshape(5, 3, 2, 2)
LABELS = torch.tensor([3, 1, 4, 1, 5])
TEXTS = ["one", "zwei", "trois", "", "öl"]
TOKENS = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16], [17, 18, 19, 20]]
RAGGED = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10], [11, 12]]
BOXES = [torch.ones(count, 4) * count for count in (2, 0, 1, 3, 2)]
SIZES = [torch.rand(3, 2, width) for width in (2, 5, 3, 1, 4)]


class Fields(NamedTuple):
    x: Any
    y: Any


def loaded(items: Any, batch_size: int | None = 2, **options: Any) -> Callable[[], Any]:
    return lambda: DataLoader(Listed(items), batch_size=batch_size, **options)


PAIRS = list(zip(IMAGES, LABELS.tolist(), strict=True))

# Each case: a loader, and the samples it delivers in order.
CASES: dict[str, tuple[Callable[[], Iterable[Any]], Iterable[Any]]] = {
    "one tensor": (lambda: DataLoader(IMAGES, batch_size=2), IMAGES),
    "inputs and labels": (
        lambda: DataLoader(TensorDataset(IMAGES, LABELS), batch_size=2),
        [[IMAGES[i], LABELS[i]] for i in range(5)],
    ),
    "a dict": (
        loaded([{"x": IMAGES[i], "text": TEXTS[i], "y": i} for i in range(5)]),
        [{"x": IMAGES[i], "text": TEXTS[i], "y": torch.tensor(i)} for i in range(5)],
    ),
    "nested": (
        loaded([{"in": {"x": IMAGES[i], "t": (LABELS[i], TEXTS[i])}} for i in range(5)]),
        [{"in": {"x": IMAGES[i], "t": [LABELS[i], TEXTS[i]]}} for i in range(5)],
    ),
    "strings": (loaded(TEXTS), TEXTS),
    "numbers": (loaded(LABELS.tolist()), LABELS),
    "floats": (loaded([0.5, 1.5, -0.0]), torch.tensor([0.5, 1.5, -0.0], dtype=torch.float64)),
    "a namedtuple": (
        loaded([Pair(TEXTS[i], i) for i in range(5)]),
        [[TEXTS[i], torch.tensor(i)] for i in range(5)],
    ),
    "a dataclass": (
        loaded([(IMAGES[i], TEXTS[i]) for i in range(5)], collate_fn=to_examples),
        [{"image": IMAGES[i], "name": TEXTS[i]} for i in range(5)],
    ),
    "a list of samples": (loaded(PAIRS, collate_fn=as_it_is), PAIRS),
    "a list of tensors of one size": (loaded(list(IMAGES), collate_fn=as_it_is), IMAGES),
    "a list of tensors of many sizes": (loaded(SIZES, collate_fn=as_it_is), SIZES),
    "a list of dicts": (
        loaded([{"x": IMAGES[i], "t": TEXTS[i]} for i in range(5)], collate_fn=as_it_is),
        [{"x": IMAGES[i], "t": TEXTS[i]} for i in range(5)],
    ),
    "detection": (
        loaded(
            [(SIZES[i], {"boxes": BOXES[i], "labels": LABELS[i]}) for i in range(5)],
            collate_fn=detection_style,
        ),
        [[SIZES[i], {"boxes": BOXES[i], "labels": LABELS[i]}] for i in range(5)],
    ),
    "padded": (
        loaded(RAGGED, collate_fn=padded, batch_size=5),
        [
            {"ids": torch.tensor(row + [0] * (4 - len(row))), "mask": mask}
            for row, mask in zip(
                RAGGED,
                [torch.tensor([1] * len(r) + [0] * (4 - len(r))) for r in RAGGED],
                strict=True,
            )
        ],
    ),
    "tokens, collated by default": (
        loaded([{"ids": row} for row in TOKENS], batch_size=3),
        [{"ids": [torch.tensor(token) for token in row]} for row in TOKENS],
    ),
    "tokens as they are": (loaded(RAGGED, collate_fn=as_it_is), RAGGED),
    "tokens of one length as they are": (loaded(TOKENS, collate_fn=as_it_is), TOKENS),
    "packed": (
        loaded([torch.tensor(row) for row in RAGGED], collate_fn=packed),
        [torch.tensor(row) for row in RAGGED],
    ),
    "jagged": (
        loaded([torch.tensor(row) for row in RAGGED], collate_fn=jagged),
        [torch.tensor(row) for row in RAGGED],
    ),
    "objects": (loaded(RAGGED, collate_fn=to_objects), RAGGED),
    "the data set batches itself": (
        loaded([IMAGES[:2], IMAGES[2:4], IMAGES[4:]], batch_size=None),
        IMAGES,
    ),
    "the data set batches pairs itself": (
        loaded([(IMAGES[:3], LABELS[:3]), (IMAGES[3:], LABELS[3:])], batch_size=None),
        [[IMAGES[i], LABELS[i]] for i in range(5)],
    ),
    "a stream": (lambda: DataLoader(Streamed(TEXTS), batch_size=2), TEXTS),
    "a batch sampler": (
        lambda: DataLoader(
            IMAGES, batch_sampler=BatchSampler(SequentialSampler(IMAGES), 3, drop_last=False)
        ),
        IMAGES,
    ),
    "a sampler that batches": (
        lambda: DataLoader(
            TensorDataset(IMAGES, LABELS),
            sampler=BatchSampler(SequentialSampler(IMAGES), 2, drop_last=False),
            batch_size=None,
        ),
        [[IMAGES[i], LABELS[i]] for i in range(5)],
    ),
    "NumPy": (loaded([row.numpy() for row in IMAGES]), IMAGES),
    "one sample a batch": (loaded(PAIRS, batch_size=1), [[x, torch.tensor(y)] for x, y in PAIRS]),
    "None in a list": (
        loaded([None, "a", None], collate_fn=as_it_is),
        [None, "a", None],
    ),
    "None in a field": (
        lambda: [{"x": IMAGES, "y": None}, {"x": IMAGES[:2], "y": None}],
        [{"x": row, "y": None} for row in (*IMAGES, *IMAGES[:2])],
    ),
    "a constant beside": (
        lambda: [{"x": IMAGES, "task": "copy", "scale": 2}],
        [{"x": row, "task": "copy", "scale": 2} for row in IMAGES],
    ),
    "lists of columns": (
        lambda: [{"text": TEXTS, "label": [1, 2, 3, 4, 5]}],
        [{"text": text, "label": label + 1} for label, text in enumerate(TEXTS)],
    ),
    "columns of tokens": (
        lambda: [{"ids": RAGGED, "label": [1, 2, 3, 4, 5]}],
        [{"ids": row, "label": label + 1} for label, row in enumerate(RAGGED)],
    ),
    "a batch encoding": (
        lambda: [BatchEncoding({"input_ids": IMAGES, "labels": LABELS})],
        [{"input_ids": IMAGES[i], "labels": LABELS[i]} for i in range(5)],
    ),
    "a namedtuple of tensors": (
        lambda: [Fields(IMAGES, LABELS)],
        [[IMAGES[i], LABELS[i]] for i in range(5)],
    ),
    "bytes": (lambda: [[b"one", b"two"]], [b"one", b"two"]),
    "nothing in a tensor": (lambda: [IMAGES[:0], IMAGES], IMAGES),
    "nothing in a list": (lambda: [[], ["a"]], ["a"]),
}


@pytest.mark.parametrize("name", CASES)
def test_form(recording: Recording, name: str) -> None:
    loader, samples = CASES[name]
    hook = recording.hook()
    given = [id(batch) for batch in hook.wrap(loader())]
    recorded = recording.fingerprints(hook)
    assert [row for batch in recorded for row in batch] == prints(samples)
    assert len(recorded) == len(given)
    recording.end()
    assert recording.complete()


@pytest.mark.parametrize("name", ["one tensor", "inputs and labels", "a dict", "a dataclass"])
def test_the_last_batch_is_short(recording: Recording, name: str) -> None:
    hook = recording.hook()
    list(hook.wrap(CASES[name][0]()))
    assert [batch.count for batch in recording.batches(hook)] == [2, 2, 1]


@pytest.mark.parametrize("width", [2, 5])
def test_square_batches(recording: Recording, width: int) -> None:
    """As many samples as features."""
    rows = torch.arange(width * width, dtype=torch.float32).reshape(width, width)
    hook = recording.hook()
    list(hook.wrap(DataLoader(rows, batch_size=width)))
    assert recording.fingerprints(hook) == [prints(rows)]


def test_two_fields_of_two_samples(recording: Recording) -> None:
    x, y = torch.rand(4, 2), torch.rand(4, 2)
    hook = recording.hook()
    list(hook.wrap(DataLoader(TensorDataset(x, y), batch_size=2)))
    samples = prints([x[i], y[i]] for i in range(4))
    assert recording.fingerprints(hook) == [samples[:2], samples[2:]]


def test_two_pairs_in_a_list(recording: Recording) -> None:
    hook = recording.hook()
    list(hook.wrap(DataLoader(Listed(PAIRS[:4]), batch_size=2, collate_fn=as_it_is)))
    samples = prints(PAIRS[:4])
    assert recording.fingerprints(hook) == [samples[:2], samples[2:]]


def test_as_many_tokens_as_samples(recording: Recording) -> None:
    """Square lists of tokens: transposed by the default, one list a sample without it."""
    square = TOKENS[:4]
    hook, other = recording.hook(), recording.hook("other")
    list(hook.wrap(DataLoader(Listed([{"ids": r} for r in square]), batch_size=4)))
    assert recording.fingerprints(hook) == [
        prints({"ids": [torch.tensor(token) for token in row]} for row in square)
    ]
    list(other.wrap(DataLoader(Listed(square), batch_size=4, collate_fn=as_it_is)))
    assert recording.fingerprints(other) == [prints(square)]


def test_a_short_batch_is_read_like_the_full_ones(recording: Recording) -> None:
    """Three of five samples are left, and each has three fields."""
    rows = [(f"a{i}", f"b{i}", f"c{i}") for i in range(8)]
    hook = recording.hook()
    list(hook.wrap(DataLoader(Listed(rows), batch_size=5)))
    assert recording.fingerprints(hook) == [prints(rows[:5]), prints(rows[5:])]
    other = recording.hook("other")
    list(other.wrap(DataLoader(Listed(rows), batch_size=5, collate_fn=as_it_is)))
    assert recording.fingerprints(other) == [prints(rows[:5]), prints(rows[5:])]


def test_fields_without_a_common_axis(recording: Recording) -> None:
    loader = DataLoader(Listed([0, 1]), batch_size=2, collate_fn=_torn)
    with pytest.raises(BatchError, match="no batch axis in common"):
        list(recording.hook().wrap(loader))


def _torn(_batch: list[int]) -> dict[str, Any]:
    return {"x": torch.zeros(2, 3), "y": torch.zeros(3, 3)}


def test_observe_reads_like_wrap(recording: Recording) -> None:
    wrapped, observed = recording.hook("wrapped"), recording.hook("observed")
    for name in ("inputs and labels", "a dict", "detection", "packed"):
        for batch in wrapped.wrap(CASES[name][0]()):
            observed.observe(batch)
    assert recording.fingerprints(observed) == recording.fingerprints(wrapped)
    assert [b.root for b in recording.batches(observed)] == [
        b.root for b in recording.batches(wrapped)
    ]


def test_extracting_samples_oneself(recording: Recording) -> None:
    """What ``_extract_samples`` of the class gives is what it records."""
    hook = recording.hook()
    for name in ("inputs and labels", "a list of dicts", "packed", "strings"):
        batch = next(iter(CASES[name][0]()))
        extracted = hook._extract_samples(batch)
        hook.observe(batch)
        assert recording.fingerprints(hook)[-1] == prints(sample for sample, _ in extracted)


@pytest.mark.parametrize("key", ["id", 0])
def test_the_users_own_keys(recording: Recording, key: Any) -> None:
    items = [{"id": f"row-{i}", "x": IMAGES[i]} for i in range(5)]
    data: list[Any] = items if key == "id" else [(i["id"], i["x"]) for i in items]
    hook = recording.hook(key=key)
    list(hook.wrap(DataLoader(Listed(data), batch_size=2)))
    keys = [name for batch in recording.batches(hook) for name in batch.keys or ()]
    assert keys == [f"row-{i}" for i in range(5)]


def test_no_such_key(recording: Recording) -> None:
    with pytest.raises(BatchError, match="names no field"):
        list(recording.hook(key="id").wrap(DataLoader(Listed([{"x": 1}]))))


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers(recording: Recording, context: str) -> None:
    items = [{"x": IMAGES[i], "text": TEXTS[i]} for i in range(5)]
    hook = recording.hook()
    loader = hook.wrap(
        DataLoader(
            Listed(items),
            batch_size=2,
            num_workers=2,
            multiprocessing_context=context,
            persistent_workers=context == "fork",
            pin_memory=False,
        )
    )
    for _ in range(2):
        list(loader)
    samples = prints(items)
    assert recording.fingerprints(hook) == [samples[:2], samples[2:4], samples[4:]] * 2
    assert recording.epochs(hook) == [0, 0, 0, 1, 1, 1]
    assert recording.complete()


def test_workers_of_a_stream(recording: Recording) -> None:
    hook = recording.hook()
    loader = DataLoader(Streamed(TEXTS), batch_size=2, num_workers=2, collate_fn=as_it_is)
    batches = list(hook.wrap(loader))
    assert recording.fingerprints(hook) == [prints(batch) for batch in batches]
    assert sorted(text for batch in batches for text in batch) == sorted(TEXTS)


def test_a_worker_that_fails(recording: Recording) -> None:
    hook = recording.hook()
    loader = DataLoader(Listed([0, 1, "x"]), batch_size=1, num_workers=1, collate_fn=_halves)
    with pytest.raises(TypeError, match="unsupported operand"):
        list(hook.wrap(loader))
    assert recording.fingerprints(hook) == [prints([0.0]), prints([0.5])]
    assert recording.gaps() == []


def _halves(batch: list[Any]) -> list[float]:
    return [item / 2 for item in batch]


def test_order_of_the_mapping_does_not_matter(recording: Recording) -> None:
    def batches() -> Iterator[dict[str, Any]]:
        yield {"x": IMAGES, "y": LABELS}
        yield {"y": LABELS, "x": IMAGES}

    hook = recording.hook()
    list(hook.wrap(batches()))
    one, other = recording.fingerprints(hook)
    assert one == other == prints({"x": IMAGES[i], "y": LABELS[i]} for i in range(5))


def test_forms_that_change_from_batch_to_batch(recording: Recording) -> None:
    """What was learnt from one batch is never taken for granted with the next."""
    batches: list[tuple[Any, list[Any]]] = [
        (IMAGES, list(IMAGES)),
        (IMAGES.double(), list(IMAGES.double())),
        ([IMAGES, LABELS], [[IMAGES[i], LABELS[i]] for i in range(5)]),
        ((IMAGES, LABELS), [[IMAGES[i], LABELS[i]] for i in range(5)]),
        ([IMAGES[:, 0], LABELS], [[IMAGES[i, 0], LABELS[i]] for i in range(5)]),
        ({"x": IMAGES}, [{"x": row} for row in IMAGES]),
        ({"y": IMAGES}, [{"y": row} for row in IMAGES]),
        ({"x": IMAGES, "y": TEXTS}, [{"x": IMAGES[i], "y": TEXTS[i]} for i in range(5)]),
        (IMAGES[:1], list(IMAGES[:1])),
        (np.asarray(IMAGES), list(IMAGES)),
        (TEXTS, TEXTS),
        (Example(IMAGES, "all"), [{"image": row, "name": "all"} for row in IMAGES]),
    ]
    hook = recording.hook()
    for _ in range(2):
        list(hook.wrap([batch for batch, _ in batches]))
    assert recording.fingerprints(hook) == [prints(samples) for _, samples in batches] * 2
