"""Numbers that the user attaches to the batches that a hook hands over."""

import math
import os
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hooks_support import Recording, loop
from processes import start
from torch.utils.data import DataLoader

from origin.errors import ConfigurationError, OriginWarning, SessionEndedError, StorageError
from origin.hooks.base import BaseHook
from origin.recorder.recorder import Recorder
from origin.storage.database import ProvenanceDatabase

BATCHES = [[f"{n}a", f"{n}b"] for n in range(6)]


def told(recording: Recording, hook: BaseHook) -> dict[int, dict[str, float]]:
    """What is on record of each batch."""
    recording.db.flush()
    found: dict[int, dict[str, float]] = {}
    for note in recording.db.batch_table.annotations([hook.stream().number]):
        found.setdefault(note.batch_no, {})[note.name] = note.value
    return found


@contextmanager
def slow_disk(recording: Recording) -> Iterator[None]:
    """Nothing is committed meanwhile."""
    with recording.db._connection.lock:
        yield


@pytest.mark.parametrize("committed", [True, False])
def test_numbers_of_each_batch(recording: Recording, committed: bool) -> None:
    hook = recording.hook()
    for number, _ in enumerate(hook.wrap(BATCHES)):
        if committed:
            recording.db.flush()
        hook.annotate(loss=number / 2, **{"lr/group 0": 1e-3})
    assert told(recording, hook) == {n: {"loss": n / 2, "lr/group 0": 1e-3} for n in range(6)}


@pytest.mark.parametrize("committed", [True, False])
def test_the_last_one_holds(recording: Recording, committed: bool) -> None:
    hook = recording.hook()
    for _ in hook.wrap(BATCHES[:2]):
        for value in (3, 2, 1):
            hook.annotate(loss=value)
            if committed:
                recording.db.flush()
        hook.annotate(accuracy=0.5)
    assert told(recording, hook) == {n: {"loss": 1.0, "accuracy": 0.5} for n in range(2)}


def test_no_number_at_all(recording: Recording) -> None:
    hook = recording.hook()
    hook.observe(BATCHES[0])
    with pytest.raises(ConfigurationError, match=r"annotate\(loss=0\.5\)"):
        hook.annotate()
    recording.hook("other", enabled=False).annotate()


def test_an_observed_batch(recording: Recording) -> None:
    hook = recording.hook()
    hook.observe(BATCHES[0])
    hook.annotate(loss=1)
    hook.observe(BATCHES[1])
    hook.annotate(loss=2)
    assert told(recording, hook) == {0: {"loss": 1.0}, 1: {"loss": 2.0}}


@pytest.mark.parametrize(
    "value",
    [
        2,
        2.0,
        np.float32(2),
        np.int8(2),
        np.array(2.0),
        torch.tensor(2),
        torch.tensor(2.0, requires_grad=True),
        torch.tensor(2.0, dtype=torch.bfloat16),
        torch.nn.Parameter(torch.tensor(2.0)),
        Fraction(4, 2),
        math.inf,
        -math.inf,
        math.nan,
    ],
)
def test_what_is_a_number(recording: Recording, value: Any) -> None:
    hook = recording.hook()
    hook.observe(BATCHES[0])
    hook.annotate(loss=value)
    expected = float(value.detach()) if isinstance(value, torch.Tensor) else float(value)
    assert told(recording, hook)[0]["loss"] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    "value",
    [
        True,
        np.True_,
        torch.tensor(True),
        "2",
        b"2",
        None,
        1j,
        np.complex64(2),
        torch.tensor(1j),
        [2.0],
        torch.ones(1),
        np.ones(2),
        torch.tensor(2.0, device="meta"),
        10**400,
        Decimal(2),
    ],
)
def test_what_is_no_number(recording: Recording, value: Any) -> None:
    hook = recording.hook()
    hook.observe(BATCHES[0])
    with pytest.raises(ConfigurationError, match="my_loss"):
        hook.annotate(fine=1, my_loss=value)
    assert told(recording, hook) == {}


