"""Commands that ask the record, and one that checks it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from origin.cli.picking import Chosen
from origin.errors import ConfigurationError, StorageError


def trace(
    context: typer.Context,
    sample: Annotated[str | None, typer.Argument(help="A fingerprint, 64 hex digits.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file that may have been a sample.")] = None,
    text: Annotated[str | None, typer.Option(help="A text that may have been a sample.")] = None,
) -> None:
    """Where and when a sample was seen; what is looked up is hashed here, and stored nowhere.

    Example: origin trace --file essay.txt
    """
    from origin.query.engine import QueryEngine

    chosen: Chosen = context.obj
    with chosen.database() as db:
        wanted = _fingerprint(sample, file, text, db.fingerprint_algorithm)
        found = QueryEngine(db).trace_sample(wanted)
    if chosen.output.is_json:
        chosen.output.json(asdict(found))
    else:
        chosen.output.lines(str(found))


def _fingerprint(sample: str | None, file: Path | None, text: str | None, algorithm: str) -> str:
    """The fingerprint of what is given; bytes and the text they encode have the same one."""
    from origin.core.fingerprint import fingerprint_sample

    if sum(one is not None for one in (sample, file, text)) != 1:
        raise ConfigurationError("give one of a fingerprint, --file and --text")
    if sample is not None:
        return sample
    if file is None:
        return fingerprint_sample(text, algorithm)
    try:
        return fingerprint_sample(file.read_bytes(), algorithm)
    except OSError as error:
        raise StorageError(f"{file} cannot be read: {error.strerror or error}") from error


def sql(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="One SELECT, in the SQL of DuckDB.")],
) -> None:
    """Ask in SQL, of the views sessions, sources, licenses, streams, batches, observations, …

    Example: origin sql "select source_id, count(*) from observations group by source_id"
    """
    from origin.query.engine import QueryEngine

    chosen: Chosen = context.obj
    with chosen.database() as db:
        answer = QueryEngine(db).sql(query)
    rows = answer.rows()
    told = [
        {
            name: value if isinstance(value, bool | int | float | str | None) else str(value)
            for name, value in zip(answer.columns, row, strict=True)
        }
        for row in rows
    ]
    chosen.output.table(answer.columns, rows, told)


def check(context: typer.Context) -> None:
    """Check that every byte that was committed is what it was; the exit code says whether.

    Example: origin check
    """
    chosen: Chosen = context.obj
    with chosen.database() as db:
        found = db.check()
    if chosen.output.is_json:
        chosen.output.json(asdict(found) | {"ok": found.ok})
    else:
        chosen.output.lines(str(found))
    if not found.ok:
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """Have the command line know these commands."""
    for command in (trace, sql, check):
        app.command()(command)
