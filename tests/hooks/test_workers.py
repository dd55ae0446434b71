"""What the workers of a loader fingerprint is what the training process would have."""

import contextlib
import copy
import gc
import os
import pickle
import random
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hooks_support import Recording, prints
from loader_data import Listed, as_it_is
from processes import start
from torch.utils.data import DataLoader
from worker_data import (
    FORMS,
    IMAGES,
    LEFT_TO_THE_PARENT,
    TEXTS,
    Dicts,
    Faulty,
    Random,
    WholeBatches,
    loader,
)

from origin.core.fingerprint import fingerprint_sample
from origin.core.record import PackedBatch
from origin.errors import BatchError, FingerprintError, OriginWarning
from origin.hooks import workers
from origin.hooks.batches import children
from origin.hooks.huggingface import DatasetHook
from origin.hooks.pytorch import DataLoaderHook
from origin.hooks.reader import BatchReader, Found, Settings
from origin.hooks.workers import Carrier, FingerprintingCollate
from origin.storage.database import ProvenanceDatabase

Told = list[bool]


@pytest.fixture
def from_workers(monkeypatch: pytest.MonkeyPatch) -> Told:
    """For each batch that came with fingerprints, whether they were taken over."""
    told: Told = []
    resume = BatchReader.resume

    def noting(self: BatchReader, found: Found) -> Any:
        capture = resume(self, found)
        told.append(capture is not None)
        return capture

    monkeypatch.setattr(BatchReader, "resume", noting)
    return told


def record(recording: Recording, make: Callable[..., Any], **options: Any) -> list[PackedBatch]:
    """All that is on record of one pass, but for the time."""
    hook = recording.hook(**options)
    for _ in hook.wrap(make()):
        pass
    return [replace(batch, stream_no=0, seen_at=0) for batch in recording.batches(hook)]


@pytest.mark.parametrize("form", FORMS)
def test_every_form(recording: Recording, from_workers: Told, form: str) -> None:
    inside = record(recording, FORMS[form])
    assert from_workers == [True] * len(inside) != []
    assert inside == record(recording, FORMS[form], in_workers=False)
    assert len(from_workers) == len(inside)
    recording.end()
    assert recording.complete()


@pytest.mark.parametrize("form", LEFT_TO_THE_PARENT)
def test_what_changes_on_its_way(recording: Recording, from_workers: Told, form: str) -> None:
    make = LEFT_TO_THE_PARENT[form]
    assert record(recording, make) == record(recording, make, in_workers=False)
    assert from_workers == []


@pytest.mark.parametrize("context", ["spawn", "forkserver"])
def test_other_ways_to_start_workers(
    recording: Recording, from_workers: Told, context: str
) -> None:
    def make() -> Any:
        return loader(Dicts(), num_workers=1)(multiprocessing_context=context)

    inside = record(recording, make, key="id")
    assert from_workers == [True, True, True]
    assert inside == record(recording, FORMS["dicts"], in_workers=False, key="id")


def test_what_cannot_be_pickled_fails_as_ever(recording: Recording) -> None:
    def fail(batches: Any) -> str:
        with pytest.raises((AttributeError, TypeError, pickle.PicklingError)) as caught:
            iter(batches)
        return f"{caught.type} {caught.value}"

    bare = DataLoader(
        IMAGES, num_workers=1, collate_fn=lambda b: b, multiprocessing_context="spawn"
    )
    with pytest.warns(UserWarning, match="pickle"):
        expected = fail(bare)
    with pytest.warns(UserWarning, match="pickle"):
        assert fail(recording.hook().wrap(bare)) == expected


@pytest.mark.parametrize("key", ["id", None])
def test_keys(recording: Recording, key: str | None) -> None:
    inside = record(recording, FORMS["dicts"], key=key)
    assert inside == record(recording, FORMS["dicts"], key=key, in_workers=False)
    assert inside[0].keys == (None if key is None else ["row 0", "row 1", "row 2"])


def test_a_short_batch_that_only_the_full_ones_explain(recording: Recording) -> None:
    """A worker that sees nothing but the last batch leaves it to the training process."""
    data = Listed([[[n, n], [n, n]] for n in range(5)])
    for workers_at_work in (1, 2):
        make = loader(data, collate_fn=as_it_is, num_workers=workers_at_work)
        assert record(recording, make) == record(recording, make, in_workers=False)


def any_batch(source: random.Random) -> Any:
    """A batch that may be read in more than one way, of up to three samples or fields."""
    size, width = source.randint(1, 4), source.randint(1, 4)
    tensors = [torch.rand(size) for _ in range(width)]
    lists = [[float(i * j) for i in range(size)] for j in range(width)]
    return source.choice(
        [
            torch.rand(size, width),
            tensors,
            tuple(tensors),
            lists,
            tuple(lists),
            {"a": tensors, "b": torch.rand(size)},
            {"a": lists, "b": torch.rand(size)},
            {"a": [torch.rand(width, 2) for _ in range(size)], "b": torch.rand(size)},
            [torch.rand(size, width), ["t"] * size],
            list("abc"[:width]),
            [{"x": torch.rand(width)} for _ in range(size)],
        ]
    )


