"""Tensors, arrays and texts of odd kinds, recorded as the values that they are."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hooks_support import Recording, prints
from loader_data import Listed, as_it_is
from PIL import Image
from torch.utils.data import DataLoader

from origin.errors import FingerprintError

BASE = torch.arange(24, dtype=torch.float32).reshape(4, 6)
COMPLEX = torch.complex(BASE, -BASE)


def quantized() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(BASE, 0.5, 3, torch.qint8)


# Each case: a batch of four samples, and one with the same values in a plain layout.
SAME: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "a slice": (lambda: torch.stack([BASE, BASE])[1], lambda: BASE.clone()),
    "every other column": (lambda: BASE[:, ::2], lambda: BASE[:, ::2].clone()),
    "transposed": (lambda: BASE.reshape(6, 4).t(), lambda: BASE.reshape(6, 4).t().contiguous()),
    "expanded": (lambda: BASE[:, :1].expand(4, 6), lambda: BASE[:, :1].repeat(1, 6)),
    "one row for all": (lambda: BASE[:1].expand(4, 6), lambda: BASE[:1].repeat(4, 1)),
    "channels last": (
        lambda: BASE.reshape(4, 3, 2, 1).to(memory_format=torch.channels_last),
        lambda: BASE.reshape(4, 3, 2, 1),
    ),
    "requires grad": (lambda: BASE.clone().requires_grad_(), lambda: BASE),
    "part of a graph": (lambda: BASE.clone().requires_grad_() * 1, lambda: BASE),
    "a parameter": (lambda: torch.nn.Parameter(BASE.clone()), lambda: BASE),
    "a conjugate view": (lambda: COMPLEX.conj(), lambda: COMPLEX.conj().resolve_conj()),
    "a negative view": (lambda: COMPLEX.conj().imag, lambda: BASE.clone()),
    "NumPy": (lambda: BASE.numpy(), lambda: BASE),
    "big-endian": (lambda: BASE.numpy().astype(">f4"), lambda: BASE),
    "in Fortran order": (lambda: np.asfortranarray(BASE.numpy()), lambda: BASE),
    "backwards": (lambda: BASE.numpy()[::-1], lambda: BASE.flip(0)),
    "read-only": (lambda: np.broadcast_to(BASE.numpy()[0], (4, 6)), lambda: BASE[:1].repeat(4, 1)),
}

ALIKE: dict[str, Callable[[], Any]] = {
    "bfloat16": lambda: BASE.bfloat16(),
    "half": lambda: BASE.half(),
    "float8_e4m3fn": lambda: BASE.to(torch.float8_e4m3fn),
    "float8_e5m2": lambda: BASE.to(torch.float8_e5m2),
    "complex64": lambda: COMPLEX,
    "complex32": lambda: COMPLEX.to(torch.complex32),
    "bool": lambda: BASE > 5,
    "uint16": lambda: BASE.to(torch.uint16),
    "bfloat16, sliced": lambda: BASE.bfloat16()[:, 1:4],
    "one-dimensional": lambda: BASE[:, 0],
    "no features": lambda: BASE[:, :0],
    "datetimes": lambda: np.array(["2024-01-01", "2024-01-02", "NaT", "1960-05-05"], "M8[D]"),
    "NumPy strings": lambda: np.array(["a", "bcd", "", "é"]),
    "records": lambda: np.array([(1, 2.0), (3, 4.0)] * 2, dtype=[("a", "i4"), ("b", "f8")]),
    "objects": lambda: np.array([{"a": 1}, "b", None, [1, 2]], dtype=object),
}


@pytest.mark.parametrize("name", SAME)
def test_memory_layout_does_not_matter(recording: Recording, name: str) -> None:
    batch, plain = (make() for make in SAME[name])
    hook = recording.hook()
    list(hook.wrap([batch, plain, {"x": batch}, (batch, plain)]))
    rows = prints(plain)
    assert recording.fingerprints(hook) == [
        rows,
        rows,
        prints({"x": row} for row in plain),
        prints([row, row] for row in plain),
    ]


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("name", ALIKE)
def test_kinds_of_elements(recording: Recording, name: str) -> None:
    batch = ALIKE[name]()
    hook = recording.hook()
    list(hook.wrap([batch, {"x": batch, "n": [1, 2, 3, 4]}]))
    assert recording.fingerprints(hook) == [
        prints(batch[i] for i in range(4)),
        prints({"x": batch[i], "n": i + 1} for i in range(4)),
    ]


def test_dtypes_are_told_apart(recording: Recording) -> None:
    hook = recording.hook()
    kinds = (torch.float32, torch.float64, torch.bfloat16, torch.half, torch.int32, torch.int64)
    list(hook.wrap([torch.ones(1, 2, dtype=kind) for kind in kinds]))
    assert hook.get_stats()["unique_samples"] == len(kinds)


def test_bits_are_identity(recording: Recording) -> None:
    hook = recording.hook()
    values = torch.tensor([0.0, -0.0, float("nan"), float("inf")])
    texts = [None, "None", b"None", ["None"]]
    list(hook.wrap([values, {"x": [True, 1, 1.0, "1"]}, {"x": texts}]))
    assert hook.get_stats()["unique_samples"] == 12


@pytest.mark.parametrize(
    "make",
    [
        lambda row: row.to_sparse(),
        lambda row: row.reshape(3, 2).to_sparse_csr(),
        lambda row: row.reshape(3, 2).to_sparse_csc(),
    ],
    ids=["coo", "csr", "csc"],
)
@pytest.mark.filterwarnings("ignore:Sparse")
def test_sparse_samples(recording: Recording, make: Callable[[torch.Tensor], Any]) -> None:
    rows = [make(row) for row in BASE]
    hook = recording.hook()
    list(hook.wrap(DataLoader(Listed(rows), batch_size=2, collate_fn=as_it_is)))
    expected = prints(rows)
    assert recording.fingerprints(hook) == [expected[:2], expected[2:]]
    assert set(expected).isdisjoint(prints(BASE))


def test_a_sparse_batch(recording: Recording) -> None:
    sparse = BASE.to_sparse()
    hook = recording.hook()
    list(hook.wrap([sparse, {"x": sparse}]))
    rows = [sparse[i] for i in range(4)]
    assert recording.fingerprints(hook) == [prints(rows), prints({"x": row} for row in rows)]


@pytest.mark.filterwarnings("ignore")
def test_quantized(recording: Recording) -> None:
    batch = quantized()
    hook = recording.hook()
    list(hook.wrap([batch]))
    assert recording.fingerprints(hook) == [prints(batch[i] for i in range(4))]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_nested_tensors(recording: Recording, layout: torch.layout) -> None:
    rows = [torch.arange(count) for count in (3, 1, 4, 2)]
    batch = torch.nested.nested_tensor(rows, layout=layout)
    hook = recording.hook()
    gradients = recording.hook("gradients", record_gradients=True)
    list(hook.wrap([batch, {"x": batch, "y": BASE}]))
    list(gradients.wrap([batch]))
    expected = [prints(rows), prints({"x": rows[i], "y": BASE[i]} for i in range(4))]
    assert recording.fingerprints(hook) == expected
    recording.end()
    assert recording.fingerprints(gradients) == expected[:1]


def test_a_tensor_without_data(recording: Recording) -> None:
    with pytest.raises(FingerprintError, match="meta"):
        list(recording.hook().wrap([torch.empty(2, 3, device="meta")]))


def images() -> list[Image.Image]:
    def palette(color: int) -> Image.Image:
        image = Image.new("P", (2, 3))
        image.putpalette([color] * 768)
        return image

    return [
        Image.new("RGB", (2, 3)),
        Image.new("RGB", (3, 2)),
        Image.new("L", (2, 9)),
        palette(1),
        palette(2),
    ]


def test_images(recording: Recording) -> None:
    pictures = images()
    hook = recording.hook()
    list(hook.wrap(DataLoader(Listed(pictures), batch_size=5, collate_fn=as_it_is)))
    labelled = DataLoader(Listed([(p, 1) for p in pictures]), batch_size=5, collate_fn=as_it_is)
    list(hook.wrap(labelled))
    assert recording.fingerprints(hook) == [prints(pictures), prints((p, 1) for p in pictures)]
    assert hook.get_stats()["unique_samples"] == 10
    assert {batch.content_types for batch in recording.batches(hook)} == {"image", "json"}


TEXTS = ["\ud800", "\udfff tail", "é", "e\u0301", "\x00", "", "𝄞", "a\nb"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_any_text(recording: Recording, wrapped: bool) -> None:
    samples: list[Any] = [{"t": text} for text in TEXTS] if wrapped else TEXTS
    hook = recording.hook()
    list(hook.wrap(DataLoader(Listed(samples), batch_size=8, collate_fn=as_it_is)))
    assert recording.fingerprints(hook) == [prints(samples)]
    assert hook.get_stats()["unique_samples"] == 8


def test_keys_of_any_text(recording: Recording) -> None:
    hook = recording.hook(key="id")
    list(hook.wrap([{"id": TEXTS, "x": list(range(8))}]))
    assert recording.batches(hook)[0].keys == TEXTS


@pytest.mark.parametrize("bad", [{1, 2}, object(), open, range])
def test_what_has_no_canonical_bytes(recording: Recording, bad: Any) -> None:
    hook = recording.hook()
    with pytest.raises(FingerprintError, match=r"item 1 of the batch: .*type '"):
        list(hook.wrap([[{"a": 1}, {"a": bad}]]))
    with pytest.raises(FingerprintError, match=r'item 1 of the batch: .*sample\["a"\]'):
        hook.observe([{"a": 1}, {"a": bad}])


def test_what_contains_itself(recording: Recording) -> None:
    cyclic: dict[str, Any] = {}
    cyclic["self"] = cyclic
    with pytest.raises(FingerprintError, match="contains itself"):
        recording.hook().observe([{"a": 1}, cyclic])
