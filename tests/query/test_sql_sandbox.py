"""A question of a user reads the record and does nothing else."""

import json
import os
import re
import subprocess
import sys

import pytest

from origin.errors import ConfigurationError, QueryError
from origin.query.duck import Duck
from origin.query.engine import QueryEngine
from origin.query.functions import refused_functions


@pytest.fixture
def sealed(write, db, session, tmp_path):
    write.fill(session, [1, 2], [3])
    db.seal()
    write.fill(session, [4], source="books")
    (tmp_path / "secret.csv").write_text("word\nsesame\n")
    return db


@pytest.fixture
def names(sealed, tmp_path):
    (segment,) = sealed.ledger.segments()
    return {
        "file": tmp_path / "secret.csv",
        "folder": tmp_path,
        "segments": sealed.ledger.folder,
        "segment": sealed.ledger.folder / segment.name,
        "db": sealed.path,
    }


def content(folder):
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("provenance.db-")
    }


ATTACKS = [
    # reading
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM '{file}'",
    'SELECT * FROM "{file}"',
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_text('{segments}/../secret.csv')",
    "SELECT (SELECT max(content) FROM read_text('{file}'))",
    "SELECT * FROM sessions WHERE EXISTS (SELECT 1 FROM read_blob('{file}'))",
    "SELECT * FROM read_parquet('{segment}')",
    "SELECT * FROM '{segment}'",
    "SELECT * FROM parquet_metadata('{segment}')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM read_json('{file}')",
    "SELECT * FROM read_parquet('https://example.com/a.parquet')",
    "SELECT * FROM 's3://bucket/a.parquet'",
    "FROM query('SELECT 1')",
    "FROM query_table('{file}')",
    "SELECT * FROM json_execute_serialized_sql('x')",
    "SELECT * FROM sqlite_scan('{db}', 'sessions')",
    'SELECT * FROM (WITH "{file}" AS (SELECT 1) SELECT 1), "{file}"',
    "SELECT getenv('HOME')",
    'SELECT * FROM (WITH "X.parquet" AS (SELECT 1) SELECT 1) t, "X.parquet"',
    'SELECT * FROM (WITH "sealed_observations" AS (SELECT 1) SELECT 1) t, sealed_observations',
    "SELECT * FROM (WITH ledger AS (SELECT 1) SELECT 1) t, ledger",
    "SELECT * FROM (WITH batch_heads AS (SELECT 1) SELECT 1) t, batch_heads",
    'SELECT * FROM (WITH "SQLite_master" AS (SELECT 1) SELECT 1) t, sqlite_master',
    "SELECT * FROM (WITH duckdb_views AS (SELECT 1) SELECT 1) t, duckdb_views",
    "SELECT * FROM (WITH pragma_database_list AS (SELECT 1) SELECT 1) t, pragma_database_list",
    "SELECT * FROM (WITH pg_tables AS (SELECT 1) SELECT 1) t, pg_tables",
    "WITH sqlite_master AS (SELECT * FROM sqlite_master) SELECT * FROM sqlite_master",
    "WITH RECURSIVE duckdb_tables AS (SELECT * FROM duckdb_tables) SELECT * FROM duckdb_tables",
    "WITH x AS (SELECT * FROM duckdb_tables), duckdb_tables AS (SELECT 1) SELECT * FROM x",
    'SELECT * FROM (WITH "{segment}" AS (SELECT 1) SELECT 1) t, "{segment}"',
    "SELECT current_setting('allowed_directories')",
    "SELECT main.current_setting('temp_directory')",
    "SELECT 'temp_directory'.current_setting()",
    "SELECT list_transform(['temp_directory'], x -> Current_Setting(x))",
    "SELECT count(*) OVER (ORDER BY getvariable('x')) FROM sessions",
    "SELECT getvariable('x')",
    "SELECT write_log('x')",
    "SELECT pg_sleep(0)",
    "SELECT pg_get_viewdef(0)",
    "SELECT get_block_size('memory')",
    "SELECT json_serialize_plan('SELECT * FROM sqlite_master')",
    "SELECT * FROM here",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM unsealed_observations",
    "SHOW TABLES",
    "SELECT * FROM (SHOW ALL TABLES)",
    # writing
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "COPY (SELECT 1) TO '{segment}'",
    "WITH x AS (COPY (SELECT 1) TO '{segment}') SELECT * FROM x",
    "WITH x AS (COPY (SELECT 1) TO '{segments}/new.parquet') SELECT 1",
    "SELECT * FROM (WITH x AS (COPY (SELECT 1) TO '{segment}') SELECT * FROM x)",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{segments}/new.csv'",
    "WITH x AS (INSERT INTO sources VALUES (1) RETURNING *) SELECT * FROM x",
    "WITH x AS (DELETE FROM sources) SELECT 1",
    "WITH x AS (UPDATE sources SET source_id = 'x') SELECT 1",
    "EXPORT DATABASE '{segments}/export'",
    "ATTACH '{segments}/new.db'",
    "ATTACH '{db}' AS other (TYPE sqlite)",
    "CREATE TABLE t (a INTEGER)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE SECRET (TYPE s3)",
    "INSERT INTO sources VALUES (1)",
    "DROP VIEW sources",
    "DELETE FROM sources",
    "UPDATE sources SET source_id = 'x'",
    "IMPORT DATABASE '{segments}'",
    "SELECT 1; DROP VIEW sources",
    "SELECT 1; SELECT 2",
    # settings and extensions
    "SET memory_limit = '100GB'",
    "SET VARIABLE x = 1",
    "RESET lock_configuration",
    "PRAGMA enable_profiling",
    "PRAGMA profiling_output = '{folder}/profile'",
    "CALL enable_logging()",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM checkpoint()",
    "INSTALL httpfs",
    "LOAD httpfs",
    "USE memory",
    "VACUUM",
    "CHECKPOINT",
    "BEGIN",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_and_leaves_no_trace(engine, names, tmp_path, attack):
    here = engine.sql("SELECT 1").arrow()  # which a query could find by its name
    before = content(tmp_path)
    with pytest.raises(QueryError):
        engine.sql(attack.format(**names))
    assert content(tmp_path) == before
    assert here.num_rows == len(engine.sql("SELECT 1"))


@pytest.mark.parametrize("attack", [one for one in ATTACKS if "{segment" not in one])
def test_the_second_wall_holds_without_the_first(engine, names, tmp_path, monkeypatch, attack):
    before = content(tmp_path)
    monkeypatch.setattr("origin.query.asking.views_named", lambda cursor, text: set())
    try:
        answer = engine.sql(attack.format(**names)).rows()
    except Exception as error:
        answer = repr(error)
    assert content(tmp_path) == before
    assert "sesame" not in str(answer).replace(str(tmp_path), "")


# What a function of a file, of the system or of a session is called by.
_TELLING = re.compile(
    "file|read|write|copy|glob|env|setting|variable|secret|log_|_log|pragma|attach|install|load|"
    "extension|sleep|nextval|setval|currval|query|connection|transaction_id|txid|database|schema|"
    "catalog|version|platform|viewdef|constraintdef|execute|plan|seed"
)
# They take texts apart, or give the same for everyone.
_ONLY_TEXT = {
    "pg_conf_load_time", "pg_conversion_is_visible", "pg_is_other_temp_schema", "pg_my_temp_schema",
    "formatreadabledecimalsize", "formatreadablesize", "has_database_privilege",
    "has_schema_privilege", "uuid_extract_version", "parse_filename", "parse_duckdb_log_message",
    "__internal_json_copy_to_geojson", "__internal_json_copy_to_json",
    "json_copy_strftime_if_date", "json_copy_strftime_if_timestamp",
}  # fmt: skip


def test_no_function_is_left_that_tells_of_files_settings_or_the_system(tmp_path):
    with Duck(tmp_path, "50MB").cursor() as cursor:
        refused = refused_functions(cursor)
        there = {
            name.casefold()
            for name, kind in cursor.rows(
                "SELECT function_name, function_type FROM duckdb_functions()"
            )
            if not kind.startswith("table")
        }
    left = {name for name in there - refused if _TELLING.search(name)}
    assert left <= _ONLY_TEXT
    assert {"lower", "count", "now", "list_sum", "json_extract", "hash"} <= there
    assert not {"lower", "count", "row_number", "now", "list_sum", "hash", "random"} & refused


@pytest.mark.parametrize(
    "query",
    [
        "SELECT now(), current_date, random(), upper('a'), list_sum([1]), sum(1) OVER ()",
        "WITH a AS (SELECT 1), b AS (FROM a) FROM b",
        "SELECT 1;",
        "FROM sources SELECT source_id",
        "VALUES (1)",
        "TABLE sources",
        "DESCRIBE observations",
        "SUMMARIZE sources",
        "WITH sources AS (SELECT source_id FROM sources) SELECT * FROM sources",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 9) FROM r",
        "SELECT * FROM range(3), (VALUES (1)) AS v(a), unnest([1, 2])",
        "SELECT source_id FROM SOURCES UNION SELECT license_id FROM licenses",
        "SELECT count(*) FROM observations AS o JOIN batches AS b USING (stream_no, batch_no)",
        "SELECT * EXCLUDE (metadata) FROM observations TABLESAMPLE 10%",
        "SELECT source_id, count(*) FILTER (epoch = 0) FROM observations GROUP BY ALL",
        "/* a */ SELECT 1 -- and no more",
    ],
)
def test_a_question_is_answered(engine, sealed, query):
    assert engine.sql(query).columns


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELEC 1", "cannot be read: syntax error at or near"),
        ("", "one SELECT statement"),
        ("-- nothing", "one SELECT statement"),
        ("SELECT nosuch FROM sessions", "nosuch"),
        ("SELECT * FROM nosuch", "there is no view 'nosuch'; there are sessions, sources"),
        ("SELECT '\ud800'", "no valid Unicode"),
        ("SELECT * FROM " + "(SELECT * FROM " * 900 + "sessions" + ")" * 900, "depth|deeply"),
        ("SELECT 1 / 'a'", "cannot be answered"),
        ("SELECT ?", "cannot be answered"),
        (5, "must be a str"),
        (None, "must be a str"),
    ],
)
def test_what_is_no_question_says_why(engine, query, message):
    with pytest.raises(QueryError, match=message):
        engine.sql(query)


