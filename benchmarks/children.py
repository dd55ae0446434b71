"""Fresh processes: what is cold can only be seen in one, and memory only measured in one."""

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class ChildFailed(Exception):
    """A child ended with an error; the message is the last line it wrote."""


def ask_child(
    module: str, told: dict[str, Any], watch: Callable[[], None] | None = None
) -> dict[str, Any]:
    """Run ``python -m benchmarks.<module>`` with JSON and return the JSON it prints last.

    Args:
        module: of this package.
        told: its argument.
        watch: called every half second while it runs.
    """
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", f"benchmarks.{module}", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(watch, done), daemon=True)
    watcher.start()
    try:
        out, err = process.communicate(json.dumps(told))
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        done.set()
        watcher.join()
    if process.returncode:
        lines = err.strip().splitlines() or [f"exit code {process.returncode}"]
        raise ChildFailed(lines[-1])
    answer: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return answer


def _watch(watch: Callable[[], None] | None, done: threading.Event) -> None:
    while watch is not None and not done.wait(0.5):
        watch()


def argument() -> dict[str, Any]:
    """In a child: what it was told, by its argument or, where that is ``-``, its input."""
    text = sys.stdin.read() if sys.argv[1] == "-" else sys.argv[1]
    told: dict[str, Any] = json.loads(text)
    return told


def resident_bytes() -> int:
    """How much memory this process has now."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return peak_bytes()
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> int:
    """The most memory this process ever had.

    Linux carries the peak of the process that started this one over into ``ru_maxrss``, so its
    own is read where it is told.
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10
