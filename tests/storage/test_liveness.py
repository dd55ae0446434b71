"""Who lives, on systems that have no /proc."""

import subprocess
import sys

import pytest

from origin.storage import liveness
from origin.storage.liveness import Writer, is_alive


@pytest.fixture(autouse=True)
def without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_boot", lambda: "")
    monkeypatch.setattr(liveness, "_started", lambda pid: "")


def test_this_process_lives_however_long_it_was_silent() -> None:
    assert is_alive(Writer.this_process(), 0.0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has only signs of life")
def test_another_process_of_this_host() -> None:
    here = Writer.this_process()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    writer = Writer(here.host, "", child.pid, "")
    assert is_alive(writer, 0.0)
    child.communicate(b"\n")
    assert not is_alive(writer, 0.0)


def test_another_host_is_known_by_its_signs_of_life() -> None:
    writer = Writer("elsewhere", "", 1, "")
    assert not is_alive(writer, 0.0)
    assert is_alive(writer, liveness.time.time())