@pytest.mark.parametrize("parameters", ["text", 5, b"bytes"])
def test_parameters_are_a_list_or_a_dict(engine, parameters):
    with pytest.raises(QueryError, match="parameters must be a list"):
        engine.sql("SELECT ?", parameters)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT list(range) FROM range(100_000_000)",
        "SELECT a.range FROM range(100_000_000) AS a",
    ],
)
def test_what_takes_too_much_memory_is_an_error_and_others_go_on(db, query):
    engine = QueryEngine(db, memory_limit="50MB")
    with pytest.raises(QueryError, match="memory_limit"):
        engine.sql(query)
    assert engine.sql("SELECT 1").rows() == [(1,)]


@pytest.mark.parametrize("limit", ["", "much", "1", "-1GB", "1KB", 5, None, "1e30GB"])
def test_a_limit_is_an_amount_of_memory(db, limit):
    with pytest.raises(ConfigurationError, match="memory_limit must be an amount"):
        QueryEngine(db, memory_limit=limit)


@pytest.mark.parametrize(
    ("limit", "size"), [("50MB", 50_000_000), ("1.5 GiB", 3 << 29), ("20mib", 20 << 20)]
)
def test_limits_in_several_units(tmp_path, limit, size):
    assert Duck(tmp_path, limit).memory_bytes == size


