"""The command ``origin`` as a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from terminals import Terminal

# Ctrl-C reaches it also where tests run in the background, which ignores it.
_CODE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from origin.cli.main import main
main()
"""
COMMAND = [sys.executable, "-c", _CODE]


def environment(**more: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name != "ORIGIN_DB_PATH"}
    return {**own, "COLUMNS": "100", "NO_COLOR": "1", **more}


class Origin:
    """Runs ``origin`` in a folder, and checks how it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self, *arguments: object, code: int = 0, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env=environment(**more),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        if code:
            assert "Traceback" not in done.stderr
        return done

    def begun(self, *arguments: object, **more: str) -> "subprocess.Popen[str]":
        """The same without waiting for its end."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env=environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def at_terminal(self, *arguments: object, complaints: bool = False) -> Terminal:
        """The same at a terminal."""
        return Terminal(
            [*COMMAND, *map(str, arguments)], self.folder, environment(), complaints=complaints
        )

    def told(self, *arguments: object, code: int = 0) -> Any:
        """What it tells a program."""
        return json.loads(self(*arguments, "--json", code=code).stdout)


def rows(done: "subprocess.CompletedProcess[str]") -> list[dict[str, str]]:
    """The table that it printed last."""
    lines = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    return [dict(zip(lines[0], one, strict=True)) for one in lines[1:]]
