"""Expressions of licenses: ``MIT OR (Apache-2.0 AND CC-BY-4.0)``, as a tree.

Which words stand where is found here, the order of the operators by ``license-expression``.
What a single license is called is the caller's to say: an operand may be a whole name.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MAX_LICENSES = 100
MAX_DEPTH = 20

_MALFORMED = (
    "names, parentheses and the words AND, OR and WITH do not form an expression, "
    "such as 'MIT OR (Apache-2.0 AND CC-BY-4.0)'"
)

# An operator is a word of its own: "Sand" and "GPL-2.0-or-later" hold none.
_PARTS = re.compile(r"([()])|(?<![^\s()])(and|or|with)(?![^\s()])", re.IGNORECASE)
_LATER = re.compile(
    r"(?<=[\w.])[\s,-]+or[\s-]+(?:\(at your option\)\s+)?(?:any[\s-]+)?(later|newer)\b"
    r"(?:[\s-]+versions?\b)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class One:
    """One license.

    Args:
        key: its id.
        exception: the id after ``WITH``, if there is one.
        or_later: whether its later versions may be chosen too, written ``+``.

    >>> render(One("EPL-1.0", or_later=True))
    'EPL-1.0+'
    """

    key: str
    exception: str | None = None
    or_later: bool = False


@dataclass(frozen=True, slots=True)
class AllOf:
    """Licenses that all apply, written ``AND``.

    >>> render(AllOf((One("MIT"), One("CC-BY-4.0"))))
    'MIT AND CC-BY-4.0'
    """

    parts: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Licenses of which one may be chosen, written ``OR``.

    >>> render(AnyOf((One("MIT"), One("Apache-2.0"))))
    'MIT OR Apache-2.0'
    """

    parts: "tuple[Tree, ...]"


