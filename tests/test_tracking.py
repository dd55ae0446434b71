"""``track``: the whole of recording in one line."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from torch.utils.data import DataLoader

import origin
from origin.core.fingerprint import fingerprint_sample
from origin.errors import (
    ConfigurationError,
    FingerprintError,
    InvalidRecordError,
    OriginWarning,
    SessionEndedError,
    SourceLicenseError,
)
from origin.hooks.pytorch import DataLoaderHook
from origin.storage.database import ProvenanceDatabase

SOURCES = Path(origin.__file__).parents[1]
BATCHES = [["a", "b"], ["c"]]


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "runs.db"
    origin.finish(path=tmp_path / "runs.db")


def sessions(path: Path) -> list[tuple[str, list[tuple[str, int, int]]]]:
    """Status of each session, oldest first, with source, batches and samples of its streams."""
    with ProvenanceDatabase(path, read_only=True) as db:
        return [
            (
                session.status,
                [
                    (stream.source_id, stream.batches, stream.observations)
                    for stream in db.catalog.streams(session.session_id)
                ],
            )
            for session in reversed(db.list_sessions())
        ]


def annotations(path: Path) -> list[tuple[Any, ...]]:
    """Batch, name and value of each number that was attached."""
    with ProvenanceDatabase(path, read_only=True) as db:
        found = origin.QueryEngine(db).sql("SELECT batch_no, name, value FROM annotations")
        return sorted(found.rows())


def run(script: str, folder: Path, code: int = 0, **environment: str) -> str:
    """What a real program printed on standard error; it must end with that exit code."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCES), **environment},
    )
    assert done.returncode == code, done.stderr
    return done.stderr


def test_one_line(path: Path) -> None:
    for batch, given in zip(origin.track(BATCHES, "letters", path=path), BATCHES, strict=True):
        assert batch is given
    origin.finish()
    assert sessions(path) == [("completed", [("letters", 2, 3)])]


def test_as_a_block(path: Path) -> None:
    with origin.track(BATCHES, "letters", "CC0-1.0", path) as batches:
        assert list(batches) == BATCHES
        assert list(batches) == BATCHES
    assert sessions(path) == [("completed", [("letters", 4, 6)])]
    with ProvenanceDatabase(path) as db:
        assert db.get_source("letters").license_id == "CC0-1.0"
        assert [batch.epoch for batch in db.ledger.batches(1)] == [0, 0, 1, 1]


def test_a_block_that_fails(path: Path) -> None:
    def train() -> None:
        with origin.track(BATCHES, "letters", path=path) as batches:
            for _ in batches:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()
    assert sessions(path) == [("failed", [("letters", 1, 2)])]


def test_blocks_within_a_block(path: Path) -> None:
    with (
        origin.track(BATCHES, "train", path=path) as train,
        origin.track(BATCHES[:1], "valid", path=path) as valid,
    ):
        for _ in train:
            list(valid)
    assert sessions(path) == [("completed", [("train", 2, 3), ("valid", 2, 4)])]


def test_a_second_run(path: Path) -> None:
    for status in ("completed", "failed"):
        list(origin.track(BATCHES, "letters", path=path))
        origin.finish(status)
    assert [status for status, _ in sessions(path)] == ["completed", "failed"]


def test_tracking_anew_for_each_epoch(path: Path) -> None:
    loader = DataLoader(torch.arange(6), batch_size=4)
    for _ in range(3):
        list(origin.track(loader, "numbers", path=path))
    origin.finish()
    assert sessions(path) == [("completed", [("numbers", 6, 18)])]
    with ProvenanceDatabase(path) as db:
        assert [batch.epoch for batch in db.ledger.batches(1)] == [0, 0, 1, 1, 2, 2]


def test_two_databases(path: Path, tmp_path: Path) -> None:
    list(origin.track(BATCHES, "letters", path=path))
    list(origin.track(BATCHES, "letters", path=tmp_path / "other.db"))
    origin.finish(path=path)
    assert sessions(path)[0][0] == "completed"
    assert sessions(tmp_path / "other.db")[0][0] == "running"
    origin.finish("failed")
    assert sessions(tmp_path / "other.db")[0][0] == "failed"
    origin.finish()


def test_it_stands_in_for_the_loader(path: Path) -> None:
    own: DataLoader[Any] = DataLoader(torch.arange(6), batch_size=4, drop_last=True)
    loader = origin.track(own, "numbers", path=path)
    assert (len(loader), loader.batch_size, loader.dataset is own.dataset) == (1, 4, True)
    assert repr(loader).startswith("<tracked <torch")
    loader.mark = 3
    assert own.mark == 3  # type: ignore[attr-defined]
    loader.set_epoch(5)
    list(loader)
    with pytest.raises(TypeError):
        next(loader)
    origin.finish()
    with ProvenanceDatabase(path) as db:
        assert [batch.epoch for batch in db.ledger.batches(1)] == [5]


