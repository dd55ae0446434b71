"""Fingerprints: single cases, and what importing them brings along."""

import array
import collections
import ctypes
import datetime as dt
import decimal
import enum
import hashlib
import json
import mmap
import pathlib
import subprocess
import sys
import types
import uuid
import warnings
from collections import OrderedDict, UserDict, UserList, UserString, deque, namedtuple
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from PIL import Image

import origin.core.jsontext as jsontext
from origin.core.arrays import CanonicalArray, canonical_array, is_array
from origin.core.fingerprint import (
    Encoding,
    canonical_bytes,
    content_type,
    encode,
    fingerprint_digest,
    fingerprint_sample,
)
from origin.errors import FingerprintError


def text(value):
    return canonical_bytes(value).decode("utf-8", "backslashreplace")


# Plain values


def test_a_string_and_a_file_hash_as_their_own_bytes():
    assert fingerprint_sample("héllo") == hashlib.sha256("héllo".encode()).hexdigest()
    assert fingerprint_sample(b"\x00a\n") == hashlib.sha256(b"\x00a\n").hexdigest()
    assert fingerprint_digest(bytearray(b"ab")) == hashlib.sha256(b"ab").digest()


@pytest.mark.parametrize(
    "value",
    [
        bytearray(b"abcd"),
        memoryview(b"abcd"),
        memoryview(b"a-b-c-d-")[::2],
        memoryview(b"abcd").cast("c"),
        np.bytes_(b"abcd"),
        type("Sub", (bytes,), {})(b"abcd"),
    ],
)
def test_every_string_of_bytes_is_the_same(value):
    assert canonical_bytes(value) == b"abcd"
    assert canonical_bytes([value, value]) == b'[{"$bytes":4},{"$bytes":4}]\nabcdabcd'
    assert content_type(value) == "bytes"


def test_memory_maps_and_objects_with_tobytes_are_bytes():
    class Blob:
        def tobytes(self):
            return b"blob"

    with mmap.mmap(-1, 4) as pages:
        assert canonical_bytes(pages) == bytes(4)
    assert canonical_bytes(Blob()) == b"blob"
    assert canonical_bytes({"b": Blob()}) == b'{"b":{"$bytes":4}}\nblob'
    assert content_type(Blob()) == "bytes"


def test_subclasses_count_as_their_base():
    class Color(enum.IntEnum):
        RED = 1

    class Name(str, enum.Enum):  # noqa: UP042  older code has such
        A = "a"

    class Loud(float):
        def __repr__(self):
            return "loud"

    plain = [1, "a", 1.5, "b", "c"]
    assert text([Color.RED, Name.A, Loud(1.5), np.str_("b"), UserString("c")]) == text(plain)
    assert canonical_bytes(np.str_("x")) == canonical_bytes(UserString("x")) == b"x"
    assert canonical_bytes(Name.A) == b"a"
    assert text([UserString(Name.A)]) == '["a"]'
    for key in ("a", "$a", "", "é"):
        assert canonical_bytes({UserString(key): 1}) == canonical_bytes({key: 1})
    assert text({UserString("b"): 1, "a": 2}) == '{"a":2,"b":1}'


def test_plain_data_is_what_json_writes():
    value = {"text": "é\n\x7f", "n": [1, True, None, 1e300, -0.0], "a": {"": []}}
    expected = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert text(value) == expected == encode(value).text


def test_without_the_private_json_encoder_the_text_is_the_same(monkeypatch):
    fast = jsontext._plain_encoder()
    value = {"b": ["é\x01", 1.5], "a": {"c": None}}
    for replacement in (None, lambda *args: lambda value, level: ["?"]):
        parts = types.SimpleNamespace(c_make_encoder=replacement)
        fake = types.SimpleNamespace(JSONEncoder=json.JSONEncoder, encoder=parts)
        monkeypatch.setattr(jsontext, "json", fake)
        slow = jsontext._plain_encoder()
        assert slow(value) == fast(value)


def test_sequences_and_mappings_of_every_type():
    pair = namedtuple("pair", "a b")(1, 2)
    for value in ([1, 2], (1, 2), pair, deque([1, 2]), range(1, 3), UserList([1, 2])):
        assert text(value) == "[1,2]"
    assert text([torch.Size([1, 2]), array.array("b")]).startswith('[[1,2],{"$array":["int8",[0]]')

    @dataclass
    class Row:
        b: int
        a: int

    maps = [{"b": 1, "a": 2}, OrderedDict(b=1, a=2), UserDict(b=1, a=2), Row(1, 2)]
    maps += [types.MappingProxyType({"a": 2, "b": 1}), collections.ChainMap({"b": 1}, {"a": 2})]
    for value in maps:
        assert text(value) == '{"a":2,"b":1}'


