"""All SQL of the library means something to DuckDB and to Spark SQL."""

import importlib
import pkgutil

import pytest
import sqlglot
from sqlglot import exp

import origin.query
from origin.query.sql import VIEWS, Query

# Queries register themselves when their module is imported; none of these imports may be missed.
for module in pkgutil.iter_modules(origin.query.__path__):
    importlib.import_module(f"origin.query.{module.name}")

DIALECTS = ("duckdb", "spark")

# What means the same in both. A function that is to be used must be looked up in both manuals.
FUNCTIONS = {
    "BIT_OR",  # of integers
    "CASE",
    "COALESCE",
    "COUNT",
    "COUNT_IF",
    "EXISTS",
    "HEX",  # of bytes, upper case
    "LOWER",
    "MAX",
    "MIN",
    "ROW_NUMBER",
    "SUM",
}

# How sqlglot calls some of them.
NAMES = {"BITWISE_OR_AGG": "BIT_OR", "LOWER_HEX": "HEX"}

# Relations that whoever answers provides as they are.
GIVEN = {
    "annotations",
    "batch_heads",
    "license_conflicts",
    "licenses",
    "sealed_observations",
    "sessions",
    "sources",
    "streams",
    "unsealed_observations",
}

queries = pytest.mark.parametrize("query", Query.all.values(), ids=list(Query.all))


def functions_of(tree):
    for found in tree.find_all(exp.Func):
        if isinstance(found, exp.And | exp.Or | exp.Cast | exp.Case | exp.If):
            continue
        yield found.name.upper() if isinstance(found, exp.Anonymous) else found.sql_name()


def test_there_are_queries():
    assert {"observations", "batches", "sightings", "combinations"} <= set(Query.all)


@queries
@pytest.mark.parametrize("dialect", DIALECTS)
def test_both_grammars_read_it(query, dialect):
    (tree,) = sqlglot.parse(query.text, read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
    assert isinstance(tree, exp.Query)
    assert not list(tree.find_all(exp.Command))


@queries
def test_both_grammars_read_the_same(query):
    trees = [sqlglot.parse_one(query.text, read=dialect) for dialect in DIALECTS]
    for tree in trees:
        # They order NULLs differently, so nothing is ordered by what may be NULL.
        for ordered in tree.find_all(exp.Ordered):
            ordered.set("nulls_first", None)
    duck, spark = (tree.sql("spark") for tree in trees)
    assert duck == spark


@queries
@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_calls_only_functions_that_both_have(query, dialect):
    tree = sqlglot.parse_one(query.text, read=dialect)
    assert {NAMES.get(name, name) for name in functions_of(tree)} <= FUNCTIONS


@queries
def test_it_says_which_relations_it_reads(query):
    tree = sqlglot.parse_one(query.text, read="duckdb")
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    assert {table.name for table in tree.find_all(exp.Table)} - own == set(query.reads)


@queries
def test_columns_are_named(query):
    tree = sqlglot.parse_one(query.text, read="duckdb")
    stars = [star for star in tree.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    assert not stars


def test_every_view_is_a_query_or_given():
    assert set(VIEWS) <= set(Query.all) | GIVEN


@pytest.mark.parametrize("text", ["SELECT list_value(1)", "SELECT regexp_matches(a, 'b') FROM c"])
def test_a_function_that_only_one_has_is_found_out(text):
    called = functions_of(sqlglot.parse_one(text, read="duckdb"))
    assert {NAMES.get(name, name) for name in called} - FUNCTIONS
