"""`DatasetHook`: the guide's examples, and what every iteration over a data set has to keep."""

import subprocess
import sys
from itertools import islice
from typing import Any

import pytest
import torch
from datasets import (
    Dataset,
    DatasetDict,
    IterableDataset,
    IterableDatasetDict,
    concatenate_datasets,
)
from hooks_support import Recording, prints
from huggingface_support import MakeHook, flat, hook_for, reviews

from origin.errors import BatchError, FingerprintError, OriginWarning
from origin.hooks.huggingface import DatasetHook


@pytest.fixture
def make_hook(recording: Recording) -> MakeHook:
    def make(source: str = "reviews", license_id: str | None = None, **more: Any) -> DatasetHook:
        return hook_for(recording, source, license_id, **more)

    return make


# -- the guide -------------------------------------------------------------------------


def test_batches_of_a_data_set(recording: Recording, make_hook: MakeHook) -> None:
    dataset = reviews(10)
    hook = make_hook(license_id="unknown")
    seen = list(hook.wrap(dataset.iter(batch_size=4)))
    assert seen == list(dataset.iter(batch_size=4))
    rows = prints(dataset)
    assert recording.fingerprints(hook) == [rows[:4], rows[4:8], rows[8:]]
    assert hook.get_stats()["samples_observed"] == 10
    assert recording.db.get_source("reviews").license_id == "unknown"


def test_single_rows_of_a_data_set(recording: Recording, make_hook: MakeHook) -> None:
    dataset = reviews(5)
    hook = make_hook()
    assert list(hook.wrap_dataset(dataset)) == list(dataset)
    assert recording.fingerprints(hook) == [[one] for one in prints(dataset)]


def test_a_streamed_data_set(recording: Recording, make_hook: MakeHook) -> None:
    dataset = reviews(6)
    hook = make_hook()
    assert list(hook.wrap_streaming(dataset.to_iterable_dataset())) == list(dataset)
    assert recording.fingerprints(hook) == [[one] for one in prints(dataset)]


def test_positional_arguments_as_in_the_guide(recording: Recording) -> None:
    hook = DatasetHook(recording.db, recording.session_id, source_id="imdb")
    for _ in hook.wrap_streaming(reviews(3).to_iterable_dataset()):
        pass
    assert hook.get_stats()["samples_observed"] == 3


def test_two_sources_side_by_side(recording: Recording, make_hook: MakeHook) -> None:
    splits = reviews(9).train_test_split(test_size=3, seed=1)
    train = make_hook("squad_train", "CC-BY-SA-4.0")
    held_out = make_hook("squad_val", "CC-BY-SA-4.0")
    for _ in train.wrap(splits["train"].iter(batch_size=4)):
        pass
    for _ in held_out.wrap(splits["test"].iter(batch_size=4)):
        pass
    assert flat(recording, train) == prints(splits["train"])
    assert flat(recording, held_out) == prints(splits["test"])


# -- what is yielded, and what is recorded of it ------------------------------------------


def test_every_way_to_the_same_rows_records_the_same(
    recording: Recording, make_hook: MakeHook
) -> None:
    dataset = reviews(7)
    ways = [
        make_hook().wrap(dataset),
        make_hook().wrap(iter(dataset)),
        make_hook().wrap_dataset(dataset),
        make_hook().wrap(dataset.iter(3)),
        make_hook().wrap(dataset.with_format("arrow").iter(3)),
        make_hook().wrap(dataset.to_iterable_dataset()),
        make_hook().wrap(dataset.to_iterable_dataset().iter(3)),
        make_hook().wrap_streaming(dataset.to_iterable_dataset()),
        make_hook().wrap(batch for batch in dataset.iter(3)),
        make_hook().wrap(list(dataset)),
        make_hook().wrap([list(dataset)]),
    ]
    for way in ways:
        assert len(list(way)) in (1, 3, 7)
        assert flat(recording, way._hook) == prints(dataset)


def test_the_very_objects_are_yielded(make_hook: MakeHook) -> None:
    batches = list(reviews(6).iter(2))
    assert all(a is b for a, b in zip(make_hook().wrap(batches), batches, strict=True))


