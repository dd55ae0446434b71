"""From a step to its rows, from a number to a step, and where two runs part."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from origin.core.record import Gap
from origin.errors import BatchNotFoundError, ConfigurationError, OriginWarning
from origin.hooks.pytorch import DataLoaderHook


def rows(count, start=0):
    return [{"id": f"row-{number}", "x": float(number)} for number in range(start, start + count)]


def loader(count, batch_size=4, start=0):
    return DataLoader(rows(count, start), batch_size)


def record(db, session_id, batches, source="web", losses=None, **place):
    hook = DataLoaderHook(db, session_id, source, "MIT", key="id", **place)
    for number, _ in enumerate(hook.wrap(batches)):
        if losses:
            hook.annotate(loss=losses[number], step=number)


def test_the_rows_of_a_step(db, session, ask):
    record(db, session, loader(20))
    step = ask("get_step", session, 3)
    (batch,) = step.batches
    assert batch.batch.batch_no == 3
    assert [row.key for row in step.rows] == ["row-12", "row-13", "row-14", "row-15"]
    assert {row.source_id for row in step.rows} == {"web"}
    assert [row.position for row in step.rows] == [0, 1, 2, 3]
    assert tuple(row.sample_id for row in step.rows) == batch.batch.sample_ids
    assert step.missing == ()


def test_the_steps_before_it(db, session, ask):
    record(db, session, loader(20))
    step = ask("get_step", session, 2, before=5)
    assert [batch.batch.batch_no for batch in step.batches] == [0, 1, 2]


def test_a_step_of_several_ranks_and_sources(db, session, ask):
    for rank in range(2):
        record(db, session, loader(12, start=100 * rank), rank=rank, world_size=2)
    record(db, session, loader(4, start=500), source="books")
    step = ask("get_step", session, 2)
    assert [(one.rank, one.rows[0].key) for one in step.batches] == [(0, "row-8"), (1, "row-108")]
    step = ask("get_step", session, 0)
    assert [row.source_id for row in step.rows] == ["web"] * 8 + ["books"] * 4
    assert len(ask("get_step", session, 0, rank=1).batches) == 1
    assert len(ask("get_step", session, 0, source="books").batches) == 1
    assert len(ask("get_step", session, 0, stream_no=2).batches) == 1
    with pytest.raises(ConfigurationError, match="no such stream"):
        ask("get_step", session, 0, source="films")


def test_a_step_that_was_never_taken(db, session, ask):
    record(db, session, loader(20))
    with pytest.raises(BatchNotFoundError, match="has 5 batches"):
        ask("get_step", session, 5)
    with pytest.raises(ConfigurationError, match="batch_no"):
        ask("get_step", session, -1)


def test_a_step_that_is_missing_from_the_record_says_why(db, session, ask):
    with pytest.warns(OriginWarning):
        record(db, session, [[{"id": 1}], [{"id": object()}], [{"id": 3}]])
    step = ask("get_step", session, 1)
    assert step.batches == ()
    assert "FingerprintError" in step.missing[0].reason


def test_batches_ranked_by_their_loss(db, session, ask):
    losses = [1.0, 9.0, math.nan, -2.0, math.inf]
    record(db, session, loader(20), losses=losses)
    worst = ask("rank_batches", session, "loss", limit=3)
    assert [one.batch_no for one in worst] == [2, 4, 1]
    assert math.isnan(worst[0].value)
    assert worst[2].value == 9.0
    assert (worst[2].source_id, worst[2].samples, worst[2].rank) == ("web", 4, 0)
    best = ask("rank_batches", session, "loss", limit=2, lowest=True)
    assert [(one.batch_no, one.value) for one in best] == [(3, -2.0), (0, 1.0)]
    step = ask("get_step", session, worst[2].batch_no, before=1)
    assert [row.key for row in step.rows][:2] == ["row-0", "row-1"]
    assert step.batches[1].annotations == {"loss": 9.0, "step": 1.0}
    assert step.batches[1].batch.seen_at == worst[2].seen_at


def test_ranking_by_what_nobody_noted(db, session, ask):
    record(db, session, loader(20), losses=[0.0] * 5)
    with pytest.raises(ConfigurationError, match=r"there are \['loss', 'step'\]"):
        ask("rank_batches", session, "lss")


def tensors(order):
    return DataLoader(TensorDataset(torch.tensor(order, dtype=torch.float32)), 4)


def plain(db, session_id, loader, **place):
    list(DataLoaderHook(db, session_id, "web", "MIT", **place).wrap(loader))


def test_two_runs_that_were_given_the_same(db, session, write, ask):
    other = write.session()
    for each in (session, other):
        plain(db, each, tensors(range(20)))
    assert ask("find_first_difference", session, other) is None


def test_the_batch_at_which_two_runs_part(db, session, write, ask):
    other = write.session()
    plain(db, session, tensors(range(20)))
    plain(db, other, tensors([*range(9), 11, 10, 9, *range(12, 18), 0, 0]))
    found = ask("find_first_difference", session, other)
    assert (found.source_id, found.rank, found.batch_no) == ("web", 0, 2)
    assert found.positions == (1, 3)
    assert found.only_order
    assert found.a.session_id == session
    assert found.b.session_id == other
    assert str(found).splitlines() == [
        "batch 2 of 'web' on rank 0 has the same samples in another order",
        f"- session {session} is still running: this is as far as it is on the disk",
        f"- session {other} is still running: this is as far as it is on the disk",
    ]


def test_a_run_that_ended_earlier(db, session, write, ask):
    other = write.session()
    plain(db, session, tensors(range(20)))
    plain(db, other, tensors(range(12)))
    found = ask("find_first_difference", session, other)
    assert (found.batch_no, found.b) == (3, None)
    assert found.a.batch_no == 3
    first, *_ = str(found).splitlines()
    assert first == "the second session has no batch 3 of 'web' on rank 0"


def test_ranks_part_at_the_lowest_number(db, session, write, ask):
    other = write.session()
    for rank, changed in ((0, 15), (1, 5)):
        place = {"rank": rank, "world_size": 2}
        plain(db, session, tensors(range(20)), **place)
        plain(db, other, tensors([-1 if at == changed else at for at in range(20)]), **place)
    found = ask("find_first_difference", session, other)
    assert (found.rank, found.batch_no, found.positions) == (1, 1, (1,))


def test_a_rank_that_only_one_run_had(db, session, write, ask):
    other = write.session()
    for rank in range(2):
        plain(db, session, tensors(range(8)), rank=rank, world_size=2)
    plain(db, other, tensors(range(8)), rank=0, world_size=2)
    found = ask("find_first_difference", session, other)
    assert (found.rank, found.batch_no, found.b) == (1, 0, None)


def test_what_is_missing_from_a_record_is_not_compared(db, session, write, ask):
    other = write.session()
    plain(db, session, [["a"], ["b"], ["c"], ["d"]])
    with pytest.warns(OriginWarning):
        plain(db, other, [["a"], [object()], ["c"], ["x"]])
    found = ask("find_first_difference", session, other)
    assert (found.batch_no, found.uncompared) == (3, 1)
    first, *caveats = str(found).splitlines()
    assert first.startswith("batch 3 of 'web' on rank 0 differs at 1 of 1 position; 1 batch before")
    assert "is not whole (it has 1 gap)" in caveats[-1]


def lossy(db, session_id, texts, lost):
    """What ``plain`` records of single texts, with gaps in place of some."""
    whole = db.begin_session("c").session_id
    plain(db, whole, [[text] for text in texts])
    db.flush()
    (copied,) = db.catalog.streams(whole)
    stream = db.open_stream(session_id, "web").stream_no
    for batch in list(db.ledger.batches(copied.stream_no)):
        if batch.batch_no in lost:
            db.append([], [Gap(stream, batch.batch_no, batch.batch_no, "FingerprintError: why")])
        else:
            db.append([replace(batch, stream_no=stream)])


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_what_cannot_be_compared_is_not_called_the_same(db, session, write, ask, lost):
    other = write.session()
    plain(db, session, [["a"], ["b"], ["c"]])
    lossy(db, other, "abc", [lost])
    for pair, which in (((session, other), "second"), ((other, session), "first")):
        found = ask("find_first_difference", *pair)
        assert (found.is_known, found.batch_no, found.uncompared) == (False, lost, 1)
        assert {one is None for one in (found.a, found.b)} == {True, False}
        first, *_ = str(found).splitlines()
        assert first.startswith(
            "what can be compared is the same; 1 batch cannot, the first of them "
            f"batch {lost} of 'web' on rank 0 (in the {which} session a gap: FingerprintError"
        )


def test_sessions_with_nothing_but_gaps_cannot_be_compared(db, session, write, ask):
    other = write.session()
    for each in (session, other):
        lossy(db, each, "ab", [0, 1])
    found = ask("find_first_difference", session, other)
    assert (found.is_known, found.batch_no, found.uncompared) == (False, 0, 2)
    assert (found.a, found.b) == (None, None)


def test_a_batch_that_one_session_lost_and_the_other_never_had(db, session, write, ask):
    other = write.session()
    plain(db, session, [["a"]])
    lossy(db, other, "ab", [1])
    found = ask("find_first_difference", session, other)
    assert (found.is_known, found.batch_no, found.uncompared) == (True, 1, 0)
    assert str(found).startswith("the first session has no batch 1 of 'web' on rank 0 (in the sec")
    found = ask("find_first_difference", other, session)
    assert str(found).startswith("the second session has no batch 1 of 'web' on rank 0 (in the fir")


def test_a_stream_of_gaps_has_its_turn_and_an_empty_one_has_none(db, session, write, ask):
    other, third = write.session(), write.session()
    plain(db, session, [["x"]])
    plain(db, session, [["a"], ["b"]])
    lossy(db, other, "x", [0])
    plain(db, other, [["a"], ["b"]])
    found = ask("find_first_difference", session, other)
    assert (found.is_known, found.batch_no, found.a.stream_no) == (False, 0, 1)
    write.stream(third, "web")
    plain(db, third, [["x"]])
    plain(db, third, [["a"], ["b"]])
    assert ask("find_first_difference", session, third) is None


def test_a_session_that_was_interrupted_may_have_seen_more(db, session, write, ask, monkeypatch):
    other = write.session()
    for each in (session, other):
        plain(db, each, [["a"], ["b"]])
        db.end_session(each)
    assert ask("find_first_difference", session, other) is None
    read = db.get_session
    monkeypatch.setattr(db, "get_session", lambda one: replace(read(one), abandoned=1))
    found = ask("find_first_difference", session, other)
    assert (found.is_known, found.batch_no, found.uncompared) == (False, 2, 0)
    assert "1 stream ended unnoticed" in str(found)


def test_numbers_of_numpy_and_records_of_sessions_will_do(db, session, ask):
    record(db, session, loader(20), losses=[1.0] * 5)
    told = db.get_session(session)
    step = ask("get_step", told, np.int64(3), before=np.int32(1), rank=np.uint8(0))
    assert [one.batch.batch_no for one in step.batches] == [2, 3]
    assert len(ask("rank_batches", told, "loss", limit=np.int64(2))) == 2
    assert len(ask("rank_batches", session, "loss", limit=2**63 - 1)) == 5


@pytest.mark.parametrize("number", [2**63, -1, True, np.bool_(True), 1.0, "1", None])
def test_numbers_that_count_nothing(db, session, ask, number):
    record(db, session, loader(8), losses=[1.0] * 2)
    with pytest.raises(ConfigurationError, match="batch_no must be a number from 0"):
        ask("get_step", session, number)
    with pytest.raises(ConfigurationError, match="before must be a number from 0"):
        ask("get_step", session, 0, before=number)
    if number is not None:
        with pytest.raises(ConfigurationError, match="limit must be a number of rows"):
            ask("rank_batches", session, "loss", limit=number)


@pytest.mark.parametrize("number", [2**40, 2**41, 2**63 - 1])
def test_a_step_with_a_number_that_no_batch_can_have(db, session, ask, number):
    record(db, session, loader(8))
    with pytest.raises(BatchNotFoundError, match="has 2 batches"):
        ask("get_step", session, number)


def test_steps_and_rankings_print_themselves(db, session, ask):
    record(db, session, loader(4), losses=[2.5])
    step = ask("get_step", session, 0)
    assert str(step) == repr(step)
    first, second, third, *_ = str(step).splitlines()
    assert first == f"step 0 of session {session}"
    assert second.startswith("batch 0 of 'web' on rank 0 (stream 1, epoch 0, 20")
    assert second.endswith("): 4 samples, loss 2.5, step 0")
    assert third == f"  0: {step.rows[0].sample_id} 'row-0'"
    ranked = ask("rank_batches", session, "loss")
    assert str(ranked).startswith("2.5: batch 0 of 'web' on rank 0 (stream 1, epoch 0, 20")
    assert ">step 0 of" in step._repr_html_()
    assert ranked == list(ranked)


def test_ranking_where_no_batch_has_a_number(db, session, ask):
    record(db, session, loader(4))
    for name in ("", "loss"):
        with pytest.raises(ConfigurationError, match=r"no numbers at all\. hook\.annotate\(loss="):
            ask("rank_batches", session, name)
