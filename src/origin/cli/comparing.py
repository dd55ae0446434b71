"""Commands that compare: two sessions, a run with itself, a session with given samples."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from origin.cli.arguments import (
    Limit,
    Session,
    Sessions,
    proposed_sessions,
    short,
    short_sample,
)
from origin.cli.output import told_of
from origin.cli.picking import Chosen, picked
from origin.core.wording import many, were
from origin.errors import ConfigurationError

if TYPE_CHECKING:
    from origin.core.record import SessionRecord
    from origin.query.answer import SqlAnswer
    from origin.query.engine import QueryEngine
    from origin.query.overlap import GivenOverlap, SessionDifference, SessionOverlap

_DIFFERENT = ("only_a", "only_b", "unequal")


def diff(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="One session.", autocompletion=proposed_sessions)],
    b: Annotated[str, typer.Argument(help="The other.", autocompletion=proposed_sessions)],
    samples: Annotated[bool, typer.Option("--samples", help="List the samples as well.")] = False,
    limit: Limit = 20,
) -> None:
    """How two sessions differ, and at which batch they part.

    Example: origin diff 3f9c latest --samples
    """
    from origin.query.engine import QueryEngine

    chosen: Chosen = context.obj
    with chosen.database() as db, chosen.output.working("comparing"):
        engine = QueryEngine(db)
        own, other = picked(db, a), picked(db, b)
        found = engine.diff_sessions(own, other)
        parting = engine.find_first_difference(own, other)
        rows = _different(found, limit) if samples else []
    if chosen.output.is_json:
        told = {"difference": told_of(found), "first_difference": told_of(parting)}
        chosen.output.json(told | ({"samples": rows} if samples else {}))
        return
    chosen.output.lines(str(found))
    chosen.output.lines("both were given the same batches" if parting is None else str(parting))
    if samples:
        chosen.output.table(
            ("sample", "key", "seen by", "times, first", "times, second"),
            [
                (short_sample(one["sample_id"]), one["key"] or "", one["kind"], *one["times"])
                for one in rows
            ],
            rows,
        )
        chosen.output.left_out(found.only_a + found.only_b + found.unequal - len(rows))


def _different(found: "SessionDifference", limit: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for kind in _DIFFERENT:
        left = limit - len(rows) if limit else None
        for sample_id, key, *times in found.samples(kind, limit=left):
            rows.append({"sample_id": sample_id, "key": key, "kind": kind, "times": times})
    return rows


def audit(
    context: typer.Context,
    session: Sessions = ["latest"],  # noqa: B006  nobody changes it
    reference: Annotated[
        list[str] | None,
        typer.Option(
            help="A session that saw what should have been seen; more than once for several.",
            autocompletion=proposed_sessions,
        ),
    ] = None,
) -> None:
    """How often a run saw each sample, what it repeated or skipped.

    Name several sessions, in order, where a run was resumed in another.

    Example: origin audit latest
    """
    from origin.query.engine import QueryEngine

    chosen: Chosen = context.obj
    with chosen.database() as db, chosen.output.working("counting"):
        own = [picked(db, one) for one in session]
        others = [picked(db, one) for one in reference or ()]
        found = QueryEngine(db).audit_exposure(own, others or None)
    if chosen.output.is_json:
        chosen.output.json(told_of(found))
    else:
        chosen.output.lines(str(found))


def overlap(
    context: typer.Context,
    session: Session = "latest",
    other: Annotated[
        str | None,
        typer.Option("--with", help="Another session.", autocompletion=proposed_sessions),
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option(help="A data set: .jsonl, .json, .csv, .parquet, .txt or .npy."),
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="This column of the data set is the sample, not its rows.")
    ] = None,
    fingerprints: Annotated[
        Path | None,
        typer.Option(help="A file with a fingerprint on each line, as sha256sum writes it."),
    ] = None,
    limit: Limit = 20,
) -> None:
    """Which samples of an evaluation set a session was trained on.

    Or which it has in common with another session. A row of a data set is looked
    for as the dict that it is; rows count from 0.

    Example: origin overlap latest --dataset eval.jsonl
    """
    from origin.query.engine import QueryEngine

    if sum(one is not None for one in (other, dataset, fingerprints)) != 1:
        raise ConfigurationError("give one of --with SESSION, --dataset FILE, --fingerprints FILE")
    chosen: Chosen = context.obj
    with chosen.database() as db:
        engine, own = QueryEngine(db), picked(db, session)
        if other is not None:
            with chosen.output.working("comparing"):
                both = engine.find_overlap(own, picked(db, other))
                rows = both.samples(limit=limit or None) if both.shared else None
            _show_shared(chosen, both, rows)
            return
        with chosen.output.working("looking up"):
            given = _given(engine, own, dataset, column, fingerprints)
            rows = given.samples(limit=limit or None) if given.shared else None
        _show_given(chosen, given, rows)


def _given(
    engine: "QueryEngine",
    own: "SessionRecord",
    dataset: Path | None,
    column: str | None,
    fingerprints: Path | None,
) -> "GivenOverlap":
    from origin.cli.datasets import fingerprints_in, values_in

    if fingerprints is not None:
        return engine.find_overlap(own, fingerprints=fingerprints_in(fingerprints))
    return engine.find_overlap(own, values=values_in(Path(dataset or ""), column))


def _show_shared(chosen: Chosen, found: "SessionOverlap", rows: "SqlAnswer | None") -> None:
    listed = _records(rows)
    if chosen.output.is_json:
        chosen.output.json(told_of(found) | {"samples": listed})
        return
    chosen.output.lines(str(found))
    if listed:
        chosen.output.table(
            ("sample", "key", "times, first", "times, second"),
            [
                (short_sample(one["sample_id"]), one["key"] or "", one["times_a"], one["times_b"])
                for one in listed
            ],
            listed,
        )
        chosen.output.left_out(found.shared - len(listed))


def _show_given(chosen: Chosen, found: "GivenOverlap", rows: "SqlAnswer | None") -> None:
    listed = _records(rows)
    if chosen.output.is_json:
        chosen.output.json(told_of(found) | {"samples": listed})
        return
    text = f"{found.shared:,} of {many(found.given, 'sample')} {were(found.shared)} trained on"
    chosen.output.lines(f"{text} by session {short(found.session_id)}")
    for caveat in (found.hint, *found.caveats):
        if caveat:
            chosen.output.lines(f"note: {caveat}")
    if listed:
        chosen.output.table(
            ("row", "sample", "key", "source", "rank", "epoch", "batch", "position"),
            [
                (one["given_no"], short_sample(one["sample_id"]), one["key"] or "",
                 one["source_id"], one["rank"], one["epoch"], one["batch_no"], one["position"])
                for one in listed
            ],
            listed,
        )  # fmt: skip


def _records(answer: "SqlAnswer | None") -> list[dict[str, Any]]:
    if answer is None:
        return []
    return [dict(zip(answer.columns, row, strict=True)) for row in answer]
