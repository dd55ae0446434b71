"""Commands that hand a session over."""

from pathlib import Path
from typing import Annotated

import typer

from origin.cli.picking import Chosen, picked
from origin.cli.sessions import Session
from origin.errors import ConfigurationError

Target = Annotated[Path | None, typer.Option("--output", "-o", help="Into this file.")]


def card(context: typer.Context, session: Session = "latest", output: Target = None) -> None:
    """The card of a session, as Markdown.

    Example: origin card latest -o PROVENANCE_CARD.md
    """
    from origin.cards.generator import ProvenanceCardGenerator

    chosen: Chosen = context.obj
    with chosen.database() as db:
        text = ProvenanceCardGenerator(db).generate(picked(db, session))
    chosen.output.text(text, output)


def report(context: typer.Context, session: Session = "latest", output: Target = None) -> None:
    """The report about a session: one HTML page to look at.

    Example: origin report latest -o report.html
    """
    from origin.cards.generator import ProvenanceCardGenerator

    chosen: Chosen = context.obj
    with chosen.database() as db:
        text = ProvenanceCardGenerator(db).generate_html(picked(db, session))
    chosen.output.text(text, output)


def export(
    context: typer.Context,
    session: Session = "latest",
    kind: Annotated[str, typer.Option("--format", help="json, jsonl, mlflow, …")] = "json",
    output: Target = None,
) -> None:
    """Write a session in a format that others read.

    Example: origin export latest --format jsonl --output run.jsonl
    """
    from origin.export.formats import FORMATS, ProvenanceExporter

    chosen: Chosen = context.obj
    if kind not in FORMATS:
        raise ConfigurationError(f"--format is one of {', '.join(sorted(FORMATS))}, not {kind!r}")
    with chosen.database() as db:
        exporter = ProvenanceExporter(db)
        own = picked(db, session)
        if output is not None:
            written = exporter.export(own, kind, output)
            chosen.output.note(f"{written:,} records written to {output}")
        elif kind == "json":
            chosen.output.text(exporter.to_json(own))
        else:
            raise ConfigurationError(f"--format {kind} needs a place: --output FILE")


def conflicts(
    context: typer.Context,
    session: Annotated[str | None, typer.Option(help="An id, its beginning, or `latest`.")] = None,
    use: Annotated[str | None, typer.Option(help="Only against this use.")] = None,
) -> None:
    """License conflicts, of one session or all: what the rules find, and about which sources.

    Example: origin conflicts --session latest --use distribute-weights-commercially
    """
    from origin.core.license import LicenseAnalyzer

    chosen: Chosen = context.obj
    with chosen.database() as db:
        own = None if session is None else picked(db, session)
        found = LicenseAnalyzer(db).find_conflicts(own, use)
    chosen.output.table(
        ("", "against", "what was found"),
        [
            (
                "settled" if one.settled else one.severity,
                one.use,
                str(one).partition(": ")[2],
            )
            for one in found
        ],
        [one.to_dict() | {"settled": one.settled is not None} for one in found],
    )
    if not found:
        chosen.output.note("nothing was found")


def notice(context: typer.Context, session: Session = "latest", output: Target = None) -> None:
    """The notice that licenses such as CC BY and MIT ask for.

    Example: origin notice latest -o NOTICE
    """
    from origin.core.license import LicenseAnalyzer

    chosen: Chosen = context.obj
    with chosen.database() as db:
        text = str(LicenseAnalyzer(db).attribution(picked(db, session)))
    chosen.output.text(text, output)


def add_to(app: typer.Typer) -> None:
    """Have the command line know these commands."""
    for command in (card, report, export, conflicts, notice):
        app.command()(command)
