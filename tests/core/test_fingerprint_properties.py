"""Fingerprints: properties that must hold for all values."""

import json
import math
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from origin.core.arrays import canonical_array
from origin.core.encoder import Writer
from origin.core.fingerprint import canonical_bytes, encode, fingerprint_digest
from origin.core.jsontext import float_text

quick = settings(max_examples=150, deadline=None)

floats = st.floats(allow_nan=False, allow_infinity=False)
strings = st.text(st.characters(exclude_categories=()), max_size=6)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | strings,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strings, inner, max_size=4),
    max_leaves=12,
)
keys = strings | st.integers() | floats | st.booleans() | st.none() | st.tuples(strings)
rich = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | strings | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
numbers = npst.boolean_dtypes() | npst.integer_dtypes() | npst.unsigned_integer_dtypes()
numbers |= npst.floating_dtypes(sizes=(16, 32, 64)) | npst.complex_number_dtypes(sizes=(64, 128))
arrays = npst.arrays(numbers, npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


def without_dollar(value):
    """Whether no key begins with a dollar sign, which JSON data proper has no need to escape."""
    if isinstance(value, dict):
        return all(key[:1] != "$" and without_dollar(item) for key, item in value.items())
    return not isinstance(value, list) or all(map(without_dollar, value))


def identity(value):
    """A hashable stand-in that tells apart exactly what fingerprints must tell apart."""
    if isinstance(value, dict):
        return "dict", frozenset((identity(key), identity(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "list", tuple(map(identity, value))
    if isinstance(value, float):
        return "float", struct.pack(">d", value)
    return type(value).__name__, value


def slowly(value):
    writer = Writer()
    writer.write(value)
    return "".join(writer.parts)


@quick
@given(plain)
def test_plain_data_is_json(value):
    text = encode(value).text
    assert text == slowly(value)
    assert "\n" not in text
    if without_dollar(value):
        assert text == json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )


@quick
@given(rich, rich)
def test_encodings_are_equal_exactly_if_the_values_are(one, other):
    first, second = encode(one), encode(other)
    same = (first.text, b"".join(first.payloads)) == (second.text, b"".join(second.payloads))
    assert same == (identity(one) == identity(other))


@quick
@given(rich)
def test_order_of_entries_does_not_matter_and_text_is_json(value):
    def turned(part):
        if isinstance(part, dict):
            return {key: turned(item) for key, item in reversed(part.items())}
        return [turned(item) for item in part] if isinstance(part, list) else part

    assert canonical_bytes(turned(value)) == canonical_bytes(value)
    found = encode(value)
    json.loads(found.text, parse_int=str)
    assert "\n" not in found.text
    canonical = found.text.encode("utf-8", "surrogatepass")
    canonical += b"\n" + b"".join(found.payloads) if found.payloads else b""
    assert isinstance(value, (str, bytes)) or canonical == canonical_bytes(value)


@quick
@given(st.dictionaries(keys, st.none(), max_size=6))
def test_keys_are_sorted_and_distinct(value):
    names = list(json.loads(encode(value).text))
    assert names == sorted(names)
    assert len(names) == len(value)


@quick
@given(st.floats())
def test_floats_read_back(value):
    text = float_text(value)
    if math.isfinite(value):
        assert struct.pack("d", json.loads(text)) == struct.pack("d", value)
        assert {".", "e"} & set(text)
    else:
        assert bytes.fromhex(json.loads(text)["$float"]) == struct.pack(">d", value)


def layouts(array):
    """The same elements, laid out in memory in other ways."""
    yield array.copy(order="F")
    yield array.astype(array.dtype.newbyteorder(">"))
    yield array.astype(array.dtype.newbyteorder("<"))
    wide = np.zeros((*array.shape, 2), dtype=array.dtype)
    wide[..., 0] = array
    yield wide[..., 0]
    if array.ndim:
        yield np.flip(np.flip(array).copy())
        yield array.T.copy().T
    raw = np.zeros(array.nbytes + 1, dtype=np.uint8)
    raw[1:] = np.frombuffer(array.tobytes(), dtype=np.uint8)
    yield raw[1:].view(array.dtype).reshape(array.shape)
    array.flags.writeable = False
    yield array


@quick
@given(arrays)
def test_arrays_are_equal_under_every_layout(array):
    array = array.astype(array.dtype.newbyteorder("="))
    expected = canonical_bytes(array)
    text, _, data = expected.partition(b"\n")
    assert json.loads(text) == {"$array": [array.dtype.name, list(array.shape)]}
    assert data == array.astype(array.dtype.newbyteorder("<")).tobytes()
    for same in layouts(array):
        assert canonical_bytes(same) == expected
        assert canonical_array(same).data.tobytes() == data
        assert fingerprint_digest({"x": same}) == fingerprint_digest({"x": array})


@quick
@given(arrays)
def test_tensors_equal_arrays(array):
    array = array.astype(array.dtype.newbyteorder("="))
    expected = canonical_bytes(array)
    tensor = torch.from_numpy(array.copy())
    same = [tensor, tensor.clone(memory_format=torch.contiguous_format), tensor.resolve_conj()]
    same += [tensor.mT.contiguous().mT] if tensor.ndim > 1 else []
    same += [tensor.unsqueeze(0).expand(3, *tensor.shape)[1], torch.stack([tensor, tensor])[0]]
    if tensor.is_complex():
        same.append(tensor.conj_physical().conj())
    if tensor.is_floating_point() or tensor.is_complex():
        same.append(tensor.clone().requires_grad_())
    for other in same:
        assert canonical_bytes(other) == expected


@quick
@given(arrays, arrays)
def test_arrays_are_distinct_if_dtype_shape_or_bytes_are(one, other):
    same = one.dtype.newbyteorder("=") == other.dtype.newbyteorder("=") and one.shape == other.shape
    same = same and one.astype(other.dtype).tobytes() == other.tobytes()
    assert (canonical_bytes(one) == canonical_bytes(other)) == same


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.complex32])
@quick
@given(data=st.binary(min_size=4, max_size=32))
@pytest.mark.filterwarnings("ignore:ComplexHalf")
def test_raw_dtypes_keep_their_bytes(dtype, data):
    data = data[: len(data) // 4 * dtype.itemsize]
    tensor = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(dtype)
    found = canonical_array(tensor)
    assert found.data.tobytes() == data
    assert found.dtype == str(dtype)[6:]
    doubled = torch.stack([tensor, tensor], dim=1)[:, 0]
    assert canonical_bytes(doubled) == canonical_bytes(tensor)


@quick
@given(st.lists(strings.filter(lambda s: not s.endswith("\0")), min_size=1, max_size=4))
def test_widths_of_string_arrays_do_not_matter(words):
    narrow = np.array(words)
    wide = narrow.astype("U20")
    assert canonical_bytes(wide) == canonical_bytes(narrow)
    assert encode(narrow).text == f'{{"$array":["str",[{len(words)}],{encode(words).text}]}}'


@quick
@given(st.integers(-(10**6), 10**6))
def test_months_are_counted_in_days(months):
    month = np.datetime64(months, "M")
    assert canonical_bytes(month) == canonical_bytes(month.astype("M8[D]"))
