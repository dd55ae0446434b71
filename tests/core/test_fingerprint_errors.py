"""Fingerprints: what has none, and how that is said."""

import datetime as dt
import enum
import pathlib
import threading

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from origin.core.fingerprint import (
    canonical_bytes,
    encode,
    fingerprint_sample,
)
from origin.errors import FingerprintError


class Mood(enum.Enum):
    GOOD = 1


class Broken:
    dtype = shape = None

    def __array__(self, dtype=None, copy=None):
        raise OSError("the disk is gone")


class Shifting(dt.tzinfo):
    def utcoffset(self, when):
        return None


REFUSED = [
    ({1, 2}, "set", "sorted list"),
    (frozenset(), "frozenset", "sorted list"),
    (Mood.GOOD, "Mood", ".value"),
    (Mood, "EnumType|EnumMeta", "convert"),
    ((i for i in "a"), "generator", "pass a list"),
    (len, "builtin_function_or_method", "convert"),
    (np.float32, "type", "convert"),
    (object(), "object", "convert"),
    (threading.Lock(), "lock", "convert"),
    (pathlib.Path("a"), "PosixPath", "read_bytes"),
    (pd.NA, "NAType", "convert"),
    (pd.Series([1]), "Series", "to_numpy"),
    (pd.DataFrame({"a": [1]}), "DataFrame", "to_dict"),
    (pa.table({"a": [1]}), "Table", "to_pylist"),
    (pa.scalar(1), "Int64Scalar", "to_pylist"),
    (pl.DataFrame({"a": [1]}), "DataFrame", "to_dict"),
    (np.longdouble(1), "longdouble", "portable"),
    (np.array([1], dtype="m8"), "ndarray", "without a unit"),
    (np.zeros(1, dtype="V3"), "ndarray", "portable"),
    (np.ma.masked_array([1], [True]), "MaskedArray", "filled"),
    (torch.empty(1, device="meta"), "torch.Tensor", "no data"),
    (torch.float32, "torch.dtype", "convert"),
    (dt.time(12, tzinfo=Shifting()), "datetime.time", "no offset"),
    (dt.datetime(2024, 5, 1, tzinfo=Shifting()), "datetime.datetime", "no offset"),
    (Broken(), "Broken", "OSError: the disk is gone"),
]


@pytest.mark.parametrize(("value", "name", "advice"), REFUSED, ids=lambda v: type(v).__name__)
def test_refused(value, name, advice):
    with pytest.raises(FingerprintError, match=name) as caught:
        fingerprint_sample({"a": [0, 1, 2, value]})
    assert 'at sample["a"][3]: ' in str(caught.value)
    assert advice in str(caught.value)
    with pytest.raises(FingerprintError, match=" at sample: "):
        fingerprint_sample(value)


def test_the_cause_of_a_failure_is_kept():
    with pytest.raises(FingerprintError) as caught:
        fingerprint_sample([Broken()])
    assert isinstance(caught.value.__cause__, OSError)


def test_paths_name_keys_of_every_kind():
    for key, step in [("a", '["a"]'), (1, "[1]"), ("$x", '["$x"]'), ((1, 2), "[[1,2]]")]:
        with pytest.raises(FingerprintError) as caught:
            encode({key: {"ok": 1, "set": set()}})
        assert f'at sample{step}["set"]: ' in str(caught.value)
    things = np.array([1, set()], dtype=object)
    with pytest.raises(FingerprintError, match=r'at sample\["x"\]\[1\]: '):
        encode({"x": things})


@pytest.mark.parametrize("key", [b"a", (1, b"a"), np.int64(1), frozenset(), Mood.GOOD])
def test_refused_keys(key):
    with pytest.raises(FingerprintError, match=r'at sample\["a"\]\.keys\(\)'):
        encode({"a": {key: 1}})


def test_keys_that_become_the_same_are_refused():
    nan, other = float("nan"), float("nan")
    with pytest.raises(FingerprintError, match="two of its keys"):
        encode({nan: 1, other: 2})


def test_cycles_and_depth():
    cycle = {"a": [1]}
    cycle["a"].append(cycle)
    with pytest.raises(FingerprintError, match=r'at sample\["a"\]\[1\]: it contains itself'):
        encode(cycle)
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(FingerprintError, match="too deeply"):
        encode(deep)
    while deep:
        deep = deep.pop()
    shared = [1, b"x"]
    assert canonical_bytes([shared, shared]).startswith(b'[[1,{"$bytes":1}],[1,')


def test_nothing_is_changed_by_a_fingerprint():
    value = {"b": [1, {"c": np.arange(3)}], "a": bytearray(b"x")}
    fingerprint_sample(value)
    assert list(value) == ["b", "a"]
    assert value["b"][1]["c"].tolist() == [0, 1, 2]
