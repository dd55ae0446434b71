"""Make the test vectors of docs/fingerprint.md, or check that they still come out the same.

Without arguments the files are compared with what the code makes now. With ``--write`` they are
written anew, which is right only for a new version of the rules or for additional vectors.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hmac
import json
import struct
import sys
import uuid
import warnings
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from origin.core.fingerprint import canonical_bytes, fingerprint_sample
from origin.core.fingerprintkey import FingerprintKey

FOLDER = Path(__file__).parents[1] / "tests" / "golden"

Case = tuple[str, dict[str, Any], object]
Point = namedtuple("Point", ["x", "y"])


@dataclass
class Config:
    """A dataclass with two fields."""

    rate: float
    name: str


def integer(value: int) -> dict[str, Any]:
    """Describe an integer; in decimal, since JSON readers may round."""
    return {"kind": "int", "decimal": str(Decimal(value))}


def text(value: str) -> dict[str, Any]:
    """Describe a string by its code points, which are unambiguous for lone surrogates."""
    return {"kind": "str", "code_points": [ord(c) for c in value]}


def octets(value: bytes) -> dict[str, Any]:
    """Describe a string of bytes."""
    return {"kind": "bytes", "hex": value.hex()}


def number(value: float) -> dict[str, Any]:
    """Describe a float by its bits."""
    return {"kind": "float", "bits": struct.pack(">d", value).hex()}


def from_bits(bits: str) -> float:
    """Read a float from the hexadecimal digits of its big-endian bits."""
    found: float = struct.unpack(">d", bytes.fromhex(bits))[0]
    return found


def sequence(*items: dict[str, Any], made: str = "list") -> dict[str, Any]:
    """Describe a sequence, and by which Python type it is made."""
    return {"kind": "list", "made": made, "items": list(items)}


def mapping(*entries: tuple[dict[str, Any], dict[str, Any]], made: str = "dict") -> dict[str, Any]:
    """Describe a mapping as pairs of key and value, and by which Python type it is made."""
    return {"kind": "map", "made": made, "entries": [list(entry) for entry in entries]}


def array(dtype: str, shape: list[int], data: str, made: str = "numpy") -> dict[str, Any]:
    """Describe a dense array by its bytes, little-endian and in C order."""
    return {"kind": "array", "made": made, "dtype": dtype, "shape": shape, "hex": data}


def listed(dtype: str, shape: list[int], *items: dict[str, Any], made: str) -> dict[str, Any]:
    """Describe an array whose elements are listed one by one."""
    return {"kind": "listed", "made": made, "dtype": dtype, "shape": shape, "items": list(items)}


def image(mode: str, size: list[int], pixels: str, **more: object) -> dict[str, Any]:
    """Describe an image."""
    return {"kind": "image", "mode": mode, "size": size, "pixels": pixels, **more}


NULL: dict[str, Any] = {"kind": "null"}
TRUE: dict[str, Any] = {"kind": "bool", "value": True}


def scalars() -> Iterator[Case]:
    """Yield plain scalars and the typed ones of the standard library."""
    yield "null", NULL, None
    yield "true", TRUE, True
    yield "false", {"kind": "bool", "value": False}, False
    for n in (0, 1, -7, 2**63, -(2**64), 10**30, 3**12000):
        yield f"int-{n if abs(n) < 10**31 else 'huge'}", integer(n), n
    for x in (1.0, -0.0, 0.1, 1e16, 1e15, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308, 1e22):
        yield f"float-{x!r}", number(x), x
    for bits in ("7ff8000000000000", "fff8000000000000", "7ff8000000000001", "7ff0000000000000"):
        yield f"float-bits-{bits}", {"kind": "float", "bits": bits}, from_bits(bits)
    yield "complex", {"kind": "complex", "parts": [number(1.5), number(-0.0)]}, complex(1.5, -0.0)
    yield "decimal", {"kind": "decimal", "text": "1.50"}, Decimal("1.50")
    yield "decimal-exponent", {"kind": "decimal", "text": "1E+5"}, Decimal("1e5")
    name = "12345678-1234-5678-1234-567812345678"
    yield "uuid", {"kind": "uuid", "text": name}, uuid.UUID(name)
    yield from times()


def times() -> Iterator[Case]:
    """Yield dates and times of the standard library."""
    day = dt.datetime(2024, 5, 1, 12)
    east = dt.timezone(dt.timedelta(hours=2))
    for name, value in {
        "datetime-naive": day,
        "datetime-microseconds": day.replace(microsecond=42),
        "datetime-utc": day.replace(tzinfo=dt.UTC),
        "datetime-offset": day.replace(tzinfo=east),
    }.items():
        yield name, {"kind": "datetime", "text": value.isoformat(timespec="microseconds")}, value
    yield "date", {"kind": "date", "text": "2024-05-01"}, dt.date(2024, 5, 1)
    yield "time", {"kind": "time", "text": "12:30:00.000000"}, dt.time(12, 30)
    delta = dt.timedelta(days=-1, microseconds=5)
    yield "timedelta", {"kind": "timedelta", "parts": [-1, 0, 5]}, delta


def strings() -> Iterator[Case]:
    """Yield strings and bytes, as a sample and inside of one."""
    samples = {
        "empty": "",
        "ascii": "hello",
        "composed": "\u00e9",
        "decomposed": "e\u0301",
        "astral": "\U0001f600",
        "surrogate": "\ud800",
        "controls": '\x00\b\t\n\v\f\r\x1f"\\/\x7f\u2028',
    }
    for name, value in samples.items():
        yield f"str-{name}", text(value), value
        yield f"str-{name}-inside", sequence(text(value)), [value]
    yield "bytes-empty", octets(b""), b""
    yield "bytes", octets(b"\x00\n\xff"), b"\x00\n\xff"
    yield "bytes-empty-inside", sequence(octets(b"")), [b""]
    both = {"b": b"\x01\x02", "a": b"\n"}
    yield (
        "bytes-inside",
        mapping((text("b"), octets(both["b"])), (text("a"), octets(both["a"]))),
        both,
    )


def containers() -> Iterator[Case]:
    """Yield sequences and mappings."""
    one, two = integer(1), integer(2)
    yield "list-empty", sequence(), []
    yield "dict-empty", mapping(), {}
    yield "list-mixed", sequence(TRUE, one, number(1.0), NULL), [True, 1, 1.0, None]
    yield "tuple", sequence(one, two, made="tuple"), (1, 2)
    yield "namedtuple", sequence(one, two, made="namedtuple"), Point(1, 2)
    yield "range", sequence(one, two, made="range"), range(1, 3)
    yield "size", sequence(one, two, made="torch.Size"), torch.Size([1, 2])
    yield (
        "dataclass",
        mapping((text("rate"), number(0.5)), (text("name"), text("n")), made="dataclass"),
        Config(0.5, "n"),
    )
    from transformers import BatchEncoding

    yield (
        "batch-encoding",
        mapping((text("input_ids"), sequence(one, two)), made="BatchEncoding"),
        BatchEncoding({"input_ids": [1, 2]}),
    )
    yield "nested-containers", sequence(mapping((text("a"), sequence()))), [{"a": []}]


def keys() -> Iterator[Case]:
    """Yield mappings whose keys are not plain strings, or sort in a notable way."""
    x = text("x")
    pairs: list[tuple[str, dict[str, Any], Any]] = [
        ("int", integer(1), 1),
        ("digits", text("1"), "1"),
        ("dollar", text("$a"), "$a"),
        ("dollar-one", text("$1"), "$1"),
        ("dollar-type", text("$bytes"), "$bytes"),
        ("float", number(1.0), 1.0),
        ("true", TRUE, True),
        ("null", NULL, None),
        ("empty", text(""), ""),
        ("tuple", sequence(integer(1), text("a"), made="tuple"), (1, "a")),
        ("date", {"kind": "date", "text": "2024-05-01"}, dt.date(2024, 5, 1)),
    ]
    for name, description, key in pairs:
        yield f"key-{name}", mapping((description, x)), {key: "x"}
    unsorted = ["b", "a", "Z", "\ufb01", "\U00010000", "\u00e9"]
    entries = [(text(key), integer(i)) for i, key in enumerate(unsorted)]
    yield "key-order", mapping(*entries), {key: i for i, key in enumerate(unsorted)}


def dense_arrays() -> Iterator[Case]:
    """Yield arrays and tensors of each dtype and of notable shapes."""
    for dtype in ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        value: Any = np.array([1, 0, 1], dtype=dtype)
        yield f"numpy-{dtype}", array(dtype, [3], value.tobytes().hex()), value
    for dtype in ("float16", "float32", "float64", "complex64", "complex128"):
        value = np.array([[1.5, -0.0]], dtype=dtype)
        yield f"numpy-{dtype}", array(dtype, [1, 2], value.tobytes().hex()), value
    for dtype in ("bool", "int64", "float32", "bfloat16", "float8_e4m3fn", "float8_e5m2"):
        value = torch.tensor([1.0, 0.0], dtype=torch.float64).to(getattr(torch, dtype))
        data = bytes(value.view(torch.uint8).tolist()).hex()
        yield f"torch-{dtype}", array(dtype, [2], data, "torch"), value
    half = torch.tensor([1.0, -2.0], dtype=torch.float16)
    data = half.numpy().tobytes().hex()
    yield "torch-complex32", array("complex32", [1], data, "torch"), half.view(torch.complex32)
    zero_d = array("bfloat16", [], "803f", "torch")
    yield "torch-0d", zero_d, torch.tensor(1.0, dtype=torch.bfloat16)
    yield "numpy-0d", array("int16", [], "0100"), np.array(1, dtype=np.int16)
    yield "numpy-empty", array("float32", [0], ""), np.zeros(0, dtype=np.float32)
    yield "numpy-empty-2d", array("float32", [0, 3], ""), np.zeros((0, 3), dtype=np.float32)
    yield "torch-empty-2d", array("bfloat16", [0, 3], "", "torch"), torch.zeros(0, 3).bfloat16()
    yield from array_views()


def array_views() -> Iterator[Case]:
    """Yield arrays whose memory differs from their canonical bytes, and NumPy's scalars."""
    z = np.array([1 - 2j], dtype=np.complex64)
    yield (
        "torch-conjugate",
        array("complex64", [1], z.tobytes().hex(), "torch.conj"),
        torch.tensor([1 + 2j], dtype=torch.complex64).conj(),
    )
    minus = np.array([-2.0], dtype=np.float32).tobytes().hex()
    negative = torch.tensor([1 + 2j], dtype=torch.complex64).conj().imag
    yield "torch-negative", array("float32", [1], minus, "torch.neg"), negative
    big = np.arange(4, dtype=">i4").reshape(2, 2).T
    yield "numpy-strided", array("int32", [2, 2], "00000000020000000100000003000000"), big
    for name, scalar in {
        "bool": np.bool_(True),
        "int64": np.int64(-1),
        "float32": np.float32(0.5),
        "float64": np.float64(0.5),
    }.items():
        data = scalar.tobytes().hex()
        yield f"numpy-scalar-{name}", array(name, [], data, "numpy.generic"), scalar
    inside = mapping(
        (text("y"), array("uint8", [1], "07")), (text("x"), array("int8", [1], "ff", "torch"))
    )
    value = {"y": np.array([7], dtype=np.uint8), "x": torch.tensor([-1], dtype=torch.int8)}
    yield "arrays-inside", inside, value


