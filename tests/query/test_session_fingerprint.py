"""The fingerprint of recorded sessions: what it depends on, and what it does not."""

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from origin.errors import SessionNotFoundError
from origin.hooks.pytorch import DataLoaderHook
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase


def go_through(db, session_id, *, seed=0, source="web", license_id="MIT", epochs=2, batch_size=8):
    data = TensorDataset(torch.arange(40.0).reshape(20, 2), torch.arange(20))
    loader = DataLoader(
        data, batch_size, shuffle=True, generator=torch.Generator().manual_seed(seed)
    )
    recorded = DataLoaderHook(db, session_id, source, license_id).wrap(loader)
    for _ in range(epochs):
        for _ in recorded:
            pass


def train(db, **how):
    with db.session("v1") as session:
        go_through(db, session.session_id, **how)
    return session.session_id


def test_the_same_data_in_the_same_order(db, tmp_path):
    engine = QueryEngine(db)
    first = engine.fingerprint_session(train(db))
    assert len(bytes.fromhex(first)) == 32
    assert engine.fingerprint_session(train(db, source="other", license_id="ISC")) == first
    with ProvenanceDatabase(tmp_path / "elsewhere.db") as elsewhere:
        assert QueryEngine(elsewhere).fingerprint_session(train(elsewhere)) == first
    for other in ({"seed": 1}, {"epochs": 1}, {"batch_size": 4}):
        assert engine.fingerprint_session(train(db, **other)) != first


def test_sealed_and_unsealed_alike(ask, db):
    run = train(db)
    before = QueryEngine(db).fingerprint_session(run)
    db._connection.rows("DELETE FROM kept_numbers")
    assert ask("fingerprint_session", run) == before


def test_each_source_has_the_one_of_a_session_with_no_other(db):
    engine = QueryEngine(db)
    alone = {name: train(db, source=name, seed=at) for at, name in enumerate(("web", "books"))}
    with db.session("both") as session:
        for at, name in enumerate(alone):
            go_through(db, session.session_id, source=name, seed=at)
    together = engine.fingerprint_sources(session)
    assert together == {name: engine.fingerprint_session(run) for name, run in alone.items()}
    assert list(together) == ["web", "books"]
    assert engine.fingerprint_session(session) not in together.values()
    assert engine.fingerprint_sources(db.begin_session("nothing")) == {}


def test_while_it_runs_and_after(db):
    engine = QueryEngine(db)
    with db.session("v1") as session:
        hook = DataLoaderHook(db, session.session_id, "web", "MIT")
        seen = {engine.fingerprint_session(session)}
        for at in range(3):
            hook.observe(torch.full((2, 2), float(at)))
            seen.add(engine.fingerprint_session(session))
    assert len(seen) == 4
    assert engine.fingerprint_session(session) in seen
    # It is kept, and a reader takes it from there.
    with ProvenanceDatabase(db.path, read_only=True) as reader:
        assert QueryEngine(reader).fingerprint_session(session) in seen


def test_a_session_that_is_not_there(db):
    with pytest.raises(SessionNotFoundError):
        QueryEngine(db).fingerprint_session("none")
