"""Commands about batches, and the samples in them."""

from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from origin.cards.figures import human_time
from origin.cli.arguments import Limit, OnlySession, Rank, Session, Source, short, short_sample
from origin.cli.output import told_of
from origin.cli.picking import Chosen, picked
from origin.core.wording import many, were
from origin.errors import SampleNotFoundError

if TYPE_CHECKING:
    from origin.core.record import SessionRecord
    from origin.query.sequences import SampleSequence
    from origin.query.steps import Step, StepBatch
    from origin.storage.database import ProvenanceDatabase


def batch(
    context: typer.Context,
    session: Session,
    number: Annotated[int, typer.Argument(metavar="N", help="Its number, from 0.", min=0)],
    source: Source = None,
    rank: Rank = None,
    before: Annotated[int, typer.Option(help="So many batches before it, too.", min=0)] = 0,
) -> None:
    """The rows of a batch: what went into a step.

    Example: origin batch latest 3
    """
    from origin.query.engine import QueryEngine

    chosen: Chosen = context.obj
    with chosen.database() as db:
        own = picked(db, session)
        step = QueryEngine(db).get_step(own, number, source=source, rank=rank, before=before)
    if chosen.output.is_json:
        chosen.output.json(told_of(step))
        return
    _show_step(chosen, step)


def _show_step(chosen: Chosen, step: "Step") -> None:
    for one in step.batches:
        chosen.output.lines(str(one).partition("\n")[0])
    chosen.output.lines("\n".join(step.said_missing))
    if step.batches:
        rows = [row for one in step.batches for row in _rows(one)]
        headings = ("batch", "rank", "row", "sample", "key", "source", "license", "bytes")
        chosen.output.table(headings, rows, None)


def _rows(one: "StepBatch") -> Iterable[tuple[object, ...]]:
    for row, size in zip(one.rows, one.byte_sizes, strict=True):
        yield (row.batch_no, one.rank, row.position, short_sample(row.sample_id), row.key or "",
               row.source_id, row.license_id, size)  # fmt: skip


def batches(
    context: typer.Context,
    session: Session = "latest",
    by: Annotated[
        str | None, typer.Option(help="Rank them by this number, such as loss; see annotate().")
    ] = None,
    limit: Annotated[
        int, typer.Option("--top", "--limit", help="At most so many; 0 for all.", min=0)
    ] = 20,
    lowest: Annotated[bool, typer.Option("--lowest", help="The lowest first.")] = False,
    source: Source = None,
    rank: Rank = None,
) -> None:
    """The batches of a session: in order, or by a number such as loss.

    Example: origin batches latest --by loss --top 5
    """
    from origin.query.engine import QueryEngine

    chosen: Chosen = context.obj
    with chosen.database() as db:
        own = picked(db, session)
        if by is None:
            show_batches(chosen, db, own, limit, source=source, rank=rank)
            return
        ranked = QueryEngine(db).rank_batches(
            own, by, limit=limit or None, lowest=lowest, source=source, rank=rank
        )
    chosen.output.table(
        (by, "batch", "source", "rank", "stream", "epoch", "seen", "samples"),
        [
            (f"{one.value:g}", one.batch_no, one.source_id, one.rank, one.stream_no, one.epoch,
             human_time(one.seen_at), one.samples)
            for one in ranked
        ],
        [asdict(one) for one in ranked],
    )  # fmt: skip


def show_batches(
    chosen: Chosen,
    db: "ProvenanceDatabase",
    own: "SessionRecord",
    limit: int,
    *,
    source: str | None = None,
    rank: int | None = None,
) -> None:
    """Show the batches of a session in order."""
    from origin.query.engine import QueryEngine

    found = QueryEngine(db).list_batches(own, source=source, rank=rank)
    ranks = {one.stream_no: one.rank for one in db.catalog.streams(own.session_id)}
    shown = list(islice(found, limit or None))
    chosen.output.table(
        ("batch", "source", "license", "rank", "stream", "epoch", "seen", "samples", "root"),
        [
            (one.batch_no, one.source_id, one.license_id, ranks[one.stream_no], one.stream_no,
             one.epoch, human_time(one.seen_at), one.samples, short_sample(one.root))
            for one in shown
        ],
        [told_of(one) | {"rank": ranks[one.stream_no]} for one in shown],
    )  # fmt: skip
    chosen.output.left_out(len(found) - len(shown))


def query(
    context: typer.Context,
    license_id: Annotated[str, typer.Argument(metavar="LICENSE", help="Its id, in any case.")],
    session: OnlySession = None,
    limit: Limit = 20,
) -> None:
    """The samples seen under a license, each where it was seen first.

    Example: origin query CC-BY-4.0 --session latest
    """
    from origin.query.engine import QueryEngine

    chosen: Chosen = context.obj
    with chosen.database() as db:
        own = None if session is None else picked(db, session)
        with chosen.output.working("looking up"):
            found = QueryEngine(db).find_samples_by_license(license_id, own)
        if not found:
            where = db.path if own is None else f"session {own.session_id}"
            raise SampleNotFoundError(
                f"no sample of {where} was seen under {license_id!r}; `origin licenses` lists "
                "those that were"
            )
        total = len(found)
        chosen.output.note(f"{many(total, 'sample')} {were(total)} seen under {license_id}")
        show_samples(chosen, db, found, limit)


def show_samples(
    chosen: Chosen, db: "ProvenanceDatabase", found: "SampleSequence", limit: int
) -> None:
    """Show samples, each where it was seen first."""
    streams = {one.stream_no: one for one in db.catalog.streams()}
    shown = list(islice(found.first_sights(), limit or None))
    rows = [
        (
            short_sample(one.sample.sample_id),
            one.sample.key or "",
            streams[one.stream_no].source_id,
            short(streams[one.stream_no].session_id),
            one.epoch,
            one.batch_no,
            one.position,
            one.sample.content_type,
            one.sample.byte_size,
        )
        for one in shown
    ]
    told = [
        asdict(one.sample)
        | {
            "session_id": streams[one.stream_no].session_id,
            "source_id": streams[one.stream_no].source_id,
            "rank": streams[one.stream_no].rank,
            "stream_no": one.stream_no,
            "epoch": one.epoch,
            "batch_no": one.batch_no,
            "position": one.position,
        }
        for one in shown
    ]
    headings = ("sample", "key", "source", "session", "epoch", "batch", "row", "type", "bytes")
    chosen.output.table(headings, rows, {"samples": len(found), "shown": told})
    chosen.output.left_out(len(found) - len(shown))
