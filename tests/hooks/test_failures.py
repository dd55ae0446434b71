"""A failing record never passes for a whole one, and never stops a training it need not stop."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hooks_support import Recording, loop, prints
from torch.utils.data import DataLoader

from origin.errors import (
    BatchError,
    ConfigurationError,
    FingerprintError,
    InvalidRecordError,
    OriginWarning,
    ReadOnlyDatabaseError,
    RecordingError,
    SessionEndedError,
    SessionNotFoundError,
    SourceLicenseError,
)
from origin.hooks.base import BaseHook
from origin.hooks.pytorch import DataLoaderHook
from origin.storage.database import ProvenanceDatabase

GOOD = [{"a": 1}, {"a": 2}]
BAD = [{"a": 1}, {"a": {1, 2}}]


class Items(BaseHook):
    """A hook of a user's own, whose batches are what ``_extract_samples`` returns."""

    def _extract_samples(self, batch: Any) -> Any:
        if isinstance(batch, Exception):
            raise batch
        return batch


def train(hook: BaseHook, batches: Any) -> list[Any]:
    """All the batches that the loop gets."""
    return list(hook.wrap(batches))


def test_an_error_before_the_first_batch_is_recorded(recording: Recording) -> None:
    hook = recording.hook()
    with pytest.raises(FingerprintError, match="item 1"):
        train(hook, [BAD, GOOD])
    recording.end("failed")


def test_afterwards_training_goes_on(recording: Recording) -> None:
    hook = recording.hook("web")
    with pytest.warns(OriginWarning, match="'web' is not recorded whole") as told:
        assert train(hook, [GOOD, BAD, BAD, GOOD, BAD, GOOD]) == [GOOD, BAD, BAD, GOOD, BAD, GOOD]
    assert len(told) == 1
    assert told[0].filename == __file__
    assert recording.fingerprints(hook) == [prints(GOOD)] * 3
    assert [batch.batch_no for batch in recording.batches(hook)] == [0, 3, 5]
    gaps = recording.gaps()
    assert [(gap.first_batch, gap.last_batch) for gap in gaps] == [(1, 2), (4, 4)]
    assert all(gap.reason.startswith("FingerprintError: item 1 of the batch") for gap in gaps)
    recording.end()
    assert not recording.complete()


def test_one_warning_for_each_cause(recording: Recording) -> None:
    hook = Items(recording.db, recording.session_id, "own")
    good = [("a", {})]
    with pytest.warns(OriginWarning) as told:
        train(hook, [good, [({1}, {})], ["bare"], KeyError("mine"), ["bare"], good, [({2}, {})]])
    assert ["FingerprintError" in str(told[0].message), len(told)] == [True, 3]
    assert [(gap.first_batch, gap.last_batch) for gap in recording.gaps()] == [
        (1, 1),
        (2, 2),
        (3, 3),
        (4, 4),
        (6, 6),
    ]


def test_an_error_that_cannot_even_be_told(recording: Recording) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    hook = Items(recording.db, recording.session_id, "own")
    with pytest.warns(OriginWarning, match="Mute"):
        train(hook, [[("a", {})], Mute()])
    assert [gap.reason for gap in recording.gaps()] == ["Mute: (its message cannot be read)"]


