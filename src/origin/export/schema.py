"""The schemas of exports, and a check against them without further packages.

They are JSON Schema, draft 2020-12, and any validator takes them. What is here reads the part of
that language which they use; reading an export back must not need a validator.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from origin.errors import ConfigurationError

NAMES = ("json", "jsonl")

_Schema = Mapping[str, Any]
_SHOWN = 60
_KINDS: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def load_schema(name: str) -> dict[str, Any]:
    """The schema of an export.

    Args:
        name: ``json``, or ``jsonl`` for the lines of that.

    Raises:
        ConfigurationError: there is none of that name.

    >>> load_schema("jsonl")["$id"]
    'urn:origin-provenance:jsonl:1'
    """
    if name not in NAMES:
        raise ConfigurationError(f"there are schemas for {' and '.join(NAMES)}, not for {name!r}")
    text = files("origin.export").joinpath("schema", f"{name}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def problem_of(value: Any, name: str, part: str) -> str | None:
    """What keeps a value from being what a schema says.

    Args:
        value: as it was read from JSON.
        name: of the schema.
        part: of the schema, by its name among the definitions.

    Returns:
        The place and the reason; None if there is nothing.

    >>> problem_of({"kind": "end", "batches": -1}, "jsonl", "end")
    "'samples' is missing"
    >>> end = {"kind": "end", "batches": -1, "samples": 0, "sha256": "0" * 64}
    >>> problem_of(end, "jsonl", "end")
    'batches: -1 is less than 0'
    """
    definitions = _definitions(name)
    return _problem(value, definitions[part], definitions, "")


@lru_cache(maxsize=len(NAMES))
def _definitions(name: str) -> Mapping[str, _Schema]:
    found: Mapping[str, _Schema] = load_schema(name)["$defs"]
    return found


def _problem(
    value: Any, schema: _Schema, definitions: Mapping[str, _Schema], place: str
) -> str | None:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    reason = _reason(value, schema)
    if reason is not None:
        return f"{place}: {reason}" if place else reason
    if isinstance(value, dict):
        return _problem_inside(value, schema, definitions, place)
    if isinstance(value, list):
        first = schema.get("prefixItems", ())
        rest = schema.get("items", {})
        for at, one in enumerate(value):
            own = first[at] if at < len(first) else rest
            if found := _problem(one, own, definitions, f"{place}[{at}]"):
                return found
    return None


def _problem_inside(
    value: dict[str, Any], schema: _Schema, definitions: Mapping[str, _Schema], place: str
) -> str | None:
    known, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
    for name, one in value.items():
        own = known.get(name, rest)
        where = f"{place}.{_shown(name)[1:-1]}" if place else _shown(name)[1:-1]
        if found := _problem(one, own, definitions, where):
            return found
    return None


def _reason(value: Any, schema: _Schema) -> str | None:
    if "const" in schema and (type(value), value) != (type(schema["const"]), schema["const"]):
        return f"{_shown(value)} should be {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{_shown(value)} should be one of {', '.join(map(repr, schema['enum']))}"
    kinds = schema.get("type", [])
    listed = [kinds] if isinstance(kinds, str) else kinds
    if listed and not any(_KINDS[kind](value) for kind in listed):
        return f"{_shown(value)} should be of type {' or '.join(listed)}"
    if isinstance(value, str):
        return _reason_of_text(value, schema)
    if isinstance(value, dict):
        return _reason_of_names(value, schema)
    if isinstance(value, list):
        least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
        return None if least <= len(value) <= most else f"{len(value)} entries, not {least}"
    return _reason_of_number(value, schema)


def _reason_of_text(value: str, schema: _Schema) -> str | None:
    length = schema.get("minLength", 0), schema.get("maxLength", len(value))
    fits = length[0] <= len(value) <= length[1] and re.search(schema.get("pattern", ""), value)
    return None if fits else f"{_shown(value)} should match {schema.get('pattern')}"


def _reason_of_names(value: dict[str, Any], schema: _Schema) -> str | None:
    for name in schema.get("required", ()):
        if name not in value:
            return f"{name!r} is missing"
    if schema.get("additionalProperties") is False:
        for name in value:
            if name not in schema["properties"]:
                return f"{_shown(name)} should not be there"
    return None


def _reason_of_number(value: Any, schema: _Schema) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if value < schema.get("minimum", value):
        return f"{value} is less than {schema['minimum']}"
    if value > schema.get("maximum", value):
        return f"{value} is more than {schema['maximum']}"
    return None


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