def test_huge_integers_do_not_depend_on_the_limit_of_digits():
    value = 7**9000
    previous = sys.get_int_max_str_digits()
    try:
        sys.set_int_max_str_digits(0)
        expected = str(value)
        sys.set_int_max_str_digits(640)
        assert text([value, -value]) == f"[{expected},-{expected}]"
    finally:
        sys.set_int_max_str_digits(previous)


def test_decimals_do_not_depend_on_the_context():
    with decimal.localcontext() as context:
        context.capitals = 0
        context.prec = 2
        assert text(decimal.Decimal("1.234e50")) == '{"$decimal":"1.234E+50"}'


def test_payloads_follow_the_sorted_keys():
    assert canonical_bytes({"b": b"2", "a": [b"1", b""]}) == (
        b'{"a":[{"$bytes":1},{"$bytes":0}],"b":{"$bytes":1}}\n12'
    )
    assert canonical_bytes([b""]) == b'[{"$bytes":0}]\n'


def test_keys_do_not_collide():
    keys = [1, "1", "$1", True, "true", "$true", None, 1.5, "1.5", (1,), "[1]", "$", "$$", ""]
    texts = {text({key: 0}) for key in keys}
    assert len(texts) == len(keys)
    assert text({1: "x"}) == '{"$1":"x"}'
    assert text({"$a": 1}) == '{"$\\"$a\\"":1}'


def test_a_mapping_cannot_pass_for_a_leaf():
    lookalike = {"$bytes": 1}
    assert canonical_bytes(lookalike) != canonical_bytes([b"x"])[1:-3]
    assert text(lookalike) == '{"$\\"$bytes\\"":1}'
    assert text({"$float": "7ff8000000000000"}) != text(float("nan"))


# Dates


def test_timestamps_of_pandas():
    assert text(pd.Timestamp("2024-05-01T12:00:00+02:00")) == (
        '{"$datetime":"2024-05-01T12:00:00.000000+02:00"}'
    )
    assert text(pd.Timestamp(1, unit="ns")) == '{"$datetime":"1970-01-01T00:00:00.000000001"}'
    assert text(pd.NaT) == '{"$datetime":"NaT"}'
    assert text(pd.Timedelta(1, unit="ns")) == '{"$timedelta":[0,0,0,1]}'
    with pytest.raises(FingerprintError, match="year"):
        canonical_bytes(pd.Timestamp(np.datetime64("20000-01-01", "s")))


def test_subclasses_of_datetime_do_not_choose_their_own_text():
    class Pretty(dt.datetime):
        def isoformat(self, *args, **kwargs):
            return "soon"

    assert text(Pretty(2024, 5, 1)) == '{"$datetime":"2024-05-01T00:00:00.000000"}'


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"])
def test_datetime64_has_one_form_for_all_units(unit):
    same = np.datetime64("2024-01-01", "D") if unit != "W" else np.datetime64("2024-01-04", "D")
    assert text(same.astype(f"M8[{unit}]")) == text(same)
    assert text(np.array([same, "NaT"], dtype=f">M8[{unit}]")) == text(
        np.array([same, "NaT"], "M8[D]")
    )


