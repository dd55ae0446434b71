"""A real terminal, as far as a program can tell: what it shows there differs from a pipe."""

import os
import pty
import subprocess
from collections.abc import Sequence
from pathlib import Path


class Terminal:
    """Runs a program whose output, and complaints if asked for, go to a terminal.

    Args:
        arguments: of the program.
        folder: where it runs.
        environment: its own.
        complaints: whether its complaints go there as well, or into a pipe.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: dict[str, str],
        *,
        complaints: bool = False,
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            arguments, cwd=folder, env={**environment, "TERM": "xterm"},
            stdin=subprocess.DEVNULL, stdout=theirs,
            stderr=theirs if complaints else subprocess.PIPE, text=True,
        )  # fmt: skip
        os.close(theirs)
        self.printed = ""

    def read_until(self, text: str) -> None:
        """Wait until it has shown a text."""
        while text not in self.printed:
            part = self._read()
            assert part, f"{text!r} is not in {self.printed!r}"

    def rest(self) -> str:
        """All that it showed, once it has ended; and then what it complained of."""
        while self._read():
            pass
        os.close(self._ours)
        _, notes = self.process.communicate(timeout=60)
        return self.printed + (notes or "")

    def _read(self) -> str:
        try:
            part = os.read(self._ours, 1 << 16).decode(errors="replace").replace("\r\n", "\n")
        except OSError:
            return ""  # so Linux tells that nobody writes any more
        self.printed += part
        return part
