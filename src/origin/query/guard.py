"""Whether text of a user is a question and nothing else.

DuckDB is asked for the tree of the text, and the tree is searched: every part of it must be
of a kind that only reads, every table one of the views, every table function a harmless one.
What is not known is refused. So a later DuckDB, with statements nobody thought of here, is
no hole: version 2 lets a ``WITH`` hold an ``INSERT`` or a ``COPY``.
"""

import json
from collections.abc import Iterator
from typing import Any

from origin.errors import QueryError
from origin.query.duck import Cursor
from origin.query.functions import refused_functions
from origin.query.sql import VIEWS, Query

# Nodes of a tree that is a question; whatever else ends in _NODE is none.
_NODES = {
    "SELECT_NODE",
    "SET_OPERATION_NODE",
    "RECURSIVE_CTE_NODE",
    "CTE_NODE",
}
# Ways to name where rows come from.
_SOURCES = {
    "BASE_TABLE",
    "EMPTY",
    "EXPRESSION_LIST",
    "JOIN",
    "PIVOT",
    "SHOW_REF",
    "SUBQUERY",
    "TABLE_FUNCTION",
}
_TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "json_each", "json_tree"}
# DESCRIBE and SUMMARIZE of a query are questions about it; SHOW lists what is no view.
_SHOWN = {"DESCRIBE", "SUMMARY"}


def views_named(cursor: Cursor, text: object) -> set[str]:
    """The views that a question reads.

    Args:
        cursor: any; nothing is executed but the reading of the text.
        text: what the user wrote.

    Raises:
        QueryError: it is malformed, more than one statement, or does more than ask.
    """
    if not isinstance(text, str):
        raise QueryError(f"a query must be a str such as 'SELECT …', not a {type(text).__name__}")
    tree = _tree(cursor, text)
    named: set[str] = set()
    own = {entry["key"] for entry in _named_queries(tree)}
    if own:
        _require_own(own, _internal_names(cursor))
    own = {name.casefold() for name in own}
    refused = refused_functions(cursor)
    for part in _parts(tree):
        _require_reading(part)
        _require_computing(part, refused)
        if part.get("type") == "BASE_TABLE":
            named.add(_table(part, own))
    # A name of its own may hide a view, and stand for what was read from it.
    return named & set(VIEWS)


def _tree(cursor: Cursor, text: str) -> dict[str, Any]:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise QueryError(
            "the query has a character that is no valid Unicode; give such texts as parameters"
        ) from None
    told = cursor.rows("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [text])
    try:
        tree: dict[str, Any] = json.loads(told[0][0])
    except RecursionError:
        raise QueryError("the query is nested too deeply; put it more simply") from None
    if tree.get("error"):
        if tree.get("error_type") == "not implemented":
            raise QueryError(
                "only questions are answered: one SELECT, which may begin with WITH or FROM, "
                "VALUES or DESCRIBE"
            )
        raise QueryError(f"the query cannot be read: {tree.get('error_message')}")
    if not tree["statements"]:
        raise QueryError("the query is empty; ask in one SELECT statement")
    if len(tree["statements"]) != 1:
        raise QueryError(
            f"a query is one SELECT statement, and these are {len(tree['statements'])}; "
            "ask them one by one"
        )
    return tree


def _parts(tree: object) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _named_queries(tree: object) -> Iterator[dict[str, Any]]:
    for part in _parts(tree):
        if isinstance(part.get("cte_map"), dict):
            yield from part["cte_map"].get("map", [])
        if part.get("type") in ("RECURSIVE_CTE_NODE", "CTE_NODE") and "cte_name" in part:
            yield {"key": part["cte_name"]}


def _internal_names(cursor: Cursor) -> set[str]:
    """What a name can mean beside the views: relations of this library, and of DuckDB."""
    ours = {*Query.all, *(name for query in Query.all.values() for name in query.reads)}
    theirs = cursor.rows(
        "SELECT view_name FROM duckdb_views() UNION ALL SELECT table_name FROM duckdb_tables()"
    )
    return {name.casefold() for name in (*ours, *(row[0] for row in theirs))} - set(VIEWS)


def _require_own(names: set[str], internal: set[str]) -> None:
    """Raise unless what ``WITH`` names can be nothing but that.

    Where the name holds is not looked at: a name that stands for a file, or for a table that is no
    view, would reach that elsewhere in the query.
    """
    for name in names:
        if not name.isidentifier() or name.casefold() in internal:
            raise QueryError(
                f"WITH cannot name {name!r} in a query: choose another name, of letters and digits"
            )


def _require_computing(part: dict[str, Any], refused: frozenset[str]) -> None:
    name = part.get("function_name")
    if isinstance(name, str) and name.casefold() in refused:
        raise QueryError(
            f"the function {name} is not allowed in a query: it does more than compute with its "
            "arguments"
        )


def _require_reading(part: dict[str, Any]) -> None:
    kind = str(part.get("type", ""))
    if kind.endswith("_NODE") and kind not in _NODES:
        what = kind.removesuffix("_QUERY_NODE").removesuffix("_NODE")
        raise QueryError(f"a query only reads: {what} is not allowed in it")
    if "sample" in part and "alias" in part and kind not in _SOURCES:
        raise QueryError(f"rows cannot come from {kind} in a query")
    if kind == "TABLE_FUNCTION":
        name = str((part.get("function") or {}).get("function_name", "")).casefold()
        if name not in _TABLE_FUNCTIONS:
            raise QueryError(
                f"the table function {name or 'in it'} is not allowed in a query: it reads the "
                f"views {', '.join(VIEWS)}"
            )
    is_listing = not part.get("query") or str(part.get("show_type", "")).upper() not in _SHOWN
    if kind == "SHOW_REF" and is_listing:
        raise QueryError(f"ask for the views by name: {', '.join(VIEWS)}; DESCRIBE tells of one")


def _table(part: dict[str, Any], own: set[str]) -> str:
    name = str(part.get("table_name", ""))
    qualified = part.get("schema_name") or part.get("catalog_name")
    if qualified or (name.casefold() not in own and name.casefold() not in VIEWS):
        shown = f"{qualified}.{name}" if qualified else name
        raise QueryError(f"there is no view {shown!r}; there are {', '.join(VIEWS)}")
    return name.casefold()
