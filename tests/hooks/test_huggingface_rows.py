"""Iterables of rows that are no data sets, and looking a row up by its fingerprint."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from datasets import Dataset, Image
from hooks_support import Recording, prints
from huggingface_support import flat, hook_for, png, reviews
from torch.utils.data import DataLoader

from origin.core.fingerprint import fingerprint_sample
from origin.errors import BatchError, FingerprintError
from origin.hooks.huggingface import fingerprint_row

FORMS = [None, "numpy", "torch", "arrow", "pandas", "polars"]
METHODS = ["wrap_dataset", "wrap_streaming"]
# Each of these could pass for a batch of two rows.
ROWS = [{"tags": ["a", "b"]}, {"tags": ["c", "d"]}, {"tags": []}]


# -- any iterable of rows -------------------------------------------------------------------


class Indexed:
    """Rows that are known by index alone."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        return ROWS[index]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "rows",
    [lambda: ROWS, lambda: tuple(ROWS), lambda: iter(ROWS), lambda: (r for r in ROWS), Indexed],
    ids=["list", "tuple", "iterator", "generator", "indexed"],
)
def test_each_item_is_one_row(method: str, rows: Any, recording: Recording) -> None:
    hook = hook_for(recording)
    assert list(getattr(hook, method)(rows())) == ROWS
    assert recording.fingerprints(hook) == [[one] for one in prints(ROWS)]


def test_wrap_still_takes_such_items_for_batches(recording: Recording) -> None:
    hook = hook_for(recording)
    list(hook.wrap(ROWS))
    assert flat(recording, hook) == prints({"tags": tag} for tag in "abcd")


def test_one_hook_may_read_rows_and_batches(recording: Recording) -> None:
    hook = hook_for(recording)
    rows, batches = hook.wrap_dataset(ROWS[:1]), hook.wrap([{"tags": ["x", "y"]}])
    for _ in range(2):
        list(rows)
        list(batches)
    once = [prints(ROWS[:1]), prints([{"tags": "x"}, {"tags": "y"}])]
    assert recording.fingerprints(hook) == once * 2


def test_rows_of_a_generator_may_be_asked_for_one_by_one(recording: Recording) -> None:
    hook = hook_for(recording)
    recorded = hook.wrap_streaming(row for row in ROWS)
    assert next(recorded) == ROWS[0]
    assert recording.fingerprints(hook) == [prints(ROWS[:1])]


@pytest.mark.parametrize("method", METHODS)
def test_what_yields_batches_is_read_as_batches(method: str, recording: Recording) -> None:
    rows = prints(reviews(5))
    hook, loading = hook_for(recording), hook_for(recording)
    list(getattr(hook, method)(reviews(5).iter(2)))
    assert recording.fingerprints(hook) == [rows[:2], rows[2:4], rows[4:]]
    loader: Any = DataLoader(reviews(5), batch_size=4, collate_fn=list)
    list(getattr(loading, method)(loader))
    assert recording.fingerprints(loading) == [rows[:4], rows[4:]]


@pytest.mark.parametrize("method", METHODS)
def test_items_that_are_no_rows_are_refused(method: str, recording: Recording) -> None:
    for wrong in (["text"], [1, 2], torch.rand(2, 2)):
        with pytest.raises(BatchError, match="is no batch of rows"):
            list(getattr(hook_for(recording), method)(wrong))


def test_keys_of_rows_from_a_generator(recording: Recording) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for place in range(2):
            yield {"id": place, "tags": ["a"]}

    hook = hook_for(recording, key="id")
    list(hook.wrap_dataset(rows()))
    assert [list(batch.keys or []) for batch in recording.batches(hook)] == [["0"], ["1"]]


# -- fingerprint_row --------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_rows_without_long_lists_have_the_fingerprint_of_the_sample(form: str | None) -> None:
    columns = {"text": ["a", "é"], "ids": [[1, 2], [3, 4]], "score": [0.5, 1.0], "ok": [True] * 2}
    dataset = Dataset.from_dict(columns)
    wanted = fingerprint_sample(dataset[1])
    assert fingerprint_row(dataset.with_format(form)[1]) == wanted
    if form in ("arrow", "pandas", "polars"):
        assert fingerprint_row(dataset.with_format(form)[1:2]) == wanted


def test_a_row_of_equally_long_lists_is_still_one_row() -> None:
    row = {"ids": [1, 2], "mask": torch.ones(2, dtype=torch.int64)}
    assert fingerprint_row(row) == fingerprint_sample({"ids": [1, 2], "mask": [1, 1]})
    assert fingerprint_row({}) == fingerprint_sample({})


@pytest.mark.parametrize("form", FORMS)
def test_files_count_as_their_bytes(form: str | None, recording: Recording) -> None:
    cells = [{"bytes": png(shade), "path": None} for shade in range(2)]
    dataset = Dataset.from_dict({"image": cells}).cast_column("image", Image(decode=False))
    hook = hook_for(recording)
    list(hook.wrap(dataset.cast_column("image", Image())))
    found = [fingerprint_row(dataset.with_format(form)[place]) for place in range(2)]
    assert found == flat(recording, hook)


def test_only_one_row_has_a_fingerprint() -> None:
    with pytest.raises(BatchError, match="give one row; this Table holds 3"):
        fingerprint_row(reviews(3).with_format("arrow")[:])
    with pytest.raises(BatchError, match="is no batch of rows"):
        fingerprint_row("text")  # type: ignore[arg-type]
    with pytest.raises(FingerprintError):
        fingerprint_row({"text": {"a"}})
