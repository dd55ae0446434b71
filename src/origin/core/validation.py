"""How records check what they are made of."""

import json
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from origin.errors import InvalidRecordError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def require_text(record: object, **fields: object) -> None:
    """Raise InvalidRecordError unless each of these fields is a text with something in it."""
    for name, value in fields.items():
        if not isinstance(value, str) or not value:
            raise InvalidRecordError(
                f"{type(record).__name__}.{name} must be a non-empty str, not {shown(value)}"
            )


def require_text_or_none(record: object, *names: str) -> None:
    """Raise InvalidRecordError unless each of these fields of a record is a text or None."""
    for name in names:
        value = getattr(record, name)
        if value is not None and not isinstance(value, str):
            raise InvalidRecordError(
                f"{type(record).__name__}.{name} must be a str or None, not {shown(value)}"
            )


def require_record(method: str, given: object, kind: type) -> None:
    """Raise InvalidRecordError unless a method of the database was given the record it takes."""
    if not isinstance(given, kind):
        raise InvalidRecordError(
            f"{method}() takes a {kind.__name__}, not a {type(given).__name__}: "
            f"db.{method}({kind.__name__}(...))"
        )


def shown(value: object) -> str:
    """A value in an error message: a text itself, of all else only what it is."""
    return repr(value) if isinstance(value, str) else f"a {type(value).__name__}"


def require_time(record: object, name: str, value: str) -> None:
    """Raise InvalidRecordError unless a field is an ISO 8601 date or time."""
    try:
        datetime.fromisoformat(value.removesuffix("Z"))
    except (TypeError, ValueError, AttributeError):
        raise InvalidRecordError(
            f"{type(record).__name__}.{name} must be an ISO 8601 date or time such as "
            f"'2025-01-15' or '2025-01-15T00:00:00Z', not {shown(value)}"
        ) from None


def unchecked(kind: type[T], values: Iterable[object]) -> T:
    """A record of a kind with values that were checked when they were written."""
    record = object.__new__(kind)
    for own, value in zip(fields(kind), values, strict=True):
        object.__setattr__(record, own.name, value)
    return record


def json_text(what: str, value: object) -> str:
    """Turn metadata into JSON text.

    Args:
        what: how the value is called in an error message.
        value: anything the standard ``json`` module can write.

    Raises:
        InvalidRecordError: the value is not made of JSON types.

    >>> json_text("metadata", {"b": 1})
    '{"b": 1}'
    """
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRecordError(
            f"{what} must be made of JSON types (dict, list, str, int, float, bool, None): {error}"
        ) from None
