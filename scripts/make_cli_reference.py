"""Write docs/cli.md from the help texts of the command ``origin``."""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from origin.cli.main import app

PATH = Path(__file__).parents[1] / "docs/cli.md"

HEAD = """# The command `origin`

Generated from the help texts by `scripts/make_cli_reference.py`.
[Quickstart](quickstart.md) shows it at work.

```
origin [OPTIONS] COMMAND [ARGUMENTS]
```

A session is named by its id, by a beginning of it that no other session has, or as `latest`; a
sample by 4 or more digits of its fingerprint. Answers are tables for people, lines with tabs in a
pipe, and JSON with `--json`. A list ends where `--limit` says. What is no answer goes to standard
error.

Exit codes: 0 done, 1 error, 2 not found, or a policy failed, 130 stopped by Ctrl-C. An error is one
line that says what to do.

Options of all commands; `--path`, `--fingerprint-key`, `--json`, `--quiet` and `--debug` may also
stand behind them:
"""


def reference() -> str:
    """The whole document."""
    command: Any = typer.main.get_command(app)
    lines = [HEAD, *_options(command)]
    panels: dict[str, list[tuple[str, Any]]] = {}
    for name, one in command.commands.items():
        panels.setdefault(one.rich_help_panel, []).append((name, one))
    for panel, commands in panels.items():
        lines += ["", f"## {panel}"]
        for name, one in commands:
            parts = [(f"{name} {part}", two) for part, two in getattr(one, "commands", {}).items()]
            for whole, two in parts or [(name, one)]:
                lines += ["", *_section(whole, two)]
    return "\n".join(lines) + "\n"


def _section(name: str, command: Any) -> Iterator[str]:
    """What is said of one command."""
    text, _, example = inspect.cleandoc(command.help).partition("Example: ")
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    placed = [_name(one) if one.required else f"[{_name(one)}]" for one in arguments]
    yield f"### origin {name}"
    yield ""
    yield from text.strip().splitlines()
    yield ""
    yield "```"
    yield " ".join(["origin", name, *placed])
    yield "```"
    yield ""
    rows = [f"| `{_name(one)}` | {_told(one)} |" for one in arguments]
    rows += _options(command)[2:]
    if rows:
        yield from ("| | |", "|---|---|", *rows, "")
    yield f"Example: `{' '.join(example.split())}`"


def _options(command: Any) -> list[str]:
    """A table of options."""
    own = [one for one in command.params if one.param_type_name == "option"]
    return ["| | |", "|---|---|", *(f"| {_names(one)} | {_told(one)} |" for one in own)]


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper()) + ("…" if argument.nargs == -1 else "")


def _names(option: Any) -> str:
    names = ", ".join(f"`{one}`" for one in option.opts)
    return names if option.is_flag else f"{names} {(option.metavar or option.name).upper()}"


def _told(param: Any) -> str:
    default = param.default
    is_told = default not in (None, False, "", [], ()) and not callable(default)
    shown = ", ".join(default) if isinstance(default, list) else default
    text = " ".join((param.help or "").split()).replace("|", "\\|")
    return f"{text} Default: `{shown}`." if is_told else text


def main() -> int:
    """Write it, or with ``--check`` tell whether it is as it would be written."""
    if "--check" in sys.argv:
        return 0 if PATH.read_text(encoding="utf-8") == reference() else 1
    PATH.write_text(reference(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
