"""Commands about licenses."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from origin.cli.arguments import Limit, OnlySession, Session, Target, short
from origin.cli.picking import Chosen, picked
from origin.errors import ConfigurationError

if TYPE_CHECKING:
    from origin.core.record import SessionRecord
    from origin.query.inuse import LicenseInUse
    from origin.storage.database import ProvenanceDatabase

# So many sessions are listed at a time.
_AT_ONCE = 200

policy = typer.Typer(
    help="Check a session against a policy.",
    epilog="Example: origin policy check latest --policy release.toml",
    no_args_is_help=True,
)


def licenses(
    context: typer.Context,
    license_id: Annotated[
        str | None, typer.Argument(metavar="LICENSE", help="Tell all that is known of this one.")
    ] = None,
) -> None:
    """The licenses on record: who uses them, what they permit.

    Example: origin licenses CC-BY-4.0
    """
    from origin.query.engine import QueryEngine

    chosen: Chosen = context.obj
    with chosen.database() as db:
        engine = QueryEngine(db)
        if license_id is not None:
            one = engine.license_in_use(license_id)
            if chosen.output.is_json:
                chosen.output.json(_told(one))
            else:
                chosen.output.lines(str(one))
            return
        found = engine.licenses_in_use()
    headings = ("license", "sources", "sessions", "seen", "permits", "rules out", "asks for")
    rows = [
        (
            one.license_id,
            len(one.sources),
            one.sessions,
            one.observations,
            ", ".join(one.permits) or "not known",
            ", ".join(one.rules_out),
            ", ".join(one.asks_for),
        )
        for one in found
    ]
    chosen.output.table(headings, rows, [_told(one) for one in found])


def _told(one: "LicenseInUse") -> dict[str, Any]:
    return {
        "license_id": one.license_id,
        "sources": one.sources,
        "sessions": one.sessions,
        "observations": one.observations,
        "permissions": {word: grant.value for word, grant in one.terms.permissions.items()},
        "rules_out": one.rules_out,
        "asks_for": one.asks_for,
        "description": one.description,
    }


def conflicts(
    context: typer.Context,
    session: OnlySession = None,
    use: Annotated[str | None, typer.Option(help="Only against this use.")] = None,
    limit: Limit = 50,
) -> None:
    """License conflicts: what the rules find, and about which sources.

    Of one session, or of all, the newest first.

    Example: origin conflicts --session latest --use distribute-weights-commercially
    """
    from origin.core.license import LicenseAnalyzer

    chosen: Chosen = context.obj
    with chosen.database() as db, chosen.output.working("reading licenses"):
        analyzer = LicenseAnalyzer(db)
        sessions = _conflicting(db) if session is None else iter([picked(db, session)])
        every = ((own, one) for own in sessions for one in analyzer.find_conflicts(own, use))
        # One more tells that there are more.
        found = list(islice(every, limit + 1 if limit else None))
    shown = found[: limit or None]
    chosen.output.table(
        ("session", "severity", "against", "what was found"),
        [
            (
                short(own.session_id),
                "settled" if one.settled else one.severity,
                one.use,
                str(one).partition(": ")[2],
            )
            for own, one in shown
        ],
        [
            one.to_dict() | {"session_id": own.session_id, "settled": one.settled is not None}
            for own, one in shown
        ],
    )
    if len(found) > len(shown):
        chosen.output.note("and more; --limit 0 shows all")
    if not found:
        chosen.output.note("nothing was found")


def _conflicting(db: "ProvenanceDatabase") -> "Iterator[SessionRecord]":
    """The sessions that may have conflicts, the newest first."""
    at = 0
    while entries := db.overview.sessions(conflicting=True, limit=_AT_ONCE, offset=at).entries:
        yield from (one.session for one in entries)
        at += len(entries)


@policy.command("check")
def policy_check(
    context: typer.Context,
    session: Session = "latest",
    file: Annotated[
        Path | None,
        typer.Option("--policy", help="A TOML file; else the policy it was begun with."),
    ] = None,
) -> None:
    """Check a session against a policy.

    It prints what was found; the exit code is 2 when the policy fails.

    Example: origin policy check latest --policy release.toml
    """
    from origin.core.license import LicenseAnalyzer

    chosen: Chosen = context.obj
    with chosen.database() as db:
        own = picked(db, session)
        if file is None and db.licensing.policy(own.session_id) is None:
            raise ConfigurationError(
                f"session {own.session_id} was begun without a policy; give one: --policy FILE"
            )
        found = LicenseAnalyzer(db).check_policy(own, file)
    if chosen.output.is_json:
        chosen.output.json(
            {
                "session_id": found.session_id,
                "passed": found.passed,
                "use": found.policy.use,
                "findings": [
                    one.to_dict() | {"settled": one.settled is not None} for one in found.findings
                ],
            }
        )
    else:
        chosen.output.lines(str(found))
    raise typer.Exit(found.exit_code)


def notice(context: typer.Context, session: Session = "latest", output: Target = None) -> None:
    """The notice that licenses such as CC BY and MIT ask for.

    Example: origin notice latest -o NOTICE
    """
    from origin.core.license import LicenseAnalyzer

    chosen: Chosen = context.obj
    with chosen.database() as db:
        text = str(LicenseAnalyzer(db).attribution(picked(db, session)))
    chosen.output.text(text, output)
