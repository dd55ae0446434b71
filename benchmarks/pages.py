"""The pages of `origin ui`, on the server: a record of many sessions, one of them large."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote_plus, urlsplit

from benchmarks.generator import Part, Recipe
from benchmarks.records import made
from benchmarks.rows import Row, amount
from benchmarks.sizes import Sizes

GOAL, GOAL_OF_START = 0.3, 0.2
_STARTS = 9
_REQUESTS = 20
_COMMAND = (sys.executable, "-c", "from origin.cli.main import main; main()")
_SOURCES, _LICENSES = (
    50,
    ("MIT", "CC-BY-4.0", "CC-BY-NC-4.0", "Apache-2.0", "CC0-1.0", "GPL-3.0-only"),
)
_SQL = "SELECT status, count(*), sum(observations) FROM sessions GROUP BY status"
_SQL_OVER_ALL = "SELECT source_id, count(*) FROM observations GROUP BY source_id"
# How long a query takes is for whoever asks it.
_WITHOUT_GOAL = ("SQL over all observations",)
# What a page says while an answer is worked on.
_WAITING = 'hx-trigger="every 1s"'
_PATIENCE = 120.0


def many_sessions(sessions: int, observations: int) -> Recipe:
    """Half of the observations in the first session, all others alike."""
    epochs = 5
    large = observations // 2 // epochs
    small = max(1, observations // 2 // epochs // (sessions - 1))
    rest = [
        [Part(f"corpus {at % _SOURCES}", _LICENSES[at % _SOURCES % len(_LICENSES)],
              at * 997 % max(1, large - small), small)]
        for at in range(sessions - 1)
    ]  # fmt: skip
    return Recipe([[Part("web", "CC-BY-NC-4.0", 0, large)], *rest], epochs)


def measure(sizes: Sizes, folder: Path) -> list[Row]:
    """A row for each page, of requests in a row; the first of them, and what came later, beside."""
    recipe = many_sessions(sizes.page_sessions, sizes.asked_observations)
    path, known = made(folder, f"pages-{sizes.page_sessions}", recipe)
    large, small = known["sessions"][0], known["sessions"][-1]
    addresses = {
        "sessions": "/",
        "sessions, by size": "/?sort=observations",
        "sessions, searched": "/?q=corpus+7&page=1",
        "sources": "/sources",
        "licenses": "/licenses",
        "conflicts": "/conflicts",
        "a small session": f"/sessions/{small}",
        "the large session": f"/sessions/{large}",
        "its batches": f"/sessions/{large}/batches?from=1000",
        "one batch": f"/sessions/{large}/batches/1/{recipe.epochs}",
        "a sample": f"/samples/{known['samples'][1]}",
        "compare": f"/compare?a={small}&b={large}",
        "SQL": f"/sql?q={quote_plus(_SQL)}",
        "SQL over all observations": f"/sql?q={quote_plus(_SQL_OVER_ALL)}",
    }
    begun = [
        Row("pages", f"origin {words}, the whole process", "s", _processes(words), GOAL_OF_START)
        for words in ("--help", "status")
    ]
    with _served(path) as port:
        what = (
            f"{amount(sizes.page_sessions)} sessions, {amount(known['observations'])} observations"
        )
        return begun + [
            _row(port, f"{what}, page: {name}", own, None if name in _WITHOUT_GOAL else GOAL)
            for name, own in addresses.items()
        ]


def _processes(words: str) -> list[float]:
    """How long the command takes from beginning to end, where nothing is recorded yet."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*_COMMAND, *words.split()]
        subprocess.run([*_COMMAND, "init"], cwd=folder, check=True, capture_output=True)  # noqa: S603
        seconds = []
        for _ in range(_STARTS):
            begun = time.perf_counter()
            subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603
            seconds.append(time.perf_counter() - begun)
    return seconds


def _row(port: int, what: str, address: str, goal: float | None) -> Row:
    begun = time.perf_counter()
    first, text = _get(port, address)
    while _WAITING in text and time.perf_counter() < begun + _PATIENCE:
        time.sleep(0.05)
        _, text = _get(port, address)
    whole = time.perf_counter() - begun
    seconds = [_get(port, address)[0] for _ in range(_REQUESTS)]
    details = {
        "first request in s": round(first, 4),
        "all of it there after s": round(whole, 4),
        "worst of the others in s": round(max(seconds), 4),
    }
    return Row("pages", what, "ms", [first, *seconds], goal, details=details)


def _get(port: int, address: str) -> tuple[float, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    begun = time.perf_counter()
    connection.request("GET", address)
    answer = connection.getresponse()
    text = answer.read().decode()
    seconds = time.perf_counter() - begun
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{address}: {answer.status}")
    return seconds, text


@contextmanager
def _served(path: Path) -> Iterator[int]:
    process = subprocess.Popen(  # noqa: S603
        [*_COMMAND, "ui", "--no-open", "--port", "0", "--path", str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = re.search(r"http://\S+", process.stdout.readline())
        if said is None:
            raise RuntimeError("the page was not served")
        yield urlsplit(said.group()).port or 0
    finally:
        process.terminate()
        process.communicate()