def test_a_last_batch_may_be_dropped_by_the_loader(
    recording: Recording, make_hook: MakeHook
) -> None:
    hook = make_hook()
    list(hook.wrap(reviews(7).iter(3, drop_last_batch=True)))
    assert flat(recording, hook) == prints(reviews(7))[:6]


@pytest.mark.parametrize(
    "arrange",
    [
        lambda data: data.shuffle(seed=3),
        lambda data: data.select([4, 1, 1, 7]),
        lambda data: data.select(range(2, 6)),
        lambda data: concatenate_datasets([data, data.select([0])]),
        lambda data: data.shard(3, 1),
        lambda data: data.filter(lambda row: row["label"] == 1),
        lambda data: data.map(lambda row: {"length": len(row["text"])}),
        lambda data: data.remove_columns("label"),
    ],
    ids=["shuffle", "select", "range", "concatenate", "shard", "filter", "map", "remove"],
)
def test_arranged_data_sets(arrange: Any, recording: Recording, make_hook: MakeHook) -> None:
    dataset = arrange(reviews(10))
    rows, batches = make_hook(), make_hook()
    list(rows.wrap(dataset))
    list(batches.wrap(dataset.iter(3)))
    assert flat(recording, rows) == flat(recording, batches) == prints(dataset)


def test_two_epochs_over_one_stand_in(recording: Recording, make_hook: MakeHook) -> None:
    dataset = reviews(4)
    hook = make_hook()
    recorded = hook.wrap(dataset)
    assert len(recorded) == 4
    for _ in range(2):
        assert list(recorded) == list(dataset)
    assert recording.epochs(hook) == [0] * 4 + [1] * 4
    assert hook.get_stats()["unique_samples"] == 4
    assert flat(recording, hook) == prints(dataset) * 2


def test_only_what_was_handed_over_is_on_record(recording: Recording, make_hook: MakeHook) -> None:
    dataset = reviews(50)
    hook = make_hook()
    for place, _ in enumerate(hook.wrap(dataset)):
        if place == 2:
            break
    stream = make_hook("streamed")
    list(islice(stream.wrap(dataset.to_iterable_dataset()), 4))
    assert flat(recording, hook) == prints(dataset)[:3]
    assert flat(recording, stream) == prints(dataset)[:4]


def test_the_loop_may_change_what_it_got(recording: Recording, make_hook: MakeHook) -> None:
    dataset = reviews(6)
    hook = make_hook()
    for batch in hook.wrap(dataset.iter(3)):
        batch["text"][0] = "changed"
        batch.pop("label")
    for row in hook.wrap(dataset.with_format("torch")):
        row["label"].add_(7)
        row["text"] = None
    assert flat(recording, hook) == prints(dataset) * 2


def test_keys_of_the_users_own(recording: Recording, make_hook: MakeHook) -> None:
    dataset = Dataset.from_dict({"id": [7, 8, None], "text": ["a", "b", "c"]})
    hook = make_hook(key="id")
    list(hook.wrap(dataset.iter(2)))
    list(hook.wrap(dataset.with_format("arrow")))
    found = [batch.keys for batch in recording.batches(hook)]
    assert [list(keys or [None]) for keys in found] == [["7", "8"], [None], ["7"], ["8"], [None]]


# -- tokenised text ----------------------------------------------------------------------


@pytest.mark.parametrize("length", [3, 4, 5], ids=["short", "square", "long"])
@pytest.mark.parametrize("form", [None, "numpy", "torch", "arrow", "pandas", "polars"])
def test_tokens_are_no_samples(
    form: str | None, length: int, recording: Recording, make_hook: MakeHook
) -> None:
    ids = [[row * 10 + place for place in range(length)] for row in range(4)]
    dataset = Dataset.from_dict({"input_ids": ids, "attention_mask": [[1] * length] * 4})
    rows, batches = make_hook(), make_hook()
    list(rows.wrap(dataset.with_format(form)))
    list(batches.wrap(dataset.with_format(form).iter(4)))
    assert recording.fingerprints(rows) == [[one] for one in prints(dataset)]
    assert recording.fingerprints(batches) == [prints(dataset)]


