"""The same row has the same fingerprint in every format that keeps its values."""

import importlib
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from datasets import Array2D, ClassLabel, Dataset, Features, Json, LargeList, List, Value
from hooks_support import Recording, prints
from huggingface_support import flat, hook_for, reviews
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from origin.core.fingerprint import fingerprint_digest
from origin.errors import MissingDependencyError
from origin.hooks.rows import RowReader
from origin.hooks.rowvalues import normal

NOON = datetime(2024, 5, 1, 12, 0, 0, 7)
TABLES = ("arrow", "pandas", "polars")
NUMPY = ("numpy", *TABLES)
ALL = ("numpy", "torch", *TABLES)

# A column's feature, its values, and the formats that keep them.
COLUMNS: dict[str, tuple[Any, list[Any], tuple[str, ...]]] = {
    "string": (Value("string"), ["a", "é\n", ""], ALL),
    "large_string": (Value("large_string"), ["a", "é\n", ""], ALL),
    "no_string": (Value("string"), ["a", None, "b"], ALL),
    "int64": (Value("int64"), [1, -(2**62), 0], ALL),
    "int8": (Value("int8"), [1, -128, 127], ALL),
    "uint8": (Value("uint8"), [1, 0, 255], ALL),
    "no_int": (Value("int64"), [1, None, 2], ("arrow", "polars")),
    "bool": (Value("bool"), [True, False, True], ALL),
    "no_bool": (Value("bool"), [True, None, False], ALL),
    "float32": (Value("float32"), [0.1, -0.0, 1e30], ALL),
    "float64": (Value("float64"), [0.1, -0.0, 1e300], TABLES),
    "float64_short": (Value("float64"), [0.5, -0.0, 1024.0], ALL),
    "binary": (Value("binary"), [b"\x00\xff", b"", b"abc"], ALL),
    "zeros": (Value("binary"), [b"\x00\x00", b"a\x00", b"abc"], TABLES),
    "timestamp_us": (Value("timestamp[us]"), [NOON] * 3, NUMPY),
    "timestamp_s": (Value("timestamp[s]"), [NOON.replace(microsecond=0)] * 3, NUMPY),
    "timestamp_ns": (Value("timestamp[ns]"), [NOON] * 3, NUMPY),
    "no_timestamp": (Value("timestamp[us]"), [NOON, None, NOON], NUMPY),
    "zoned": (Value("timestamp[us, tz=UTC]"), [NOON.replace(tzinfo=UTC)] * 3, TABLES),
    "date": (Value("date32"), [date(2024, 5, 1)] * 3, NUMPY),
    "time": (Value("time64[us]"), [time(12, 30, 0, 5)] * 3, NUMPY),
    "duration": (Value("duration[us]"), [timedelta(days=1, microseconds=5)] * 3, TABLES),
    "decimal": (Value("decimal128(10,2)"), [Decimal("1.50")] * 3, NUMPY),
    "label": (ClassLabel(names=["no", "yes"]), [1, 0, 1], ALL),
    "tokens": (List(Value("int64")), [[1, 2], [3, 4], [5, 6]], ALL),
    "ragged": (List(Value("int64")), [[1], [], [2, 3]], ALL),
    "square": (List(Value("int64")), [[1, 2, 3]] * 3, ALL),
    "large_list": (LargeList(Value("int32")), [[1], [2, 3], []], ALL),
    "no_list": (List(Value("string")), [["a"], None, ["b", None]], ALL),
    "nested": (List(List(Value("float32"))), [[[0.5], [1, 2]], [[3]], []], ALL),
    "texts": (List(Value("string")), [["a", "b"], ["c"], []], ALL),
    "struct": (
        {"a": Value("int64"), "b": List(Value("string")), "c": {"d": Value("float32")}},
        [{"a": 1, "b": ["x"], "c": {"d": 0.1}}] * 3,
        ALL,
    ),
    "structs": (List({"x": Value("int64")}), [[{"x": 1}], [], [{"x": 2}, {"x": 3}]], ALL),
    "matrix": (Array2D((2, 2), "int32"), [[[1, 2], [3, 4]]] * 3, ALL),
    "json": (Json(), [{"a": [1, {"b": None}]}, "text", None], ("arrow",)),
    "bytes_and_path": (
        {"bytes": Value("binary"), "path": Value("string")},
        [{"bytes": b"a", "path": "b"}] * 3,
        ALL,
    ),
}
CASES = [(name, form) for name, (_, _, forms) in COLUMNS.items() for form in (None, *forms)]


