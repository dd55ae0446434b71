"""Commands that hand over what proves a session: as one file, or as a statement of its model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from origin.cards.figures import human_size
from origin.cli.arguments import Session, Target
from origin.cli.picking import Chosen, picked
from origin.cli.proving import Key, signing_key
from origin.core.wording import many

if TYPE_CHECKING:
    from origin.core.note import PublicKey
    from origin.proof.against import Against


def bundle(
    context: typer.Context,
    session: Session,
    output: Annotated[Path, typer.Option("--output", "-o", help="Into this file.")],
    key: Key = None,
    fingerprints: Annotated[
        bool, typer.Option("--fingerprints", help="With the fingerprints of all samples.")
    ] = False,
) -> None:
    """Write the signed record of a session as one file, which others can check.

    With --fingerprints they can compute every batch anew, and look for samples.
    The session has to be signed by the same key.

    Example: origin bundle latest -o run.origin --key team.key
    """
    from origin.proof.bundle import write_bundle

    chosen: Chosen = context.obj
    own_key = signing_key(key)
    with chosen.database() as db, chosen.output.working(f"writing {output}"):
        found = write_bundle(db, picked(db, session), output, own_key, fingerprints=fingerprints)
    if chosen.output.is_json:
        chosen.output.json(
            {
                "session_id": found.session_id,
                "path": str(output),
                "members": list(found.members),
                "bytes": found.byte_size,
            }
        )
        return
    size = human_size(found.byte_size)
    chosen.output.lines(f"{many(len(found.members), 'member')}, {size} written to {output}")
    chosen.output.note(f"check it: origin verify {output} --key KEY.pub")


def attest(
    context: typer.Context, session: Session, key: Key = None, output: Target = None
) -> None:
    """State which files a session's model is, and what it was given, and sign that.

    An in-toto statement with a SLSA provenance, in a DSSE envelope. The session has to be
    signed by the same key, and its model recorded by `origin model add`.

    Example: origin attest latest --key team.key -o model.dsse.json
    """
    from origin.proof.statement import attest as signed_statement

    chosen: Chosen = context.obj
    own_key = signing_key(key)
    with chosen.database() as db:
        text = signed_statement(db, picked(db, session), own_key)
    # The envelope is JSON, for people and for programs.
    chosen.output.text(text, output)


def show_bundle(
    chosen: Chosen,
    file: Path,
    keys: "list[PublicKey]",
    dataset: Path | None,
    column: str | None,
    limit: int,
) -> None:
    """Check a bundle, and hold it against a data set if there is one."""
    from origin.cli.datasets import values_in
    from origin.proof.against import hold_against
    from origin.verify import verify_bundle

    with chosen.output.working("computing the record anew"):
        report = verify_bundle(file, keys)
    told: dict[str, Any] = report.to_dict()
    if dataset is None or not report.ok:
        if chosen.output.is_json:
            chosen.output.json(told)
        else:
            chosen.output.lines(str(report))
        if not report.ok:
            raise typer.Exit(1)
        return
    most = None if chosen.output.is_json else limit or None
    with chosen.output.working("looking up"):
        found = hold_against(
            file,
            values_in(dataset, column),
            fingerprint_key=chosen.fingerprint_key,
            limit=most,
        )
    if chosen.output.is_json:
        chosen.output.json({**told, "against": _told(found)})
        return
    chosen.output.lines(f"{report}\n\n{found}")
    _list(chosen, found)


def _list(chosen: Chosen, found: "Against") -> None:
    rows: list[tuple[Any, ...]] = [(one, "yes", row) for one, row in found.present]
    rows += [(one, "no", "") for one in found.absent]
    if rows:
        chosen.output.table(("sample", "in the data set", "row"), rows, None)
    chosen.output.left_out(found.recorded - len(rows))


def _told(found: "Against") -> dict[str, Any]:
    return {
        "recorded": found.recorded,
        "found": found.found,
        "missing": found.missing,
        "given": found.given,
        "rows": found.rows,
        "present": [{"sample_id": one, "row": row} for one, row in found.present],
        "absent": list(found.absent),
    }
