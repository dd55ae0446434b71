"""Who writes into a database, and whether they still live.

On the same machine and boot the process table answers; for a writer on another
host only its last sign of life does. Where there is no ``/proc``, a process of
that number on the same host is taken for the writer.
"""

import os
import socket
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from origin.storage.text import from_column

HEARTBEAT_SECONDS = 60.0
# A stalled file system or a suspended machine may skip some beats without being dead.
SILENCE_SECONDS = 15 * HEARTBEAT_SECONDS


@dataclass(frozen=True, slots=True)
class Writer:
    """A process that opened the database for writing."""

    host: str
    boot: str
    pid: int
    started: str

    @classmethod
    def this_process(cls) -> "Writer":
        """The calling process."""
        pid = os.getpid()
        return cls(socket.gethostname(), _boot(), pid, _started(pid))


def is_alive(writer: Writer, alive_at: float, here: Writer | None = None) -> bool:
    """Whether a writer still lives, as far as can be told from here.

    Args:
        writer: as it was noted when it opened the database.
        alive_at: its last sign of life, seconds since 1970.
        here: this process, where that is known already.

    >>> is_alive(Writer.this_process(), 0.0)
    True
    """
    here = here or Writer.this_process()
    same_machine = (writer.host, writer.boot) == (here.host, here.boot)
    if same_machine and writer.started:
        return _started(writer.pid) == writer.started
    if same_machine and not writer.boot:
        if writer.pid == here.pid:
            return True
        if os.name == "posix":
            return _exists(writer.pid)
    return time.time() - alive_at < SILENCE_SECONDS


def is_alive_row(*row: Any) -> bool:
    """The same of a row of the table ``writers``; SQL calls it ``origin_is_alive``."""
    host, *identity, alive_at = row
    return is_alive(Writer(from_column(host), *identity), alive_at, _here(os.getpid()))


@lru_cache(maxsize=1)
def _here(pid: int) -> Writer:
    return Writer.this_process()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is there, and another user's
        return True
    return True


def _boot() -> str:
    """Which boot and which process namespace: process ids mean nothing outside them."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process began, in clock ticks since boot; empty when it is gone or cannot be told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    # The command name, in parentheses, may itself hold spaces and parentheses.
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in {"Z", "X"} else fields[18]
