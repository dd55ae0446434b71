"""Commands that sign what is on record, prove something of it, and check what others proved."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from origin.cli.arguments import Limit, Session, Target
from origin.cli.asking import wanted_sample
from origin.cli.grouping import Command, Grouped
from origin.cli.picking import Chosen, picked
from origin.errors import ConfigurationError, ProofError, StorageError

if TYPE_CHECKING:
    from origin.core.note import Note, PublicKey
    from origin.proof.keys import SigningKey
    from origin.verify import Verdict

prove = typer.Typer(
    cls=Grouped,
    help="Prove something of a session to people who have neither the database nor reason to "
    "trust its holder.",
    no_args_is_help=True,
)

Key = Annotated[
    Path | None,
    typer.Option(
        help="The signing key; else ORIGIN_SIGNING_KEY. Its passphrase is ORIGIN_KEY_PASSPHRASE, "
        "or is asked for."
    ),
]
_SAMPLE = Annotated[
    str | None, typer.Argument(help="A fingerprint, 64 hex digits, or its beginning.")
]
_FILE = Annotated[Path | None, typer.Option(help="The sample is what this file holds.")]
_TEXT = Annotated[str | None, typer.Option(help="The sample is this text.")]


def signing_key(given: Path | None) -> "SigningKey":
    """The key that is to sign.

    Raises:
        ConfigurationError: none is named.
        SigningKeyError: it cannot be read.
    """
    from origin.proof.keys import SigningKey

    named = given or os.environ.get("ORIGIN_SIGNING_KEY")
    if not named:
        raise ConfigurationError(
            "which key is to sign? --key, or ORIGIN_SIGNING_KEY; `origin keys new` makes one"
        )
    path = Path(named)
    passphrase = None
    if SigningKey.is_encrypted(path) and not os.environ.get("ORIGIN_KEY_PASSPHRASE"):
        passphrase = typer.prompt(f"Passphrase of {path}", hide_input=True, err=True)
    return SigningKey.load(path, passphrase)


def sign(
    context: typer.Context,
    session: Session,
    key: Key = None,
    send: Annotated[
        Path | None, typer.Option(help="Also add the signed head to this file, out of reach.")
    ] = None,
) -> None:
    """Sign what is on record of a session, and print the signed head.

    Give the head to others: only copies out of your reach bind you.

    Example: origin sign latest --key team.key --send heads.txt
    """
    from origin.proof.signer import Signer

    chosen: Chosen = context.obj
    own_key = signing_key(key)
    with chosen.existing() as db, chosen.output.working("signing"):
        found = Signer(db, own_key, send=send).sign(picked(db, session))
    if chosen.output.is_json:
        chosen.output.json({"session_id": found.session_id, "head": str(found)})
    else:
        chosen.output.text(str(found))


def heads(context: typer.Context, session: Session) -> None:
    """The heads of a session that were signed, the newest last.

    Example: origin heads latest
    """
    from origin.proof.signer import heads as found_heads

    chosen: Chosen = context.obj
    with chosen.database() as db:
        own = picked(db, session)
        found = found_heads(db, own)
    if chosen.output.is_json:
        chosen.output.json({"session_id": own.session_id, "heads": [str(one) for one in found]})
    elif not found:
        chosen.output.note(f"session {own.session_id} was never signed: origin sign")
    else:
        chosen.output.text("\n".join(map(str, found)))


@prove.command("inclusion", cls=Command)
def inclusion(
    context: typer.Context,
    session: Session,
    sample: _SAMPLE = None,
    file: _FILE = None,
    text: _TEXT = None,
    output: Target = None,
) -> None:
    """Prove that a sample was at a position of a batch.

    Example: origin prove inclusion 3f9c --file essay.txt -o included.proof
    """
    from origin.proof.prover import Prover
    from origin.query.engine import QueryEngine

    chosen: Chosen = context.obj
    with chosen.database() as db:
        wanted = wanted_sample(QueryEngine(db), db, sample, file, text)
        found = Prover(db).prove_inclusion(picked(db, session), bytes.fromhex(wanted))
    _written(chosen, found.text(), output)


@prove.command("absence", cls=Command)
def absence(
    context: typer.Context,
    session: Session,
    sample: Annotated[str | None, typer.Argument(help="A fingerprint, 64 hex digits.")] = None,
    file: _FILE = None,
    text: _TEXT = None,
    output: Target = None,
) -> None:
    """Prove that no sample of a session has a fingerprint.

    The session has ended, and was signed since.

    Example: origin prove absence latest --text "never written" -o absent.proof
    """
    from origin.proof.prover import Prover
    from origin.query.engine import QueryEngine

    chosen: Chosen = context.obj
    if sample is not None and len(sample) < 64:
        raise ConfigurationError("give all 64 hex digits, --file or --text: nothing is looked up")
    with chosen.database() as db:
        wanted = wanted_sample(QueryEngine(db), db, sample, file, text)
        found = Prover(db).prove_absence(picked(db, session), bytes.fromhex(wanted))
    _written(chosen, found.text(), output)


@prove.command("consistency", cls=Command)
def consistency(
    context: typer.Context,
    head: Annotated[Path, typer.Argument(help="A file with an earlier signed head.")],
    output: Target = None,
) -> None:
    """Prove that an earlier signed head is a beginning of what is signed now.

    Example: origin prove consistency heads.txt -o consistent.proof
    """
    from origin.proof.prover import Prover, read_head

    chosen: Chosen = context.obj
    with chosen.database() as db:
        found = Prover(db).prove_consistency(read_head(_read(head)))
    _written(chosen, found.text(), output)


def _written(chosen: Chosen, text: str, path: Path | None) -> None:
    if chosen.output.is_json and path is None:
        chosen.output.json({"proof": text})
        return
    chosen.output.text(text, path)
    if path is not None:
        chosen.output.note(f"check it: origin verify {path} --key KEY.pub")


def verify(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="A proof, a file of signed heads, a statement or a bundle.")
    ],
    key: Annotated[
        list[str],
        typer.Option(help="A public key that you trust: its file, or its line. Several: any."),
    ],
    succession: Annotated[
        list[Path] | None,
        typer.Option(help="A file in which a trusted key names the one that follows it."),
    ] = None,
    holds_record: Annotated[
        bool, typer.Option("--record", help="Hold the database at --path against a signed head.")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(help="With a bundle: which recorded samples are in this data set."),
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="This column of the data set is the sample, not its rows.")
    ] = None,
    limit: Limit = 20,
) -> None:
    """Check a proof, a signed head, a statement or a bundle; no database is needed.

    With --record: the record is computed anew and held against the heads in the file,
    and what was edited since is told. The exit code is 1 when something does not hold.
    With --against: the data set is .jsonl, .json, .csv, .parquet, .txt or .npy.

    Example: origin verify absent.proof --key team.key.pub
    """
    from origin.cli.bundling import show_bundle
    from origin.verify import is_bundle, verify_text
    from origin.verify.envelope import is_envelope
    from origin.verify.forms import is_proof

    chosen: Chosen = context.obj
    keys = trusted_keys(key, succession or [])
    if is_bundle(file) and not holds_record:
        show_bundle(chosen, file, keys, against, column, limit)
        return
    if against is not None:
        raise ConfigurationError("--against goes with a bundle, and not with --record")
    told = _read(file)
    if holds_record:
        _hold(chosen, _heads_in(told), keys)
    elif is_proof(told) or is_envelope(told):
        _show(chosen, [verify_text(told, keys)])
    else:
        _show(chosen, [verify_text(str(note), keys) for note in _heads_in(told)])


def _heads_in(told: str) -> "list[Note]":
    from origin.core.note import Note

    notes = Note.parse_many(told)
    if not notes:
        raise ProofError("there is neither a proof nor a signed head in it")
    return notes


def _hold(chosen: Chosen, notes: "list[Note]", keys: "list[PublicKey]") -> None:
    from origin.core.note import Head
    from origin.proof.examining import begins, examine

    for note in notes:
        note.signers(keys)
    # The largest head of a session stands for all before it, if they are its beginning.
    heads = sorted(notes, key=lambda note: Head.parse(note.text).size)
    largest = {Head.parse(note.text).origin: note for note in heads}
    earlier = [note for note in dict.fromkeys(heads) if note not in largest.values()]
    with chosen.database() as db, chosen.output.working("computing the record anew"):
        found = [examine(db, note) for note in largest.values()]
        found += [one for one in (begins(db, note) for note in earlier) if not one.ok]
    if chosen.output.is_json:
        chosen.output.json({"ok": all(one.ok for one in found), "heads": [_told(o) for o in found]})
    else:
        chosen.output.lines("\n".join(map(str, found)))
    if not all(one.ok for one in found):
        raise typer.Exit(1)


def _told(found: Any) -> dict[str, Any]:
    return {
        "session_id": found.session_id,
        "ok": found.ok,
        "batches": found.batches,
        "observations": found.observations,
        "differences": [
            {"kind": one.kind, "stream": one.stream, "batch": one.batch, "text": one.text}
            for one in found.differences
        ],
    }


def _show(chosen: Chosen, verdicts: "list[Verdict]") -> None:
    if chosen.output.is_json:
        told = [one.to_dict() for one in verdicts]
        chosen.output.json(told[0] if len(told) == 1 else told)
    else:
        chosen.output.lines("\n\n".join(map(str, verdicts)))


def trusted_keys(given: list[str], successions: list[Path]) -> "list[PublicKey]":
    """The public keys that somebody trusts.

    Args:
        given: paths of their files, or their lines.
        successions: files in which they name those that follow them.

    Raises:
        SigningKeyError: one is none.
        ProofError: a succession does not hold.
    """
    from origin.core.note import Note, PublicKey
    from origin.core.succession import followed
    from origin.verify import read_keys

    keys: list[PublicKey] = []
    for one in given:
        keys += read_keys(one) if Path(one).exists() else [PublicKey.parse(one)]
    return followed(keys, [Note.parse(_read(path)) for path in successions])


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise ProofError(f"{path} is no text") from None