def listed_arrays() -> Iterator[Case]:
    """Yield NumPy arrays whose elements have no fixed bytes."""
    words = listed("str", [2], text("a"), text("b\u00e9"), made="<U5")
    yield "numpy-str", words, np.array(["a", "b\u00e9"], dtype="<U5")
    raw = listed("bytes", [1, 2], octets(b"a"), octets(b"bc"), made="S4")
    yield "numpy-bytes", raw, np.array([[b"a", b"bc"]], dtype="S4")
    mixed = np.empty(3, dtype=object)
    mixed[:] = [1, "a", None]
    things = listed("object", [3], integer(1), text("a"), NULL, made="object")
    yield "numpy-object", things, mixed
    for dtype, step, attoseconds in [
        ("datetime64[s]", 1, 10**18),
        ("datetime64[25ns]", -3, -75 * 10**9),
        ("datetime64[D]", 19844, 19844 * 86400 * 10**18),
        ("datetime64[M]", 650, 19783 * 86400 * 10**18),
        ("datetime64[Y]", -1, -365 * 86400 * 10**18),
        ("timedelta64[W]", 1, 7 * 86400 * 10**18),
    ]:
        value = np.array([step, "NaT"], dtype=dtype)
        name = dtype.partition("[")[0]
        yield f"numpy-{dtype}", listed(name, [2], integer(attoseconds), NULL, made=dtype), value
    years = listed("timedelta64[M]", [1], integer(24), made="timedelta64[Y]")
    yield "numpy-timedelta64[Y]", years, np.array([2], dtype="timedelta64[Y]")
    record = np.array([(1, 0.5)], dtype=[("n", "<i2"), ("x", ">f4")])
    fields = [["n", array("int16", [1], "0100")], ["x", array("float32", [1], "0000003f")]]
    yield "numpy-record", {"kind": "record", "shape": [1], "fields": fields}, record