def test_a_generator(path: Path) -> None:
    batches = origin.track((batch for batch in BATCHES), "letters", path=path)
    assert batches
    assert next(batches) == BATCHES[0]
    assert list(batches) == BATCHES[1:]
    with pytest.raises(TypeError):
        len(batches)
    origin.finish()
    assert sessions(path) == [("completed", [("letters", 2, 3)])]


def test_wrapping_what_is_tracked(path: Path) -> None:
    batches = origin.track(BATCHES, "letters", path=path)
    with pytest.raises(TypeError, match="wrapped already"):
        origin.track(batches, "again", path=path)
    with ProvenanceDatabase(path) as db, db.session("other") as session:
        hook = DataLoaderHook(db, session.session_id, "again")
        with pytest.raises(TypeError, match="wrapped already"):
            hook.wrap(batches)
    assert list(batches) == BATCHES


def test_options_reach_the_hook(path: Path) -> None:
    loader = origin.track([[{"id": "x", "n": 1}]], "rows", path=path, key="id", on_error="raise")
    list(loader)
    with pytest.raises(FingerprintError):
        list(origin.track([["a"], [{1}]], "strict", path=path, on_error="raise", config_hash=None))
    origin.finish()
    with ProvenanceDatabase(path) as db:
        assert next(db.ledger.batches(1)).keys == ["x"]


def test_configuration_and_metadata(path: Path) -> None:
    list(origin.track(BATCHES, "a", path=path, config_hash="v1", metadata={"seed": 3}))
    list(origin.track(BATCHES, "b", path=path, config_hash="v1"))
    with pytest.raises(ConfigurationError, match="'v1', not 'v2'"):
        origin.track(BATCHES, "c", path=path, config_hash="v2")
    origin.finish()
    list(origin.track(BATCHES, "c", path=path, config_hash="v2"))
    origin.finish()
    with ProvenanceDatabase(path) as db:
        found = [(s.config_hash, dict(s.metadata)) for s in reversed(db.list_sessions())]
    assert found == [("v1", {"seed": 3}), ("v2", {})]