Tree = One | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text was read as.

    Args:
        tree: the licenses; None if the text names none for certain.
        notes: what was assumed, or why it names none.

    >>> Reading(None, ("'gpl' names no version",)).tree is None
    True
    """

    tree: Tree | None
    notes: tuple[str, ...] = ()


def render(tree: Tree) -> str:
    """An expression as text; an inner one of another kind gets parentheses.

    Args:
        tree: the expression.

    Returns:
        It in the spelling of SPDX.

    >>> render(AnyOf((One("MIT"), AllOf((One("ISC"), One("0BSD"))))))
    'MIT OR (ISC AND 0BSD)'
    """
    if isinstance(tree, One):
        later = "+" if tree.or_later else ""
        exception = f" WITH {tree.exception}" if tree.exception else ""
        return f"{tree.key}{later}{exception}"
    word = " AND " if isinstance(tree, AllOf) else " OR "
    return word.join(
        render(part) if isinstance(part, One) else f"({render(part)})" for part in tree.parts
    )


def has_operators(text: str) -> bool:
    """Whether a text holds a parenthesis, or AND, OR or WITH as a word of its own.

    >>> has_operators("MIT or ISC"), has_operators("GPL-2.0-or-later")
    (True, False)
    """
    return _PARTS.search(text) is not None


def parse(
    text: str,
    license_of: Callable[[str], Reading],
    exception_of: Callable[[str], str | None],
) -> Reading:
    """Read an expression.

    Args:
        text: the expression; operators in any case.
        license_of: reads one license, an operand of it.
        exception_of: the id of an exception, an operand after ``WITH``; None if there is no such.

    Returns:
        The tree, or why there is none.

    >>> ids = {"mit": One("MIT"), "isc": One("ISC")}
    >>> found = parse("(mit or isc) and mit", lambda word: Reading(ids[word]), lambda word: None)
    >>> render(found.tree)
    '(MIT OR ISC) AND MIT'
    """
    skeleton, operands = _skeleton(text)
    if len(operands) > MAX_LICENSES:
        return Reading(
            None, (f"the expression names more than {MAX_LICENSES} licenses, so it was not read",)
        )
    if _depth(skeleton) > MAX_DEPTH:
        return Reading(
            None, (f"parentheses stand deeper than {MAX_DEPTH} levels, so it was not read",)
        )
    try:
        parsed = _parser().parse(skeleton, simple=True)
    except Exception:  # what the library raises on a text that it cannot read is not documented
        parsed = None
    if parsed is None:
        return Reading(None, (_MALFORMED,))
    return _Builder(operands, license_of, exception_of).build(parsed)


def joined(kind: type[AllOf] | type[AnyOf], parts: Iterable[Tree]) -> Tree:
    """Parts under one operator: inner ones of its kind are taken apart, equal ones named once.

    >>> joined(AnyOf, [One("MIT"), AnyOf((One("ISC"), One("MIT")))]) == AnyOf(
    ...     (One("MIT"), One("ISC"))
    ... )
    True
    """
    flat: dict[Tree, None] = {}
    for part in parts:
        flat.update(dict.fromkeys(part.parts if isinstance(part, kind) else (part,)))
    return next(iter(flat)) if len(flat) == 1 else kind(tuple(flat))


class _Builder:
    def __init__(
        self,
        operands: list[str],
        license_of: Callable[[str], Reading],
        exception_of: Callable[[str], str | None],
    ) -> None:
        self._operands = operands
        self._license_of = license_of
        self._exception_of = exception_of
        self._notes: dict[str, None] = {}
        self._missing: dict[str, None] = {}

    def build(self, parsed: Any) -> Reading:
        tree = self._tree(parsed)
        if tree is None or self._missing:
            return Reading(None, tuple(self._missing))
        return Reading(tree, tuple(self._notes))

    def _tree(self, node: Any) -> Tree | None:
        if hasattr(node, "license_symbol"):
            base = self._one(self._operands[int(node.license_symbol.key[1:])])
            return self._excepted(base, self._operands[int(node.exception_symbol.key[1:])])
        if hasattr(node, "key"):
            return self._one(self._operands[int(node.key[1:])])
        kind = AllOf if isinstance(node, _parser().AND) else AnyOf
        parts = [self._tree(part) for part in node.args]
        return joined(kind, [part for part in parts if part is not None]) if all(parts) else None

    def _one(self, operand: str) -> Tree | None:
        reading = self._license_of(operand)
        (self._missing if reading.tree is None else self._notes).update(
            dict.fromkeys(reading.notes)
        )
        return reading.tree

    def _excepted(self, base: Tree | None, words: str) -> Tree | None:
        if base is None:
            return None
        exception = self._exception_of(words)
        if exception is None:
            self._missing[f"{words!r} after WITH is no exception of SPDX's list"] = None
            return None
        if not isinstance(base, One) or base.exception is not None:
            self._missing[f"WITH {words!r}: what stands before it has an exception already"] = None
            return None
        return One(base.key, exception, base.or_later)


def _skeleton(text: str) -> tuple[str, list[str]]:
    """The expression with a plain word, ``L0``, ``L1``, for each operand, and the operands."""
    words: list[str] = []
    operands: list[str] = []
    for part in _PARTS.split(_LATER.sub(r"-or-\1", text)):
        bare = part.strip() if part else ""
        if not bare:
            continue
        if _PARTS.fullmatch(bare):
            words.append(bare.upper())
        else:
            words.append(f"L{len(operands)}")
            operands.append(bare)
    return " ".join(words), operands


def _depth(skeleton: str) -> int:
    depth = deepest = 0
    for character in skeleton:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


@lru_cache(maxsize=1)
def _parser() -> Any:
    from license_expression import Licensing

    return Licensing()


def has_choice(tree: Tree) -> bool:
    """Whether a tree leaves a choice to the licensee.

    >>> has_choice(AllOf((One("MIT"), AnyOf((One("ISC"), One("0BSD"))))))
    True
    """
    if isinstance(tree, One):
        return False
    return isinstance(tree, AnyOf) or any(map(has_choice, tree.parts))


def with_alternatives(tree: Tree, chosen: Callable[[list[Tree]], list[Tree]]) -> Tree:
    """A tree with some of the alternatives wherever it leaves a choice, from the inside out.

    Args:
        tree: any.
        chosen: given the alternatives of one choice, those that are left; if none are, that choice
            stays as it was.

    >>> render(with_alternatives(AnyOf((One("MIT"), One("ISC"))), lambda parts: parts[:1]))
    'MIT'
    """
    if isinstance(tree, One):
        return tree
    parts = [with_alternatives(part, chosen) for part in tree.parts]
    if isinstance(tree, AllOf):
        return AllOf(tuple(parts))
    left = chosen(parts)
    if not left:
        return tree
    return left[0] if len(left) == 1 else AnyOf(tuple(left))
