"""Commands that hand a session over."""

from typing import Annotated

import typer

from origin.cli.arguments import Session, Target, proposed_formats
from origin.cli.picking import Chosen, picked
from origin.core.wording import many
from origin.errors import ConfigurationError

# Formats by further names.
_ALSO = {"hf": "huggingface"}


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
    kind: Annotated[
        str,
        typer.Option(
            "--format",
            help="json, jsonl, mlflow, wandb, hf or parquet.",
            autocompletion=proposed_formats,
        ),
    ] = "json",
    output: Target = None,
) -> None:
    """Write a session in a format that others read.

    Example: origin export latest --format jsonl --output run.jsonl
    """
    from origin.export.formats import FORMATS, ProvenanceExporter

    chosen: Chosen = context.obj
    kind = _ALSO.get(kind, kind)
    if kind not in FORMATS:
        raise ConfigurationError(f"--format is one of {', '.join(sorted(FORMATS))}, not {kind!r}")
    with chosen.database() as db:
        exporter = ProvenanceExporter(db)
        own = picked(db, session)
        if output is not None:
            with chosen.output.working(f"writing {output}"):
                written = exporter.export(own, kind, output)
            chosen.output.note(f"{many(written, 'record')} written to {output}")
        elif kind == "json":
            chosen.output.text(exporter.to_json(own))
        else:
            raise ConfigurationError(f"--format {kind} needs a place: --output FILE")
