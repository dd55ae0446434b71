"""The gate: what a policy does not allow is refused before its first batch."""

import warnings

import pytest
import torch
from licenses_support import COMMERCIAL, a_run, train

import origin
from origin.core.license import LicensePolicy
from origin.core.record import LicenseRecord, SourceRecord
from origin.errors import (
    ConfigurationError,
    CorruptDatabaseError,
    LicensePolicyError,
    OriginWarning,
    SourceNotFoundError,
)
from origin.hooks.pytorch import DataLoaderHook
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase

RELEASE = LicensePolicy(use=COMMERCIAL, require=["known-license"])


def test_a_forbidden_source_is_refused_before_its_first_batch(db):
    with db.session("v1", policy=RELEASE) as session:
        train(db, session.session_id, "code", "MIT")
        with pytest.raises(LicensePolicyError, match=r"'forum' breaks .* \[rule nc-commercial\]"):
            train(db, session.session_id, "forum", "CC-BY-NC-4.0")
        with pytest.raises(LicensePolicyError, match="requires known-license"):
            train(db, session.session_id, "scraped")
    for refused in ("forum", "scraped"):
        with pytest.raises(SourceNotFoundError):
            db.get_source(refused)
    assert [one.source_id for one in db.catalog.streams(session.session_id)] == ["code"]
    assert QueryEngine(db).check_policy(session).passed


def test_a_source_is_judged_with_those_before_it(db):
    policy = LicensePolicy(use="distribute-weights", weights_are_adaptation="yes")
    with db.session("v1", policy=policy) as session:
        train(db, session.session_id, "a", "Apache-2.0")
        with pytest.raises(LicensePolicyError, match=r"share-alike"):
            train(db, session.session_id, "b", "GPL-2.0-only")
        train(db, session.session_id, "c", "CC-BY-4.0")


def test_a_source_that_is_registered_anew_is_judged_again(db):
    with db.session("v1", policy=RELEASE) as session:
        hook = DataLoaderHook(db, session.session_id, "data", "MIT")
        db.record_source(SourceRecord("data", license_id="CC-BY-NC-4.0"))
        with pytest.raises(origin.OriginError):
            hook.observe([torch.zeros(2)])
    assert db.catalog.streams(session.session_id) == []


def test_a_policy_may_only_warn(db):
    policy = LicensePolicy(use=COMMERCIAL, on_violation="warn")
    with db.session("v1", policy=policy) as session:
        with pytest.warns(OriginWarning, match="nc-commercial") as told:
            train(db, session.session_id, "forum", "CC-BY-NC-4.0")
        assert len(told) == 1
    report = QueryEngine(db).check_policy(session)
    assert (report.passed, bool(report), report.exit_code) == (False, False, 2)
    assert str(report).startswith("policy failed: rules v1 found 1 error against distribute")
    (error,) = report.broken_by
    db.settle_finding(session.session_id, error, person="A. N. Other", reason="bought")
    assert QueryEngine(db).check_policy(session).exit_code == 0