@pytest.mark.parametrize("collates_fields", [None, False, True])
@pytest.mark.parametrize("batch_size", [None, 1, 2, 3])
def test_any_history(batch_size: int | None, collates_fields: bool | None) -> None:
    """Whoever reads which batch, and however mixed they are: the outcome is the same."""

    def outcome(read: Callable[[Any], Any], batch: Any) -> Any:
        try:
            capture = read(batch)
        except (BatchError, FingerprintError) as error:
            return str(error)
        capture.hash()
        return capture.root, capture.byte_sizes, capture.content_types

    for seed in range(150):
        source = random.Random(seed)  # noqa: S311
        alone = BatchReader(batch_size, None, collates_fields)
        resuming = BatchReader(*alone.settings)
        collates = [FingerprintingCollate(as_it_is, alone.settings, "sha256") for _ in range(2)]
        taken = 0
        forms = [any_batch(source) for _ in range(4)]
        for _ in range(12):
            batch = source.choice(forms)
            found = source.choice(collates)(batch).found
            capture = None if found is None else resuming.resume(found)
            taken += capture is not None
            there = outcome(resuming.read if capture is None else lambda _, c=capture: c, batch)
            assert there == outcome(alone.read, batch), (seed, batch)
        assert taken or seed % 10


def test_nothing_of_the_loader_changes(recording: Recording) -> None:
    own = FORMS["pairs"]()
    before = copy.copy(vars(own))
    for _ in recording.hook().wrap(own):
        pass
    assert vars(own) == before


def test_order_and_chance_stay_as_they_are(recording: Recording) -> None:
    def run(wrap: Callable[[Any], Any]) -> Any:
        torch.manual_seed(7)
        generator = torch.Generator().manual_seed(3)
        own = wrap(DataLoader(Random(), 3, shuffle=True, num_workers=2, generator=generator))
        batches = [batch for _ in range(2) for batch in own]
        return [[part.tolist() for part in batch] for batch in batches], (
            torch.get_rng_state().tolist(),
            generator.get_state().tolist(),
        )

    assert run(recording.hook().wrap) == run(lambda own: own)


@pytest.mark.parametrize("form", ["tensor", "pairs", "dataclass", "encoding", "packed"])
def test_the_batch_is_the_loaders(recording: Recording, form: str) -> None:
    def parts(batch: Any) -> list[torch.Tensor]:
        return [batch] if isinstance(batch, torch.Tensor) else children(batch)

    make = FORMS[form]
    for ours, theirs in zip(recording.hook().wrap(make()), make(), strict=True):
        assert type(ours) is type(theirs)
        for our, their in zip(parts(ours), parts(theirs), strict=True):
            if isinstance(our, torch.Tensor):
                assert torch.equal(our, their)
                assert our.is_shared() == their.is_shared()


@pytest.mark.parametrize("fails", [False, True])
def test_workers_end_with_the_loop(recording: Recording, fails: bool) -> None:
    """Nothing holds on to the iterator: neither we nor an error that we raised."""
    hook = recording.hook(key="no such field" if fails else None)
    kept = iter(hook.wrap(FORMS["dicts"]()))
    alive = weakref.ref(kept.inner)
    gc.disable()
    try:
        with contextlib.suppress(BatchError):
            next(kept)
        del kept
        assert alive() is None
    finally:
        gc.enable()


def test_other_fingerprints(tmp_path: Path, from_workers: Told) -> None:
    pytest.importorskip("blake3")
    with ProvenanceDatabase(tmp_path / "blake3.db", fingerprint="blake3") as db:
        hook = DataLoaderHook(db, db.begin_session("config").session_id, "data")
        list(hook.wrap(FORMS["tensor"]()))
        db.flush()
        first = next(iter(db.ledger.batches(hook.stream().number)))
    assert first.fingerprints[:32].hex() == fingerprint_sample(IMAGES[0], "blake3")
    assert from_workers == [True] * 3


def test_workers_that_persist(recording: Recording, from_workers: Told) -> None:
    own = DataLoader(Dicts(), 3, num_workers=2, persistent_workers=True)
    hook, other = recording.hook(), recording.hook("other", key="id")
    recorded = hook.wrap(own)
    for _ in range(2):
        assert len(list(recorded)) == 3
        pids = [worker.pid for worker in own._iterator._workers]
        assert [type(batch) for batch in own] == [dict] * 3  # a loop that nobody records
    assert [worker.pid for worker in own._iterator._workers] == pids
    assert from_workers == [True] * 6
    # The workers go on as the first hook wants it; others read for themselves.
    list(other.wrap(own))
    list(recording.hook("off", in_workers=False).wrap(own))
    assert len(from_workers) == 6
    assert recording.epochs(hook) == [0, 0, 0, 1, 1, 1]
    assert recording.batches(other)[0].keys == ["row 0", "row 1", "row 2"]