@pytest.mark.parametrize(
    ("items", "error"),
    [
        (["bare"], BatchError),
        ([("a", None)], BatchError),
        ([("a", {}, 1)], BatchError),
        ([("a", {"x": object()})], InvalidRecordError),
        (5, TypeError),
    ],
)
def test_wrong_samples_of_a_users_own_hook(
    recording: Recording, items: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        Items(recording.db, recording.session_id, "own").observe(items)


def test_raising_instead(recording: Recording) -> None:
    hook = recording.hook(on_error="raise")
    seen: list[Any] = []
    with pytest.raises(FingerprintError):
        loop(hook.wrap([GOOD, BAD, GOOD]), lambda _, batch: seen.append(batch))
    assert seen == [GOOD]
    recording.end("failed")
    assert recording.fingerprints(hook) == [prints(GOOD)]


def test_observe_always_raises(recording: Recording) -> None:
    hook = recording.hook(on_error="warn")
    hook.observe(GOOD)
    for _ in range(2):
        with pytest.raises(FingerprintError):
            hook.observe(BAD)
    hook.observe(GOOD)
    recording.end()  # without a warning: whoever called observe knows
    assert [(gap.first_batch, gap.last_batch) for gap in recording.gaps()] == [(1, 2)]
    assert not recording.complete()


def test_mode_off(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGIN_MODE", "OFF")
    hook = recording.hook()
    batches = [BAD, GOOD]
    assert hook.wrap(batches) is batches
    assert hook.observe(BAD) == ""
    assert hook.get_stats()["batches_observed"] == 0
    recording.end()
    assert recording.db.list_sources() == []


def test_mode_strict(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGIN_MODE", "strict")
    with pytest.raises(FingerprintError):
        train(recording.hook(), [GOOD, BAD])


def test_mode_nonsense(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGIN_MODE", "loud")
    with pytest.raises(ConfigurationError, match="'loud'"):
        recording.hook()


def test_arguments_beat_the_environment(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORIGIN_MODE", "strict")
    with pytest.warns(OriginWarning):
        train(recording.hook(on_error="warn"), [GOOD, BAD])
    monkeypatch.setenv("ORIGIN_MODE", "off")
    hook = recording.hook("second", enabled=True)
    train(hook, [GOOD])
    assert recording.fingerprints(hook) == [prints(GOOD)]
    monkeypatch.delenv("ORIGIN_MODE")
    assert recording.hook("third", enabled=False).observe(GOOD) == ""


@pytest.mark.parametrize(
    "options",
    [
        {"on_error": "ignore"},
        {"rank": -1},
        {"rank": 2, "world_size": 2},
        {"rank": 2**31 - 1},
        {"rank": 2**31},
        {"world_size": 2**31},
    ],
)
def test_wrong_arguments(recording: Recording, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        recording.hook(**options)


def test_place_in_the_job(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    def place(**options: Any) -> tuple[int, int]:
        record = recording.hook(**options).stream().record
        return record.rank, record.world_size

    assert place() == (0, 1)
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert place() == (2, 4)
    assert place(rank=0, world_size=3) == (0, 3)
    monkeypatch.setenv("WORLD_SIZE", "many")
    assert place() == (0, 1)
    assert place(rank=3, world_size=2**31 - 1) == (3, 2**31 - 1)
    monkeypatch.setenv("RANK", str(2**31))
    monkeypatch.delenv("WORLD_SIZE")
    with pytest.raises(ConfigurationError, match="rank"):
        place()


def test_an_ended_session(recording: Recording) -> None:
    hook = recording.hook()
    train(hook, [GOOD])
    recording.end()
    with pytest.raises(SessionEndedError, match="has ended"):
        recording.hook("late")
    with pytest.raises(SessionEndedError):
        hook.observe(GOOD)
    with pytest.raises(SessionEndedError):
        train(hook, [GOOD])


def test_a_hook_that_began_nothing_before_its_session_ended(recording: Recording) -> None:
    hook = recording.hook()
    recording.end()
    with pytest.raises(SessionEndedError):
        train(hook, [GOOD])
    with pytest.raises(SessionEndedError):
        hook.observe(GOOD)


def test_an_unknown_session(recording: Recording) -> None:
    with pytest.raises(SessionNotFoundError):
        DataLoaderHook(recording.db, "no such id", "data")


def test_a_read_only_database(recording: Recording) -> None:
    with (
        ProvenanceDatabase(recording.path, read_only=True) as db,
        pytest.raises(ReadOnlyDatabaseError),
    ):
        DataLoaderHook(db, recording.session_id, "data")


def test_a_license_that_contradicts(recording: Recording) -> None:
    recording.hook("web", "MIT")
    assert recording.hook("web").license_id == "MIT"
    assert recording.hook("web", "mit").license_id == "MIT"
    with pytest.raises(SourceLicenseError, match=r"Apache-2\.0"):
        recording.hook("web", "Apache-2.0")


def test_wrapped_but_never_read(recording: Recording) -> None:
    hook = recording.hook("forgotten")
    hook.wrap([GOOD])
    used = recording.hook("used")
    train(used, [GOOD])
    with pytest.warns(OriginWarning, match="'forgotten' wrapped a list") as w:
        recording.end()
    assert len(w) == 1


def test_a_closed_database(recording: Recording) -> None:
    hook = recording.hook()
    train(hook, [GOOD])
    recording.db.close()
    assert hook.get_stats()["batches_observed"] == 1
    with pytest.raises(ValueError, match="was closed"):
        hook.observe(GOOD)


@pytest.mark.filterwarnings("error")
def test_warnings_as_errors_lose_nothing(recording: Recording) -> None:
    """A hook's warning may be an exception: what other hooks hold is committed all the same."""
    recording.hook("forgotten").wrap([GOOD])
    held = recording.hook("held", record_gradients=True)
    train(held, [GOOD])
    with pytest.raises(OriginWarning):
        recording.db.close()
    with ProvenanceDatabase(recording.path) as db:
        assert len(list(db.ledger.batches(held.stream().number))) == 1


class Full:
    """A disk without room, and then with."""

    def __init__(self, db: ProvenanceDatabase) -> None:
        self._connection = db._connection

    def fill(self) -> None:
        row = self._connection.row("PRAGMA page_count")
        assert row is not None
        self._connection.rows(f"PRAGMA max_page_count = {row[0] + 8}")

    def make_room(self) -> None:
        self._connection.rows("PRAGMA max_page_count = 1000000")


def rows(count: int) -> Iterator[torch.Tensor]:
    for number in range(count):
        yield torch.arange(200, dtype=torch.float32).reshape(100, 2) + number


def test_a_full_disk(recording: Recording) -> None:
    disk, hook = Full(recording.db), recording.hook()

    def step(number: int, _: Any) -> None:
        if number == 5:
            recording.db.flush()
            disk.fill()
        if number in (20, 25):
            with pytest.raises(OSError, match="full"):
                recording.db.flush()

    with pytest.warns(OriginWarning, match=r"disk that holds .* is full") as told:
        assert loop(hook.wrap(rows(40)), step) == 40
    assert len(told) == 1
    with pytest.raises(OSError, match="full"):
        recording.end()
    assert recording.db.get_session(recording.session_id).status == "running"
    disk.make_room()
    recording.end()
    assert recording.fingerprints(hook) == [prints(batch) for batch in rows(40)]
    assert recording.gaps() == []
    assert recording.complete()


def test_a_full_disk_with_raise(recording: Recording) -> None:
    disk, hook = Full(recording.db), recording.hook(on_error="raise")

    def step(number: int, _: Any) -> None:
        if number == 5:
            recording.db.flush()
            disk.fill()
        if number == 10:
            with pytest.raises(OSError, match="full"):
                recording.db.flush()

    with pytest.raises(RecordingError, match="full"):
        loop(hook.wrap(rows(40)), step)
    disk.make_room()
    recording.end("failed")
    assert recording.fingerprints(hook) == [prints(batch) for batch in list(rows(40))[:11]]


def test_observing_on_a_full_disk(recording: Recording) -> None:
    disk, hook = Full(recording.db), recording.hook()
    batches = list(rows(30))
    hook.observe(batches[0])
    disk.fill()
    refused = 0
    for batch in batches[1:]:
        try:
            hook.observe(batch)
        except OSError:
            refused += 1
    assert refused > 10
    disk.make_room()
    hook.observe(batches[0])
    recording.end()
    lost = sum(gap.last_batch - gap.first_batch + 1 for gap in recording.gaps())
    assert (lost, len(recording.batches(hook))) == (refused, 31 - refused)
    assert not recording.complete()


def test_when_not_even_a_gap_can_be_noted(recording: Recording) -> None:
    """A database that refuses every write for a while: the hole is told once it takes them."""
    hook = recording.hook()
    connection = recording.db._connection

    def step(number: int, _: Any) -> None:
        if number == 3:
            recording.db.flush()
            connection.rows("PRAGMA query_only = ON")
        if number == 6:
            with pytest.raises(ReadOnlyDatabaseError):
                recording.db.flush()
        if number == 8:
            connection.rows("PRAGMA query_only = OFF")
            recording.db.flush()

    with pytest.warns(OriginWarning, match="cannot be written") as told:
        loop(hook.wrap([GOOD] * 12), step)
    assert len(told) == 1
    recording.end()
    kept = [batch.batch_no for batch in recording.batches(hook)]
    missing = [n for gap in recording.gaps() for n in range(gap.first_batch, gap.last_batch + 1)]
    assert sorted(kept + missing) == list(range(12))
    assert recording.complete() is not bool(missing)


def test_no_warning_when_all_is_well(recording: Recording) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(recording.hook(), [GOOD] * 5)
        recording.end()
    assert recording.complete()


@pytest.mark.parametrize("policy", ["warn", "raise"])
def test_a_new_pass_after_the_session_ended(recording: Recording, policy: str) -> None:
    hook = recording.hook(on_error=policy)
    wrapped = hook.wrap(DataLoader(torch.rand(8, 2), batch_size=2))
    list(wrapped)
    recording.end()
    with pytest.raises(SessionEndedError, match="begin another"):
        list(wrapped)
    assert hook.get_stats()["batches_observed"] == len(recording.batches(hook)) == 4


def test_a_session_that_ends_under_way(recording: Recording) -> None:
    hook = recording.hook(on_error="warn")
    batches = hook.wrap(DataLoader(torch.rand(20, 2), batch_size=2))
    with pytest.warns(OriginWarning, match="no longer recorded") as told:
        count = loop(batches, lambda at, _: recording.end() if at == 3 else None)
    assert count == 10
    assert len(told) == 1
    assert hook.get_stats()["batches_observed"] == len(recording.batches(hook)) == 4
    assert recording.complete()  # what came after the end is no part of the session


def test_a_session_that_ends_under_way_strictly(recording: Recording) -> None:
    hook = recording.hook(on_error="raise")
    batches = hook.wrap(DataLoader(torch.rand(20, 2), batch_size=2))
    with pytest.raises(SessionEndedError):
        loop(batches, lambda at, _: recording.end() if at == 3 else None)
    assert len(recording.batches(hook)) == 4