def test_a_policy_of_a_hook(db, tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text('allow = ["MIT"]')
    with db.session("v1") as session:
        train(db, session.session_id, "a", "MIT", policy=path)
        with pytest.raises(LicensePolicyError, match="allows MIT only"):
            train(db, session.session_id, "b", "ISC", policy=str(path))
        train(db, session.session_id, "b", "ISC")
        with pytest.raises(ConfigurationError, match="policy must be"):
            train(db, session.session_id, "b", "ISC", policy=3)


def test_a_policy_given_to_track(tmp_path):
    path = tmp_path / "tracked.db"
    batches = [[1.0, 2.0], [3.0]]
    with pytest.raises(LicensePolicyError):
        origin.track(batches, source="forum", license="CC-BY-NC-4.0", path=path, policy=RELEASE)
    with origin.track(batches, "code", "MIT", path, policy=RELEASE) as tracked:
        assert list(tracked) == batches
        with pytest.raises(ConfigurationError, match="policy"):
            origin.track(batches, "more", "MIT", path, policy=LicensePolicy())
        with pytest.raises(LicensePolicyError):
            origin.track(batches, "forum", "CC-BY-NC-4.0", path)
    with ProvenanceDatabase(path, read_only=True) as db:
        refused, tracked = reversed(db.list_sessions())
        assert (refused.status, tracked.status) == ("failed", "completed")
        assert QueryEngine(db).check_policy(tracked)


def test_a_policy_that_names_no_license_begins_no_session(db):
    with pytest.raises(ConfigurationError, match="no license and no category"):
        db.begin_session("v1", policy=LicensePolicy(deny=["GLP-3.0"]))
    assert db.list_sessions() == []


def test_a_policy_given_afterwards(db):
    run = a_run(db, forum="CC-BY-NC-4.0", code="MIT")
    engine = QueryEngine(db)
    assert not engine.check_policy(run, RELEASE)
    assert engine.check_policy(run, LicensePolicy())
    with pytest.raises(ConfigurationError, match="without a policy"):
        engine.check_policy(run)


def test_the_use_of_a_policy_is_that_of_the_session(db):
    with db.session("v1", policy=LicensePolicy(use="redistribute-data")) as session:
        train(db, session.session_id, "a", "MIT")
    assert QueryEngine(db).analyze_licenses(session).use == "redistribute-data"


def test_a_conflict_is_not_hidden_by_those_of_others(db):
    policy = LicensePolicy(use="distribute-weights", weights_are_adaptation="yes")
    others = ["CC-BY-SA-4.0", "OSL-3.0", "GPL-2.0-only", "GPL-3.0-only", "EPL-2.0", "CDDL-1.0",
              "AGPL-3.0-only", "LAL-1.3"]  # fmt: skip
    with db.session("v1") as session:
        for one in others:
            train(db, session.session_id, one, one)
        with pytest.raises(LicensePolicyError, match="joint-license"):
            train(db, session.session_id, "late", "PolyForm-Noncommercial-1.0.0", policy=policy)


def test_a_warning_made_an_error_takes_the_source_back(db):
    policy = LicensePolicy(use=COMMERCIAL, on_violation="warn")
    with db.session("v1", policy=policy) as session, warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with pytest.raises(OriginWarning):
                train(db, session.session_id, "forum", "CC-BY-NC-4.0")
    assert db.list_sources() == []
    assert db.catalog.streams() == []


def test_a_license_goes_with_those_that_came_while_its_hook_was_made(db):
    policy = LicensePolicy(use="distribute-weights", weights_are_adaptation="yes")
    with db.session("v1", policy=policy) as session:
        db.declare_source(session.session_id, "a", "MIT")
        db.record_source(SourceRecord("a", license_id="GPL-3.0-only"))
        with pytest.raises(LicensePolicyError):
            db.open_stream(session.session_id, "a")
    assert db.catalog.streams(session.session_id) == []


def test_hostile_text_in_a_refusal(db):
    name = "OUR\nwarning: faked [rule x]\u202e\ud800"
    db.record_license(LicenseRecord(name, "Ours", restrictions=["no-commercial"]))
    with db.session("v1", policy=RELEASE) as session:
        with pytest.raises(LicensePolicyError) as caught:
            train(db, session.session_id, "dump", name)
        assert "\n" not in str(caught.value)
        str(caught.value).encode()
    run = a_run(db, dump=name)
    for one in QueryEngine(db).find_conflicts(run):
        for text in (str(one), one.explain()):
            assert "\n" not in text
            text.encode()


@pytest.mark.parametrize("damage", ["policy = '{\"de'", "policy = '[]'", "policy = '{\"use\": 3}'"])
def test_a_damaged_policy_is_one_error_of_ours(db, damage):
    with db.session("v1", policy=RELEASE) as session:
        with ProvenanceDatabase(db.path) as other:
            # As other programs do: no trigger of ours sees it.
            other._connection.rows("DROP TRIGGER IF EXISTS session_policies_updated")
            other._connection.rows(f"UPDATE session_policies SET {damage}")
        with pytest.raises(CorruptDatabaseError, match="session_policies"):
            QueryEngine(db).find_conflicts(session)
        with pytest.raises(CorruptDatabaseError):
            train(db, session.session_id, "a", "MIT")