@pytest.mark.parametrize("name", ["", "self", "a\x00b", "ö\ud800", "x" * 5000])
def test_any_name(recording: Recording, name: str) -> None:
    hook = recording.hook()
    hook.observe(BATCHES[0])
    hook.annotate(**{name: 1})
    assert told(recording, hook) == {0: {name: 1.0}}


def test_before_any_batch(recording: Recording) -> None:
    hook = recording.hook()
    iter(hook.wrap(BATCHES))
    with pytest.raises(ConfigurationError, match="no batch yet"):
        hook.annotate(loss=1)


def test_while_recording_is_off(recording: Recording) -> None:
    hook = recording.hook(enabled=False)
    for _ in hook.wrap(BATCHES):
        hook.annotate(loss=1, anything="goes")


def test_two_live_iterations_of_one_hook(recording: Recording) -> None:
    hook = recording.hook()
    one, two = iter(hook.wrap(BATCHES[:3])), iter(hook.wrap(BATCHES[3:]))
    for name, batches in (("one", one), ("two", two), ("two again", two), ("one again", one)):
        next(batches)
        hook.annotate(**{name: 1})
    assert [list(names) for names in told(recording, hook).values()] == [
        ["one"],
        ["two"],
        ["two again"],
        ["one again"],
    ]


@pytest.mark.parametrize("flushed", [True, False])
def test_a_batch_that_is_held_back(recording: Recording, flushed: bool) -> None:
    hook = recording.hook(record_gradients=True)
    data = torch.ones(6, 2)
    for number, batch in enumerate(hook.wrap(DataLoader(data, batch_size=2))):
        batch.requires_grad_().sum().backward()
        hook.annotate(loss=number)
        if flushed:
            recording.db.flush()
        hook.annotate(again=number)
    recording.end()
    assert told(recording, hook) == {n: {"loss": float(n), "again": float(n)} for n in range(3)}
    assert all(batch.metadata for batch in recording.batches(hook))


def test_with_workers(recording: Recording) -> None:
    hook = recording.hook()
    for batch in hook.wrap(DataLoader(torch.arange(8.0), batch_size=2, num_workers=2)):
        hook.annotate(mean=batch.mean())
    assert told(recording, hook) == {n: {"mean": 2 * n + 0.5} for n in range(4)}


def test_batches_that_are_a_gap(recording: Recording) -> None:
    hook = recording.hook()

    def step(number: int, batch: Any) -> None:
        hook.annotate(loss=number)
        recording.db.flush()
        hook.annotate(late=number)

    with pytest.warns(OriginWarning):
        loop(hook.wrap([["a"], [{"a set"}], ["b"]]), step)
    assert told(recording, hook) == {0: {"loss": 0.0, "late": 0.0}, 2: {"loss": 2.0, "late": 2.0}}
    assert [gap.first_batch for gap in recording.gaps()] == [1]


def test_a_batch_that_could_not_be_observed(recording: Recording) -> None:
    hook = recording.hook()
    hook.observe(["a"])
    with pytest.raises(TypeError):
        hook.observe([{"a set"}])
    hook.annotate(loss=1)
    assert told(recording, hook) == {}


@pytest.mark.parametrize("written", [True, False])
def test_it_never_waits_for_the_disk(recording: Recording, written: bool) -> None:
    hook = recording.hook()
    hook.observe(["a"])
    batches = iter(hook.wrap(BATCHES))
    done = threading.Event()

    def train() -> None:
        for _ in range(1 if written else 3):
            next(batches)
        if written:
            recording.db.flush()
        ready.set()
        may_annotate.wait()
        for value in range(20_000):
            hook.annotate(loss=value)
        done.set()

    ready, may_annotate = threading.Event(), threading.Event()
    thread = threading.Thread(target=train)
    thread.start()
    assert ready.wait(20)
    with slow_disk(recording):
        may_annotate.set()
        assert done.wait(20)
        assert len(Recorder.of(recording.db)._queue) < 100
    thread.join()
    assert told(recording, hook) == {1 if written else 3: {"loss": 19_999.0}}


