"""Break the verifier in every small way there is, and tell what no test notices.

Each mutant is one change of one place: a comparison, a number, a condition, a statement. The
tests that are quick run over it in a copy; a mutant that they pass survives. It takes some twenty
minutes, so it is for whoever changed the verifier, and not part of ``make test``.

    python scripts/mutate_verifier.py                    # everything
    python scripts/mutate_verifier.py verify/checks.py   # some files
"""

import argparse
import ast
import copy
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns

PACKAGE = Path("src/origin")
NEEDED = ("__init__.py", "_version.py", "errors.py", "core/__init__.py")
CORE = ("core/log.py", "core/note.py", "core/merkle.py")
# What takes long, or draws by chance, is left out; tests of a mutant's own file come first.
TESTS = {
    "core/log.py": "tests/core/test_log.py",
    "core/note.py": "tests/core/test_note.py",
    "core/merkle.py": "tests/core/test_merkle.py tests/core/test_merkle_malformed.py",
    "verify": (
        "tests/verify/test_written.py tests/verify/test_forms.py tests/verify/test_inclusion.py "
        "tests/verify/test_absence.py tests/verify/test_consistency.py "
        "tests/verify/test_verdict.py tests/verify/test_tampering.py tests/verify/test_command.py "
        "tests/verify/test_bundle.py tests/verify/test_archive.py tests/verify/test_trees.py "
        "tests/verify/test_statement.py tests/verify/test_bundle_records.py"
    ),
}
SLOW = (
    "every_pair_of_states or every_index_of_every or every_position_of_every or every_byte "
    "or every_place_in or every_truncation or every_swapped or random or any_leaves or anything"
)
OPTIONS = "-x -q --noconftest --import-mode=importlib -p no:cacheprovider -p no:hypothesispytest"
AT_LEAST = 95

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
CALLS = {"all": "any", "any": "all", "max": "min", "min": "max"}

# Changes a node where it stands, or says what to put in its place; None if it has nothing to do.
Change = tuple[str, Callable[[], ast.AST | None]]


def of_comparison(node: ast.Compare) -> Iterator[Change]:
    for number, operator in enumerate(node.ops):

        def swap(number: int = number, operator: ast.cmpop = operator) -> None:
            node.ops[number] = COMPARISONS[type(operator)]()

        yield f"{type(operator).__name__} swapped", swap


def of_operation(node: ast.BinOp) -> Iterator[Change]:
    def swap() -> None:
        node.op = OPERATORS[type(node.op)]()

    if type(node.op) in OPERATORS:
        yield f"{type(node.op).__name__} swapped", swap


def of_boolean(node: ast.BoolOp) -> Iterator[Change]:
    def swap() -> None:
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()

    yield "and/or swapped", swap
    for number in range(len(node.values)):

        def drop(number: int = number) -> None:
            del node.values[number]

        yield f"operand {number + 1} dropped", drop


def of_not(node: ast.UnaryOp) -> Iterator[Change]:
    if isinstance(node.op, ast.Not | ast.USub):
        yield "not dropped", lambda: node.operand


def of_condition(node: ast.If | ast.While | ast.IfExp) -> Iterator[Change]:
    def negate() -> None:
        node.test = ast.UnaryOp(ast.Not(), node.test)

    yield "condition negated", negate


def of_filter(node: ast.comprehension) -> Iterator[Change]:
    for number in range(len(node.ifs)):

        def drop(number: int = number) -> None:
            del node.ifs[number]

        yield "filter dropped", drop


