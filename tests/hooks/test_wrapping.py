"""What ``wrap`` returns must pass for the loader, and record just what was handed over."""

import copy
import pickle
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hooks_support import Recording, loop, prints
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from origin.core.record import SourceRecord
from origin.errors import ConfigurationError, OriginWarning, SourceLicenseError

DATA = torch.arange(30, dtype=torch.float32).reshape(10, 3)
ROWS = prints(DATA)


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter(DATA)


class Shifting:
    """A loader with the methods of a stateful, distributed one."""

    def __init__(self) -> None:
        self.epoch = 0
        self.state = {"at": 3}

    def __iter__(self) -> Iterator[Any]:
        return iter([DATA[:2] + self.epoch])

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def state_dict(self) -> dict[str, int]:
        return self.state


def test_two_epochs_through_one_stand_in(recording: Recording) -> None:
    hook = recording.hook()
    loader = hook.wrap(DataLoader(DATA, batch_size=4))
    for _ in range(2):
        assert [len(batch) for batch in loader] == [4, 4, 2]
    assert recording.fingerprints(hook) == [ROWS[:4], ROWS[4:8], ROWS[8:]] * 2
    assert recording.epochs(hook) == [0, 0, 0, 1, 1, 1]
    stats = hook.get_stats()
    assert (stats["batches_observed"], stats["samples_observed"]) == (6, 20)
    assert stats["unique_samples"] == 10


def test_wrapping_anew_for_each_epoch(recording: Recording) -> None:
    hook = recording.hook()
    loader = DataLoader(DATA, batch_size=5)
    for _ in range(3):
        for _ in hook.wrap(loader):
            pass
    assert recording.epochs(hook) == [0, 0, 1, 1, 2, 2]
    assert recording.db.get_session(recording.session_id).streams == 1


def test_an_epoch_counts_once_its_first_batch_is_there(recording: Recording) -> None:
    hook = recording.hook()
    loader = hook.wrap(DataLoader(DATA, batch_size=5))
    iter(loader)
    list(hook.wrap([]))
    list(loader)
    assert recording.epochs(hook) == [0, 0]


def test_set_epoch_reaches_the_loader_and_the_record(recording: Recording) -> None:
    hook, own = recording.hook(), Shifting()
    loader = hook.wrap(own)
    loader.set_epoch(7)
    list(loader)
    assert own.epoch == 7
    list(loader)
    assert recording.epochs(hook) == [7, 8]
    assert recording.fingerprints(hook) == [prints(DATA[:2] + 7)] * 2


def test_set_epoch_without_one_in_the_loader(recording: Recording) -> None:
    hook = recording.hook()
    loader = hook.wrap(DataLoader(DATA, batch_size=10))
    loader.set_epoch(3)
    list(loader)
    assert recording.epochs(hook) == [3]


def test_attributes_are_those_of_the_loader(recording: Recording) -> None:
    own: DataLoader[Any] = DataLoader(TensorDataset(DATA), batch_size=4, drop_last=True)
    loader = recording.hook().wrap(own)
    for name in ("dataset", "sampler", "batch_sampler", "collate_fn", "multiprocessing_context"):
        assert getattr(loader, name) is getattr(own, name)
    assert (loader.batch_size, loader.drop_last, loader.num_workers) == (4, True, 0)
    assert len(loader) == len(own) == 2
    assert bool(loader)
    assert recording.hook().wrap(Shifting()).state_dict() == {"at": 3}
    with pytest.raises(AttributeError):
        loader.no_such_thing  # noqa: B018


def test_setting_an_attribute_sets_the_loaders(recording: Recording) -> None:
    own: DataLoader[Any] = DataLoader(DATA, batch_size=4)
    loader = recording.hook().wrap(own)
    loader.collate_fn = torch.stack
    loader.mark = 5
    assert own.collate_fn is torch.stack
    assert own.mark == loader.mark == 5  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="batch_size"):
        loader.batch_size = 8


def test_length_of_what_has_none(recording: Recording) -> None:
    own: DataLoader[Any] = DataLoader(Endless(), batch_size=4)
    loader = recording.hook().wrap(own)
    with pytest.raises(TypeError) as raised:
        len(loader)
    with pytest.raises(TypeError) as wanted:
        len(own)
    assert str(raised.value) == str(wanted.value)
    assert [len(batch) for batch in list(loader)] == [4, 4, 2]


@pytest.mark.parametrize("record_gradients", [False, True])
def test_the_very_objects_pass(recording: Recording, record_gradients: bool) -> None:
    batches = [{"x": DATA[:2]}, {"x": DATA[2:4]}, {"x": DATA[4:6]}]
    hook = recording.hook(record_gradients=record_gradients)
    assert all(a is b for a, b in zip(hook.wrap(batches), batches, strict=True))


