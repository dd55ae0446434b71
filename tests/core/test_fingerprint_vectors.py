"""The test vectors: each value is built from its description, and encoded a second time.

The second encoder below works on the descriptions alone and shares no code with the package,
so that a mistake would have to be made twice.
"""

import datetime as dt
import json
import struct
import uuid
import warnings
from collections import namedtuple
from dataclasses import make_dataclass
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from origin.core.fingerprint import canonical_bytes, fingerprint_digest, fingerprint_sample

FILE = Path(__file__).parents[1] / "golden" / "fingerprint-v1.json"
VECTORS = json.loads(FILE.read_text(encoding="ascii"))["vectors"]


# The values, built from their descriptions.


def build(d):
    return BUILDERS[d["kind"]](d)


def build_list(d):
    items = [build(item) for item in d["items"]]
    made = d["made"]
    if made == "namedtuple":
        return namedtuple("Pair", [f"f{i}" for i in range(len(items))])(*items)
    if made == "range":
        return range(items[0], items[-1] + 1)
    return {"list": list, "tuple": tuple, "torch.Size": torch.Size}[made](items)


def build_map(d):
    entries = {build(key): build(item) for key, item in d["entries"]}
    if d["made"] == "dataclass":
        return make_dataclass("Fields", entries)(**entries)
    if d["made"] == "BatchEncoding":
        return pytest.importorskip("transformers").BatchEncoding(entries)
    return dict(reversed(entries.items()))


def build_array(d):
    data = bytearray.fromhex(d["hex"])
    if not d["made"].startswith("torch"):
        value = np.frombuffer(data, np.dtype(d["dtype"]).newbyteorder("<")).reshape(d["shape"])
        return value[()] if d["made"] == "numpy.generic" else value
    dtype = getattr(torch, d["dtype"])
    value = torch.zeros(d["shape"], dtype=dtype)
    if data:
        value = torch.frombuffer(data, dtype=torch.uint8).view(dtype).reshape(d["shape"])
    if d["made"] == "torch.conj":
        return value.conj().resolve_conj().conj()
    if d["made"] == "torch.neg":
        return torch.complex(torch.zeros_like(value), -value).conj().imag
    return value


def build_listed(d):
    made, items = d["made"], [build(item) for item in d["items"]]
    if "64[" in made:
        unit, count = np.datetime_data(np.dtype(made))
        steps = [build_steps(item, unit, count) for item in items]
        return np.array(steps, dtype="i8").view(made).reshape(d["shape"])
    value = np.empty(len(items), dtype=made)
    value[:] = items
    return value.reshape(d["shape"])


