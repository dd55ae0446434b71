"""Measure what recording costs; see README.md in this folder.

python -m benchmarks.run                      # everything
python -m benchmarks.run hashing loops        # some parts
python -m benchmarks.run --quick              # smaller, in about three minutes
python -m benchmarks.run report               # only the table and the plots, made anew
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks import (
    growth,
    handover,
    hashing,
    huge,
    licenses,
    loops,
    pages,
    proofs,
    questions,
    storage,
    training,
    workers,
)
from benchmarks.facts import machine_facts
from benchmarks.recording import size_on_disk
from benchmarks.report import line, load, save, write_table
from benchmarks.rows import Row
from benchmarks.sizes import FULL, QUICK, TINY, Sizes

RESULTS = Path(__file__).parent / "results"

PARTS: dict[str, Callable[[Sizes, Path], list[Row]]] = {
    "hashing": hashing.measure,
    "loops": loops.measure,
    "workers": workers.measure,
    "training": training.measure,
    "storage": storage.measure,
    "memory": growth.measure,
    "questions": questions.measure,
    "licenses": licenses.measure,
    "handover": handover.measure,
    "pages": pages.measure,
    "proofs": proofs.measure,
    "huge": huge.measure,
}
REPORT = "report"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join([*PARTS, REPORT]))
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="smaller sizes, without `huge`")
    size.add_argument("--tiny", action="store_true", help="sizes for tests; figures mean nothing")
    parser.add_argument("--rounds", type=int, help="how often each comparison is repeated")
    parser.add_argument("--threads", type=int, default=1, help="PyTorch's threads; 1 if left out")
    parser.add_argument("--folder", type=Path, help="where the records go; a temporary folder")
    parser.add_argument("--keep", action="store_true", help="keep the large records in --folder")
    parser.add_argument("--output", type=Path, help="where the results go")
    told = parser.parse_args()
    if unknown := set(told.parts) - {*PARTS, REPORT}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if told.keep and told.folder is None:
        parser.error("--keep needs a --folder")
    return told


def _sizes(told: argparse.Namespace) -> Sizes:
    sizes = QUICK if told.quick else TINY if told.tiny else FULL
    return replace(sizes, rounds=told.rounds) if told.rounds else sizes


def _chosen(told: argparse.Namespace) -> list[str]:
    if told.parts:  # of `report` alone, none
        return [part for part in PARTS if part in told.parts]
    return [part for part in PARTS if part != "huge" or not told.quick]


def _redraw(output: Path) -> None:
    from benchmarks.plots import draw

    results = load(output)
    write_table(output, results, list(PARTS))
    draw(output, results, list(PARTS))


def _run(part: str, sizes: Sizes, folder: Path, output: Path) -> None:
    facts = machine_facts(folder) | {"sizes": sizes.name, "rounds": sizes.rounds}
    print(f"\n{part} …", flush=True)
    begun = time.perf_counter()
    try:
        rows = PARTS[part](sizes, folder)
    except Exception as error:
        # The other parts are worth having all the same.
        rows = [Row(part, f"all of {part}", "s", [], problem=f"{type(error).__name__}: {error}")]
    facts["seconds taken"] = round(time.perf_counter() - begun, 1)
    save(output, part, rows, facts)
    for row in rows:
        print(line(row), flush=True)


def _records(told: argparse.Namespace, stack: ExitStack) -> Path:
    """Where the records go; what this run puts there is removed at its end."""
    if told.folder is not None:
        told.folder.mkdir(parents=True, exist_ok=True)
        if told.keep:
            return Path(told.folder).resolve()
    made = tempfile.TemporaryDirectory(prefix="origin-benchmarks-", dir=told.folder)
    return Path(stack.enter_context(made)).resolve()


def main() -> None:
    """Run the parts that were asked for, then write the table and the plots."""
    told = _arguments()
    sizes = _sizes(told)
    output = told.output or (RESULTS if sizes.name == FULL.name else RESULTS / sizes.name)
    os.environ["OMP_NUM_THREADS"] = str(told.threads)
    torch.set_num_threads(told.threads)
    with ExitStack() as stack:
        folder = _records(told, stack)
        for part in _chosen(told):
            _run(part, sizes, folder, output)
        held = size_on_disk(folder) >> 20
        if held:
            end = "kept" if told.keep else "removed now"
            print(f"\nthe records in {folder} take {held:,} MiB, {end}")
    _redraw(output)
    print(f"table and plots: {output}")


if __name__ == "__main__":
    main()
