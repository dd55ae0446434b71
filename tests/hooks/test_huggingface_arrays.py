"""Long lists of numbers in a row count as typed arrays, in every format alike."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from datasets import Array2D, Array3D, Dataset, Features, List, Value
from hooks_support import Recording
from huggingface_support import flat, hook_for
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from origin.core.fingerprint import canonical_bytes, fingerprint_sample
from origin.hooks.huggingface import fingerprint_row
from origin.hooks.rows import RowReader
from origin.hooks.rowvalues import normal

TABLES = ("arrow", "pandas", "polars")
ALL = ("numpy", "torch", *TABLES)


# -- the rule, written down a second time -----------------------------------------------------


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The axes of a rectangular list; None for a ragged one."""
    if not isinstance(value, list):
        return ()
    inner = {shape_of(child) for child in value}
    if len(inner) != 1 or None in inner:
        return (0,) if not value else None
    return (len(value), *(inner.pop() or ()))


def leaves_of(value: Any) -> list[Any]:
    return (
        [leaf for child in value for leaf in leaves_of(child)] if type(value) is list else [value]
    )


def by_the_rule(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: by_the_rule(child) for name, child in value.items()}
    if not isinstance(value, list):
        return value
    shape, leaves = shape_of(value), leaves_of(value)
    kinds = {type(leaf) for leaf in leaves}
    if shape and len(leaves) > 4096:
        if kinds == {float}:
            return np.array(value, np.float64)
        if kinds == {int} and len(shape) > 1 and all(-(2**63) <= n < 2**63 for n in leaves):
            return np.array(value, np.int64)
    return [by_the_rule(child) for child in value]


def wanted(rows: Any) -> list[str]:
    return [fingerprint_sample(by_the_rule(row)) for row in rows]


def floats(*shape: int) -> Any:
    count = int(np.prod(shape))
    return (np.arange(count, dtype=np.float32) / 8 - 3).reshape(shape).tolist()


def ints(*shape: int) -> Any:
    return (np.arange(np.prod(shape), dtype=np.int64) % 251).reshape(shape).tolist()


def lists(value: str, axes: int) -> Any:
    feature: Any = Value(value)
    for _ in range(axes):
        feature = List(feature)
    return feature


# -- every format -----------------------------------------------------------------------------

# A column's feature, the values of two rows, the formats that keep them, and what is expected.
COLUMNS: dict[str, tuple[Any, list[Any], tuple[str, ...], str]] = {
    "vector": (lists("float32", 1), [floats(5000), floats(5000)], ALL, "float64"),
    "matrix": (lists("float32", 2), [floats(70, 80)] * 2, ALL, "float64"),
    "cube": (lists("float32", 3), [floats(3, 40, 50)] * 2, ALL, "float64"),
    "short_cube": (lists("float32", 3), [floats(3, 4, 5)] * 2, ALL, "list"),
    "column_of_one": (lists("float32", 2), [floats(5000, 1)] * 2, ALL, "float64"),
    "float64": (lists("float64", 1), [floats(5000)] * 2, ALL, "float64"),
    "exact_float64": (lists("float64", 1), [[0.1] * 5000] * 2, TABLES, "float64"),
    "nan": (
        lists("float32", 1),
        [[float("nan"), float("inf"), -0.0] * 2000] * 2,
        TABLES,
        "float64",
    ),
    "array_float": (Array2D((70, 80), "float32"), [floats(70, 80)] * 2, ALL, "float64"),
    "array_uint8": (Array3D((3, 40, 50), "uint8"), [ints(3, 40, 50)] * 2, ALL, "int64"),
    "array_short": (Array2D((64, 64), "uint8"), [ints(64, 64)] * 2, ALL, "list"),
    "ints": (lists("int64", 2), [ints(70, 80)] * 2, ALL, "int64"),
    "int8": (lists("int8", 2), [[[-128, 127] * 50] * 50] * 2, ALL, "int64"),
    "tokens": (lists("int64", 1), [ints(10_000)] * 2, ALL, "list"),
    "tokens_int32": (lists("int32", 1), [ints(10_000), ints(5_000)], ALL, "list"),
    "ragged": (lists("float32", 2), [[floats(3000), floats(2000)]] * 2, ALL, "list"),
    "of_other_lengths": (lists("float32", 1), [floats(5000), floats(4096)], ALL, "float64"),
    "bools": (lists("bool", 2), [[[True, False] * 50] * 50] * 2, ALL, "list"),
    "none": (lists("float32", 1), [[0.5, None] * 3000] * 2, ("arrow", "polars"), "list"),
    "no_rows": (lists("float32", 2), [[None, floats(5000)], []], ("arrow", "polars"), "inside"),
    "ragged_of_long": (lists("float32", 2), [[[0.5], floats(5000)]] * 2, ALL, "inside"),
    "4096": (lists("float32", 1), [floats(4096)] * 2, ALL, "list"),
    "4097": (lists("float32", 1), [floats(4097)] * 2, ALL, "float64"),
    "ints_4096": (lists("int64", 2), [ints(64, 64)] * 2, ALL, "list"),
    "ints_4097": (lists("int64", 2), [ints(17, 241)] * 2, ALL, "int64"),
    "struct": (
        {"deep": {"scores": lists("float32", 2), "ids": lists("int64", 1)}, "n": Value("int64")},
        [{"deep": {"scores": floats(70, 80), "ids": ints(5000)}, "n": 1}] * 2,
        ALL,
        "inside",
    ),
    "structs": (
        List({"scores": lists("float32", 1)}),
        [[{"scores": [0.5]}, {"scores": floats(5000)}], []],
        ALL,
        "inside",
    ),
}
CASES = [(name, form) for name, (_, _, forms, _) in COLUMNS.items() for form in (None, *forms)]