def build_steps(amount, unit, count):
    if amount is None:
        return -(2**63)
    if unit == "Y" and -(10**6) < amount < 10**6:
        return amount // 12
    if unit in "YM":
        day = np.datetime64(amount // (86400 * 10**18), "D")
        return int(day.astype(f"datetime64[{unit}]").astype("i8"))
    scale = {"W": 604800 * 10**18, "D": 86400 * 10**18, "s": 10**18, "ns": 10**9}[unit]
    return amount // (scale * count)


def build_record(d):
    columns = {name: build(column) for name, column in d["fields"]}
    dtype = [(name, column.dtype) for name, column in columns.items()]
    record = np.empty(d["shape"], dtype=dtype)
    for name, column in columns.items():
        record[name] = column
    return record


def build_sparse(d):
    *indices, values = [build(part) for part in d["parts"]]
    if d["layout"] == "coo":
        return torch.sparse_coo_tensor(*indices, values, d["shape"])
    return torch.sparse_csr_tensor(*indices, values, d["shape"])


def build_quantized(d):
    values, scale = build(d["values"]), build(d["scale"])
    assert d["dtype"] == "quint8"
    return torch._make_per_tensor_quantized_tensor(values, scale, d["zero_point"])


def build_nested(d):
    layout = torch.jagged if d.get("made") == "jagged" else torch.strided
    return torch.nested.nested_tensor([build(item) for item in d["items"]], layout=layout)


def build_packed(d):
    return torch.nn.utils.rnn.PackedSequence(build(d["data"]), build(d["batch_sizes"]))


def build_image(d):
    found = Image.frombytes(d["mode"], d["size"], bytes.fromhex(d["pixels"]))
    if "palette" in d:
        found.putpalette(bytes.fromhex(d["palette"]["hex"]), d["palette"]["mode"])
    if "transparency" in d:
        found.info["transparency"] = d["transparency"]
    return found


BUILDERS = {
    "null": lambda d: None,
    "bool": lambda d: d["value"],
    "int": lambda d: int(Decimal(d["decimal"])),
    "str": lambda d: "".join(map(chr, d["code_points"])),
    "bytes": lambda d: bytes.fromhex(d["hex"]),
    "float": lambda d: struct.unpack(">d", bytes.fromhex(d["bits"]))[0],
    "complex": lambda d: complex(*map(build, d["parts"])),
    "decimal": lambda d: Decimal(d["text"]),
    "uuid": lambda d: uuid.UUID(d["text"]),
    "datetime": lambda d: dt.datetime.fromisoformat(d["text"]),
    "date": lambda d: dt.date.fromisoformat(d["text"]),
    "time": lambda d: dt.time.fromisoformat(d["text"]),
    "timedelta": lambda d: dt.timedelta(*d["parts"]),
    "list": build_list,
    "map": build_map,
    "array": build_array,
    "listed": build_listed,
    "record": build_record,
    "sparse": build_sparse,
    "quantized": build_quantized,
    "nested": build_nested,
    "packed": build_packed,
    "image": build_image,
}


# The second encoder: from a description to the text and the payload bytes.


def string(code_points):
    escapes = {0x22: '\\"', 0x5C: "\\\\", 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}
    return '"' + "".join(
        escapes.get(c) or (f"\\u{c:04x}" if c < 0x20 else chr(c)) for c in code_points
    ) + '"'  # fmt: skip


def name(value):
    return string(map(ord, value))


def float_text(bits):
    value = struct.unpack(">d", bytes.fromhex(bits))[0]
    if bits[:3] in ("7ff", "fff"):
        return f'{{"$float":"{bits}"}}'
    for precision in range(17):
        text = f"{value:.{precision}e}"
        if float(text) == value:
            break
    mantissa, exponent = text.split("e")
    sign, power = "-" if mantissa[0] == "-" else "", int(exponent)
    digits = mantissa.lstrip("-").replace(".", "").rstrip("0")
    if value == 0:
        return sign + "0.0"
    if not -4 <= power < 16:
        tail = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{tail}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    digits = digits.ljust(power + 2, "0")
    return f"{sign}{digits[: power + 1]}.{digits[power + 1 :]}"


def members(**parts):
    found = [(key, *parts[key]) for key in sorted(parts)]
    text = "{" + ",".join(f"{name(key)}:{text}" for key, text, _ in found) + "}"
    return text, b"".join(data for *_, data in found)


def plain(value):
    return json.dumps(value, separators=(",", ":")), b""


def second(d):
    kind = d["kind"]
    if kind in ("date", "time", "datetime", "uuid", "decimal"):
        return f'{{"${kind}":{name(d["text"])}}}', b""
    if kind == "timedelta":
        return f'{{"$timedelta":{plain(d["parts"])[0]}}}', b""
    if kind in SCALARS:
        return SCALARS[kind](d), b""
    return COMPOUND[kind](d)


def second_list(items):
    found = [second(item) for item in items]
    return "[" + ",".join(text for text, _ in found) + "]", b"".join(data for _, data in found)


def second_map(entries):
    found = []
    for key, item in entries:
        points = key.get("code_points")
        if points is None or points[:1] == [ord("$")]:
            points = list(map(ord, "$" + second(key)[0]))
        found.append((points, *second(item)))
    found.sort(key=lambda entry: entry[0])
    body = ",".join(f"{string(key)}:{text}" for key, text, _ in found)
    return "{" + body + "}", b"".join(data for *_, data in found)


def wrapped(leaf, pair):
    return f'{{"${leaf}":{pair[0]}}}', pair[1]


def second_array(d):
    shape = plain(d["shape"])[0]
    return f'{{"$array":[{name(d["dtype"])},{shape}]}}', bytes.fromhex(d["hex"])


def second_listed(d):
    text, data = second_list(d["items"])
    return f'{{"$array":[{name(d["dtype"])},{plain(d["shape"])[0]},{text}]}}', data


def second_sparse(d):
    parts = {"layout": (name(d["layout"]), b""), "shape": plain(d["shape"])}
    found = [second(part) for part in d["parts"]]
    names = ["indices"] if d["layout"] == "coo" else ["compressed_indices", "plain_indices"]
    return wrapped("sparse", members(**parts, **dict(zip([*names, "values"], found, strict=True))))


def second_record(d):
    fields = members(**{field: second(column) for field, column in d["fields"]})
    return wrapped("record", members(shape=plain(d["shape"]), fields=fields))


def second_quantized(d):
    parts = {"dtype": (name(d["dtype"]), b""), "zero_point": plain(d["zero_point"])}
    parts |= {"scale": second(d["scale"]), "values": second(d["values"])}
    return wrapped("quantized", members(**parts))


def second_packed(d):
    null = {"sorted_indices": plain(None), "unsorted_indices": plain(None)}
    parts = {"data": second(d["data"]), "batch_sizes": second(d["batch_sizes"])}
    return wrapped("packed", members(**parts, **null))


def second_bytes(d):
    data = bytes.fromhex(d["hex"])
    return f'{{"$bytes":{len(data)}}}', data


def second_palette(d):
    mode, entries = d["palette"]["mode"], bytes.fromhex(d["palette"]["hex"])
    channels = {"RGB": 3, "RGBA": 4}[mode]
    step = {"P": 1, "PA": 2}[d["mode"]]
    highest = max(bytes.fromhex(d["pixels"])[::step], default=-1)
    used = [entries[i] if i < len(entries) else 0 for i in range((highest + 1) * channels)]
    return members(mode=(name(mode), b""), data=second_bytes({"hex": bytes(used).hex()}))


def second_image(d):
    palette = plain(None)
    if "palette" in d:
        palette = second_palette(d)
    parts = {"mode": (name(d["mode"]), b""), "size": plain(d["size"]), "palette": palette}
    parts["pixels"] = second_bytes({"hex": d["pixels"]})
    if "transparency" in d:
        parts["transparency"] = plain(d["transparency"])
    return wrapped("image", members(**parts))


SCALARS = {
    "null": lambda d: "null",
    "bool": lambda d: "true" if d["value"] else "false",
    "int": lambda d: d["decimal"],
    "str": lambda d: string(d["code_points"]),
    "float": lambda d: float_text(d["bits"]),
    "complex": lambda d: f'{{"$complex":{second_list(d["parts"])[0]}}}',
}
COMPOUND = {
    "bytes": second_bytes,
    "list": lambda d: second_list(d["items"]),
    "map": lambda d: second_map(d["entries"]),
    "array": second_array,
    "listed": second_listed,
    "record": second_record,
    "sparse": second_sparse,
    "quantized": second_quantized,
    "nested": lambda d: wrapped("nested", second_list(d["items"])),
    "packed": second_packed,
    "image": second_image,
}


def has_payload(d):
    if isinstance(d, dict):
        return "hex" in d or "pixels" in d or any(map(has_payload, d.values()))
    return isinstance(d, list) and any(map(has_payload, d))


def second_canonical(d):
    if d["kind"] == "bytes":
        return bytes.fromhex(d["hex"])
    if d["kind"] == "str":
        return "".join(map(chr, d["code_points"])).encode("utf-8", "surrogatepass")
    text, data = second(d)
    return text.encode("utf-8", "surrogatepass") + (b"\n" + data if has_payload(d) else b"")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sparse and nested tensors announce that they are new
        value = build(vector["value"])
        found = canonical_bytes(value)
        digest = fingerprint_digest(value)
    assert found.hex() == vector["canonical"]
    assert digest.hex() == vector["sha256"] == fingerprint_sample(value)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector_with_second_encoder(vector):
    found = second_canonical(vector["value"])
    assert found.hex() == vector["canonical"]
    assert sha256(found).hexdigest() == vector["sha256"]


def test_vectors_are_distinct():
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS)
    by_content = {}
    for vector in VECTORS:
        by_content.setdefault(vector["canonical"], []).append(vector["name"])
    same = sorted(sorted(names) for names in by_content.values() if len(names) > 1)
    # Other libraries, the same content.
    assert same == [
        ["bytes-empty", "str-empty"],
        ["namedtuple", "range", "size", "tuple"],
        ["nested", "nested-jagged"],
    ]
