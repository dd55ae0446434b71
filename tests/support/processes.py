"""Real processes that run a script with the package and the tests' helpers at hand."""

import os
import subprocess
import sys
from pathlib import Path

import origin

HERE = Path(__file__).parent
SOURCES = Path(origin.__file__).parents[1]


def start(script: str, *arguments: object) -> "subprocess.Popen[str]":
    """A real Python process that runs a script, with pipes to and from it."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(SOURCES), str(HERE)))},
    )
