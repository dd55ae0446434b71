"""The command ``origin``: its options, its commands, and how it ends."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn

import typer

from origin._version import __version__
from origin.cli import (
    asking,
    batches,
    bundling,
    comparing,
    demo,
    handover,
    keys,
    licensing,
    models,
    page,
    proving,
    sessions,
    upkeep,
    watching,
)
from origin.cli.grouping import Command, Grouped
from origin.cli.output import Output, database_path, fingerprint_key_path
from origin.cli.picking import Chosen
from origin.core.wording import one_line
from origin.errors import (
    BatchNotFoundError,
    DatabaseNotFoundError,
    LicenseNotFoundError,
    OriginError,
    SampleNotFoundError,
    SessionNotFoundError,
    SourceNotFoundError,
)

DONE, FAILED, NOT_FOUND, STOPPED = 0, 1, 2, 130

_NOT_FOUND = (
    BatchNotFoundError,
    DatabaseNotFoundError,
    LicenseNotFoundError,
    SampleNotFoundError,
    SessionNotFoundError,
    SourceNotFoundError,
)

# They may stand behind the command as well.
_FLAGS, _VALUED = ("--json", "--quiet", "-q", "--debug"), ("--path", "--fingerprint-key")

app = typer.Typer(
    name="origin",
    cls=Grouped,
    rich_markup_mode=None,
    help="What a training run was given: look it up, check it, hand it over.",
    epilog="Example: origin status. --path, --fingerprint-key, --json, --quiet and --debug may "
    "also stand behind the command. Exit codes: 0 done, 1 error, 2 not found, or a policy failed.",
    no_args_is_help=True,
    context_settings={"max_content_width": 100},
    pretty_exceptions_enable=False,
)

# In the order in which a newcomer meets them.
_PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Start": (demo.demo, sessions.init, sessions.status, sessions.sessions, sessions.inspect,
              watching.watch, page.ui),
    "Ask": (batches.query, asking.trace, batches.batch, batches.batches, comparing.diff,
            comparing.audit, comparing.overlap, asking.sql),
    "Licenses": (licensing.licenses, licensing.conflicts, licensing.notice),
    "Hand over": (handover.card, handover.report, handover.export),
    "Prove": (proving.sign, proving.heads, proving.verify, bundling.bundle, bundling.attest),
    "Look after": (upkeep.check, upkeep.seal, upkeep.end, upkeep.version),
}  # fmt: skip

for panel, commands in _PANELS.items():
    for command in commands:
        app.command(cls=Command, rich_help_panel=panel)(command)
app.add_typer(licensing.policy, name="policy", rich_help_panel="Licenses")
app.add_typer(models.model, name="model", rich_help_panel="Hand over")
app.add_typer(proving.prove, name="prove", rich_help_panel="Prove")
app.add_typer(keys.keys, name="keys", rich_help_panel="Prove")


def _version(is_asked: bool) -> None:
    if is_asked:
        print(f"origin {__version__}")
        raise typer.Exit(DONE)


@app.callback()
def _options(
    context: typer.Context,
    path: Annotated[
        str | None,
        typer.Option(help="The database; else ORIGIN_DB_PATH, else ./provenance.db."),
    ] = None,
    fingerprint_key: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="The key of private fingerprints; else ORIGIN_FINGERPRINT_KEY."
        ),
    ] = None,
    is_json: Annotated[bool, typer.Option("--json", help="Answers as JSON, whole.")] = False,
    is_quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Answers only.")] = False,
    is_debug: Annotated[bool, typer.Option("--debug", help="Show where errors come from.")] = False,
    is_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Which version.")
    ] = False,
) -> None:
    context.obj = Chosen(
        database_path(path),
        Output(is_json=is_json, is_quiet=is_quiet),
        fingerprint_key_path(fingerprint_key),
    )


def run(arguments: Sequence[str]) -> int:
    """Do what a command line says.

    Args:
        arguments: what stands behind ``origin``.

    Returns:
        The exit code.
    """
    try:
        code = typer.main.get_command(app).main(
            _options_first(arguments), prog_name="origin", standalone_mode=False
        )
        sys.stdout.flush()
    except OriginError as error:
        if "--debug" in arguments:
            raise
        print(f"origin: {one_line(_said(error))}", file=sys.stderr)
        return NOT_FOUND if isinstance(error, _NOT_FOUND) else FAILED
    except BrokenPipeError:
        # Whoever read has seen enough; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return _stopped()
    except Exception as error:
        return _ending(error, is_debug="--debug" in arguments)
    if code == STOPPED:
        return _stopped()
    return code if isinstance(code, int) else DONE


def _said(error: OriginError) -> str:
    if isinstance(error, DatabaseNotFoundError):
        return f"{error}: --path or ORIGIN_DB_PATH; `origin demo` makes one to play with"
    return str(error)


def _ending(error: Exception, *, is_debug: bool) -> int:
    """The end of a command line that the parser refused, somebody stopped, or we got wrong."""
    if type(error).__name__ == "Abort":
        return _stopped()
    said: Any = getattr(error, "format_message", None)
    if said is not None:
        return _refused(error, said())
    if is_debug:
        raise error
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        print(f"origin: {one_line(f'{where}{error.strerror}')}", file=sys.stderr)
        return FAILED
    what = one_line(f"{type(error).__name__}: {error}")
    print(f"origin: {what}; --debug shows more, and it should be reported", file=sys.stderr)
    return FAILED


def _refused(error: Any, text: str) -> int:
    """The end of a command line that the parser refused."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return FAILED
    context = getattr(error, "ctx", None)
    command = "origin" if context is None else context.command_path
    print(f"origin: {one_line(text).rstrip('.')}; see {command} --help", file=sys.stderr)
    return FAILED


def _stopped() -> int:
    print("origin: stopped", file=sys.stderr)
    return STOPPED


def _options_first(arguments: Sequence[str]) -> list[str]:
    """The same with the options of all commands in front, where the parser looks for them."""
    first: list[str] = []
    rest: list[str] = []
    following = iter(arguments)
    for one in following:
        if one == "--":
            rest += [one, *following]
        elif one in _FLAGS or one.startswith(tuple(f"{name}=" for name in _VALUED)):
            first.append(one)
        elif one in _VALUED:
            first += [one, *[value for value in [next(following, None)] if value is not None]]
        else:
            rest.append(one)
    return [*first, *rest]


def main() -> NoReturn:
    """The entry point."""
    sys.exit(run(sys.argv[1:]))