def dataset_of(name: str) -> Dataset:
    feature, values, _, _ = COLUMNS[name]
    features = Features({"n": Value("int64"), name: feature})
    return Dataset.from_dict({"n": [0, 1], name: values}, features=features)


def rows_of(name: str) -> list[dict[str, Any]]:
    return [{"n": n, name: value} for n, value in enumerate(COLUMNS[name][1])]


@pytest.mark.parametrize(("name", "form"), CASES, ids=[f"{n}-{f or 'python'}" for n, f in CASES])
def test_every_format_records_the_same(name: str, form: str | None, recording: Recording) -> None:
    dataset = dataset_of(name).with_format(form)
    hook = hook_for(recording)
    list(hook.wrap_dataset(dataset))
    list(hook.wrap(dataset.iter(2)))
    list(hook.wrap_streaming([dataset[0], dataset[1]]))
    hook.observe(dataset[:])
    assert flat(recording, hook) == wanted(rows_of(name)) * 4
    assert [fingerprint_row(dataset[place]) for place in range(2)] == wanted(rows_of(name))


@pytest.mark.parametrize("name", COLUMNS)
def test_what_counts_as_an_array(name: str) -> None:
    kind = COLUMNS[name][3]
    row = rows_of(name)[0]
    found = normal(row)[name]
    assert (found.dtype.name if isinstance(found, np.ndarray) else "list") == kind or (
        kind == "inside" and b'"$array"' in canonical_bytes(normal(row))
    )
    assert (fingerprint_row(row) == fingerprint_sample(row)) == (kind == "list")


@pytest.mark.parametrize("form", [None, *ALL])
def test_a_stream(form: str | None, recording: Recording) -> None:
    stream = dataset_of("matrix").to_iterable_dataset().with_format(form)
    hook = hook_for(recording)
    list(hook.wrap_streaming(stream))
    list(hook.wrap(stream.iter(2)))
    assert flat(recording, hook) == wanted(rows_of("matrix")) * 2


@pytest.mark.parametrize("form", [None, "numpy", "torch", "arrow"])
def test_float16(form: str | None, recording: Recording) -> None:
    values = pa.array([np.arange(5000, dtype=np.float16)] * 2, pa.list_(pa.float16()))
    dataset = Dataset(pa.table({"x": values})).with_format(form)
    hook = hook_for(recording)
    list(hook.wrap(dataset))
    list(hook.wrap(dataset.iter(2)))
    row = {"x": np.arange(5000, dtype=np.float16).astype(np.float64)}
    assert flat(recording, hook) == [fingerprint_sample(row)] * 4


@pytest.mark.parametrize("form", [None, *TABLES])
def test_integers_beyond_int64_stay_lists(form: str | None, recording: Recording) -> None:
    numbers = [[[2**63, 1] * 50] * 50, [[7, 1] * 50] * 50]
    values = pa.array(numbers, pa.list_(pa.list_(pa.uint64())))
    hook = hook_for(recording)
    list(hook.wrap(Dataset(pa.table({"x": values})).with_format(form)))
    list(hook.wrap(Dataset(pa.table({"x": values})).with_format(form).iter(2)))
    assert flat(recording, hook) == wanted({"x": one} for one in numbers) * 2
    assert flat(recording, hook)[0] == fingerprint_sample({"x": numbers[0]})