@cache
def dataset_of(name: str) -> Dataset:
    feature, values, _ = COLUMNS[name]
    features = Features({"n": Value("int64"), name: feature})
    return Dataset.from_dict({"n": [0, 1, 2], name: values}, features=features)


@pytest.mark.parametrize(("name", "form"), CASES, ids=[f"{n}-{f or 'python'}" for n, f in CASES])
def test_every_format_that_keeps_the_values(
    name: str, form: str | None, recording: Recording
) -> None:
    dataset = dataset_of(name)
    rows, batches = hook_for(recording), hook_for(recording)
    list(rows.wrap_dataset(dataset.with_format(form)))
    list(batches.wrap(dataset.with_format(form).iter(2)))
    assert recording.fingerprints(rows) == [[one] for one in prints(dataset)]
    assert flat(recording, batches) == prints(dataset)


@pytest.mark.parametrize("form", [None, *NUMPY])
def test_nanoseconds_are_kept(form: str | None, recording: Recording) -> None:
    moments = pa.array([1_700_000_000_000_000_001, None], pa.timestamp("ns"))
    dataset = Dataset(pa.table({"at": moments})).with_format(form)
    rows, batches = hook_for(recording), hook_for(recording)
    list(rows.wrap(dataset))
    list(batches.wrap(dataset.iter(2)))
    wanted = [{"at": pd.Timestamp(1_700_000_000_000_000_001)}, {"at": None}]
    assert flat(recording, rows) == flat(recording, batches) == prints(wanted)


@pytest.mark.parametrize("form", [None, *ALL])
def test_every_format_of_a_stream(form: str | None, recording: Recording) -> None:
    dataset = Dataset.from_dict({"text": ["a", "b", "c"], "ids": [[1], [2, 3], []]})
    stream = dataset.to_iterable_dataset().with_format(form)
    rows, batches = hook_for(recording), hook_for(recording)
    list(rows.wrap_streaming(stream))
    list(batches.wrap(stream.iter(2)))
    assert flat(recording, rows) == flat(recording, batches) == prints(dataset)


def test_columns_outside_of_the_format(recording: Recording) -> None:
    dataset = reviews(3).with_format("torch", columns=["label"], output_all_columns=True)
    some = reviews(3).with_format("torch", columns=["label"])
    both, one = hook_for(recording), hook_for(recording)
    list(both.wrap(dataset))
    list(one.wrap(some.iter(2)))
    assert flat(recording, both) == prints(reviews(3))
    assert flat(recording, one) == prints({"label": label} for label in (0, 1, 0))


def test_values_that_a_format_changes_are_recorded_as_delivered(recording: Recording) -> None:
    dataset = Dataset.from_dict({"x": [0.1]})
    hook = hook_for(recording)
    list(hook.wrap(dataset.with_format("torch")))
    assert flat(recording, hook) == prints([{"x": float(np.float32(0.1))}])
    assert flat(recording, hook) != prints(dataset)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "float8_e4m3fn"])
def test_short_floats_widen_exactly(dtype: str, recording: Recording) -> None:
    tensor = torch.tensor([[0.5, -2.0], [0.1, 3.0]]).to(getattr(torch, dtype))
    hook = hook_for(recording)
    hook.observe({"x": tensor})
    assert flat(recording, hook) == prints({"x": row} for row in tensor.double().tolist())


def test_tensors_of_a_kind_without_plain_values_stay_tensors(recording: Recording) -> None:
    sparse = [torch.eye(2).to_sparse(), torch.zeros(2).to_sparse()]
    hook = hook_for(recording)
    hook.observe({"x": sparse, "y": [torch.ones(1, requires_grad=True), torch.zeros(1)]})
    rows = [{"x": sparse[0], "y": [1.0]}, {"x": sparse[1], "y": [0.0]}]
    assert flat(recording, hook) == prints(rows)


def test_a_transform_of_the_users_own_is_recorded_as_delivered(recording: Recording) -> None:
    def transform(batch: dict[str, Any]) -> dict[str, Any]:
        return {"x": torch.tensor(batch["label"]).float(), "text": batch["text"]}

    dataset = reviews(5).with_transform(transform)
    rows, batches = hook_for(recording), hook_for(recording)
    list(rows.wrap(dataset))
    list(batches.wrap(dataset.iter(2)))
    wanted = [{"x": torch.tensor(float(row["label"])), "text": row["text"]} for row in reviews(5)]
    assert flat(recording, rows) == flat(recording, batches) == prints(wanted)


