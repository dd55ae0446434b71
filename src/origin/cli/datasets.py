"""Data sets in files, sample by sample, without holding one in memory where its format allows."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from origin.errors import ConfigurationError, StorageError

_FINGERPRINT = re.compile("[0-9a-fA-F]{64}")


def values_in(path: Path, column: str | None = None) -> Iterator[Any]:
    """The samples of a data set, in order.

    Args:
        path: the file; how it is read, the end of its name says.
        column: take this column as the sample, not the whole row.

    Raises:
        ConfigurationError: nobody can read such files, something in it is malformed, or it has no
            such column.
        StorageError: it cannot be read.
    """
    load = _LOADERS.get(path.suffix.lower())
    if load is None:
        known = ", ".join(_LOADERS)
        raise ConfigurationError(f"{path}: --dataset takes files that end in {known}")
    with _told_of(path):
        for number, row in enumerate(load(path)):
            yield row if column is None else _cell(row, column, number)


def fingerprints_in(path: Path) -> Iterator[str]:
    """The first word of each line of a file.

    Raises:
        ConfigurationError: one is no fingerprint.
        StorageError: it cannot be read.
    """
    with _told_of(path):
        for number, line in enumerate(_lines(path), start=1):
            if line.strip():
                # sha256sum puts a backslash before the line where a name is odd.
                first = line.split()[0].removeprefix("\\")
                if not _FINGERPRINT.fullmatch(first):
                    raise ConfigurationError(
                        f"{path}, line {number}: {first!r:.80} is no fingerprint of 64 hex digits"
                    )
                yield first


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is no text in UTF-8: {error}") from error


def _cell(row: Any, column: str, number: int) -> Any:
    if not isinstance(row, dict) or column not in row:
        has = ", ".join(map(str, row)) if isinstance(row, dict) else "no columns"
        raise ConfigurationError(f"row {number} has no column {column!r}; it has {has}")
    return row[column]


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line in file:
            yield line.removesuffix("\n").removesuffix("\r")


def _json_lines(path: Path) -> Iterator[Any]:
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ConfigurationError(f"{path}, line {number}: no JSON: {error}") from None


def _json_list(path: Path) -> Iterator[Any]:
    try:
        rows = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} is no JSON: {error}") from None
    if not isinstance(rows, list):
        raise ConfigurationError(f"{path} must hold a list of samples, not a {type(rows).__name__}")
    yield from rows


def _csv(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    from pyarrow import csv

    try:
        with csv.open_csv(path) as reader:
            for batch in reader:
                yield from batch.to_pylist()
    except pa.ArrowInvalid as error:
        raise ConfigurationError(f"{path} cannot be read as CSV: {error}") from None


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except pa.ArrowInvalid as error:
        raise ConfigurationError(f"{path} cannot be read as Parquet: {error}") from None


def _numpy(path: Path) -> Iterator[Any]:
    import numpy as np

    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ConfigurationError(f"{path} cannot be read as an array: {error}") from None
    if rows.ndim == 0:
        raise ConfigurationError(f"{path} holds a single number, not a list of samples")
    # A row of a mapped file is an array like any other once it is taken out of it.
    yield from (np.array(row) for row in rows)


_LOADERS: dict[str, Callable[[Path], Iterator[Any]]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json_list,
    ".csv": _csv,
    ".parquet": _parquet,
    ".txt": _lines,
    ".npy": _numpy,
}