@pytest.mark.parametrize("loader", [3, None, object()])
def test_what_cannot_be_iterated_over(path: Path, loader: Any) -> None:
    with pytest.raises(TypeError, match="takes a loader"):
        origin.track(loader, "data", path=path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("error", "told", "wrong"),
    [
        (TypeError, r"track\(\) has no option 'paht'.* path, .*record_gradients", {"paht": "x.db"}),
        (TypeError, "no option 'db'", {"db": None}),
        (TypeError, "no option 'options'", {"options": 1}),
        (ConfigurationError, "on_error", {"on_error": "ignore"}),
        (ConfigurationError, "rank", {"rank": 2, "world_size": 2}),
        (ConfigurationError, "world_size", {"world_size": 2**31}),
        (InvalidRecordError, "source_id", {"source": ""}),
        (InvalidRecordError, "license_id", {"license": 3}),
        (InvalidRecordError, "config_hash", {"config_hash": 3}),
        (InvalidRecordError, "a mapping", {"metadata": ["seed"]}),
        (InvalidRecordError, "JSON types", {"metadata": {"seed": {1}}}),
    ],
)
def test_what_is_wrong_is_told_before_a_file_is_made(
    path: Path, error: type[Exception], told: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(error, match=told):
        origin.track(BATCHES, **{"source": "letters", "path": path, **wrong})
    assert list(path.parent.iterdir()) == []


def test_options_are_those_of_the_loaders_hook(path: Path) -> None:
    rows = datasets.Dataset.from_dict({"n": [1, 2]})
    with pytest.raises(TypeError, match=r"that DatasetHook reads it takes path.* on_error"):
        origin.track(rows, "rows", path=path, record_gradients=True)
    list(origin.track(rows, "rows", path=path, key="n", rank=1, world_size=2, in_workers=False))
    list(origin.track(BATCHES, "letters", path=path, record_gradients=True, enabled=True))
    origin.finish()
    assert sessions(path) == [("completed", [("rows", 2, 2), ("letters", 2, 3)])]


def test_numbers_of_your_own(path: Path) -> None:
    with origin.track(BATCHES, "letters", path=path) as batches:
        for number, _ in enumerate(batches):
            batches.annotate(loss=number / 2)
    assert annotations(path) == [(0, "loss", 0.0), (1, "loss", 0.5)]


def test_numbers_of_a_stream(path: Path) -> None:
    batches = origin.track(iter(BATCHES), "letters", path=path)
    with pytest.raises(ConfigurationError, match="no batch yet"):
        batches.annotate(loss=1)
    next(batches)
    batches.annotate(loss=1)
    origin.finish()
    assert annotations(path) == [(0, "loss", 1.0)]


def test_a_session_that_was_finished(path: Path) -> None:
    batches = origin.track(BATCHES, "letters", path=path)
    list(batches)
    origin.finish()
    for _ in range(2):
        with pytest.raises(SessionEndedError, match=r"was finished.*call origin\.track\("):
            list(batches)
    assert sessions(path) == [("completed", [("letters", 2, 3)])]


def test_a_session_that_is_finished_within_an_epoch(path: Path) -> None:
    batches = origin.track(BATCHES, "letters", path=path)
    got = iter(batches)
    next(got)
    origin.finish()
    with pytest.warns(OriginWarning, match=r"no longer recorded.*call origin\.track") as told:
        assert list(got) == BATCHES[1:]
    assert len(told) == 1
    batches.annotate(loss=1)  # told once
    assert sessions(path) == [("completed", [("letters", 1, 2)])]


def test_a_wrong_option_leaves_a_running_session_alone(path: Path) -> None:
    list(origin.track(BATCHES, "letters", "MIT", path))
    with pytest.raises(SourceLicenseError):
        origin.track(BATCHES, "letters", "CC0-1.0", path)
    list(origin.track(BATCHES, "letters", "MIT", path))
    origin.finish()
    assert sessions(path) == [("completed", [("letters", 4, 6)])]


def test_mode_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGIN_MODE", "off")
    with origin.track(BATCHES, "letters", path=path) as batches:
        batches.set_epoch(3)
        for given in BATCHES:
            assert next(iter(batches)) == BATCHES[0]
            batches.annotate(loss=len(given))
        assert list(batches) == BATCHES
        assert len(batches) == 2
    assert not path.exists()


def test_mode_off_tells_the_loader_its_epoch(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGIN_MODE", "off")
    rows = datasets.Dataset.from_dict({"n": [1, 2]}).to_iterable_dataset()
    origin.track(rows, "rows", path=path).set_epoch(3)
    assert rows.epoch == 3


def test_never_read(path: Path) -> None:
    origin.track(BATCHES, "letters", path=path)
    with pytest.warns(OriginWarning, match="nothing was read"):
        origin.finish()


def test_the_database_closed_by_the_user(path: Path) -> None:
    batches = origin.track(BATCHES, "letters", path=path)
    list(batches)
    batches._run.db.close()
    list(origin.track(BATCHES, "letters", path=path))
    origin.finish()
    assert [streams for _, streams in sessions(path)] == [[("letters", 2, 3)]] * 2


TRAIN = """
import origin, sys
for batch in origin.track([["a", "b"], ["c"]], "letters"):
    {body}
{after}
"""


def test_the_process_ends(tmp_path: Path) -> None:
    run(TRAIN.format(body="pass", after=""), tmp_path)
    assert sessions(tmp_path / "provenance.db") == [("completed", [("letters", 2, 3)])]


def test_the_process_exits(tmp_path: Path) -> None:
    run(TRAIN.format(body="pass", after="sys.exit(0)"), tmp_path)
    assert sessions(tmp_path / "provenance.db") == [("completed", [("letters", 2, 3)])]


def test_an_uncaught_exception(tmp_path: Path) -> None:
    error = run(TRAIN.format(body="1 / 0", after=""), tmp_path, code=1)
    assert "ZeroDivisionError" in error
    assert sessions(tmp_path / "provenance.db") == [("failed", [("letters", 1, 2)])]


def test_the_mode_of_a_process(tmp_path: Path) -> None:
    run(TRAIN.format(body="pass", after=""), tmp_path, ORIGIN_MODE="off")
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_cannot_be_finished(tmp_path: Path) -> None:
    """The program's own end is not disturbed, and the reason is told."""
    body = "import os; os.rename('provenance.db', 'elsewhere.db')"
    script = TRAIN.format(body="pass", after=body)
    assert "deleted, moved or replaced" in run(script, tmp_path)


FORK = """
import os, origin
with origin.track([["a"], ["b"], ["c"]], "letters") as batches:
    for number, batch in enumerate(batches):
        if number == 0:
            child = os.fork()
            if child == 0:
                {child}
            assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.parametrize("ending", ["os._exit(0)", "raise SystemExit(0)", "break"])
def test_a_child_does_not_end_its_parents_session(tmp_path: Path, ending: str) -> None:
    run(FORK.format(child=ending), tmp_path)
    [(status, streams)] = sessions(tmp_path / "provenance.db")
    assert (status, streams[0]) == ("completed", ("letters", 3, 3))


def test_a_child_that_tracks_has_a_session_of_its_own(tmp_path: Path) -> None:
    work = 'list(origin.track([["x"]], "child")); raise SystemExit(0)'
    run(FORK.format(child=work), tmp_path)
    found = sessions(tmp_path / "provenance.db")
    assert [streams[0][0] for _, streams in found] == ["letters", "child"]
    assert [status for status, _ in found] == ["completed", "completed"]


def test_what_is_recorded_are_the_samples(path: Path) -> None:
    with origin.track(BATCHES, "letters", path=path) as batches:
        list(batches)
    with ProvenanceDatabase(path) as db:
        found = b"".join(batch.fingerprints for batch in db.ledger.batches(1))
    assert found.hex() == "".join(map(fingerprint_sample, "abc"))
