"""`Output`: what a command found, as a table for people, as plain text in a pipe, or as JSON."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from origin.cards.markdown import visible

# Texts of so many characters stay on their line in tables.
_SHORT = 12


class Output:
    """Where the answers of commands go.

    Args:
        is_json: whether programs read them.
        is_quiet: whether to leave out all but answers.
    """

    def __init__(self, *, is_json: bool = False, is_quiet: bool = False) -> None:
        self.is_json, self._is_quiet = is_json, is_quiet

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], told: Any) -> None:
        """Show rows.

        Args:
            columns: their headings.
            rows: for people.
            told: the same for programs, as JSON types.
        """
        if self.is_json:
            self.json(told)
            return
        if sys.stdout.isatty():
            _rich_table(columns, [tuple(row) for row in rows])
            return
        # Whoever reads a pipe wants numbers without commas.
        for line in (columns, *rows):
            print("\t".join(visible(str(one)) for one in line))

    def facts(self, lines: Iterable[tuple[str, object]], told: Any) -> None:
        """Show names with what they stand for.

        Args:
            lines: for people.
            told: the same for programs, as JSON types.
        """
        if self.is_json:
            self.json(told)
            return
        shown = [(name, _cell(value)) for name, value in lines]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            print(f"{name:<{width}}  {value}")

    def lines(self, text: str) -> None:
        """Show lines that a person reads."""
        for line in text.splitlines():
            print(visible(line))

    def json(self, told: Any) -> None:
        """Show something to a program."""
        # Exports know the whole record; most commands do without.
        from origin.export.texts import json_text, to_form

        print(json_text(to_form(told), pretty=True))

    def json_line(self, told: Any) -> None:
        """Show something to a program that reads line by line."""
        from origin.export.texts import json_text, to_form

        print(json_text(to_form(told)))

    def text(self, text: str, path: Path | None = None) -> None:
        """Show a text, or write it to a file."""
        from origin.export.files import replacing
        from origin.export.texts import plain

        if path is not None:
            with replacing(path) as file:
                file.write(plain(text).encode())
            self.note(f"written to {path}")
            return
        sys.stdout.write(plain(text) if text.endswith("\n") else f"{plain(text)}\n")

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Show a person at a terminal, while the block runs, that something is being done."""
        if self._is_quiet or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False),
                   TimeElapsedColumn())  # fmt: skip
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            progress.add_task(visible(text), total=None)
            yield

    def left_out(self, number: int) -> None:
        """Say how many rows were not shown."""
        if number > 0:
            self.note(f"and {number:,} more; --limit 0 shows all")

    def note(self, text: str) -> None:
        """Say something that is no answer."""
        if not self._is_quiet:
            print(visible(text), file=sys.stderr)


def told_of(record: Any) -> Any:
    """A record as JSON types, whole: its public fields, and theirs; bytes as hex digits."""
    if is_dataclass(record):
        names = [one.name for one in fields(record) if not one.name.startswith("_")]
        return {name: told_of(getattr(record, name)) for name in names}
    if isinstance(record, Mapping):
        return {str(name): told_of(one) for name, one in record.items()}
    if isinstance(record, list | tuple):
        return [told_of(one) for one in record]
    return record.hex() if isinstance(record, bytes) else record


def _cell(value: object) -> str:
    return visible(f"{value:,}" if isinstance(value, int) else str(value))


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold")
    for at, name in enumerate(columns):
        is_number = all(isinstance(row[at], int | float) for row in rows)
        # What is short, such as an id, is copied from there, and must not be folded.
        is_short = all(len(_cell(row[at])) <= _SHORT for row in rows)
        table.add_column(
            name,
            overflow="fold",
            justify="right" if is_number else "left",
            no_wrap=is_short,
        )
    for row in rows:
        table.add_row(*(Text(_cell(one)) for one in row))
    Console(highlight=False).print(table)


def database_path(given: str | None) -> Path:
    """Where the database is: as given, else ``ORIGIN_DB_PATH``, else ``./provenance.db``."""
    return Path(given or os.environ.get("ORIGIN_DB_PATH") or "provenance.db")


def fingerprint_key_path(given: str | None) -> str | None:
    """Where the key of private fingerprints is: as given, else ``ORIGIN_FINGERPRINT_KEY``."""
    return given or os.environ.get("ORIGIN_FINGERPRINT_KEY") or None