def test_a_streamed_row_of_tokens_is_one_sample(recording: Recording, make_hook: MakeHook) -> None:
    stream = Dataset.from_dict({"input_ids": [[1, 2], [3, 4]]}).to_iterable_dataset()
    hook = make_hook()
    list(hook.wrap(stream))
    assert recording.fingerprints(hook) == [[one] for one in prints(stream)]


# -- streams -----------------------------------------------------------------------------


def test_a_shuffle_buffer_and_its_epochs(recording: Recording, make_hook: MakeHook) -> None:
    stream = reviews(12).to_iterable_dataset(num_shards=3).shuffle(seed=1, buffer_size=4)
    hook = make_hook()
    recorded = hook.wrap(stream)
    seen = []
    for epoch in (0, 3):
        recorded.set_epoch(epoch)
        assert stream.epoch == epoch
        seen.append(list(recorded))
    assert seen[0] != seen[1]
    assert flat(recording, hook) == prints(seen[0] + seen[1])
    assert recording.epochs(hook) == [0] * 12 + [3] * 12


def test_a_stream_goes_on_from_its_state(recording: Recording, make_hook: MakeHook) -> None:
    dataset = reviews(6)
    first = make_hook()
    recorded = first.wrap(dataset.to_iterable_dataset())
    iterator = iter(recorded)
    for _ in range(2):
        next(iterator)
    state = recorded.state_dict()
    second = make_hook()
    resumed = second.wrap(dataset.to_iterable_dataset())
    resumed.load_state_dict(state)
    assert list(resumed) == list(dataset)[2:]
    assert flat(recording, second) == prints(dataset)[2:]


def test_a_stream_made_by_a_generator(recording: Recording, make_hook: MakeHook) -> None:
    def rows() -> Any:
        for place in range(3):
            yield {"ids": [place] * 3, "score": place / 3}

    hook = make_hook()
    list(hook.wrap(IterableDataset.from_generator(rows)))
    assert recording.fingerprints(hook) == [[one] for one in prints(rows())]


def test_a_stream_without_known_length_has_none(make_hook: MakeHook) -> None:
    with pytest.raises(TypeError):
        len(make_hook().wrap(reviews(3).to_iterable_dataset()))


def test_attributes_are_the_data_sets(make_hook: MakeHook) -> None:
    dataset = reviews(3)
    recorded = make_hook().wrap(dataset)
    assert recorded.features == dataset.features
    assert recorded.column_names == ["text", "label"]


# -- observe -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", [None, "numpy", "torch", "arrow", "pandas", "polars"])
def test_observe_takes_a_batch_of_every_form(
    form: str | None, recording: Recording, make_hook: MakeHook
) -> None:
    dataset = reviews(3)
    hook = make_hook()
    hook.observe(dataset.with_format(form)[:])
    assert recording.fingerprints(hook) == [prints(dataset)]


def test_observe_takes_lists_of_rows_record_batches_and_single_rows(
    recording: Recording, make_hook: MakeHook
) -> None:
    dataset = reviews(3)
    hook = make_hook()
    hook.observe(list(dataset))
    hook.observe(dataset.with_format("arrow")[:].to_batches()[0])
    hook.observe(dataset[1])
    hook.observe({"tags": ["a", "b"], "label": [1]})
    hook.observe({"text": []})
    rows = prints(dataset)
    ragged = prints([{"tags": ["a", "b"], "label": [1]}])
    assert recording.fingerprints(hook) == [rows, rows, rows[1:2], ragged, []]


def test_a_hook_may_extract_samples_of_its_own(recording: Recording) -> None:
    class Texts(DatasetHook):
        def _extract_samples(self, batch: Any) -> list[tuple[Any, dict[str, Any]]]:
            rows = super()._extract_samples(batch)
            return [(row["text"], metadata) for row, metadata in rows]

    hook = Texts(recording.db, recording.session_id, "texts")
    list(hook.wrap(reviews(4).iter(2)))
    assert flat(recording, hook) == prints(reviews(4)["text"])


