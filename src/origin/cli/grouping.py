"""The commands in groups, as a newcomer looks for them, and no slower than they need to be."""

from inspect import cleandoc
from typing import Any

from typer.core import TyperCommand, TyperGroup


class _AsItIs:
    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        return value


def _lightened(params: list[Any]) -> list[Any]:
    """The same parameters; texts and flags are taken for what they are.

    Typer has pydantic look at each of them, and to load that takes a tenth of a second.
    """
    for one in params:
        if getattr(getattr(one, "type_descriptor", None), "annotation", None) in (str, bool):
            one._runtime_param = _AsItIs()
    return params


class Command(TyperCommand):
    """A command that begins at once."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters."""
        return _lightened(super().get_params(ctx))


class Grouped(TyperGroup):
    """Shows commands by their panels, as plain text.

    Rich boxes would take longer to load than most commands take.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters."""
        return _lightened(super().get_params(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each panel, in the order in which they come."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.commands[name]
            panel = getattr(command, "rich_help_panel", None)
            heading = panel if isinstance(panel, str) else "Commands"
            summary = cleandoc(command.help or "").partition("\n")[0]
            panels.setdefault(heading, []).append((name, summary))
        for heading, rows in panels.items():
            with formatter.section(heading):
                formatter.write_dl(rows)
