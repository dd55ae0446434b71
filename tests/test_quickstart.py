"""docs/quickstart.md does what it says: its blocks run in order, and print what it shows."""

import os
import re
import sys
from pathlib import Path

import pytest
from terminals import Terminal

DOCUMENT = Path(__file__).parents[1] / "docs/quickstart.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks():
    return BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))


def loosened(text):
    """What is printed, but for what differs from run to run, and what a document cannot show."""
    for pattern, name in (
        (r"\x1b\[[0-9;]*m", ""),  # bold headings, at a terminal
        (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<session>"),
        (r"(?<=session )[0-9a-f]{8}\b|(?m:^ [0-9a-f]{8}(?=  ))", "<session>"),
        (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?( UTC|\+00:00)", "<time>"),
        (r"\b\d+\.\d seconds\b|\b1 second\b", "<duration>"),
    ):
        text = re.sub(pattern, name, text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.fixture
def shell(tmp_path):
    """A shell at a terminal, with ``origin`` and ``python`` as an installation has them."""
    programs = tmp_path / "bin"
    programs.mkdir()
    command = "from origin.cli.main import main\nmain()\n"
    for name, code in (("origin", f"#!{sys.executable}\n{command}"),
                       ("python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')):  # fmt: skip
        (programs / name).write_text(code)
        (programs / name).chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    own = {name: value for name, value in os.environ.items() if name != "ORIGIN_DB_PATH"}
    told = {**own, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1",
            "COLUMNS": "100"}  # fmt: skip

    def shell(script):
        terminal = Terminal(["/bin/bash", "-e", "-c", script], work, told)
        printed = terminal.rest()
        assert terminal.process.returncode == 0, printed
        return printed

    shell.folder = work
    return shell


def test_it_does_what_it_says(shell):
    printed = ""
    for kind, name, text in blocks():
        if name:
            (shell.folder / name).write_text(text, encoding="utf-8")
        elif kind == "bash" and text.startswith("pip install"):
            continue  # this is what the tests run on
        elif kind == "bash":
            printed = shell(text)
        elif kind == "text":
            assert loosened(printed) == loosened(text)
            printed = ""
    assert not printed
    assert (shell.folder / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_it_has_all_kinds_of_blocks():
    kinds = [kind for kind, _, _ in blocks()]
    assert kinds.count("text") >= 6
    assert kinds.count("bash") == kinds.count("text") + 2  # pip, and a script that prints nothing
    assert {kind for kind, name, _ in blocks() if not name} == {"bash", "text", "diff"}


def test_what_differs_otherwise_is_seen():
    assert loosened("session 3f9c1234 began") == loosened("session 00000000 began")
    assert loosened("took 0.4 seconds") == loosened("took 12.0 seconds")
    assert loosened("2 samples") != loosened("3 samples")