# -- arrays and tensors that no data set makes ---------------------------------------------------


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64", "float8_e4m3fn"])
def test_floats_of_every_width_widen_exactly(name: str) -> None:
    tensor = (torch.arange(6000) % 7 / 8).reshape(3, 2000).to(getattr(torch, name))
    row = {"x": tensor.double().tolist()}
    assert wanted([row]) == [fingerprint_row({"x": tensor})] == [fingerprint_row(row)]
    assert [fingerprint_row({"x": list(tensor)})] == wanted([row])


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(floats(70, 80)),
        np.array(floats(70, 80), ">f4"),
        np.repeat(np.array(floats(70, 80)), 2, axis=1)[:, ::2],
        torch.tensor(floats(80, 70)).reshape(70, 80).requires_grad_(),
        torch.tensor(floats(80, 70)).reshape(70, 80).T.contiguous().T,
        torch.tensor(floats(80, 70), dtype=torch.complex64).conj().reshape(70, 80).real,
        memoryview(np.array(floats(70, 80))),
    ],
    ids=["fortran", "big-endian", "strided", "gradient", "transposed", "real", "buffer"],
)
def test_memory_layout_is_no_content(array: Any) -> None:
    assert [fingerprint_row({"x": array})] == wanted([{"x": floats(70, 80)}])
    assert [fingerprint_row({"x": [array, array]})] == wanted([{"x": [floats(70, 80)] * 2}])


def test_lazily_negated_tensors_are_negated() -> None:
    numbers = torch.complex(torch.zeros(5000), torch.ones(5000)).conj().imag
    assert numbers.is_neg()
    assert [fingerprint_row({"x": numbers})] == wanted([{"x": [-1.0] * 5000}])


SAME: list[tuple[Any, Any]] = [
    ([np.zeros(50)] * 100, [[0.0] * 50] * 100),
    ([torch.zeros(5000), [0.0] * 5000], [[0.0] * 5000] * 2),
    ([[0.0] * 5000, np.zeros(5000, np.float32)], [[0.0] * 5000] * 2),
    (([0.5] * 5000, (0.5,) * 5000), [[0.5] * 5000] * 2),
    ([np.zeros(5000, np.int8), torch.zeros(5000).long()], [[0] * 5000] * 2),
    ([np.float32(0.5)] * 5000, [0.5] * 5000),
    ([torch.tensor(0.5)] * 5000, [0.5] * 5000),
    ([[np.int64(1)] * 50] * 100, [[1] * 50] * 100),
    ([np.zeros(5000), np.zeros(5000, int)], [[0.0] * 5000, [0] * 5000]),
    ([np.zeros(5000), np.zeros(5001)], [[0.0] * 5000, [0.0] * 5001]),
    ([np.zeros(5000), None], [[0.0] * 5000, None]),
    ([np.zeros(5000), []], [[0.0] * 5000, []]),
    ([np.zeros(5000), "text"], [[0.0] * 5000, "text"]),
    (["text", {"a": np.zeros(5000)}], ["text", {"a": [0.0] * 5000}]),
    (["text", (0.0,) * 5000], ["text", [0.0] * 5000]),
    ([[1, [0.0] * 5000]], [[1, [0.0] * 5000]]),
    (np.array([[0.5, 1]] * 5000, object), [[0.5, 1]] * 5000),
    (np.array([[0.5, 1.0]] * 5000, object), [[0.5, 1.0]] * 5000),
    ([[1, 0.5]] * 5000, [[1, 0.5]] * 5000),
    ([[0.5, 1]] * 5000, [[0.5, 1]] * 5000),
    ([[1, True]] * 5000, [[1, True]] * 5000),
    (np.full((2, 5000), 2**63, np.uint64), [[2**63] * 5000] * 2),
    (np.full((2, 5000), 2**63 - 1, np.uint64), [[2**63 - 1] * 5000] * 2),
    (
        np.stack([np.full((2, 5000), n, np.uint64) for n in (1, 2**63)]),
        [[[n] * 5000] * 2 for n in (1, 2**63)],
    ),
    ([[2**70] * 5000] * 2, [[2**70] * 5000] * 2),
    (np.zeros((5000, 0)), [[]] * 5000),
    (np.zeros((2, 5000), bool), [[False] * 5000] * 2),
    (np.full((2, 5000), 1j), [[1j] * 5000] * 2),
    (torch.full((2, 5000), 1j), [[1j] * 5000] * 2),
    ([0.5] * 5000 + [1], [0.5] * 5000 + [1]),
]


@pytest.mark.parametrize(("value", "same"), SAME, ids=range(len(SAME)))
def test_values_that_are_the_same(value: Any, same: Any) -> None:
    assert [fingerprint_row({"x": value})] == wanted([{"x": same}])
    assert [fingerprint_row({"a": {"x": value}, "t": "b"})] == wanted(
        [{"a": {"x": same}, "t": "b"}]
    )


