"""A segment that was altered: an answer is right, or an error that names the file."""

import random

import pytest

from origin.errors import SegmentError
from origin.query.engine import QueryEngine

ROUNDS = 60


@pytest.fixture
def sealed(write, db, session, monkeypatch):
    monkeypatch.setattr("origin.storage.sealing.sealer.FRESH_ROWS_PER_GROUP", 100)
    stream = write.stream(session)
    for number in range(40):
        samples = range(10 * number, 10 * number + 12)
        write.batch(stream, number, samples, keys=[f"row-{sample}" for sample in samples])
    db.seal()
    (segment,) = db.ledger.segments()
    return db.ledger.folder / segment.name


def answers(engine, write):
    fingerprints = write.ids(*range(0, 400, 40))
    return {
        "sql": lambda: sorted(engine.sql("SELECT * FROM observations").rows(), key=repr),
        "trace": lambda: [engine.trace_sample(one) for one in fingerprints],
        "erasure": lambda: engine.report_erasure(fingerprints=fingerprints).samples().rows(),
        "keys": lambda: engine.report_erasure(keys=["row-77"]).samples().rows(),
    }


@pytest.mark.parametrize("question", ["sql", "trace", "erasure", "keys"])
def test_flipped_bits_never_make_a_wrong_answer(write, db, sealed, question):
    whole = sealed.read_bytes()
    wanted = answers(QueryEngine(db), write)[question]()
    choose = random.Random(7)  # noqa: S311
    for _ in range(ROUNDS):
        at, bit = choose.randrange(len(whole)), 1 << choose.randrange(8)
        sealed.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
        try:
            found = answers(QueryEngine(db), write)[question]()
        except SegmentError as error:
            assert sealed.name in str(error)  # noqa: PT017
        else:
            assert found == wanted, (at, bit)
    sealed.write_bytes(whole)
    assert answers(QueryEngine(db), write)[question]() == wanted


def test_an_engine_that_has_read_a_file_notices_that_it_was_altered_since(write, db, sealed):
    engine = QueryEngine(db)
    for ask in answers(engine, write).values():
        ask()
    whole = sealed.read_bytes()
    middle = len(whole) // 3
    sealed.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    for ask in answers(engine, write).values():
        with pytest.raises(SegmentError, match=sealed.name):
            ask()


def test_a_large_file_is_not_read_as_a_whole_for_one_sample_and_its_pages_are_checked(
    write, db, sealed, monkeypatch
):
    monkeypatch.setattr("origin.query.lookup._SMALL", 0)
    monkeypatch.setattr(db.ledger, "path_of", None)
    wanted = answers(QueryEngine(db), write)["trace"]()
    whole, choose = sealed.read_bytes(), random.Random(9)  # noqa: S311
    refused = 0
    for _ in range(ROUNDS):
        # The footer is behind; Arrow itself ends the process for some that are damaged.
        at = choose.randrange(len(whole) // 2)
        sealed.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            assert answers(QueryEngine(db), write)["trace"]() == wanted
        except SegmentError as error:
            assert sealed.name in str(error)  # noqa: PT017
            refused += 1
    assert refused > ROUNDS // 3


def test_a_sample_in_a_batch_that_is_not_in_the_catalog_is_a_segment_error(
    engine, write, db, sealed, monkeypatch
):
    monkeypatch.setattr(db.batch_table, "times", lambda places: {})
    with pytest.raises(SegmentError, match="which the catalog does not have"):
        engine.trace_sample(write.ids(1)[0])