def test_breaking_off_records_what_was_handed_over(recording: Recording) -> None:
    hook = recording.hook()
    loader = hook.wrap(DataLoader(DATA, batch_size=2, num_workers=2, prefetch_factor=2))
    for index, _ in enumerate(loader):
        if index == 1:
            break
    assert recording.fingerprints(hook) == [ROWS[:2], ROWS[2:4]]
    for _ in loader:
        for _ in loader:
            break
        break
    assert recording.fingerprints(hook)[2:] == [ROWS[:2], ROWS[:2]]
    assert recording.epochs(hook) == [0, 0, 1, 2]


def test_an_exception_in_the_loop(recording: Recording) -> None:
    hook = recording.hook()
    with pytest.raises(ZeroDivisionError):
        loop(hook.wrap(DataLoader(DATA, batch_size=2)), lambda number, _: 1 / (2 - number))
    assert recording.fingerprints(hook) == [ROWS[:2], ROWS[2:4], ROWS[4:6]]


@pytest.mark.parametrize("record_gradients", [False, True])
def test_an_exception_of_the_loader_passes_untouched(
    recording: Recording, record_gradients: bool
) -> None:
    error = KeyError("the user's own")

    def failing() -> Iterator[Any]:
        yield DATA[:2]
        raise error

    hook = recording.hook(record_gradients=record_gradients)
    with pytest.raises(KeyError) as raised:
        list(hook.wrap(failing()))
    assert raised.value is error
    assert recording.fingerprints(hook) == [ROWS[:2]]
    recording.end("failed")
    assert recording.complete()


def test_a_loader_that_fails_at_once_gives_no_other_warning(recording: Recording) -> None:
    def failing() -> Iterator[Any]:
        raise KeyError("gone")
        yield

    with pytest.raises(KeyError):
        next(recording.hook().wrap(failing()))
    recording.end("failed")


def test_a_generator(recording: Recording) -> None:
    hook = recording.hook()
    wrapped = hook.wrap(DATA[at : at + 2] for at in range(0, 10, 2))
    assert iter(wrapped) is wrapped
    assert torch.equal(next(wrapped), DATA[:2])
    assert len(list(wrapped)) == 4
    with pytest.raises(StopIteration):
        next(wrapped)
    assert [row for batch in recording.fingerprints(hook) for row in batch] == ROWS
    assert recording.epochs(hook) == [0] * 5


def test_next_on_what_is_no_iterator(recording: Recording) -> None:
    with pytest.raises(TypeError, match="not an iterator"):
        next(recording.hook().wrap([DATA]))


def test_two_iterations_at_once(recording: Recording) -> None:
    hook = recording.hook()
    loader = hook.wrap(DataLoader(DATA, batch_size=5))
    for one, other in zip(loader, loader, strict=True):
        assert torch.equal(one, other)
    assert recording.epochs(hook) == [0, 1, 0, 1]
    assert recording.fingerprints(hook) == [ROWS[:5], ROWS[:5], ROWS[5:], ROWS[5:]]


def test_the_iterator_has_the_attributes_of_the_loaders(recording: Recording) -> None:
    iterator = iter(recording.hook().wrap(DataLoader(DATA, batch_size=5)))
    assert iterator._num_yielded == 0
    next(iterator)
    assert iterator._num_yielded == 1
    with pytest.raises(AttributeError):
        iterator.no_such_thing  # noqa: B018


def test_copies_share_the_record(recording: Recording) -> None:
    hook = recording.hook()
    loader = hook.wrap(DataLoader(DATA, batch_size=10))
    other = copy.copy(loader)
    list(loader)
    list(other)
    assert recording.epochs(hook) == [0, 1]
    for attempt in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="pickle"):
            attempt(loader)


@pytest.mark.parametrize("loader", [5, None, object()])
def test_what_cannot_be_iterated_over(recording: Recording, loader: Any) -> None:
    with pytest.raises(TypeError, match="takes a loader"):
        recording.hook().wrap(loader)


def test_wrapping_twice(recording: Recording) -> None:
    hook = recording.hook()
    loader = hook.wrap(DataLoader(DATA))
    for wrapped in (loader, iter(loader)):
        with pytest.raises(TypeError, match="wrapped already"):
            recording.hook("other").wrap(wrapped)
    list(loader)


def test_the_old_sequence_protocol(recording: Recording) -> None:
    class Old:
        def __getitem__(self, index: int) -> torch.Tensor:
            if index == 2:
                raise IndexError
            return DATA[index : index + 1]

    hook = recording.hook()
    assert len(list(hook.wrap(Old()))) == 2  # type: ignore[arg-type]
    assert recording.fingerprints(hook) == [ROWS[:1], ROWS[1:2]]


def test_shuffling_is_the_same_with_and_without(recording: Recording) -> None:
    def order(wrap: Any) -> list[list[float]]:
        torch.manual_seed(5)
        loader = wrap(DataLoader(DATA, batch_size=3, shuffle=True))
        return [batch[:, 0].tolist() for _ in range(2) for batch in loader]

    assert order(recording.hook().wrap) == order(lambda loader: loader)


