"""Is my evaluation set in there, and what do two runs have in common: with real loaders."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch.utils.data import DataLoader, TensorDataset

import origin
from origin.errors import ConfigurationError, OriginWarning, SampleNotFoundError
from origin.hooks.huggingface import DatasetHook, fingerprint_row
from origin.hooks.pytorch import DataLoaderHook


def record(db, session_id, loader, source="web"):
    list(DataLoaderHook(db, session_id, source, "MIT").wrap(loader))


class Pairs:
    """A map-style data set of tensors and plain Python labels, without an iterator."""

    def __init__(self, first, last):
        self.numbers = range(first, last)

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, index):
        number = self.numbers[index]
        return torch.full((3,), float(number)), number % 4


def test_an_evaluation_set_that_leaked_is_found_although_its_labels_were_collated(db, session, ask):
    record(db, session, DataLoader(Pairs(0, 50), 8, shuffle=True))
    found = ask("find_overlap", session, values=Pairs(45, 65))
    assert (found.given, found.shared, found.unseen) == (20, 5, 15)
    assert list(found.numbers) == [0, 1, 2, 3, 4]
    assert "5 of 20 samples were seen" in str(found)
    rows = found.samples()
    assert sorted(row[1] for row in rows) == [0, 1, 2, 3, 4]
    assert rows.columns[:4] == ("sample_id", "given_no", "session_id", "source_id")
    assert len(found.samples(limit=2)) == 2


def test_an_evaluation_set_that_did_not_leak(db, session, ask):
    record(db, session, DataLoader(Pairs(0, 50), 8))
    found = ask("find_overlap", session, values=Pairs(50, 60))
    assert (found.shared, found.samples().rows()) == (0, [])


def test_rows_of_a_hugging_face_data_set(db, session, ask):
    rows = Dataset.from_dict({"text": ["good", "bad", "odd"], "label": [1, 0, 1]})
    list(DatasetHook(db, session, "reviews", "MIT").wrap(rows.iter(batch_size=2)))
    seen = ask("find_overlap", session, values=rows.select([2, 0]))
    assert (seen.given, seen.shared) == (2, 2)
    other = Dataset.from_dict({"text": ["new", "bad"], "label": [1, 0]})
    seen = ask("find_overlap", session, fingerprints=map(fingerprint_row, other))
    assert list(seen.numbers) == [1]


def test_texts_and_values_given_twice(db, session, ask):
    list(DataLoaderHook(db, session, "poem", "MIT").wrap([["one", "two"], ["three"]]))
    found = ask("find_overlap", session, values=iter(["two", "six", "two", "one"]))
    assert (found.given, found.shared, list(found.numbers)) == (3, 2, [0, 3])


def test_a_leak_by_session(db, session, write, ask):
    record(db, session, DataLoader(TensorDataset(torch.arange(20.0)), 6))
    evaluation = write.session()
    record(db, evaluation, DataLoader(TensorDataset(torch.arange(17.0, 30.0)), 6))
    found = ask("find_overlap", session, evaluation)
    assert (found.samples_a, found.samples_b, found.shared) == (20, 13, 3)
    assert (found.only_a, found.only_b) == (17, 10)
    assert [row[2:] for row in found.samples()] == [(1, 1)] * 3
    diff = ask("diff_sessions", session, evaluation)
    assert (diff.only_a, diff.only_b, diff.shared, diff.unequal) == (17, 10, 3, 0)


def test_blake3_fingerprints(tmp_path):
    pytest.importorskip("blake3")
    with origin.ProvenanceDatabase(tmp_path / "blake3.db", fingerprint="blake3") as db:
        session = db.begin_session("c").session_id
        record(db, session, DataLoader(Pairs(0, 10), 4))
        found = origin.QueryEngine(db).find_overlap(session, values=Pairs(8, 12))
        assert found.shared == 2


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, ConfigurationError),
        ({"values": [1], "fingerprints": []}, ConfigurationError),
        ({"values": "text"}, ConfigurationError),
        ({"values": 5}, ConfigurationError),
        ({"fingerprints": "ab" * 32}, ConfigurationError),
        ({"fingerprints": ["no id"]}, SampleNotFoundError),
    ],
)
def test_what_cannot_be_looked_for(session, ask, given, error):
    with pytest.raises(error):
        ask("find_overlap", session, **given)


def test_values_that_cannot_be_what_the_loop_received_are_told(db, session, ask):
    record(db, session, DataLoader(Pairs(0, 50), 8))
    found = ask("find_overlap", session, values=[float(number) for number in range(30)])
    first, second = str(found).splitlines()
    assert "none of them has the form of a recorded sample (json, " in first
    assert first.endswith(" bytes): give them as your loop received them")
    assert second == f"- session {session} is still running: this is as far as it is on the disk"
    many = ask("find_overlap", session, values=[float(number) for number in range(200)])
    assert "none of the first 100 has the form" in many.hint
    assert ask("find_overlap", session, values=Pairs(50, 60)).hint == ""
    assert ask("find_overlap", session, values=Pairs(45, 60)).hint == ""
    assert ask("find_overlap", session, fingerprints=["ab" * 32]).hint == ""


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (DataLoader(Pairs(0, 8), 4), "the data set itself"),
        ((np.zeros((6, 3)), np.zeros(6)), r"zip\(X, y\)"),
        ((torch.zeros(6, 3), torch.zeros(6)), r"zip\(X, y\)"),
        ([], "nothing was given: values"),
        (iter(()), "nothing was given: values"),
    ],
)
def test_values_that_are_no_samples_are_refused_with_what_to_give(session, ask, values, message):
    with pytest.raises(ConfigurationError, match=message):
        ask("find_overlap", session, values=values)


def test_a_loader_without_batches_gives_samples(db, session, ask):
    record(db, session, DataLoader(Pairs(0, 8), 4))
    samples = DataLoader(Pairs(4, 12), batch_size=None)
    assert ask("find_overlap", session, values=samples).shared == 4


def test_records_that_are_not_whole_are_named(db, session, write, ask):
    other = write.session()
    record(db, session, [["a"]])
    with pytest.warns(OriginWarning):
        record(db, other, [["a"], [object()]])
    for each in (session, other):
        db.end_session(each)
    for question in ("find_overlap", "diff_sessions"):
        told = ask(question, db.get_session(session), db.get_session(other))
        (caveat,) = told.caveats
        assert caveat.startswith(f"the record of session {other} is not whole (it has 1 gap)")
        assert caveat in repr(told)
    assert repr(ask("find_overlap", session, session)) == (
        "1 sample was seen by both sessions, 0 only by the first, 0 only by the second"
    )