def test_workers_that_were_there_before(recording: Recording, from_workers: Told) -> None:
    own = DataLoader(IMAGES, 3, num_workers=1, persistent_workers=True)
    list(own)
    pids = [worker.pid for worker in own._iterator._workers]
    hook = recording.hook()
    list(hook.wrap(own))
    assert [worker.pid for worker in own._iterator._workers] == pids
    assert recording.fingerprints(hook)[0] == prints(IMAGES[:3])
    assert from_workers == []


def test_batches_out_of_order(recording: Recording, from_workers: Told) -> None:
    hook = recording.hook()
    own = DataLoader(IMAGES, 1, num_workers=2, in_order=False, worker_init_fn=_delay_the_first)
    received = [batch.clone() for batch in hook.wrap(own)]
    assert recording.fingerprints(hook) == [prints(batch) for batch in received]
    assert from_workers == [True] * 7


def _delay_the_first(worker: int) -> None:
    if worker == 0:
        import time

        time.sleep(0.2)


def test_gradients_are_known_in_the_training_process(recording: Recording) -> None:
    hook = recording.hook(record_gradients=True)
    for batch in hook.wrap(loader(IMAGES)()):
        batch.requires_grad_()
        (batch.sum() * 2).backward()
    recording.end()
    batches = recording.batches(hook)
    assert [batch.metadata is not None for batch in batches] == [True] * 3
    assert batches[2].metadata == [{"grad_norm": pytest.approx(48**0.5), "requires_grad": True}]


def test_what_the_loop_does_to_a_batch(recording: Recording) -> None:
    hook = recording.hook()
    for batch in hook.wrap(loader(IMAGES)()):
        batch.fill_(-1)
    assert [row for rows in recording.fingerprints(hook) for row in rows] == prints(IMAGES)


def test_only_what_was_handed_over(recording: Recording) -> None:
    hook = recording.hook()
    batches = iter(hook.wrap(loader(IMAGES, batch_size=1)()))
    next(batches), next(batches)
    del batches
    assert recording.fingerprints(hook) == [prints(IMAGES[:1]), prints(IMAGES[1:2])]


@pytest.mark.parametrize("in_workers", [True, False])
def test_errors_of_the_data_set(recording: Recording, in_workers: bool) -> None:
    hook = recording.hook(in_workers=in_workers)
    received, errors = [], []
    batches = iter(hook.wrap(loader(Faulty(), batch_size=2)()))
    for _ in range(4):
        try:
            received.append(next(batches).tolist())
        except KeyError as error:
            errors.append(str(error))
    batches._shutdown_workers()  # the error holds on to them
    assert received == [[[0], [1]], [[2], [3]], [[6], [7]]]
    assert len(errors) == 1
    assert "row 5 is missing" in errors[0]
    assert len(recording.batches(hook)) == 3
    assert recording.gaps() == []


# PyTorch tells of a dead worker from a signal handler, wherever the process happens to be.
DEATH = """
import sys
from pathlib import Path
from hooks_support import Recording
from worker_data import Faulty, loader

recording, received = Recording(Path(sys.argv[1])), 0
hook = recording.hook()
try:
    for batch in hook.wrap(loader(Faulty(kill=True), batch_size=2, num_workers=1)()):
        received += 1
except (RuntimeError, OSError):  # a worker that exited, or a connection that broke
    print(received)
"""


def test_a_worker_that_dies(path: Path) -> None:
    told, errors = start(DEATH, path).communicate()
    assert told, errors
    with ProvenanceDatabase(path) as db:
        (session,) = db.list_sessions()
        recorded = list(db.ledger.batches(1)) if session.streams else []
        assert int(told) <= len(recorded) <= int(told) + 1 <= 3
        assert session.gaps == 0


@pytest.mark.parametrize("in_workers", [True, False])
def test_what_cannot_be_fingerprinted(recording: Recording, in_workers: bool) -> None:
    rows = ["a", "b", "c", {"no canonical bytes"}, "e", "f"]
    hook = recording.hook(in_workers=in_workers)
    with pytest.warns(OriginWarning, match="item 1 of the batch"):
        list(hook.wrap(loader(Listed(rows), batch_size=2, collate_fn=as_it_is)()))
    (gap,) = recording.gaps()
    assert (gap.first_batch, gap.last_batch, gap.cause) == (1, 1, "FingerprintError")
    assert [batch.batch_no for batch in recording.batches(hook)] == [0, 2]


