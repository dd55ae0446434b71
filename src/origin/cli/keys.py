"""Commands that make keys."""

import os
from pathlib import Path
from typing import Annotated

import typer

from origin.cli.grouping import Command, Grouped
from origin.cli.picking import Chosen
from origin.errors import SigningKeyError

keys = typer.Typer(
    cls=Grouped,
    help="Make keys.",
    epilog="Example: origin keys private fingerprint.key",
    no_args_is_help=True,
)

_NEW_FILE = Annotated[Path, typer.Argument(metavar="FILE", help="Where no file is yet.")]
_ASKED = Annotated[
    bool,
    typer.Option("--passphrase", help="Ask for one; ORIGIN_KEY_PASSPHRASE is taken unasked."),
]


@keys.command("new", cls=Command)
def keys_new(
    context: typer.Context,
    file: _NEW_FILE,
    name: Annotated[
        str, typer.Option(help="Whose it is, such as example.com/team; it stands in signatures.")
    ],
    asks: _ASKED = False,
) -> None:
    """Make a key that signs what is on record.

    Only you can read the file. FILE.pub is for everybody: by it others check what you
    signed. In FILE.heads is noted what the key signs, so that it never signs two histories:
    keep it with the key.

    Example: origin keys new team.key --name example.com/team
    """
    from origin.proof.keys import SigningKey

    passphrase = _new_passphrase(asks)
    key = SigningKey.new(file, name, passphrase)
    _tell(context, file, key.public.text)
    if passphrase is None:
        context.obj.output.note("the key is not encrypted; --passphrase asks for one")


@keys.command("rotate", cls=Command)
def keys_rotate(
    context: typer.Context,
    old: Annotated[Path, typer.Argument(help="The key that signed so far.")],
    file: _NEW_FILE,
    name: Annotated[str | None, typer.Option(help="Of the new key; else the same.")] = None,
    asks: _ASKED = False,
) -> None:
    """Make a key that follows another.

    By FILE.succession both keys say so: whoever trusts the old one can check with it
    what the new one signs.

    Example: origin keys rotate team.key team-2.key
    """
    from origin.cli.proving import signing_key

    key = signing_key(old).succeed(file, name, _new_passphrase(asks))
    _tell(context, file, key.public.text)


def _new_passphrase(asks: bool) -> str | None:
    known = os.environ.get("ORIGIN_KEY_PASSPHRASE")
    if known or not asks:
        return known or None
    given: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    if not given:
        raise SigningKeyError("a passphrase must not be empty")
    return given


def _tell(context: typer.Context, file: Path, public: str) -> None:
    chosen: Chosen = context.obj
    if chosen.output.is_json:
        chosen.output.json({"path": str(file), "public_key": public})
        return
    chosen.output.lines(public)
    chosen.output.note(f"written to {file}; for everybody: {file}.pub")


@keys.command("private", cls=Command)
def keys_private(
    context: typer.Context,
    file: _NEW_FILE,
) -> None:
    """Make a key for private fingerprints.

    Only you can read the file. It is never overwritten. Keep a copy in another place than the
    database: nobody can look samples up, or record more, without the key.

    Example: origin keys private fingerprint.key
    """
    from origin.core.fingerprintkey import write_key_file

    write_key_file(file)
    chosen: Chosen = context.obj
    if chosen.output.is_json:
        chosen.output.json({"path": str(file)})
        return
    chosen.output.lines(f"written to {file}; keep a copy, but not beside the database")