def test_time_spent_in_the_hook(recording: Recording) -> None:
    hook = recording.hook()
    for _ in hook.wrap(DataLoader(DATA, batch_size=5)):
        time.sleep(0.01)
    stats = hook.get_stats()
    assert 0 < stats["overhead_seconds"] < stats["elapsed_seconds"]
    assert stats["elapsed_seconds"] > 0.02


def test_a_data_set_cannot_be_read_around_the_record(recording: Recording) -> None:
    wrapped = recording.hook().wrap(TensorDataset(torch.arange(6)))
    with pytest.raises(TypeError, match="wrap the loader"):
        wrapped[0]
    with pytest.raises(TypeError, match="wrap the loader"):
        list(DataLoader(wrapped, batch_size=2))
    with pytest.warns(OriginWarning, match="nothing was read"):
        recording.end()


class Rewinding:
    """A home-made loader: an iterator that begins anew whenever it is asked for one."""

    def __iter__(self) -> "Rewinding":
        self.at = 0
        return self

    def __next__(self) -> torch.Tensor:
        if self.at >= len(DATA):
            raise StopIteration
        self.at += 5
        return DATA[self.at - 5 : self.at]


def test_an_iterator_that_begins_anew_trains_every_epoch(recording: Recording) -> None:
    hook = recording.hook()
    wrapped = hook.wrap(Rewinding())
    assert [len(list(wrapped)) for _ in range(3)] == [2, 2, 2]
    assert recording.epochs(hook) == [0, 0, 1, 1, 2, 2]
    assert [one for batch in recording.fingerprints(hook) for one in batch] == ROWS * 3


class Resettable(Rewinding):
    """One that is reset by hand, as pipelines on accelerators are."""

    def __init__(self) -> None:
        self.at = 0

    def __iter__(self) -> "Resettable":
        return self

    def reset(self) -> None:
        self.at = 0


def test_an_iterator_that_is_reset_by_hand(recording: Recording) -> None:
    hook = recording.hook()
    wrapped = hook.wrap(Resettable())
    for _ in range(2):
        while next(wrapped, None) is not None:
            pass
        wrapped.reset()
    assert recording.epochs(hook) == [0, 0, 1, 1]


def test_an_epoch_is_a_whole_number(recording: Recording) -> None:
    hook = recording.hook()
    wrapped = hook.wrap(DataLoader(DATA, batch_size=5))
    wrapped.set_epoch(np.int64(7))
    list(wrapped)
    assert recording.epochs(hook) == [7, 7]
    for wrong in (1.5, -1, "2", None, 2**31):
        for numbered in (wrapped, hook):
            with pytest.raises(ConfigurationError, match="whole number"):
                numbered.set_epoch(wrong)


def test_the_largest_epoch(recording: Recording) -> None:
    hook = recording.hook()
    wrapped = hook.wrap(["a"])
    wrapped.set_epoch(2**31 - 1)
    list(wrapped)
    assert recording.epochs(hook) == [2**31 - 1]


def test_set_epoch_of_the_hook(recording: Recording) -> None:
    hook = recording.hook()
    wrapped = hook.wrap([["a"]])
    hook.set_epoch(4)
    list(wrapped)
    list(wrapped)
    wrapped.set_epoch(9)
    list(hook.wrap([["b"]]))
    list(wrapped)
    assert recording.epochs(hook) == [4, 5, 6, 9]


def test_set_epoch_of_a_hook_that_is_off(recording: Recording) -> None:
    hook = recording.hook(enabled=False)
    hook.set_epoch(4)
    assert list(hook.wrap(["a"])) == ["a"]


def test_set_epoch_of_the_hook_numbers_what_is_observed(recording: Recording) -> None:
    hook = recording.hook()
    for epoch in (0, 2, 3):
        hook.set_epoch(epoch)
        for batch in (["a"], ["b"]):
            hook.observe(batch)
    list(hook.wrap([["c"]]))
    assert recording.epochs(hook) == [0, 0, 2, 2, 3, 3, 4]


def test_membership_is_the_loaders_and_no_pass(recording: Recording) -> None:
    hook = recording.hook()
    wrapped = hook.wrap(["a", "b"])
    assert "b" in wrapped
    assert recording.batches(hook) == []
    list(wrapped)


def test_a_source_registered_anew_before_the_first_batch(recording: Recording) -> None:
    declared = recording.hook("poems", "MIT")
    taken = recording.hook("songs")
    for source in ("poems", "songs"):
        recording.db.record_source(SourceRecord(source, license_id="GPL-3.0-only"))
    with pytest.raises(SourceLicenseError, match=r"GPL-3\.0-only"):
        list(declared.wrap([["a"]]))
    list(taken.wrap([["a"]]))
    assert taken.license_id == taken.stream().record.license_id == "GPL-3.0-only"