def test_whole_columns_become_lists_in_one_step(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    original = torch.Tensor.tolist
    monkeypatch.setattr(
        torch.Tensor, "tolist", lambda self: taken.append(tuple(self.shape)) or original(self)
    )
    dataset = Dataset.from_dict({"ids": [[1] * 16] * 8, "label": [0] * 8}).with_format("torch")
    hook = hook_for(recording)
    list(hook.wrap(dataset.iter(8)))
    assert taken == [(8, 16), (8,)]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (np.array(["2024-05-01", "NaT"], "datetime64[D]"), [date(2024, 5, 1), None]),
        (np.array([90], "datetime64[m]"), [datetime(1970, 1, 1, 1, 30)]),
        (np.array([1000, "NaT"], "timedelta64[ns]"), [timedelta(microseconds=1), None]),
        (np.array([1], "timedelta64[ns]"), [pd.Timedelta(1, "ns")]),
        (np.array([[1, None]], object), [[1, None]]),
        (np.str_("a"), "a"),
        (np.array(2.5), 2.5),
        (np.array([1 + 2j]), [1 + 2j]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Categorical(["a", None]), ["a", None]),
        (pd.NA, None),
        (pd.NaT, None),
        (pl.Series([1, None]), [1, None]),
        (pl.Series([{1}, 2], dtype=pl.Object), [{1}, 2]),
        (pa.array([1, None]), [1, None]),
        (pa.scalar(3), 3),
        ({"a": (np.int8(1), {"b": np.float32(0.5)})}, {"a": [1, {"b": 0.5}]}),
    ],
)
def test_values_of_other_libraries_become_plain(value: Any, wanted: Any) -> None:
    found = normal(value)
    assert found == wanted
    assert str(type(found)) == str(type(wanted)) or isinstance(wanted, str)


@pytest.mark.parametrize(
    "value",
    [
        np.array(["20000-01-01"], "datetime64[s]"),
        np.array([5], "timedelta64[M]"),
        np.ma.masked_array([1, 2], [True, False]),
        np.zeros(1, [("a", "i4")]),
        np.zeros(2, np.longdouble),
    ],
)
def test_arrays_that_python_values_cannot_hold_stay_as_they_are(value: Any) -> None:
    assert normal(value) is value


@pytest.mark.parametrize(
    ("missing", "value"),
    [("pandas", np.array([1], "timedelta64[ns]")), ("pyarrow", pl.Series([1]))],
)
def test_a_missing_package_is_named_with_its_extra(
    missing: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    if missing == "pyarrow":  # polars remembers the module it found

        def to_arrow(self: object) -> None:
            importlib.import_module("pyarrow")

        monkeypatch.setattr(pl.Series, "to_arrow", to_arrow)
    with pytest.raises(MissingDependencyError, match=rf"{missing}.*origin-provenance\[huggingface"):
        normal(value)


ROW = st.fixed_dictionaries(
    {
        "text": st.none() | st.text(),
        "flag": st.booleans(),
        "count": st.integers(-(2**63), 2**63 - 1),
        "score": st.floats(allow_nan=False, width=32),
        "data": st.binary(),
        "ids": st.lists(st.integers(-(2**31), 2**31 - 1)),
        "deep": st.fixed_dictionaries({"names": st.lists(st.text())}),
    }
)
FEATURES = Features(
    {
        "text": Value("string"),
        "flag": Value("bool"),
        "count": Value("int64"),
        "score": Value("float32"),
        "data": Value("binary"),
        "ids": List(Value("int32")),
        "deep": {"names": List(Value("string"))},
    }
)


@given(rows=st.lists(ROW, min_size=1, max_size=4), form=st.sampled_from([None, *TABLES]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_row_in_any_table(rows: list[dict[str, Any]], form: str | None) -> None:
    dataset = Dataset.from_list(rows, features=FEATURES)
    wanted = b"".join(fingerprint_digest(row) for row in rows)
    found = RowReader().read(dataset.with_format(form)[:]).rows
    assert found is not None
    assert found.hash()[0] == wanted