class Refusing:
    """A database whose file cannot be written for a while."""

    def __init__(self, db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
        append = db.append

        def refuse(*what: Any) -> None:
            if self.refuses:
                raise self.error
            append(*what)

        self.refuses = False
        self.error: Exception = StorageError("no room")
        monkeypatch.setattr(db, "append", refuse)


def test_a_disk_that_refuses(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was said of batches before, during and after is all there in the end."""
    hook, disk = recording.hook(), Refusing(recording.db, monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OriginWarning)
        for number, _ in enumerate(hook.wrap(BATCHES)):
            if number == 1:
                recording.db.flush()
                disk.refuses = True
            hook.annotate(loss=number)
            if disk.refuses:
                with pytest.raises(StorageError, match="no room"):
                    recording.db.flush()
            hook.annotate(late=number)
            if number == 4:
                disk.refuses = False
    assert told(recording, hook) == {n: {"loss": float(n), "late": float(n)} for n in range(6)}
    assert recording.gaps() == []


def test_ending_a_session_commits_what_was_said(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook, disk = recording.hook(), Refusing(recording.db, monkeypatch)
    hook.observe(["a"])
    disk.refuses = True
    hook.annotate(loss=1)
    with pytest.raises(StorageError):
        recording.end()
    disk.refuses = False
    recording.end()
    assert told(recording, hook) == {0: {"loss": 1.0}}


def test_closing_commits_what_was_said(path: Path) -> None:
    recording = Recording(path)
    hook = recording.hook()
    for _ in hook.wrap(BATCHES):
        hook.annotate(loss=1)
    recording.db.close()
    with ProvenanceDatabase(path) as db:
        assert [note.batch_no for note in db.batch_table.annotations([1])] == list(range(6))


def test_a_process_that_ends_without_a_word(path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from hooks_support import Recording\n"
        "hook = Recording(Path(sys.argv[1])).hook()\n"
        "for _ in hook.wrap([['a'], ['b']]):\n"
        "    hook.annotate(loss=1)\n"
    )
    _, errors = start(script, path).communicate()
    with ProvenanceDatabase(path) as db:
        assert [note.batch_no for note in db.batch_table.annotations([1])] == [0, 1], errors


def test_numbers_reach_the_disk_by_themselves(recording: Recording) -> None:
    hook = recording.hook()
    hook.observe(["a"])
    hook.annotate(loss=1)
    until = time.monotonic() + 20
    with ProvenanceDatabase(recording.path, read_only=True) as reader:
        while not list(reader.batch_table.annotations([1])):
            assert time.monotonic() < until
            time.sleep(0.02)


@pytest.mark.parametrize("batch_is_written", [True, False])
def test_a_batch_is_not_lost_for_what_was_said_of_it(
    recording: Recording, monkeypatch: pytest.MonkeyPatch, batch_is_written: bool
) -> None:
    hook = recording.hook()
    put = recording.db.annotations.put
    refused = []

    def refuse(annotations: Any) -> None:
        if any(note.name == "bad" for note in annotations):
            refused.append(len(annotations))
            raise ValueError("no such thing")
        put(annotations)

    monkeypatch.setattr(recording.db.annotations, "put", refuse)
    hook.observe(["first"])
    for number, _ in enumerate(hook.wrap(BATCHES)):
        if batch_is_written:
            recording.db.flush()
        hook.annotate(**{"bad" if number == 3 else "good": 1})
    assert list(told(recording, hook)) == [1, 2, 3, 5, 6]
    assert refused
    assert len(recording.batches(hook)) == 7
    assert recording.gaps() == []


def test_a_session_that_ended(recording: Recording) -> None:
    hook, strict = recording.hook(), recording.hook("strict", on_error="raise")
    hook.observe(["a"])
    strict.observe(["a"])
    recording.end()
    with pytest.warns(OriginWarning, match="no longer recorded"):
        hook.annotate(loss=1)
    with pytest.raises(SessionEndedError):
        strict.annotate(loss=1)
    assert told(recording, hook) == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_has_no_batch_of_its_parents(recording: Recording) -> None:
    hook = recording.hook()
    hook.observe(["a"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            hook.annotate(loss=1)
        except ConfigurationError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    hook.annotate(loss=2)
    assert told(recording, hook) == {0: {"loss": 2.0}}