def test_datetime64_at_the_ends_of_its_range():
    ends = np.array([-(2**63) + 1, 2**63 - 1]).view("M8[Y]")
    low, high = json.loads(text(ends))["$array"][2]
    # The calendar repeats after 400 years, which are 146097 days.
    rest = (2**63 - 1) % 400
    exact = np.datetime64(rest, "Y").astype("M8[D]").astype(int)
    assert high == ((2**63 - 1) // 400 * 146097 + int(exact)) * 86400 * 10**18
    assert low < 0
    for unit, scale in {"as": 1, "fs": 10**3, "ps": 10**6}.items():
        assert json.loads(text(ends.view(f"M8[{unit}]")))["$array"][2][1] == (2**63 - 1) * scale


# Arrays


def test_numpy_arrays_with_other_content():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matrix = np.asmatrix([[1, 2]])
    assert text(matrix) == text(np.array([[1, 2]]))
    odd_bool = np.array([0, 2], dtype=np.uint8).view(bool)
    assert text(odd_bool) == text(np.array([False, True]))
    assert text(np.array(["a", "b"], dtype="<U9")) == text(np.array(["a", "b"], dtype=">U1"))
    if hasattr(np, "dtypes") and hasattr(np.dtypes, "StringDType"):
        assert text(np.array(["a"], dtype=np.dtypes.StringDType())) == text(np.array(["a"]))
    nested = np.empty((), dtype=object)
    nested[()] = {"a": b"x"}
    assert canonical_bytes(nested) == b'{"$array":["object",[],[{"a":{"$bytes":1}}]]}\nx'


def test_records_keep_their_shapes_apart():
    one = np.zeros((), dtype=[("x", "i2", (3, 2))])
    other = np.zeros(3, dtype=[("x", "i2", (2,))])
    assert text(one) != text(other)
    assert text(one[()]) == text(one)


def test_typed_buffers_are_arrays():
    expected = text(np.array([1, 2], dtype=np.int32))
    assert text(array.array("i", [1, 2])) == expected
    assert text(memoryview(array.array("i", [1, 2]))) == expected
    assert text((ctypes.c_int32 * 2)(1, 2)) == expected
    assert text(array.array("B", [1])) == text(np.array([1], dtype=np.uint8))
    assert text(memoryview(b"abcd").cast("B", (2, 2))).startswith('{"$array":["uint8",[2,2]]}')


def test_arrays_of_other_libraries():
    class Foreign:
        dtype = "float32"
        shape = (2,)

        def __array__(self, dtype=None, copy=None):
            return np.array([1, 2], dtype=np.float32)

    assert text(Foreign()) == text(np.array([1, 2], dtype=np.float32))
    assert is_array(Foreign())
    assert canonical_array(Foreign()).dtype == "float32"


def test_parameters_and_views_of_tensors():
    base = torch.arange(6.0).reshape(2, 3)
    expected = canonical_bytes(base.numpy())
    assert canonical_bytes(torch.nn.Parameter(base)) == expected
    assert canonical_bytes(base.t().contiguous().t()) == expected
    assert canonical_bytes(base.clone().requires_grad_() * 1) == expected
    row = torch.tensor([7], dtype=torch.bfloat16)
    assert canonical_bytes(row.expand(3, 1)) == canonical_bytes(row.repeat(3, 1))


@pytest.mark.filterwarnings("ignore")
def test_sparse_tensors_are_never_made_dense():
    huge = torch.sparse_coo_tensor([[10**12]], [1.0], (10**15,))
    assert len(canonical_bytes(huge)) < 300
    dense = torch.eye(4)
    kinds = [dense.to_sparse(), dense.to_sparse_csr(), dense.to_sparse_csc()]
    kinds += [dense.to_sparse_bsr((2, 2)), dense.to_sparse_bsc((2, 2)), dense]
    assert len({text(kind) for kind in kinds}) == 6
    wide = torch.sparse_csr_tensor([0, 1], [0], [1.0], (1, 1))
    narrow = torch.sparse_csr_tensor(
        torch.tensor([0, 1], dtype=torch.int32), torch.tensor([0], dtype=torch.int32), [1.0]
    )
    assert text(wide) == text(narrow)


@pytest.mark.filterwarnings("ignore")
def test_quantized_tensors():
    values = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    scales, zeros = torch.tensor([0.5, 0.25]), torch.tensor([0, 1])
    quantized = [
        torch.quantize_per_tensor(values, 0.5, 0, torch.qint8),
        torch.quantize_per_tensor(values, 0.5, 0, torch.quint8),
        torch.quantize_per_channel(values, scales, zeros, 0, torch.qint8),
        torch.quantize_per_channel(values, scales, zeros, 1, torch.qint8),
    ]
    assert len({canonical_bytes(q) for q in quantized}) == 4
    assert '"axis":1' in encode(quantized[3]).text
    packed = torch.quantize_per_channel(values, scales, zeros.float(), 0, torch.quint4x2)
    with pytest.raises(FingerprintError, match="packed"):
        encode(packed)


def test_packed_sequences_know_their_order():
    pack = torch.nn.utils.rnn.pack_sequence
    short, long = torch.tensor([1.0]), torch.tensor([2.0, 3.0])
    packed = pack([short, long], enforce_sorted=False)
    assert "sorted_indices" in encode(packed).text
    assert text(packed) != text(pack([long, short]))
    assert content_type(packed) == "array"


def test_canonical_array_shares_memory_and_is_a_leaf_itself():
    tensor = torch.zeros(2, 3)
    found = canonical_array(tensor)
    assert (found.dtype, found.shape, found.data.nbytes) == ("float32", (2, 3), 24)
    assert found.data.dtype == np.uint8
    tensor[0, 0] = 1.0
    assert found.data[3] == 0x3F
    encoding = encode({"b": found, "a": b"x"})
    assert isinstance(encoding, Encoding)
    assert encoding.payloads[1] is found.data
    assert canonical_bytes({"b": found}) == canonical_bytes({"b": tensor})
    assert canonical_array(found) is found


@pytest.mark.parametrize(
    "value",
    [
        None,
        [1.0],
        "a",
        b"a",
        np.str_("a"),
        np.array(["a"]),
        np.array([None]),
        np.array(1, dtype="M8[s]"),
        np.longdouble(1),
        np.ma.masked_array([1]),
        torch.eye(2).to_sparse(),
        torch.empty(2, device="meta"),
        pd.Series([1.0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_canonical_array_takes_dense_numbers_only(value):
    assert canonical_array(value) is None


@pytest.mark.filterwarnings("ignore")
def test_canonical_array_takes_no_tensor_of_several_parts():
    one = torch.zeros(1)
    assert canonical_array(torch.nested.nested_tensor([one])) is None
    assert canonical_array(torch.nested.nested_tensor([one], layout=torch.jagged)) is None
    assert canonical_array(torch.quantize_per_tensor(one, 1.0, 0, torch.qint8)) is None


def test_is_array():
    @dataclass
    class Config:
        dtype: str = "float32"
        shape: tuple = ()

    arrays = [np.zeros(1), np.float64(1), np.array(["a"]), torch.zeros(1), torch.eye(2).to_sparse()]
    arrays += [array.array("B"), memoryview(b"ab").cast("H"), canonical_array(np.zeros(1))]
    assert all(map(is_array, arrays))
    others = [None, 1.0, "a", np.str_("a"), np.bytes_(b"a"), [1], {}, memoryview(b""), Config()]
    others += [pd.Series([1]), pl.Series([1]), pa.array([1]), np.float32, torch.Tensor]
    assert not any(map(is_array, others))
    assert {content_type(value) for value in arrays} == {"array"}
    assert text(Config()) == '{"dtype":"float32","shape":[]}'


# Images


def test_lazy_images_stay_usable(tmp_path):
    path = tmp_path / "a.png"
    Image.frombytes("RGB", (2, 2), bytes(range(12))).save(path)
    with path.open("rb") as file:
        lazy = Image.open(file)
        expected = canonical_bytes(Image.frombytes("RGB", (2, 2), bytes(range(12))))
        assert canonical_bytes(lazy) == expected == canonical_bytes(lazy)
        assert not file.closed
    with Image.open(path) as opened:
        assert canonical_bytes(opened) == expected
        assert opened.getpixel((1, 1)) == (9, 10, 11)
    assert content_type(lazy) == "image"


def test_frames_of_an_animation_stay_reachable(tmp_path):
    path = tmp_path / "a.gif"
    frames = [Image.new("P", (2, 2), color) for color in (0, 1, 2)]
    for frame in frames:
        frame.putpalette(bytes(range(30)))
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with Image.open(path) as moving:
        prints = []
        for number in range(3):
            moving.seek(number)
            prints.append(fingerprint_sample(moving))
        assert len(set(prints)) == 3
        moving.seek(0)
        assert fingerprint_sample(moving) == prints[0]


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16", "I", "F"]
)
def test_images_of_every_mode(mode):
    one, other = Image.new(mode, (3, 2)), Image.new(mode, (2, 3))
    assert canonical_bytes(one) != canonical_bytes(other)
    assert canonical_bytes(one) == canonical_bytes(one.copy())
    assert json.loads(encode(one).text)["$image"]["mode"] == mode


def test_palettes_and_transparency_count():
    image = Image.new("P", (1, 1))
    image.putpalette([1, 2, 3])
    other = image.copy()
    other.putpalette([1, 2, 4])
    keyed = image.copy()
    keyed.info["transparency"] = b"\x00"
    titled = image.copy()
    titled.info["title"] = "no part of the picture"
    assert len({canonical_bytes(i) for i in (image, other, keyed)}) == 3
    assert canonical_bytes(titled) == canonical_bytes(image)


# Processes

SAMPLE = {
    "b": 1,
    "a": [0.1, b"x", (1, None)],
    "é": {2: uuid.UUID(int=5), "s": "t"},
    "z": np.int64(3),
}


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_other_processes_find_the_same(seed):
    code = (
        "import numpy as np; from uuid import UUID;"
        "from origin.core.fingerprint import fingerprint_sample;"
        f"print(fingerprint_sample({SAMPLE!r}))"
    )
    assert run(code, PYTHONHASHSEED=seed) == fingerprint_sample(SAMPLE)


def test_importing_brings_no_large_library():
    code = (
        "import sys, origin.core.fingerprint as f;"
        "f.fingerprint_sample([1, b'x', {1: 2.5}]);"
        "heavy = {'torch', 'PIL', 'pandas', 'pyarrow', 'datasets', 'polars', 'transformers'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run(code) == "[]"


def run(code, **environment):
    path = str(pathlib.Path(jsontext.__file__).parents[2])
    command = [sys.executable, "-c", code]
    env = {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", **environment}
    found = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return found.stdout.strip()


def test_a_canonical_array_can_be_made_by_hand():
    data = np.frombuffer(b"\x01\x02", dtype=np.uint8)
    assert text(CanonicalArray("uint8", (2,), data)) == text(np.array([1, 2], dtype=np.uint8))