def test_lists_with_more_axes_than_arrays_can_have() -> None:
    deep = floats(5000)
    for _ in range(31):
        deep = [deep]
    assert normal(deep).ndim == 32
    for value in ([deep], [normal(deep)]):
        found = normal(value)
        assert isinstance(found, list)
        assert found[0].ndim == 32


def test_integers_and_floats_never_share_an_encoding() -> None:
    rows: list[Any] = [[1.0] * 5000, [1] * 5000, [1.0] * 4999 + [1], [1] * 4999 + [1.0]]
    rows += [[[1.0, 1.0]] * 2500, [[1, 1]] * 2500, [[1.0, 1]] * 2500, [[True, True]] * 2500]
    assert len({fingerprint_row({"x": row}) for row in rows}) == len(rows)


def test_tensors_of_a_kind_without_plain_values_stay_tensors() -> None:
    sparse = torch.eye(100).to_sparse()
    assert fingerprint_row({"x": sparse}) == fingerprint_sample({"x": sparse})


# -- any value ---------------------------------------------------------------------------------

BLOCK = st.builds(
    lambda leaf, shape: np.full(shape, leaf, object).tolist(),
    st.sampled_from([0.5, -2.0, 1, 0, 2**63, True, None, "a"]),
    st.sampled_from([(1,), (3,), (4096,), (4097,), (2, 3), (17, 241), (2, 2049), (2, 2, 1025)]),
)
TREE = st.recursive(
    BLOCK | st.sampled_from([0.5, 1, "[[", None]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(lambda one, times: [one] * times, inner, st.integers(1, 3))
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    ),
    max_leaves=4,
)


def dressed(value: Any, choose: Any) -> Any:
    """The same value with some of its lists as arrays, tensors and tuples."""
    if isinstance(value, dict):
        return {name: dressed(child, choose) for name, child in value.items()}
    if not isinstance(value, list):
        return value
    kinds = {type(leaf) for leaf in leaves_of(value)}
    is_array = shape_of(value) is not None and len(kinds) == 1 and kinds <= {int, float, bool}
    if is_array and choose(st.booleans()):
        if 2**63 in leaves_of(value):
            return np.array(value, np.uint64)
        types = [np.float16, np.float64] if kinds == {float} else [np.int8, np.int64]
        found = np.array(value, choose(st.sampled_from(types)) if kinds != {bool} else bool)
        return torch.from_numpy(found) if choose(st.booleans()) else found
    if len(value) > 50:
        return tuple(value) if choose(st.booleans()) else value
    children = [dressed(child, choose) for child in value]
    return tuple(children) if choose(st.booleans()) else children


@given(value=TREE, data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_value(value: Any, data: Any) -> None:
    row = {"x": value, "label": 1}
    assert [fingerprint_row(row)] == wanted([row])
    assert [fingerprint_row(dressed(row, data.draw))] == wanted([row])


# -- what is not done to them --------------------------------------------------------------------


@pytest.mark.parametrize("form", ["numpy", "torch"])
def test_no_list_is_made_of_a_column_of_arrays(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = dataset_of("cube").with_format(form)[:]
    if form == "torch":
        monkeypatch.setattr(torch.Tensor, "tolist", lambda self: pytest.fail("a list was made"))
    cells = RowReader("batch").samples({"x": batch["cube"]})
    assert [row["x"].shape for row in cells] == [(3, 40, 50)] * 2
    if form == "numpy":
        wide = np.ascontiguousarray(batch["cube"], np.float64)
        (first, _) = RowReader("batch").samples({"x": wide})
        assert np.shares_memory(first["x"], wide)


def test_the_loop_may_change_its_arrays(recording: Recording) -> None:
    hook = hook_for(recording)
    dataset = dataset_of("float64").select_columns("float64")
    for batch in hook.wrap(dataset.with_format("numpy", dtype=np.float64).iter(1)):
        batch["float64"][:] = 0
    assert flat(recording, hook) == wanted({"float64": floats(5000)} for _ in range(2))


def test_a_transform_of_the_users_own_keeps_its_arrays(recording: Recording) -> None:
    dataset = dataset_of("vector").with_transform(
        lambda batch: {"x": torch.tensor(batch["vector"], dtype=torch.float16)}
    )
    hook = hook_for(recording)
    list(hook.wrap(dataset))
    row = {"x": torch.tensor(floats(5000), dtype=torch.float16)}
    assert flat(recording, hook) == [fingerprint_sample(row)] * 2
