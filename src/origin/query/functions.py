"""Which functions of DuckDB a question may not call: those that do more than compute.

DuckDB's own catalog says of each function whether its result depends on its arguments alone. What
tells of settings, variables, connections or queries, sleeps, or writes to a log does not, and so
a function that a later DuckDB has more is refused as well.
"""

import re

from origin.query.duck import Cursor

_CATALOG = """
    SELECT function_name, function_type, macro_definition,
        coalesce(has_side_effects, false) OR coalesce(stability, 'CONSISTENT') <> 'CONSISTENT'
    FROM duckdb_functions()
"""

# Their results change, and they tell of nothing but the time or chance; ``error`` only fails.
_HARMLESS = {
    "current_date",
    "current_localtime",
    "current_localtimestamp",
    "error",
    "gen_random_uuid",
    "get_current_time",
    "get_current_timestamp",
    "now",
    "random",
    "today",
    "transaction_timestamp",
    "uuid",
    "uuidv4",
    "uuidv7",
}
# Older versions of DuckDB say that these only compute. The last plans any SQL it is given, which
# tells of tables and files.
_HARMFUL = {"current_setting", "getvariable", "json_serialize_plan"}
# These only compute. Table functions are for ``origin.query.guard`` to allow one by one.
_COMPUTING = {"scalar", "aggregate", "window", "macro"}
_TABLE_KINDS = {"table", "table_macro"}


def refused_functions(cursor: Cursor) -> frozenset[str]:
    """The names of the functions that a question may not call, in small letters.

    Args:
        cursor: any; its DuckDB is asked once in a process.
    """
    global _refused
    if _refused is None:
        _refused = _find(cursor)
    return _refused


_refused: frozenset[str] | None = None


def _find(cursor: Cursor) -> frozenset[str]:
    refused = set(_HARMFUL)
    macros: list[tuple[str, set[str]]] = []
    for name, kind, text, is_impure in cursor.rows(_CATALOG):
        if kind in _TABLE_KINDS:
            continue  # cannot be called where a value stands
        name = name.casefold()
        if (is_impure and name not in _HARMLESS) or kind not in _COMPUTING:
            refused.add(name)
        if kind == "macro":
            macros.append((name, _words(text or "")))
    # A macro does what the functions in its text do; one that selects reads DuckDB's own tables.
    refused.update(name for name, words in macros if "select" in words)
    while found := {name for name, words in macros if words & refused} - refused:
        refused |= found
    return frozenset(refused)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