def of_constant(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield "flipped", lambda: ast.Constant(not value)
    elif isinstance(value, int):
        yield f"{value} raised", lambda: ast.Constant(value + 1)
        yield f"{value} lowered", lambda: ast.Constant(value - 1)
    elif isinstance(value, bytes):
        yield "bytes added", lambda: ast.Constant(value + b"\0")


def of_call(node: ast.Call) -> Iterator[Change]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""

    def swap() -> None:
        node.func = ast.Name(CALLS[name], ast.Load())

    if name in CALLS:
        yield f"{name} swapped", swap


def of_statement(node: ast.stmt) -> Iterator[Change]:
    yield f"{type(node).__name__} removed", ast.Pass


def of_return(node: ast.Return) -> Iterator[Change]:
    def forget() -> None:
        node.value = None

    if node.value is not None and ast.unparse(node) != "return None":
        yield "returns nothing", forget


MUTATIONS: dict[type[ast.AST], Callable[..., Iterator[Change]]] = {
    ast.Compare: of_comparison,
    ast.BinOp: of_operation,
    ast.BoolOp: of_boolean,
    ast.UnaryOp: of_not,
    ast.If: of_condition,
    ast.While: of_condition,
    ast.IfExp: of_condition,
    ast.comprehension: of_filter,
    ast.Constant: of_constant,
    ast.Call: of_call,
    ast.Raise: of_statement,
    ast.Expr: of_statement,
    ast.AugAssign: of_statement,
    ast.Continue: of_statement,
    ast.Return: of_return,
}


def children(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Everything below a node that runs: no annotations, decorators or docstrings."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "format_spec"):
            continue
        for number, one in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(one, ast.AST) and not is_text(one):
                yield node, field, number, one
                yield from children(one)


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, what was done, and the source, for each mutant of a file."""
    tree = ast.parse(source)
    places = sum(1 for _ in children(tree))
    for place in range(places):
        kind = 0
        while True:
            changed = copy.deepcopy(tree)
            parent, field, number, node = list(children(changed))[place]
            of_kind = MUTATIONS.get(type(node))
            changes = [*of_kind(node)] if of_kind else []
            if kind >= len(changes):
                break
            what, change = changes[kind]
            line = getattr(node, "lineno", getattr(parent, "lineno", 0))
            new = change()
            if new is not None:
                put(parent, field, number, new)
            yield line, what, ast.unparse(ast.fix_missing_locations(changed))
            kind += 1


def put(parent: ast.AST, field: str, number: int | None, node: ast.AST) -> None:
    if number is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[number] = node


class Sandbox:
    """A copy of what the verifier needs, and of the tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in (*NEEDED, *CORE):
            target = folder / PACKAGE / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((PACKAGE / name).read_bytes())
        no_caches = ignore_patterns("__pycache__")
        copytree(PACKAGE / "verify", folder / PACKAGE / "verify", ignore=no_caches)
        for name in ("verify", "core", "support"):
            copytree(Path("tests") / name, folder / "tests" / name, ignore=no_caches)
        (folder / "pytest.ini").write_text("[pytest]\npythonpath = tests/support\n")

    def passes(self, own: str, timeout: float) -> bool:
        """Whether the tests pass; those of one part come first."""
        files = " ".join([TESTS[own], *(tests for part, tests in TESTS.items() if part != own)])
        options = [*OPTIONS.split(), "-k", f"not ({SLOW})", *files.split()]
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options],
            cwd=self._folder,
            env={
                **os.environ,
                "PYTHONPATH": str(self._folder / "src"),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(timeout) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return False

    def try_mutant(self, name: str, source: str, timeout: float) -> bool:
        """Whether a file can be replaced by another without any test noticing."""
        path = self._folder / PACKAGE / name
        kept = path.read_bytes()
        path.write_text(source, encoding="utf-8")
        try:
            return self.passes(name if name in TESTS else "verify", timeout)
        finally:
            path.write_bytes(kept)


def run(names: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Path(folder))
        began = time.monotonic()
        if not sandbox.passes("verify", timeout=300):
            print("the tests fail as it is")
            return 1
        timeout = 5 + 4 * (time.monotonic() - began)
        tried, survived = 0, 0
        for name in names:
            for line, what, source in mutants((PACKAGE / name).read_text(encoding="utf-8")):
                tried += 1
                if sandbox.try_mutant(name, source, timeout):
                    survived += 1
                    print(f"{PACKAGE / name}:{line}: {what}", flush=True)
    share = 100 * (tried - survived) / max(1, tried)
    print(f"{tried} mutants, {survived} survived: {share:.1f} % were noticed")
    return 0 if share >= AT_LEAST else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("files", nargs="*", help="below src/origin, such as verify/checks.py")
    verify = sorted(f"verify/{path.name}" for path in (PACKAGE / "verify").glob("*.py"))
    return run(parser.parse_args().files or [*verify, *CORE])


if __name__ == "__main__":
    sys.exit(main())
