"""Hold the house rules on size: short files, functions that fit on a screen."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 50
FOLDERS = ("src", "tests", "scripts", "benchmarks", "examples")


def complaints(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        yield f"{path}: {lines} lines, at most {MAX_FILE_LINES}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            docstring = ast.get_docstring(node, clean=False) or ""
            length -= docstring.count("\n") + bool(docstring)
            if length > MAX_FUNCTION_LINES:
                place = f"{path}:{node.lineno}: {node.name}"
                yield f"{place} has {length} lines, at most {MAX_FUNCTION_LINES}"


def main() -> int:
    found = [
        text
        for folder in FOLDERS
        for path in sorted(Path(folder).rglob("*.py"))
        for text in complaints(path)
    ]
    print("\n".join(found) or "sizes: all files and functions within bounds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
