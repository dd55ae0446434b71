"""What the command loads before it does anything, and what the shell proposes."""

import os
import subprocess
import sys

import pytest
from commands import environment

HEAVY = {"numpy", "pyarrow", "duckdb", "pydantic", "rich", "jinja2", "license_expression"}


@pytest.mark.parametrize("command", ["--help", "status", "init"])
def test_what_it_does_not_load(demo, tmp_path, command):
    code = (
        "import sys\nfrom origin.cli.main import run\n"
        f"code = run([{command!r}])\n"
        "print('loaded', *sys.modules, file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = done.stderr.rpartition("\nloaded ")[2] or done.stderr
    assert not HEAVY & set(loaded.split())


@pytest.fixture
def shell(tmp_path):
    """A folder with the command in it, for a shell with a home of its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "origin"
    command.write_text(f"#!{sys.executable}\nfrom origin.cli.main import main\nmain()\n")
    command.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()

    def shell(script):
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["/bin/bash", "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True,
            env=environment(PATH=path, HOME=str(home), SHELL="/bin/bash"),
        )  # fmt: skip
        return done.stdout

    return shell


def _proposed(shell, line):
    words = line.split(" ")
    return shell(
        "origin --install-completion bash > /dev/null; source ~/.bashrc\n"
        f"COMP_WORDS=({line.rstrip()} {'' if words[-1] else chr(39) * 2}); "
        f"COMP_CWORD={len(words) - 1}\n"
        '_origin_completion origin; printf "%s\\n" "${COMPREPLY[@]}"'
    ).split()


def test_the_shell_completes(shell, demo):
    assert _proposed(shell, "origin inspect ") == ["latest", *demo[::-1]]
    assert _proposed(shell, f"origin diff latest {demo[0][:6]}") == [demo[0]]
    assert _proposed(shell, "origin sessions --status f") == ["failed"]
    assert _proposed(shell, "origin export --format json") == ["json", "jsonl"]
    assert _proposed(shell, "origin ov") == ["overlap"]
    assert _proposed(shell, "origin --path none.db inspect ") == ["latest"]


def test_the_completion_is_shown(shell):
    assert "complete -o default -F _origin_completion origin" in shell(
        "origin --show-completion bash"
    )
