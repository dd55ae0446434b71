"""Exposure audits of real loaders: what was repeated, skipped or cut short, and why."""

import itertools

import pytest
import torch
from torch.utils.data import (
    DataLoader,
    DistributedSampler,
    RandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

import origin
from origin.errors import ConfigurationError, SessionNotFoundError
from origin.hooks.pytorch import DataLoaderHook


def dataset(count, start=0):
    return TensorDataset(torch.arange(start, start + count, dtype=torch.float32))


def sample_id(number):
    return origin.fingerprint_sample([torch.tensor(float(number))])


def train(db, session_id, loader, epochs=1, *, source="web", stop=None, first=None, **place):
    """Iterate over a loader as a training loop would; ``stop`` breaks the last epoch off."""
    hook = DataLoaderHook(db, session_id, source, "MIT", **place)
    recorded = hook.wrap(loader)
    for epoch in range(epochs):
        if first is not None:
            recorded.set_epoch(first + epoch)
        steps = stop if epoch == epochs - 1 else None
        for _ in itertools.islice(recorded, steps):
            pass
    return hook


def kinds(audit):
    return [found.kind for found in audit.findings]


def shuffled(count, batch_size, seed=0, **more):
    generator = torch.Generator().manual_seed(seed)
    data = dataset(count)
    return DataLoader(data, batch_size, sampler=RandomSampler(data, generator=generator), **more)


def test_epochs_that_are_whole_have_nothing_to_find(db, session, ask):
    train(db, session, shuffled(100, 8), 3)
    audit = ask("audit_exposure", session)
    assert audit.findings == ()
    assert (audit.observations, audit.distinct_samples) == (300, 100)
    assert audit.times_seen == {3: 100}
    for number, epoch in enumerate(audit.epochs):
        assert epoch.epoch == number
        assert (epoch.batches, epoch.observations, epoch.distinct_samples) == (13, 100, 100)
        assert (epoch.repeated_samples, epoch.unexplained, epoch.cut_short) == (0, 0, False)
        assert epoch.times_seen == {1: 100}
        assert epoch.skipped_samples == (0 if number else None)
        assert epoch.new_samples == (0 if number else 100)
    assert [(rank.rank, rank.share) for rank in audit.ranks] == [(0, 1.0)]
    assert "300 observations of 100 samples" in str(audit)


def test_an_epoch_that_was_broken_off_is_told_with_what_it_lacks(db, session, ask):
    train(db, session, shuffled(100, 8), 2, stop=5)
    audit = ask("audit_exposure", session)
    assert [str(found) for found in audit.findings] == [
        "epoch 1 of 'web' was cut short after 5 of 13 batches",
        "epoch 1 of 'web' did not see 60 samples that an earlier epoch saw; it was cut short",
    ]
    assert audit.epochs[1].cut_short
    assert audit.epochs[1].skipped_samples == 60
    listed = audit.samples("skipped", epoch=1)
    assert len(listed) == 60
    seen = {row[0] for row in audit.samples() if row[3] == 2}
    assert len(seen) == 40
    assert not seen & {row[0] for row in listed}


def test_a_single_epoch_has_nothing_to_be_compared_with(db, session, ask):
    train(db, session, shuffled(100, 8), 1, stop=5)
    (epoch,) = ask("audit_exposure", session).epochs
    assert epoch.cut_short is None
    assert epoch.skipped_samples is None


def test_a_reference_tells_what_should_have_been_seen(db, session, write, ask):
    train(db, session, shuffled(100, 8), 1, stop=5)
    whole = write.session()
    train(db, whole, shuffled(100, 8, seed=1), 1)
    audit = ask("audit_exposure", session, reference=whole)
    (epoch,) = audit.epochs
    assert (epoch.cut_short, epoch.skipped_samples, epoch.new_samples) == (True, 60, 0)
    assert audit.observations == 40
    assert audit.times_seen == {1: 40}
    assert kinds(audit) == ["cut_short", "skipped"]
    assert len(audit.samples("skipped", epoch=0)) == 60
    assert len(audit.samples()) == 40


def test_a_dropped_epoch_is_missed(db, session, ask):
    loader = shuffled(20, 5)
    recorded = DataLoaderHook(db, session, "web").wrap(loader)
    for epoch in (0, 1, 3):
        recorded.set_epoch(epoch)
        list(recorded)
    audit = ask("audit_exposure", session)
    assert [epoch.epoch for epoch in audit.epochs] == [0, 1, 3]
    (found,) = audit.findings
    assert str(found) == "nothing of 'web' is on record for 1 epoch between epochs 0 and 3 (2)"


def distributed(db, session, count, world, epochs=1, batch_size=8, **options):
    data = dataset(count)
    for rank in range(world):
        sampler = DistributedSampler(data, world, rank, seed=7, **options)
        hook = DataLoaderHook(db, session, "web", "MIT", rank=rank, world_size=world)
        recorded = hook.wrap(DataLoader(data, batch_size, sampler=sampler))
        for epoch in range(epochs):
            sampler.set_epoch(epoch)
            list(recorded)


@pytest.mark.parametrize(
    ("count", "world", "padded"), [(101, 4, 3), (102, 4, 2), (103, 4, 1), (3, 5, 2), (2, 7, 5)]
)
def test_the_padding_of_a_distributed_sampler_is_told_as_such(
    db, session, ask, count, world, padded
):
    distributed(db, session, count, world, epochs=2)
    audit = ask("audit_exposure", session)
    for epoch in audit.epochs:
        assert epoch.observations == count + padded
        assert epoch.distinct_samples == count
        assert (epoch.padding, epoch.unexplained) == (padded, 0)
        assert not epoch.cut_short
    assert kinds(audit) == ["padding", "padding"]
    assert f"as DistributedSampler pads {count} samples to {world} ranks" in str(audit.findings[0])


def test_padding_is_listed_with_the_ranks_that_saw_it(db, session, ask):
    distributed(db, session, 101, 4)
    audit = ask("audit_exposure", session)
    assert audit.samples("repeated").columns == (
        "sample_id",
        "source_id",
        "epoch",
        "key",
        "times",
        "ranks",
    )
    assert [row[1:] for row in audit.samples("repeated", epoch=0)] == [("web", 0, None, 2, 2)] * 3


def test_even_shares_need_no_padding_and_none_is_found(db, session, ask):
    distributed(db, session, 100, 4, epochs=2)
    audit = ask("audit_exposure", session)
    assert audit.findings == ()
    assert [rank.share for rank in audit.ranks] == [0.25] * 4
    assert [rank.observations for rank in audit.ranks] == [50] * 4


def test_what_a_distributed_sampler_drops_is_skipped(db, session, ask):
    distributed(db, session, 103, 4, epochs=2, batch_size=5, drop_last=True)
    audit = ask("audit_exposure", session)
    first, second = audit.epochs
    assert first.observations == second.observations == 100
    assert second.skipped_samples == second.new_samples > 0
    (found,) = audit.findings
    assert found.kind == "skipped"
    assert "as with drop_last=True" in found.text


def test_ranks_without_a_distributed_sampler_see_everything(db, session, ask):
    for rank in range(3):
        train(db, session, shuffled(50, 8, seed=rank), 1, rank=rank, world_size=3)
    audit = ask("audit_exposure", session)
    assert kinds(audit) == ["unsharded"]
    assert audit.epochs[0].times_seen == {3: 50}


def test_ranks_that_are_missing_or_uneven_are_told(db, session, ask):
    train(db, session, shuffled(30, 8), rank=0, world_size=3)
    train(db, session, DataLoader(dataset(10, start=100), 8), rank=1, world_size=3)
    audit = ask("audit_exposure", session)
    assert kinds(audit) == ["missing_ranks", "uneven_ranks"]
    assert "rank 0 30 observations (75.00%), rank 1 10 (25.00%)" in str(audit.findings[1])


def test_sampling_with_replacement_is_not_taken_for_anything_else(db, session, ask):
    data = dataset(60)
    weights = torch.ones(60)
    generator = torch.Generator().manual_seed(3)
    sampler = WeightedRandomSampler(weights, 60, replacement=True, generator=generator)
    train(db, session, DataLoader(data, 7, sampler=sampler), 2)
    audit = ask("audit_exposure", session)
    repeats = [found for found in audit.findings if found.kind == "unexplained_repeats"]
    assert len(repeats) == 2
    assert "a sampler that draws with replacement does that" in str(repeats[0])
    for epoch in audit.epochs:
        assert epoch.unexplained == epoch.observations - epoch.distinct_samples > 0
        assert epoch.padding == epoch.redelivered == 0
        listed = audit.samples("repeated", epoch=epoch.epoch)
        assert len(listed) == epoch.repeated_samples


def test_equal_items_are_told_by_their_coming_again_in_every_epoch(db, session, ask):
    data = TensorDataset(torch.arange(50, dtype=torch.float32) // 2)
    train(db, session, DataLoader(data, 8, shuffle=True), 3)
    audit = ask("audit_exposure", session)
    assert set(kinds(audit)) == {"equal_items"}
    assert audit.times_seen == {6: 25}


def test_random_changes_make_other_samples_and_the_audit_says_so(db, session, ask):
    class Noisy(TensorDataset):
        def __getitem__(self, index):
            return (self.tensors[0][index] + torch.rand(()),)

    train(db, session, DataLoader(Noisy(torch.zeros(20)), 8), 2)
    audit = ask("audit_exposure", session)
    assert kinds(audit) == ["nothing_in_common"]


class Resumable:
    """A shuffled loader that can go on in the middle of an epoch, as one with a state does."""

    def __init__(self, count=100, batch_size=8):
        self.batches = {}
        self.count, self.batch_size = count, batch_size

    def epoch(self, number):
        generator = torch.Generator().manual_seed(number)
        data = dataset(self.count)
        sampler = RandomSampler(data, generator=generator)
        return list(DataLoader(data, self.batch_size, sampler=sampler))


def record(db, session_id, passes, **options):
    """Record passes over lists of batches, each with the number of its epoch or None."""
    hook = DataLoaderHook(db, session_id, "web", "MIT", **options)
    for number, batches in passes:

        class Loader(list):
            batch_size = 8
            epoch = number

            def set_epoch(self, epoch):
                pass

        recorded = hook.wrap(Loader(batches))
        if number is not None:
            recorded.set_epoch(number)
        list(recorded)


@pytest.mark.parametrize("numbered", [True, False], ids=["set_epoch", "from_0"])
@pytest.mark.parametrize("where", ["one session", "two sessions"])
def test_what_a_restart_delivers_again_is_told_apart(db, session, write, ask, numbered, where):
    loader = Resumable()
    first, second = loader.epoch(0), loader.epoch(1)
    record(db, session, [(0, first), (1, second[:9])])
    resumed = session if where == "one session" else write.session()
    record(
        db,
        resumed,
        [(1 if numbered else None, second[5:]), (2 if numbered else None, loader.epoch(2))],
    )
    audit = ask("audit_exposure", list(dict.fromkeys([session, resumed])))
    assert [epoch.epoch for epoch in audit.epochs] == [0, 1, 2]
    epoch = audit.epochs[1]
    assert (epoch.batches, epoch.observations, epoch.distinct_samples) == (17, 132, 100)
    assert (epoch.redelivered, epoch.unexplained, epoch.skipped_samples) == (32, 0, 0)
    assert not any(one.cut_short for one in audit.epochs)
    (found,) = audit.findings
    assert found.kind == "redelivered"
    assert "4 batches with 32 observations were delivered again to rank 0" in str(found)
    assert "batches 18 to 21 of stream 1" in str(found)
    assert len(audit.samples("repeated", epoch=1)) == 32
    assert audit.times_seen == {3: 68, 4: 32}


def test_a_restart_that_dies_again_before_it_has_caught_up(db, session, ask):
    batches = Resumable().epoch(0)
    record(db, session, [(0, batches[:9])])
    record(db, session, [(0, batches[4:6])])
    record(db, session, [(0, batches[4:])])
    audit = ask("audit_exposure", session)
    (epoch,) = audit.epochs
    assert epoch.redelivered == (2 + 5) * 8
    assert epoch.unexplained == 0
    assert kinds(audit) == ["redelivered", "redelivered"]


def test_a_restart_in_another_order_is_not_taken_for_a_resume(db, session, ask):
    record(db, session, [(0, Resumable().epoch(0)), (1, Resumable().epoch(1)[:9])])
    record(db, session, [(1, Resumable().epoch(9))])
    audit = ask("audit_exposure", session)
    assert kinds(audit) == ["begun_again", "unexplained_repeats"]
    assert audit.epochs[1].redelivered == 0
    assert audit.epochs[1].unexplained == 72


def test_a_resumed_session_goes_on_where_its_reference_was(db, session, write, ask):
    batches = Resumable().epoch(0)
    record(db, session, [(0, batches[:9])])
    later = write.session()
    record(db, later, [(0, batches[5:])])
    audit = ask("audit_exposure", later, reference=session)
    assert "continues_reference" in kinds(audit)
    assert "its first 4 batches equal batches 5 to 8 of stream 1" in str(audit)
    assert audit.epochs[0].redelivered == 0


def test_a_restart_with_padded_ranks_has_both_causes(db, session, ask):
    data, world = dataset(101), 4
    for rank in range(world):
        batches = list(DataLoader(data, 4, sampler=DistributedSampler(data, world, rank, seed=1)))
        place = {"rank": rank, "world_size": world}
        record(db, session, [(0, batches[:5])], **place)
        record(db, session, [(0, batches[3:])], **place)
    audit = ask("audit_exposure", session)
    (epoch,) = audit.epochs
    assert (epoch.padding, epoch.redelivered, epoch.unexplained) == (3, 4 * 2 * 4, 0)
    assert set(kinds(audit)) == {"padding", "redelivered"}


def test_each_source_is_audited_by_itself(db, session, ask):
    train(db, session, shuffled(40, 8), 2, source="web")
    train(db, session, DataLoader(dataset(10), 5), 1, source="books")
    audit = ask("audit_exposure", session)
    assert audit.findings == ()
    assert {one.source_id: one.distinct_samples for one in audit.sources} == {
        "web": 40,
        "books": 10,
    }
    # Samples of both sources are counted once in all.
    assert (audit.distinct_samples, audit.times_seen) == (40, {2: 30, 3: 10})
    assert len(audit.samples(source="books")) == 10
    assert len(audit.samples(limit=7)) == 7
    with pytest.raises(ConfigurationError, match="source must be one of"):
        audit.samples(source="film")


def test_lists_come_in_pages(db, session, ask):
    train(db, session, shuffled(40, 8), 2, stop=1)
    audit = ask("audit_exposure", session)
    pages, after = [], None
    while page := audit.samples("skipped", epoch=1, limit=5, after=after).rows():
        pages += page
        after = page[-1][0]
    assert pages == audit.samples("skipped", epoch=1).rows()
    assert len(pages) == 32


def test_a_record_with_gaps_says_so_and_claims_nothing(db, session, ask):
    class Bad:
        pass

    batches = Resumable().epoch(0)
    with pytest.warns(origin.errors.OriginWarning):
        record(db, session, [(0, batches), (1, [*batches[:4], [Bad()], *batches[5:]])])
    db.end_session(session)
    audit = ask("audit_exposure", session)
    assert not audit.complete
    assert kinds(audit) == ["incomplete_record", "skipped"]
    assert audit.epochs[1].cut_short is None


def test_questions_that_make_no_sense_are_refused(db, session, ask):
    train(db, session, shuffled(10, 5), 2)
    with pytest.raises(SessionNotFoundError):
        ask("audit_exposure", "nobody")
    with pytest.raises(ConfigurationError, match="at least one"):
        ask("audit_exposure", [])
    with pytest.raises(ConfigurationError, match="list of them"):
        ask("audit_exposure", 5)
    audit = ask("audit_exposure", session)
    with pytest.raises(ConfigurationError, match="kind must be"):
        audit.samples("lost")
    with pytest.raises(ConfigurationError, match="needs an epoch"):
        audit.samples("skipped")
    with pytest.raises(ConfigurationError, match="epoch must be one of"):
        audit.samples("repeated", epoch=7)
    with pytest.raises(ConfigurationError, match="limit must be"):
        audit.samples(limit=-1)


def test_an_empty_session_is_empty(session, ask):
    audit = ask("audit_exposure", session)
    assert (audit.observations, audit.epochs, audit.findings) == (0, (), ())
    assert audit.samples().rows() == []