# -- wrong input -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [DatasetDict, IterableDatasetDict])
@pytest.mark.parametrize("method", ["wrap", "wrap_dataset", "wrap_streaming"])
def test_several_splits_at_once_are_refused(kind: Any, method: str, make_hook: MakeHook) -> None:
    dataset = reviews(3)
    one = dataset if kind is DatasetDict else dataset.to_iterable_dataset()
    splits = kind({"train": one, "test": one})
    with pytest.raises(TypeError, match=r"take a split, such as hook.wrap\(dataset\['train'\]\)"):
        getattr(make_hook(), method)(splits)


def test_a_split_is_recorded(recording: Recording, make_hook: MakeHook) -> None:
    splits = DatasetDict({"train": reviews(3)})
    hook = make_hook()
    list(hook.wrap(splits["train"]))
    assert flat(recording, hook) == prints(reviews(3))


@pytest.mark.parametrize("method", ["wrap_dataset", "wrap_streaming"])
def test_what_cannot_be_iterated_over_is_refused(method: str, make_hook: MakeHook) -> None:
    for other in (3, None, len):
        with pytest.raises(TypeError, match=rf"{method}\(\) takes a data set or another iterable"):
            getattr(make_hook(), method)(other)


def test_a_wrapped_data_set_is_not_wrapped_again(make_hook: MakeHook) -> None:
    recorded = make_hook().wrap(reviews(3))
    with pytest.raises(TypeError, match="wrapped already"):
        make_hook().wrap(recorded)
    with pytest.raises(TypeError, match="wrapped already"):
        make_hook().wrap_dataset(recorded)


def test_what_is_no_batch_of_rows_is_refused(make_hook: MakeHook) -> None:
    for wrong in ("text", 3, [1, 2], (["a"], [0]), torch.rand(2, 2), reviews(3)):
        with pytest.raises(BatchError, match="is no batch of rows"):
            make_hook().observe(wrong)


def test_an_unknown_key_names_the_columns(make_hook: MakeHook) -> None:
    with pytest.raises(BatchError, match="key='uuid' names no column; there are: text, label"):
        next(iter(make_hook(key="uuid").wrap(reviews(3))))


def test_a_row_without_fingerprint_is_an_error_that_says_where(make_hook: MakeHook) -> None:
    with pytest.raises(FingerprintError, match=r'item 1 of the batch.*sample\["tags"\]'):
        make_hook().observe({"tags": ["a", {"b"}]})


def test_a_row_that_contains_itself_is_an_error(make_hook: MakeHook) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(FingerprintError, match="contains itself"):
        make_hook().observe({"tags": endless, "label": 1})


def test_training_goes_on_after_a_bad_batch(recording: Recording, make_hook: MakeHook) -> None:
    batches = [{"text": ["a"]}, {"text": [{1}]}, {"text": ["b"]}]
    hook = make_hook()
    with pytest.warns(OriginWarning, match="not recorded whole"):
        assert list(hook.wrap(batches)) == batches
    assert recording.fingerprints(hook) == [prints([{"text": "a"}]), prints([{"text": "b"}])]
    assert not recording.complete()


def test_a_transform_of_ragged_columns_is_refused(make_hook: MakeHook) -> None:
    dataset = reviews(4).with_transform(lambda batch: {"text": batch["text"], "scale": [1.0]})
    with pytest.raises(BatchError, match="text: 4, scale: 1"):
        list(make_hook().wrap(dataset.iter(4)))


def test_nothing_is_recorded_while_recording_is_off(make_hook: MakeHook) -> None:
    dataset = reviews(3)
    assert make_hook(enabled=False).wrap_dataset(dataset) is dataset


def test_a_license_in_the_data_set_is_not_taken_over(
    recording: Recording, make_hook: MakeHook
) -> None:
    dataset = reviews(3)
    dataset.info.license = "mit"
    list(make_hook("unlicensed").wrap(dataset))
    assert recording.db.get_source("unlicensed").license_id is None


def test_importing_the_hook_imports_no_framework() -> None:
    heavy = "{'datasets', 'pyarrow', 'pandas', 'torch', 'polars', 'PIL'}"
    code = f"import sys, origin.hooks.huggingface; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
