"""Columns that hold files: images, sound, film and the like are known by their encoded bytes.

The same cell comes as ``{"bytes", "path"}``, as a decoded object or as an array of pixels,
depending on settings that are no content. What is recorded is the file as it was encoded.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from origin.hooks.rowvalues import as_items

__all__ = ["FileColumns", "StoredRows", "found_files"]

_CELL = frozenset({"bytes", "path"})


class _UnreadableError(Exception):
    """The encoded bytes are not at hand."""


class StoredRows:
    """The rows of a data set as they are stored, read beside an iteration that decodes them.

    Args:
        dataset: a ``datasets.Dataset``; only a copy of it is read, by index.
        names: the columns to read.
    """

    def __init__(self, dataset: Any, names: Iterable[str]) -> None:
        self._table = dataset.with_format("arrow").select_columns(list(names))
        self._begin = self._end = 0

    def pass_on(self, count: int) -> None:
        """The iteration went on by so many rows."""
        self._begin, self._end = self._end, self._end + count

    def current(self) -> dict[str, list[Any]]:
        """The stored values of the rows that it went on by last."""
        found: dict[str, list[Any]] = self._table[self._begin : self._end].to_pydict()
        return found


class FileColumns:
    """Which columns of a data set hold files, and how they are read.

    Args:
        features: the data set's features; None where nobody knows them.
    """

    def __init__(self, features: Mapping[str, Any] | None) -> None:
        self._features = dict(features or {})
        self.names = [name for name, feature in self._features.items() if _any(feature, _is_file)]
        self._json = [name for name, feature in self._features.items() if _any(feature, _is_json)]

    def decoded_names(self) -> list[str]:
        """The columns whose files are decoded before anybody can see their bytes."""
        return [name for name in self.names if _any(self._features[name], _is_decoded)]

    def cells(self, name: str, delivered: Any, stored: list[Any] | None) -> list[Any]:
        """What is recorded of a column that holds files.

        Args:
            name: the column.
            delivered: the column as it was delivered.
            stored: its cells as they are stored, where they are known.

        Returns:
            The encoded bytes; where they cannot be had, the cell as delivered.
        """
        items = as_items(delivered)
        feature = self._features[name]
        known = items if stored is None else stored
        return [_cell_or(feature, *pair) for pair in zip(known, items, strict=True)]

    def undo_storage(self, columns: dict[str, list[Any]]) -> None:
        """Parse the JSON columns of a table, which holds their text."""
        for name in self._json:
            if name in columns:
                feature = self._features[name]
                columns[name] = [_parsed(feature, value) for value in columns[name]]


def found_files(value: Any) -> Any:
    """Replace cells that look like files by their bytes; for rows whose features are unknown.

    >>> found_files({"image": {"bytes": b"PNG", "path": None}, "label": 1})
    {'image': b'PNG', 'label': 1}
    """
    if isinstance(value, dict):
        if value.keys() == _CELL:
            return _cell_or(None, value, value)
        return {name: found_files(child) for name, child in value.items()}
    if isinstance(value, list):
        first = next((item for item in value if item is not None), None)
        return [found_files(item) for item in value] if type(first) in (dict, list) else value
    return value if _encoding_kept(value) is None else _cell_or(None, value, value)


def _cell_or(feature: Any, known: Any, delivered: Any) -> Any:
    try:
        return _read(feature, known)
    except _UnreadableError:
        return delivered


def _read(feature: Any, value: Any) -> Any:
    """Walk through a value along its feature down to the files."""
    if value is None:
        return None
    if isinstance(feature, dict):
        return {name: _read(feature.get(name), child) for name, child in value.items()}
    inner = _inner(feature)
    if inner is None:
        return _encoded(value) if feature is None or _is_file(feature) else value
    if isinstance(value, Mapping):  # before datasets 4 a list of structs was a struct of lists
        return {name: [_read(inner[name], v) for v in child] for name, child in value.items()}
    return [_read(inner, child) for child in value]


def _encoded(value: Any) -> Any:
    cell = value if isinstance(value, Mapping) else _encoding_kept(value)
    if cell is None:
        return value
    if cell.get("bytes") is not None:
        return bytes(cell["bytes"])
    try:
        return Path(cell["path"]).read_bytes()
    except (LookupError, OSError, TypeError, ValueError) as error:
        raise _UnreadableError from error


def _encoding_kept(value: Any) -> Mapping[str, Any] | None:
    """What the decoders of sound and film that ``datasets`` makes remember of their file."""
    kept = getattr(value, "_hf_encoded", None)
    return kept if isinstance(kept, Mapping) else None


def _parsed(feature: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(feature, dict):
        return {name: _parsed(feature.get(name), child) for name, child in value.items()}
    inner = _inner(feature)
    if inner is not None:
        return [_parsed(inner, child) for child in value]
    return feature.decode_example(value) if _is_json(feature) else value


def _inner(feature: Any) -> Any:
    """The feature of a list's items; None for a feature that is no list."""
    if isinstance(feature, list | tuple):
        return feature[0]
    return getattr(feature, "feature", None)


def _any(feature: Any, test: Any) -> bool:
    """Whether any feature inside of a feature passes a test."""
    if isinstance(feature, dict):
        return any(_any(child, test) for child in feature.values())
    inner = _inner(feature)
    return bool(test(feature)) if inner is None else _any(inner, test)


def _is_file(feature: Any) -> bool:
    find = getattr(getattr(feature, "pa_type", None), "get_field_index", None)
    if find is None or not hasattr(feature, "decode_example"):
        return False
    return all(find(name) >= 0 for name in _CELL)


def _is_decoded(feature: Any) -> bool:
    return _is_file(feature) and getattr(feature, "decode", True)


def _is_json(feature: Any) -> bool:
    return getattr(feature, "_type", None) == "Json" and getattr(feature, "decode", True)