def special_tensors() -> Iterator[Case]:
    """Yield tensors that consist of several arrays."""
    f32 = "0000803f0000004000004040"

    def indices(*values: int) -> str:
        return b"".join(v.to_bytes(8, "little") for v in values).hex()

    coo = torch.sparse_coo_tensor([[1, 0, 1], [0, 2, 0]], [1.5, 1.0, 0.5], (2, 3))
    parts = [array("int64", [2, 2], indices(0, 1, 2, 0), "torch")]
    parts.append(array("float32", [2], "0000803f00000040", "torch"))
    yield "sparse-coo", {"kind": "sparse", "layout": "coo", "shape": [2, 3], "parts": parts}, coo
    csr = torch.sparse_csr_tensor([0, 1, 3], [2, 0, 1], [1.0, 2.0, 3.0], (2, 3))
    parts = [array("int64", [3], indices(0, 1, 3), "torch")]
    parts += [array("int64", [3], indices(2, 0, 1), "torch"), array("float32", [3], f32, "torch")]
    yield "sparse-csr", {"kind": "sparse", "layout": "csr", "shape": [2, 3], "parts": parts}, csr
    quantized = torch.quantize_per_tensor(torch.tensor([0.0, 1.0]), 0.5, 3, torch.quint8)
    description = {"kind": "quantized", "dtype": "quint8", "zero_point": 3}
    description |= {"values": array("uint8", [2], "0305", "torch"), "scale": number(0.5)}
    yield "quantized", description, quantized
    first = array("float32", [2], "0000803f00000040", "torch")
    second = array("float32", [1], "00004040", "torch")
    tensors = [torch.tensor([1.0, 2.0]), torch.tensor([3.0])]
    nested = {"kind": "nested", "items": [first, second]}
    yield "nested", nested, torch.nested.nested_tensor(tensors)
    jagged = torch.nested.nested_tensor(tensors, layout=torch.jagged)
    yield "nested-jagged", {**nested, "made": "jagged"}, jagged
    packed = torch.nn.utils.rnn.pack_sequence(tensors)
    sizes = array("int64", [2], indices(2, 1), "torch")
    data = array("float32", [3], "0000803f0000404000000040", "torch")
    yield "packed", {"kind": "packed", "data": data, "batch_sizes": sizes}, packed


