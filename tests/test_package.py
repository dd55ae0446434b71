"""The package as a whole: what it exports, what importing it costs, its tree of errors."""

import builtins
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import origin
from origin import errors

SOURCES = Path(origin.__file__).parents[1]
HEAVY = ("torch", "datasets", "pyarrow", "duckdb", "numpy", "apsw", "pandas")


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
    )


def imported_by(module: str) -> set[str]:
    """Which of the heavy packages a module imports."""
    code = f"import sys, {module}; print(*sys.modules)"
    return set(run("-c", code).stdout.split()) & set(HEAVY)


def seconds_to_import() -> float:
    lines = run("-X", "importtime", "-c", "import origin").stderr.splitlines()
    times = [line for line in lines if line.rstrip().endswith("| origin")]
    return int(times[0].split("|")[1]) / 1e6


def test_importing_takes_no_time() -> None:
    assert min(seconds_to_import() for _ in range(5)) < 0.1


def test_importing_loads_nothing_heavy() -> None:
    assert imported_by("origin") == set()


@pytest.mark.parametrize(
    "module",
    [
        "origin.hooks.base",
        "origin.hooks.pytorch",
        "origin.storage.database",
        "origin.recorder.recorder",
        "origin.tracking",
    ],
)
def test_frameworks_are_loaded_by_who_uses_them(module: str) -> None:
    assert imported_by(module) <= {"numpy", "apsw"}


def test_recording_imports_no_framework(tmp_path: Path) -> None:
    code = (
        "import sys, origin\n"
        f"with origin.track([['a'], ['b']], 'letters', path={str(tmp_path / 'a.db')!r}) as b:\n"
        "    list(b)\n"
        "print(*sys.modules)"
    )
    assert set(run("-c", code).stdout.split()) & set(HEAVY) == {"numpy", "apsw"}


def test_public_names() -> None:
    assert sorted(origin.__all__) == origin.__all__
    code = "import origin; print(*[n for n in dir(origin) if n[0] != '_'])"
    exported = set(run("-c", code).stdout.split())
    public = {name for name in origin.__all__ if not name.startswith("_")}
    assert exported == public
    for name in origin.__all__:
        assert getattr(origin, name) is not None
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", origin.__version__)


def test_star_import() -> None:
    space: dict[str, object] = {}
    exec("from origin import *", space)  # noqa: S102
    assert set(origin.__all__) <= set(space)


def test_no_such_name() -> None:
    with pytest.raises(AttributeError, match="'origin' has no attribute 'Nothing'"):
        origin.Nothing  # noqa: B018


LINE = re.compile(r"^(?P<indent>[│ ├└─]*)(?P<name>\w+)(?: +\((?P<builtin>\w+)\))?")


def drawn_tree() -> dict[str, tuple[str | None, str | None]]:
    """Parent and built-in base of each error, as the docstring draws them."""
    text = (errors.__doc__ or "").split("```")[1]
    found: dict[str, tuple[str | None, str | None]] = {}
    above: list[str] = []
    for line in text.strip().splitlines():
        match = LINE.match(line)
        assert match is not None, line
        depth = len(match["indent"]) // 4
        parent = above[depth - 1] if depth else None
        above[depth:] = [match["name"]]
        found[match["name"]] = (parent, match["builtin"])
    return found


def test_the_tree_of_errors_is_the_one_that_is_drawn() -> None:
    drawn = drawn_tree()
    defined = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception) and kind is not Warning
    }
    assert set(drawn) == set(defined) - {"OriginWarning"}
    assert issubclass(errors.OriginWarning, UserWarning)
    for name, (parent, builtin) in drawn.items():
        bases = {base.__name__ for base in defined[name].__bases__}
        assert bases == {parent or "Exception"} | ({builtin} if builtin else set())
        assert builtin is None or issubclass(defined[name], getattr(builtins, builtin))
        assert issubclass(defined[name], errors.OriginError)
        assert defined[name].__doc__