@pytest.mark.parametrize("in_workers", [True, False])
def test_what_is_wrong_from_the_first(recording: Recording, in_workers: bool) -> None:
    hook = recording.hook(in_workers=in_workers, key="no such field")
    with pytest.raises(BatchError, match="names no field"):
        list(hook.wrap(FORMS["dicts"]()))


class Plain(DataLoader[Any]):
    """A loader of one's own that iterates as PyTorch's does."""


class Doubling(DataLoader[Any]):
    """One that does something to its batches, or so it may."""

    def __iter__(self) -> Any:
        return (2 * batch for batch in super().__iter__())


@pytest.mark.parametrize(("kind", "taken"), [(Plain, 3), (Doubling, 0)])
def test_loaders_of_ones_own(
    recording: Recording, from_workers: Told, kind: Any, taken: int
) -> None:
    hook = recording.hook()
    list(hook.wrap(kind(IMAGES, 3, num_workers=2)))
    assert len(from_workers) == taken
    factor = 1 if kind is Plain else 2
    assert recording.fingerprints(hook)[0] == prints(factor * IMAGES[:3])


def test_an_iteration_that_somebody_replaced(recording: Recording, from_workers: Told) -> None:
    own = loader(IMAGES)()
    own._get_iterator = lambda: iter([IMAGES[:2]])
    hook = recording.hook()
    list(hook.wrap(own))
    assert recording.fingerprints(hook) == [prints(IMAGES[:2])]


def test_a_pytorch_with_other_insides(
    recording: Recording, from_workers: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "origin.hooks.torchworkers", None)
    assert len(record(recording, FORMS["tensor"])) == 3
    assert from_workers == []


def test_samples_of_ones_own_are_taken_in_the_training_process(recording: Recording) -> None:
    class Own(DataLoaderHook):
        def _extract_samples(self, batch: Any) -> list[tuple[Any, dict[str, Any]]]:
            return [(text, {"pid": os.getpid()}) for text in batch]

    hook = Own(recording.db, recording.session_id, "own")
    list(hook.wrap(FORMS["strings"]()))
    assert recording.batches(hook)[0].metadata == [{"pid": os.getpid()}] * 3


def test_a_hugging_face_data_set_in_a_loader(recording: Recording, from_workers: Told) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"text": TEXTS[:5], "ids": [[1, 2]] * 5}).with_format("torch")
    told = []
    for number, kind in enumerate([DataLoaderHook, DatasetHook]):
        for in_workers in (True, False):
            source = f"{number}{in_workers}"
            hook = kind(recording.db, recording.session_id, source, in_workers=in_workers)
            list(hook.wrap(DataLoader(rows, batch_size=2, num_workers=2)))
            told.append([batch.root for batch in recording.batches(hook)])
    assert told[0] == told[1] == told[2] == told[3]
    assert from_workers == [True] * 6


@pytest.fixture
def an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that seems to be pinned, by copying it."""
    accelerator = torch.accelerator
    monkeypatch.setattr(accelerator, "is_available", lambda: True)
    monkeypatch.setattr(accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(accelerator, "current_device_index", lambda: 0)
    monkeypatch.setattr(accelerator, "set_device_index", lambda index: None)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self, *_: self.clone())


@pytest.mark.usefixtures("an_accelerator")
@pytest.mark.parametrize("form", ["tensor", "pairs", "dicts", "strings", "namedtuples", "encoding"])
def test_pinned_memory(recording: Recording, from_workers: Told, form: str) -> None:
    inside = record(recording, lambda: FORMS[form](pin_memory=True))
    assert inside == record(recording, FORMS[form], in_workers=False)
    assert from_workers == [True] * len(inside)


class PinsItself:
    def pin_memory(self) -> str:
        return "pinned"


@pytest.mark.usefixtures("an_accelerator")
def test_what_pins_itself_may_change() -> None:
    found = FingerprintingCollate(as_it_is, Settings(), "sha256")(["a"]).found
    for batch in (PinsItself(), [torch.ones(2), PinsItself()]):
        pinned = Carrier(batch, found).pin_memory()
        assert pinned.found is None
        assert "pinned" in (pinned.batch, pinned.batch[-1])


def test_a_worker_gets_nothing_but_settings() -> None:
    collate = FingerprintingCollate(as_it_is, Settings(4, "id", False), "sha256")
    assert len(pickle.dumps(collate)) < 700


def test_no_workers_no_carriers() -> None:
    assert not workers.has_known_workers(DataLoader(IMAGES))
    assert not workers.has_known_workers(iter(DataLoader(IMAGES, num_workers=1)))
    assert workers.has_known_workers(DataLoader(WholeBatches(), num_workers=1))