def images() -> Iterator[Case]:
    """Yield images of several modes, and images with palettes."""
    gray = Image.frombytes("L", (2, 1), b"\x01\x02")
    yield "image-L", image("L", [2, 1], "0102"), gray
    rgb = Image.frombytes("RGB", (1, 2), bytes(range(6)))
    yield "image-RGB", image("RGB", [1, 2], "000102030405"), rgb
    for name, colors in {"red": bytes([255, 0, 0]), "blue": bytes([0, 0, 255])}.items():
        indexed = Image.frombytes("P", (1, 1), b"\x00")
        indexed.putpalette(colors)
        palette = {"mode": "RGB", "hex": colors.hex()}
        yield f"image-P-{name}", image("P", [1, 1], "00", palette=palette), indexed
    keyed = indexed.copy()
    keyed.info["transparency"] = 0
    yield "image-P-keyed", image("P", [1, 1], "00", palette=palette, transparency=0), keyed
    for name, mode, pixels, colors in [
        ("P-unused-entries", "RGB", "0200", bytes(range(1, 16))),
        ("P-missing-entries", "RGB", "0003", bytes(range(1, 7))),
        ("P-RGBA", "RGBA", "0001", bytes(range(1, 13))),
        ("PA", "RGB", "01ff00fe", bytes(range(1, 10))),
    ]:
        indexed = Image.frombytes(name.partition("-")[0], (2, 1), bytes.fromhex(pixels))
        indexed.putpalette(colors, mode)
        palette = {"mode": mode, "hex": colors.hex()}
        yield f"image-{name}", image(indexed.mode, [2, 1], pixels, palette=palette), indexed


