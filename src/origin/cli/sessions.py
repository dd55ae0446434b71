"""Commands about the database and its sessions."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from origin.cards.figures import duration_of, human_size, human_time
from origin.cli.arguments import STATUSES, Limit, Session, proposed_statuses, short
from origin.cli.batches import show_batches, show_samples
from origin.cli.picking import Chosen, picked
from origin.core.wording import many
from origin.errors import ConfigurationError

if TYPE_CHECKING:
    from origin.cards.facts import RunFacts
    from origin.storage.overview import SessionEntry


def init(context: typer.Context) -> None:
    """Make a database, if there is none.

    Example: origin init --path runs.db
    """
    chosen: Chosen = context.obj
    is_new = not chosen.path.exists()
    with chosen.database(read_only=False) as db:
        chosen.output.note(f"{'made' if is_new else 'there already:'} {db.path}")


def status(context: typer.Context) -> None:
    """What is in the database, in a few lines.

    Example: origin status
    """
    chosen: Chosen = context.obj
    with chosen.database() as db:
        found = db.list_sessions()
        batches, observations, size = db.overview.seen()
        sources = len(db.list_sources())
    counts = {name: sum(one.status == name for one in found) for name in STATUSES}
    incomplete = sum(not one.complete for one in found)
    told = {
        "path": str(chosen.path),
        "sessions": len(found),
        **counts,
        "incomplete": incomplete,
        "sources": sources,
        "batches": batches,
        "observations": observations,
        "bytes": size,
        "latest": found[0].session_id if found else None,
    }
    kinds = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    seen = f"{many(observations, 'observation')} in {many(batches, 'batch')} ({human_size(size)})"
    lines: list[tuple[str, object]] = [
        ("Database", chosen.path),
        ("Sessions", f"{len(found):,}" + (f" ({kinds})" if kinds else "")),
        ("Not complete", incomplete),
        ("Sources", sources),
        ("Seen", seen),
    ]
    if found:
        lines.append(("Latest", f"{found[0].session_id} {found[0].status}"))
    chosen.output.facts(lines, told)


def sessions(
    context: typer.Context,
    limit: Limit = 20,
    status: Annotated[
        str | None,
        typer.Option(help=f"Only {', '.join(STATUSES)}.", autocompletion=proposed_statuses),
    ] = None,
) -> None:
    """The sessions, the newest first.

    Example: origin sessions --limit 5 --status completed
    """
    chosen: Chosen = context.obj
    if status is not None and status not in STATUSES:
        raise ConfigurationError(f"--status is one of {', '.join(STATUSES)}, not {status!r}")
    with chosen.database() as db:
        found = db.overview.sessions(status=status, limit=limit or -1)
    chosen.output.table(
        ("session", "status", "began", "duration", "complete", "observations", "configuration"),
        [
            (
                short(one.session.session_id),
                one.session.status,
                human_time(one.session.created_at),
                duration_of(one.session),
                "yes" if one.session.complete else "no",
                one.observations,
                one.session.config_hash,
            )
            for one in found.entries
        ],
        [_told(one) for one in found.entries],
    )
    chosen.output.left_out(found.total - len(found.entries))


def _told(one: "SessionEntry") -> dict[str, Any]:
    seen = {"batches": one.batches, "observations": one.observations, "bytes": one.bytes}
    return asdict(one.session) | {"complete": one.session.complete, **seen}


def inspect(
    context: typer.Context,
    session: Session = "latest",
    batches: Annotated[bool, typer.Option("--batches", help="Its batches, in order.")] = False,
    samples: Annotated[
        bool, typer.Option("--samples", help="Its samples, each where it was seen first.")
    ] = False,
    limit: Limit = 20,
) -> None:
    """What a session is and what went into it.

    Example: origin inspect latest
    """
    from origin.cards.facts import gather
    from origin.query.engine import QueryEngine

    chosen: Chosen = context.obj
    if batches and samples:
        raise ConfigurationError("give one of --batches and --samples")
    with chosen.database() as db:
        own = picked(db, session)
        if batches:
            show_batches(chosen, db, own, limit)
            return
        if samples:
            show_samples(chosen, db, QueryEngine(db).find_samples_by_source("*", own), limit)
            return
        facts = gather(db, own)
    _show_facts(chosen, facts)


def _show_facts(chosen: Chosen, facts: "RunFacts") -> None:
    from origin.core.wording import percent

    counts, own = facts.counts, facts.session
    seen = (
        f"{many(counts['epochs'], 'epoch')}, {many(counts['batches'], 'batch')}, "
        f"{many(counts['observations'], 'observation')} of "
        f"{many(counts['distinct_samples'], 'sample')} ({human_size(counts['bytes'])})"
    )
    lines: list[tuple[str, object]] = [
        ("Session", f"{own.session_id}  {own.status}"),
        ("Configuration", own.config_hash),
        ("Began", f"{human_time(own.created_at)}, duration: {duration_of(own)}"),
        ("Seen", seen),
        ("Record", facts.completeness.removeprefix("the record is ")),
    ]
    for one in facts.sources[:10]:
        source = f"{one.source.source_id}  {one.license}  {percent(one.share)}"
        lines.append(("Source", f"{source}, {many(one.samples, 'sample')}"))
    if len(facts.sources) > 10:
        lines.append(("", f"and {len(facts.sources) - 10:,} more"))
    lines += [("Licenses", one.text) for one in facts.verdicts]
    lines.append(("Fingerprint", facts.fingerprint))
    chosen.output.facts(lines, facts.to_dict())
