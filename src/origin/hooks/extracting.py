"""Samples that a hook of the user's own has taken out of a batch."""

import json
from collections.abc import Iterable
from typing import Any

from origin.core.fingerprint import content_type
from origin.core.validation import json_text
from origin.errors import BatchError
from origin.hooks.reader import canonical_item
from origin.recorder.capture import Capture, capture_rows


def capture_extracted(extracted: Iterable[Any], key: str | int | None) -> Capture:
    """What is recorded of samples that ``_extract_samples`` gave.

    Args:
        extracted: one ``(sample, metadata)`` pair for each.
        key: the entry of the metadata that is the user's own id, ``"key"`` if None.

    Raises:
        BatchError: one is no such pair.
        FingerprintError: a sample has no canonical bytes.
    """
    rows, types, keys, metadata = [], [], [], []
    for index, item in enumerate(extracted):
        value, told = _checked(item, index)
        rows.append(canonical_item(value, index))
        types.append(content_type(value))
        own, rest = _told(told, index, "key" if key is None else str(key))
        keys.append(own)
        metadata.append(rest)
    return capture_rows(rows, types, keys, metadata)


def _told(
    metadata: dict[str, Any], index: int, key: str
) -> tuple[str | None, dict[str, Any] | None]:
    """The user's own key, and what the metadata says beyond the position."""
    if metadata.get("index") == index:
        del metadata["index"]
    own = metadata.pop(key, None)
    return None if own is None else str(own), metadata or None


def _checked(item: Any, index: int) -> tuple[Any, dict[str, Any]]:
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], dict):
        # Through text and back: what the loop does to its own objects must not reach the record.
        return item[0], json.loads(json_text(f"the metadata of item {index}", item[1]))
    raise BatchError(
        "_extract_samples must return (sample, metadata) pairs with a dict for metadata; "
        f"item {index} is a {type(item).__name__}"
    )
