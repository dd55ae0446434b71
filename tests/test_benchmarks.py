"""The benchmarks run, whatever the figures: with next to nothing to measure, from end to end."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    not (ROOT / "benchmarks" / "run.py").exists(), reason="the benchmarks are not part of a package"
)

# For each part, how many rows it has and a word of one that must not be missing.
PARTS = {
    "hashing": (4, "rows of 600 KB"),
    "loops": (2, "DataLoader(randn(N, 784), batch_size=32)"),
    "workers": (3, "num_workers=2"),
    "training": (3, "transformer"),
    "storage": (4, "each further observation"),
    "memory": (4, "throughput"),
    "questions": (9, "overlap: warm"),
    "licenses": (3, "licenses: warm"),
    "handover": (10, "JSONL"),
    "pages": (16, "page: a sample"),
    "proofs": (7, "absence"),
    "huge": (5, "audit: peak memory"),
}
PLOTS = ("overview", "hashing", "training", "growth", "questions")
PNG = b"\x89PNG\r\n\x1a\n"


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.run", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmarks")
    told = run("--tiny", "--folder", folder / "records", "--output", folder / "results")
    assert told.returncode == 0, told.stderr
    assert not any((folder / "records").iterdir())
    return folder / "results"


@pytest.fixture(scope="module")
def results(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "results.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("part", PARTS)
def test_each_part_has_its_rows(part: str, results: dict[str, Any]) -> None:
    count, word = PARTS[part]
    rows = results[part]["rows"]
    assert [row["problem"] for row in rows] == [""] * count
    assert all(row["rounds"] for row in rows)
    assert any(word in row["what"] for row in rows)


def test_the_parts_are_all_there_are(results: dict[str, Any]) -> None:
    assert list(results) == list(PARTS)


def test_the_machine_is_told(results: dict[str, Any]) -> None:
    for told in results.values():
        assert {"cpu", "python", "torch", "date", "commit"} <= told["facts"].keys()


def test_the_table_has_every_row(output: Path, results: dict[str, Any]) -> None:
    table = (output / "table.md").read_text(encoding="utf-8").splitlines()
    for part in PARTS:
        for row in results[part]["rows"]:
            assert any(line.startswith(f"| {row['what']} |") for line in table)


@pytest.mark.parametrize("name", PLOTS)
def test_each_plot_is_a_picture(name: str, output: Path) -> None:
    assert (output / f"{name}.png").read_bytes().startswith(PNG)


def test_a_part_that_is_unknown_is_refused() -> None:
    told = run("hashign")
    assert told.returncode == 2
    assert "no such part: hashign" in told.stderr
