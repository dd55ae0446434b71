"""Every command has help with an example, the examples run, and docs/cli.md tells the same."""

import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from commands import environment

from origin.cli.main import app

ROOT = Path(__file__).parents[2]

# Exit codes of examples that are no 0 with the record of the demo.
CODES = {
    "origin policy check latest --policy release.toml": 2,  # the demo has a forum
    "origin end latest --status failed": 1,  # the newest session has ended
}


# What these take has to be made first.
SIGNED = {"sign", "verify", "keys rotate", "bundle", "attest", *(f"prove {kind}" for kind in (
    "inclusion", "absence", "consistency"))}  # fmt: skip


def commands():
    found = {}
    for name, one in typer.main.get_command(app).commands.items():
        parts = getattr(one, "commands", None)
        found |= {f"{name} {part}": two for part, two in parts.items()} if parts else {name: one}
    return found


COMMANDS = commands()
EXAMPLES = {
    name: " ".join(inspect.cleandoc(one.help).partition("Example: ")[2].split())
    for name, one in COMMANDS.items()
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_an_example_of_it(name):
    summary = inspect.cleandoc(COMMANDS[name].help).partition("\n")[0]
    assert summary.endswith(".")
    assert EXAMPLES[name].startswith(f"origin {name}")
    assert all(one.help for one in COMMANDS[name].params)


# A page is served until somebody stops it; tests/web does so.
@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "ui"])
def test_every_example_runs(origin, demo, tmp_path, name):
    (tmp_path / "essay.txt").write_text("the early river waits (poems 1)")
    (tmp_path / "eval.jsonl").write_text('{"text": "the early river waits (poems 1)"}\n')
    (tmp_path / "release.toml").write_text('deny = ["non-commercial"]\n')
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    if name in SIGNED:
        origin("keys", "new", "team.key", "--name", "example.com/team")
        for session in (demo[0], "latest"):
            origin("sign", session, "--key", "team.key", "--send", "heads.txt")
    if name == "verify":
        origin("prove", "absence", "latest", "--text", "never written", "-o", "absent.proof")
    if name == "attest":
        origin("model", "add", "model.safetensors")
    # Ids differ from record to record; this one stands for the first session.
    words = shlex.split(EXAMPLES[name].replace("3f9c", demo[0][:8]))
    done = origin(*words[1:], code=CODES.get(EXAMPLES[name], 0))
    assert done.stdout or done.stderr


def test_help_is_cut_nowhere(origin):
    text = origin("--help", COLUMNS="80").stdout
    assert "..." not in text.replace("[ARGS]...", "")
    assert re.findall(r"^(\w[\w ]+):$", text, re.MULTILINE) == [
        "Options", "Start", "Ask", "Licenses", "Hand over", "Prove", "Look after"
    ]  # fmt: skip


@pytest.mark.parametrize("width", ["40", "200"])
def test_the_document_is_as_it_would_be_generated(width):
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/make_cli_reference.py", "--check"],
        env=environment(COLUMNS=width),
        check=False,
    )
    assert done.returncode == 0, "run scripts/make_cli_reference.py"
