"""The plots, made from the results as they were written."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report import rows_of
from benchmarks.rows import Row, shown

mpl.use("Agg")

GOOD, BAD, QUIET, INK, GOAL = "#2a7f62", "#c0492b", "#8a94a0", "#22272e", "#22272e"
LINES = ("#2b6cb0", "#c0492b")

_STYLE: dict[str, Any] = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": "#b9c0c8",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e7eaee",
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 10,
    "legend.frameon": False,
    "savefig.dpi": 130,
}


def draw(folder: Path, results: dict[str, Any], order: Sequence[str]) -> list[Path]:
    """Draw all plots that there are rows for; returns their files."""
    plots: dict[str, Callable[[dict[str, Any], Sequence[str]], Figure | None]] = {
        "overview": _overview,
        "hashing": _hashing,
        "training": _training,
        "growth": _growth,
        "questions": _questions,
    }
    written = []
    with mpl.rc_context(_STYLE):
        for name, plot in plots.items():
            figure = plot(results, order)
            if figure is not None:
                path = folder / f"{name}.png"
                figure.savefig(path)
                written.append(path)
    return written


def _figure(width: float, height: float, across: int = 1) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, across, squeeze=False)
    return figure, list(axes[0])


def _colour(row: Row) -> str:
    return QUIET if row.is_met is None else GOOD if row.is_met else BAD


# -- all goals at a glance -----------------------------------------------------------

_LEAST, _MOST = 1 / 32, 32.0


def _score(row: Row, value: float) -> float:
    """How many times better than its goal a value is, within bounds that can be drawn."""
    assert row.goal is not None
    if value <= 0:
        return _LEAST if row.higher_is_better else _MOST
    score = value / row.goal if row.higher_is_better else row.goal / value
    return min(max(score, _LEAST), _MOST)


def _overview(results: dict[str, Any], order: Sequence[str]) -> Figure | None:
    rows = [row for part in order for row in rows_of(results, part) if row.goal is not None]
    if not rows:
        return None
    height = 1.5 + 0.33 * len(rows)
    figure = Figure(figsize=(13.5, height))
    figure.subplots_adjust(left=0.42, right=0.82, top=1 - 0.5 / height, bottom=0.75 / height)
    axes = figure.subplots()
    for at, row in enumerate(rows):
        _overview_row(axes, at, row)
    axes.axvline(1, color=GOAL, linewidth=1.2)
    axes.set_xscale("log", base=2)
    axes.set_xlim(_LEAST / 1.15, _MOST * 1.15)
    ticks = {1 / 32: "1/32", 1 / 8: "1/8", 1 / 2: "", 1: "goal", 2: "", 8: "8 ×", 32: "32 ×"}  # noqa: RUF001
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.minorticks_off()
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [row.what for row in rows], fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("times better than the goal, 32 at the most (bar: median; dots: rounds)")
    axes.set_title("Measured against the goals")
    return figure


def _overview_row(axes: Axes, at: int, row: Row) -> None:
    assert row.goal is not None
    told = f"{shown(row.median, row.unit)}  (goal {shown(row.goal, row.unit)})"
    if row.median is not None:
        axes.barh(at, _score(row, row.median) - 1, left=1, color=_colour(row), height=0.55)
        if len(row.rounds) > 1:
            scores = [_score(row, value) for value in row.rounds]
            axes.plot(scores, [at] * len(scores), "o", color=INK, markersize=2.5, alpha=0.5)
    axes.annotate(
        f"not measured  (goal {shown(row.goal, row.unit)})" if row.problem else told,
        (1.0, at),
        xycoords=axes.get_yaxis_transform(),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=_colour(row),
        annotation_clip=False,
    )


# -- rounds as dots ------------------------------------------------------------------


def _dots(axes: Axes, rows: Sequence[Row], names: Sequence[str]) -> None:
    """Each row a column: its rounds, its median, its goal."""
    for at, row in enumerate(rows):
        spread = [at + 0.24 * ((number % 5) - 2) / 2 for number in range(len(row.rounds))]
        axes.plot(spread, row.rounds, "o", color=_colour(row), markersize=4.5, alpha=0.55)
        if row.median is not None:
            axes.hlines(row.median, at - 0.33, at + 0.33, color=_colour(row), linewidth=2.5)
        if row.goal is not None:
            axes.hlines(row.goal, at - 0.42, at + 0.42, color=GOAL, linewidth=1.2, linestyle="--")
    told = [f"median {shown(row.median, row.unit)}, goal {_goal(row)}" for row in rows]
    axes.set_xticks(
        range(len(rows)), [f"{name}\n{one}" for name, one in zip(names, told, strict=True)]
    )
    axes.set_xlim(-0.6, len(rows) - 0.4)
    axes.grid(visible=False, axis="x")


def _goal(row: Row) -> str:
    return shown(row.goal, row.unit)


def _hashing(results: dict[str, Any], _order: Sequence[str]) -> Figure | None:
    rows = rows_of(results, "hashing")
    if not rows:
        return None
    figure, (axes,) = _figure(9.5, 5)
    _dots(axes, rows, [f"rows of {row.what.split('rows of ')[1].split(':')[0]}" for row in rows])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("throughput, bare hashlib = 1")
    axes.set_title("Recording against bare hashlib (dots: rounds; dashed: goal)")
    return figure


def _training(results: dict[str, Any], _order: Sequence[str]) -> Figure | None:
    rows = rows_of(results, "training")
    if not rows:
        return None
    figure, (axes,) = _figure(10.5, 5)
    _dots(
        axes,
        rows,
        [
            row.what.removeprefix("training, ").split(":")[0].replace(", batch", "\nbatch")
            for row in rows
        ],
    )
    for at, row in enumerate(rows):
        noise = row.details["neighbouring plain runs differ by %"]
        axes.fill_between(
            [at - 0.42, at + 0.42], -noise, noise, color=QUIET, alpha=0.18, linewidth=0
        )
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_ylabel("slower by %")
    axes.set_title(
        "Training, recorded against not (dashed: goal; grey: neighbouring plain runs differ)"
    )
    return figure


# -- over time -----------------------------------------------------------------------


def _growth(results: dict[str, Any], _order: Sequence[str]) -> Figure | None:
    rows = [row for row in rows_of(results, "memory") if "curve" in row.details]
    if not rows:
        return None
    figure, (left, right) = _figure(12, 4.6, across=2)
    for row, colour in zip(rows, LINES, strict=False):
        curve, kind = row.details["curve"], row.details["kind"]
        millions = [point["observations"] / 1e6 for point in curve]
        rates = [point["rate"] / 1e3 for point in curve]
        held = [point["resident"] / (1 << 20) for point in curve]
        left.plot(millions, rates, color=colour, label=kind, linewidth=1.6)
        right.plot(millions, held, color=colour, label=kind, linewidth=1.6)
    left.set_title("Throughput while recording")
    left.set_ylabel("thousand observations a second")
    right.set_title("Resident memory while recording")
    right.set_ylabel("MiB")
    for axes in (left, right):
        axes.set_xlabel("million observations recorded, rows of 64 B")
        axes.set_ylim(bottom=0)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


# -- questions -----------------------------------------------------------------------


def _questions(results: dict[str, Any], _order: Sequence[str]) -> Figure | None:
    rows = [
        row
        for part in ("questions", "huge")
        for row in rows_of(results, part)
        if "question" in row.details and row.median
    ]
    if not rows:
        return None
    names = list(dict.fromkeys((row.part, row.what.rpartition(":")[0]) for row in rows))
    figure, (axes,) = _figure(11, 1.6 + 0.75 * len(names))
    for row in rows:
        _question(axes, names.index((row.part, row.what.rpartition(":")[0])), row)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), [name for _, name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    low, high = axes.get_xlim()
    axes.set_xlim(low, high * 6)
    ticks = [(1e-4, "0.1 ms"), (1e-3, "1 ms"), (1e-2, "10 ms"), (0.1, "100 ms"), (1, "1 s"),
             (10, "10 s"), (100, "100 s")]  # fmt: skip
    within = [tick for tick in ticks if low <= tick[0] <= high * 6]
    axes.set_xticks([at for at, _ in within], [name for _, name in within])
    axes.minorticks_off()
    axes.grid(visible=False, axis="y")
    axes.set_title(
        "Time to an answer (upper: warm; lower, paler: cold, in a fresh process; line: goal)"
    )
    return figure


def _question(axes: Axes, at: int, row: Row) -> None:
    assert row.median is not None
    assert row.goal is not None
    is_warm = row.what.endswith("warm")
    place = at - 0.18 if is_warm else at + 0.18
    axes.barh(place, row.median, height=0.32, color=_colour(row), alpha=0.9 if is_warm else 0.5)
    axes.annotate(
        f"{'warm' if is_warm else 'cold'} {shown(row.median, row.unit)}",
        (row.median, place),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        zorder=5,
    )
    axes.vlines(row.goal, at - 0.42, at + 0.42, color=GOAL, linewidth=1.5)
