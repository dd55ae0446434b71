"""What an offline run of W&B has written, read back record by record.

The file begins with 7 bytes of its own. Then it is a log in the format of LevelDB: blocks of
32 KiB, in them pieces with a checksum, a length and a type in 7 bytes before each; a record is one
piece, or a first, middle ones and a last. Each record is a protobuf message of W&B's.
"""

import json
import struct
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

_BLOCK, _HEADER = 32_768, 7
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def records_of(path: Path) -> list[Any]:
    """All records of a ``.wandb`` file."""
    data = path.read_bytes()
    assert b":W&B".startswith(data[:4])
    at, parts, found = _HEADER, b"", []
    while at + _HEADER <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:
            at += left  # no piece begins so near the end of a block
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        if kind == 0:
            break
        if at + _HEADER + length > len(data):
            break  # it is being written
        parts += data[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        if kind in (_WHOLE, _LAST):
            found.append(Record.FromString(parts))
            parts = b""
        else:
            assert kind in (_FIRST, _MIDDLE)
    return found


def finished(path: Path) -> bool:
    """Whether a run's last record is there; it is written shortly after ``run.finish()``."""
    found = records_of(path)
    return bool(found) and found[-1].WhichOneof("record_type") == "exit"


def told_by(path: Path) -> dict[str, Any]:
    """Config, summary and artifacts of a run, as they are at its end."""
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    artifacts = []
    for record in records_of(path):
        kind = record.WhichOneof("record_type")
        if kind in ("config", "run"):
            changes = record.config if kind == "config" else record.run.config
            for one in changes.update:
                _set(config, one)
        elif kind == "summary":
            for one in record.summary.update:
                _set(summary, one)
        elif kind == "artifact":
            artifacts.append(record.artifact)
    return {"config": config, "summary": summary, "artifacts": artifacts}


def _set(told: dict[str, Any], one: Any) -> None:
    names = list(one.nested_key) or [one.key]
    for name in names[:-1]:
        told = told.setdefault(name, {})
    told[names[-1]] = json.loads(one.value_json)
