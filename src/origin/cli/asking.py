"""Commands that ask about samples, and about anything in SQL."""

import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from origin.cli.arguments import Limit, short
from origin.cli.models import trace_model
from origin.cli.output import told_of
from origin.cli.picking import Chosen
from origin.errors import ConfigurationError, StorageError

if TYPE_CHECKING:
    from origin.query.engine import QueryEngine
    from origin.query.erasure import ErasureReport
    from origin.storage.database import ProvenanceDatabase

_WHOLE = 64
_DIGITS = re.compile("[0-9a-fA-F]{4,64}")


def trace(
    context: typer.Context,
    sample: Annotated[
        str | None, typer.Argument(help="A fingerprint, 64 hex digits, or its beginning.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A file that may have been a sample.")] = None,
    text: Annotated[str | None, typer.Option(help="A text that may have been a sample.")] = None,
    source: Annotated[
        str | None, typer.Option(help="All of these sources, by id or path; * stands for any.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="A file of a model, or its folder: which session made it.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", help="With --source: all batches, into this file.")
    ] = None,
    limit: Limit = 20,
) -> None:
    """Where and when a sample was seen.

    What is looked up is hashed here, and stored nowhere. With --source: every session
    and batch that saw anything of it. With --model: which session a model came out of.

    Example: origin trace --file essay.txt
    """
    from origin.query.engine import QueryEngine

    if sum(one is not None for one in (sample, file, text, source, model)) != 1:
        raise ConfigurationError("give one of a fingerprint, --file, --text, --source and --model")
    if table is not None and source is None:
        raise ConfigurationError("--csv goes with --source")
    chosen: Chosen = context.obj
    if model is not None:
        trace_model(chosen, model)
        return
    with chosen.database() as db:
        engine = QueryEngine(db)
        if source is not None:
            with chosen.output.working("looking up"):
                report = engine.report_erasure(source=source)
            _show_report(chosen, report, table, limit)
            return
        wanted = wanted_sample(engine, db, sample, file, text)
        most = None if chosen.output.is_json else limit or None
        found = engine.trace_sample(wanted, limit=most)
    if chosen.output.is_json:
        chosen.output.json(asdict(found))
    else:
        chosen.output.lines(found.told(most))


def wanted_sample(
    engine: "QueryEngine",
    db: "ProvenanceDatabase",
    sample: str | None,
    file: Path | None,
    text: str | None,
) -> str:
    """The fingerprint of what is given; bytes and the text they encode have the same one.

    Args:
        engine: of the database.
        db: the database.
        sample: a fingerprint, or its beginning.
        file: holds the sample.
        text: is the sample.

    Raises:
        ConfigurationError: not one of the three is given, or it is no fingerprint.
        StorageError: the file cannot be read.
    """
    if sum(one is not None for one in (sample, file, text)) != 1:
        raise ConfigurationError("give one of a fingerprint, --file and --text")
    if sample is not None:
        if not _DIGITS.fullmatch(sample):
            raise ConfigurationError(
                f"{sample!r:.80} is no fingerprint and begins none: give 4 to 64 hex digits, or "
                "--text or --file"
            )
        return sample if len(sample) == _WHOLE else engine.find_sample(sample)
    if file is None:
        return db.fingerprint(text)
    try:
        return db.fingerprint(file.read_bytes())
    except OSError as error:
        raise StorageError(f"{file} cannot be read: {error.strerror or error}") from error


def _show_report(chosen: Chosen, report: "ErasureReport", table: Path | None, limit: int) -> None:
    if table is not None:
        written = report.write_csv(table)
        chosen.output.note(f"{written:,} batches written to {table}")
    found = report.batches(limit=limit or None)
    if chosen.output.is_json:
        listed = [dict(zip(found.columns, map(_plain, row), strict=True)) for row in found]
        chosen.output.json(told_of(report) | {"batches": listed})
        return
    chosen.output.lines(str(report))
    if table is None and len(found):
        rows: list[tuple[Any, ...]] = [(short(row[0]), *row[1:]) for row in found]
        chosen.output.table(found.columns, rows, None)
        total = sum(one.batches for one in report.sessions)
        chosen.output.left_out(total - len(rows))


def sql(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="One SELECT, in the SQL of DuckDB.")],
    limit: Annotated[int, typer.Option(help="At most so many rows; 0 for all.", min=0)] = 0,
) -> None:
    """Ask in SQL, of views such as sessions, batches and observations.

    The others are sources, licenses, license_conflicts, streams and annotations.

    Example: origin sql "select source_id, count(*) from observations group by source_id"
    """
    from origin.query.engine import QueryEngine

    chosen: Chosen = context.obj
    with chosen.database() as db:
        answer = QueryEngine(db).sql(query, limit=limit or None)
    rows = answer.rows()
    told = [dict(zip(answer.columns, map(_plain, row), strict=True)) for row in rows]
    shown = [["null" if value is None else value for value in row] for row in rows]
    chosen.output.table(answer.columns, shown, told)


def _plain(value: Any) -> Any:
    """A value of an answer as a JSON type."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no numbers for them
    return value if isinstance(value, bool | int | float | str | None) else str(value)
