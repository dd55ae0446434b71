"""The long way from a value to its canonical text and payloads.

The rules are in docs/fingerprint.md. Whatever Python would print depends on nothing here:
no ``repr`` of an object, no hash, no identity reaches the text.
"""

from __future__ import annotations

from collections import UserString
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import pairwise
from operator import itemgetter
from typing import Any

from origin.core.arrays import CanonicalArray, dense_array, is_octets, is_table
from origin.core.jsontext import ATOMS, flat_text, float_text, int_text, quote
from origin.core.leaves import Leaf, Listed, leaf
from origin.core.refusal import Refusal

__all__ = ["Writer"]


class Writer:
    """Collects the text and the payloads of one value.

    It serves for one value; after an error it is spent.

    >>> writer = Writer()
    >>> writer.write([1, b"ab"])
    >>> "".join(writer.parts), writer.payloads
    ('[1,{"$bytes":2}]', [b'ab'])
    """

    __slots__ = ("_open", "parts", "payloads")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.payloads: list[Any] = []
        self._open: set[int] = set()

    def write(self, value: object) -> None:
        """Append the encoding of a value.

        Args:
            value: anything.

        Raises:
            Refusal: the value, or something in it, cannot be encoded.
            RecursionError: it is nested too deeply.
        """
        kind = type(value)
        atom = ATOMS.get(kind)
        if atom is not None:
            self.parts.append(atom(value))
            return
        try:
            if kind is dict:
                self._mapping(value, value.items())  # type: ignore[attr-defined]
            elif kind is list or kind is tuple:
                self._sequence(value, value)  # type: ignore[arg-type]
            elif not self._scalar(value):
                self._container(value)
        except (Refusal, RecursionError, MemoryError):
            raise
        except Exception as cause:
            raise Refusal(value, f"reading it failed with {_described(cause)}") from cause

    def _scalar(self, value: object) -> bool:
        array = dense_array(value)
        if array is not None:
            self._array(array)
        elif isinstance(value, (str, int, float, UserString)):
            self.parts.append(_base_text(value))
        elif is_octets(value):
            self._octets(value)
        else:
            return self._leaf(leaf(value))
        return True

    def _array(self, array: CanonicalArray) -> None:
        shape = ",".join(map(int.__repr__, array.shape))
        self.parts.append(f'{{"$array":["{array.dtype}",[{shape}]]}}')
        self.payloads.append(array.data)

    def _octets(self, value: Any) -> None:
        if isinstance(value, memoryview) and not value.c_contiguous:
            value = value.tobytes()
        size = value.nbytes if isinstance(value, memoryview) else len(value)
        self.parts.append(f'{{"$bytes":{size}}}')
        self.payloads.append(value)

    def _leaf(self, found: Leaf | Listed | None) -> bool:
        if isinstance(found, Listed):
            shape = ",".join(map(int.__repr__, found.shape))
            self.parts.append(f'{{"$array":["{found.dtype}",[{shape}],')
            self._sequence(found, found.items)
            self.parts.append("]}")
        elif found is not None:
            self.parts.append(f'{{"${found.name}":')
            self.write(found.body)
            self.parts.append("}")
        return found is not None

    def _container(self, value: Any) -> None:
        if is_table(value):
            raise Refusal(value, _advice(value))
        if isinstance(value, Mapping):
            self._mapping(value, value.items())
        elif is_dataclass(value) and not isinstance(value, type):
            self._mapping(value, [(f.name, getattr(value, f.name)) for f in fields(value)])
        elif isinstance(value, Sequence):
            self._sequence(value, value)
        else:
            self._buffer(value)

    def _buffer(self, value: Any) -> None:
        if isinstance(value, (type, Enum)):
            raise Refusal(value, _advice(value))
        if hasattr(value, "tobytes"):
            value = value.tobytes()
            if not isinstance(value, bytes):
                raise TypeError("tobytes() returned no bytes")
        else:
            try:
                value = memoryview(value)
            except TypeError:
                raise Refusal(value, _advice(value)) from None
        self.write(value)

    def _mapping(self, owner: object, pairs: Iterable[tuple[object, object]]) -> None:
        self._enter(owner)
        opener, name = "{", ""
        entries = _entries(owner, pairs)
        try:
            for name, item in entries:
                self.parts.append(f"{opener}{quote(name)}:")
                self.write(item)
                opener = ","
        except Refusal as refusal:
            refusal.steps.append(f"[{name[1:] if name[:1] == '$' else quote(name)}]")
            raise
        self.parts.append("}" if entries else "{}")
        self._open.discard(id(owner))

    def _sequence(self, owner: object, items: Iterable[object]) -> None:
        text = flat_text(items) if type(items) in (list, tuple) else None  # type: ignore[arg-type]
        if text is not None:
            self.parts.append(text)
            return
        self._enter(owner)
        opener, count = "[", 0
        try:
            for item in items:
                self.parts.append(opener)
                self.write(item)
                opener, count = ",", count + 1
        except Refusal as refusal:
            refusal.steps.append(f"[{count}]")
            raise
        self.parts.append("]" if count else "[]")
        self._open.discard(id(owner))

    def _enter(self, owner: object) -> None:
        if id(owner) in self._open:
            raise Refusal(owner, "it contains itself")
        self._open.add(id(owner))


def _entries(owner: object, pairs: Iterable[tuple[object, object]]) -> list[tuple[str, object]]:
    entries = [(_key_name(key), item) for key, item in pairs]
    entries.sort(key=itemgetter(0))
    for (name, _), (following, _) in pairwise(entries):
        if name == following:
            raise Refusal(owner, f"two of its keys are the same once encoded: {quote(name)}")
    return entries


def _key_name(key: object) -> str:
    if isinstance(key, (str, UserString)):
        name = _characters(key)
        return f"${quote(name)}" if name[:1] == "$" else name
    writer = Writer()
    try:
        writer.write(key)
        if writer.payloads:
            raise Refusal(key, "a key cannot hold bytes or an array; use a string or a number")
    except Refusal as refusal:
        refusal.steps.append(".keys()")
        raise
    return "$" + "".join(writer.parts)


def _base_text(value: str | int | float | UserString) -> str:
    if isinstance(value, (str, UserString)):
        return quote(_characters(value))
    return float_text(value) if isinstance(value, float) else int_text(value)


def _characters(value: str | UserString) -> str:
    # The method of the base class: a subclass may print something else.
    return str.__str__(value.data if isinstance(value, UserString) else value)


def _described(cause: Exception) -> str:
    return f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__


def _advice(value: object) -> str:
    if is_table(value):
        return "convert it first, e.g. with .to_numpy(), .to_dict() or .to_pylist()"
    if isinstance(value, (set, frozenset)):
        return "a set has no order; pass a sorted list"
    if isinstance(value, Enum):
        return "pass its .value or its .name"
    if hasattr(value, "__fspath__"):
        return "pass the file's content (.read_bytes()), or the path as a string"
    if hasattr(value, "__next__"):
        return "an iterator is used up by reading it; pass a list"
    return "convert it to dicts, lists, strings, numbers, bytes or arrays first"