def test_what_spills_goes_into_a_private_folder_that_goes_away(db, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    engine = QueryEngine(db, memory_limit="200MB")
    rows = engine.sql(
        "SELECT count(*) FROM (SELECT DISTINCT hash(range)::VARCHAR FROM range(8_000_000))"
    ).rows()
    assert rows == [(8_000_000,)]
    (folder,) = tmp_path.glob("origin-query-*")
    assert folder.stat().st_mode & 0o077 == 0
    del engine
    assert not list(tmp_path.glob("origin-query-*"))


IN_A_CHILD = """
import os, sys, json
from origin.query.engine import QueryEngine
from origin.query.functions import refused_functions
from origin.storage.database import ProvenanceDatabase

asks = sys.argv[2] == "asks"
with ProvenanceDatabase(sys.argv[1]) as db:
    engine = QueryEngine(db)
    count = "SELECT count(*) FROM observations"
    answers = [engine.sql(count).rows()]
    for _ in range(3):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            if asks:
                os.write(writer, json.dumps(engine.sql(count).rows()).encode())
            sys.exit(0)
        if asks:
            answers.append(json.loads(os.read(reader, 1000)))
        _, status = os.waitpid(child, 0)
        answers += [engine.sql(count).rows(), status]
    print(json.dumps(answers))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("child", ["asks", "does nothing"])
def test_a_forked_process_asks_for_itself_and_ends_in_good_order(sealed, child):
    told = subprocess.run(
        [sys.executable, "-c", IN_A_CHILD, str(sealed.path), child],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    answers = [[[4]], [[4]], 0] if child == "asks" else [[[4]], 0]
    assert json.loads(told.stdout) == [[[4]], *answers * 3]