def make() -> str:
    """Make the content of the file."""
    kinds = (scalars, strings, containers, keys, dense_arrays, listed_arrays, special_tensors)
    vectors = []
    for name, value, sample in (case for kind in (*kinds, images) for case in kind()):
        canonical = canonical_bytes(sample)
        if fingerprint_sample(sample) != sha256(canonical).hexdigest():
            raise SystemExit(f"{name}: the fingerprint is not the hash of the canonical bytes")
        digest = sha256(canonical).hexdigest()
        vector = {"name": name, "value": value, "canonical": canonical.hex(), "sha256": digest}
        vectors.append(json.dumps(vector, separators=(",", ":")))
    return '{"version":1,"vectors":[\n' + ",\n".join(vectors) + "\n]}\n"


def make_private() -> str:
    """Make the content of the file with private fingerprints."""
    samples: dict[str, Any] = {
        "no-bytes": b"",
        "text": "a poem",
        "mapping": {"text": "hi", "label": 0},
        "array": np.arange(6, dtype=np.float32).reshape(2, 3),
    }
    keys = []
    for name, key in (("shortest", bytes(range(32))), ("longer-than-a-block", bytes(range(80)))):
        vectors = []
        for sample_name, sample in samples.items():
            canonical = canonical_bytes(sample)
            digest = hmac.digest(key, canonical, "sha256").hex()
            if fingerprint_sample(sample, key=key) != digest:
                raise SystemExit(f"{sample_name}: not the HMAC of the canonical bytes")
            vectors.append(
                {"name": sample_name, "canonical": canonical.hex(), "hmac-sha256": digest}
            )
        check_value = FingerprintKey(key).check_value
        keys.append({"name": name, "key": key.hex(), "check": check_value, "vectors": vectors})
    return json.dumps({"version": 1, "keys": keys}, indent=1) + "\n"


def main() -> None:
    """Compare or write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the files anew")
    write = parser.parse_args().write
    warnings.simplefilter("ignore")  # sparse and nested tensors announce that they are new
    made = {"fingerprint-v1.json": make(), "private-fingerprint-v1.json": make_private()}
    for name, content in made.items():
        if write:
            (FOLDER / name).write_text(content, encoding="ascii")
        elif content != (FOLDER / name).read_text(encoding="ascii"):
            sys.exit(f"{name} differs from what the code makes now")
        print(f"{name}: {content.count('canonical')} vectors")


if __name__ == "__main__":
    main()
