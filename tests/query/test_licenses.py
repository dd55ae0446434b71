"""Licenses of real sessions: judged when they end, kept, settled, and held to a policy."""

import logging
import time

import pytest
from licenses_support import COMMERCIAL, a_run, train

import origin
from origin.core.license import FirstBatch, LicenseAnalyzer, LicensePolicy
from origin.core.record import LicenseRecord, SourceRecord
from origin.errors import (
    OriginWarning,
    SessionNotFoundError,
)
from origin.hooks.pytorch import DataLoaderHook
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase


def rules(findings):
    return [(one.rule_id, one.sources) for one in findings]


def test_conflicts_are_found_when_a_session_ends(db, caplog):
    with caplog.at_level(logging.WARNING, "origin"):
        run = a_run(db, forum="CC-BY-NC-4.0", code="MIT", scraped=None)
    assert "does not permit commercial use [rule nc-commercial]" in caplog.text
    kept = {
        (one.finding["rule_id"], one.severity, one.use_name) for one in db.licensing.conflicts(run)
    }
    assert kept == {
        ("nc-commercial", "error", COMMERCIAL),
        ("nc-commercial", "warning", "distribute-weights"),
        ("nc-commercial", "warning", "train"),
        ("no-license", "warning", "any"),
    }
    engine = QueryEngine(db)
    assert rules(engine.find_conflicts(run)) == [
        ("nc-commercial", ("forum",)),
        ("no-license", ("scraped",)),
    ]
    inside = {(one.severity, one.rule_id) for one in engine.find_conflicts(run, use="train")}
    assert inside == {("warning", "nc-commercial"), ("warning", "no-license")}
    assert engine.find_conflicts(db.get_session(run)) == engine.find_conflicts(run)


def test_a_session_ends_whatever_becomes_of_the_review(db, caplog, monkeypatch):
    session = db.begin_session("v1")
    train(db, session.session_id, "forum", "CC-BY-NC-4.0")
    monkeypatch.setenv("ORIGIN_MODE", "no such mode")  # which the review asks for
    with caplog.at_level(logging.ERROR, "origin"):
        db.end_session(session.session_id)
    assert "could not be reviewed" in caplog.text
    assert db.get_session(session.session_id).status == "completed"
    monkeypatch.delenv("ORIGIN_MODE")
    assert rules(QueryEngine(db).find_conflicts(session)) == [("nc-commercial", ("forum",))]


def test_a_finding_counts_what_came_in(db):
    run = a_run(db, forum="CC-BY-NC-4.0", code="MIT")
    (one,) = QueryEngine(db).find_conflicts(run)
    assert (one.observations, one.share) == (8, 0.5)
    assert one.first_batch == FirstBatch("forum", 1, 0)


def test_what_is_asked_while_a_session_runs_leaves_nothing_behind(db):
    with db.session("v1") as session:
        for at in range(3):
            train(db, session.session_id, f"forum {at}", "CC-BY-NC-4.0")
            assert len(QueryEngine(db).find_conflicts(session)) == 1
            assert len(QueryEngine(db).sql("SELECT * FROM license_conflicts")) == 3
        assert db.licensing.conflicts() == []
    assert [one.gone_at for one in db.licensing.conflicts()] == [None] * 3


def test_nobody_who_writes_is_waited_for(db):
    run = a_run(db, forum="CC-BY-NC-4.0")
    db.record_source(SourceRecord("forum", license_id="CC-BY-4.0"))
    with ProvenanceDatabase(db.path) as other, other._connection.transaction():
        begun = time.monotonic()
        assert rules(QueryEngine(db).find_conflicts(run))
        # The timeout for those who write is thirty seconds.
        assert time.monotonic() - begun < 15
    assert [one.gone_at for one in db.licensing.conflicts(run)] == [None] * 3


def test_a_read_only_database_tells_what_is_so_now(db):
    run = a_run(db, forum="CC-BY-NC-4.0")
    db.record_source(SourceRecord("forum", license_id="CC-BY-NC-4.0", title="A forum"))
    db.record_source(SourceRecord("forum", license_id="CC-BY-NC-SA-4.0"))
    with ProvenanceDatabase(db.path, read_only=True) as reader:
        engine = QueryEngine(reader)
        found = engine.find_conflicts(run)
        asked = "SELECT DISTINCT json_extract_string(finding, '$.rule_id') FROM license_conflicts"
        told = {rule for (rule,) in engine.sql(asked)}
    assert told == {one.rule_id for one in found}
    assert "license-changed" in told


def test_findings_of_another_shape_are_found_anew(db):
    run = a_run(db, forum="CC-BY-NC-4.0")
    # As another version might have kept them: whole by their checksums, and without a field.
    db._connection.rows('UPDATE license_conflicts SET finding = \'{"kind": "forbidden-use"}\'')
    assert db.licensing.kept_for(run) is not None
    assert rules(QueryEngine(db).find_conflicts(run)) == [("nc-commercial", ("forum",))]
    assert {len(one.finding) > 1 for one in db.licensing.conflicts(run)} == {True}


def test_what_is_reopened_is_open_for_uses_that_demand_less(db):
    run = a_run(db, wiki="CC-BY-SA-4.0")
    engine = QueryEngine(db)
    for use in ("distribute-weights", COMMERCIAL):
        (one,) = engine.find_conflicts(run, use)
        db.settle_finding(run, one, person="A. N. Other", reason="asked")
    (found,) = engine.find_conflicts(run)
    assert not found.is_conflict
    db.reopen_finding(run, found, person="A. N. Other", reason="withdrawn")
    assert engine.find_conflicts(run, found.use)[0].is_conflict
    assert not engine.find_conflicts(run, COMMERCIAL)[0].is_conflict


def test_a_word_on_one_entry_of_a_policy_is_none_on_another(db):
    run = a_run(db, papers="CC-BY-NC-ND-4.0")
    engine = QueryEngine(db)
    denied = [LicensePolicy(deny=[one]) for one in ("non-commercial", "no-derivatives", "CC-BY-*")]
    (one,) = engine.check_policy(run, denied[0]).broken_by
    db.settle_finding(run, one, person="A. N. Other", reason="bought")
    assert [engine.check_policy(run, policy).passed for policy in denied] == [True, False, False]
    allowed = [LicensePolicy(allow=[one]) for one in ("MIT", "CC0-1.0")]
    (one,) = engine.check_policy(run, allowed[0]).broken_by
    db.settle_finding(run, one, person="A. N. Other", reason="bought")
    assert [engine.check_policy(run, policy).passed for policy in allowed] == [True, False]


def test_conflicts_of_all_sessions_the_newest_first(db):
    first, second = a_run(db, a="CC-BY-NC-4.0"), a_run(db, b="CC-BY-NC-4.0")
    found = LicenseAnalyzer(db).find_conflicts()
    assert [one.sources for one in found] == [("b",), ("a",)]
    assert {one.session_id for one in db.licensing.conflicts()} == {first, second}


def test_also_while_a_session_runs(db):
    with db.session("v1") as session:
        train(db, session.session_id, "forum", "CC-BY-NC-4.0")
        engine = QueryEngine(db)
        assert rules(engine.find_conflicts(session)) == [("nc-commercial", ("forum",))]
        train(db, session.session_id, "wiki", "CC-BY-SA-4.0")
        assert len(engine.find_conflicts(session)) > 1


def test_conflicts_follow_the_license_of_a_source(db):
    run = a_run(db, forum="unknown", code="MIT")
    engine = QueryEngine(db)
    assert rules(engine.find_conflicts(run)) == [("no-license", ("forum",))]
    db.record_source(SourceRecord("forum", license_id="CC-BY-NC-4.0"))
    assert rules(engine.find_conflicts(run)) == [("nc-commercial", ("forum",))]
    gone = [one for one in db.licensing.conflicts(run) if one.gone_at is not None]
    assert [one.finding["rule_id"] for one in gone] == ["no-license"]
    db.record_source(SourceRecord("forum", license_id="CC-BY-4.0"))
    assert engine.find_conflicts(run) == []
    db.record_source(SourceRecord("code", license_id="CC-BY-NC-4.0"))
    assert set(rules(engine.find_conflicts(run))) == {
        ("nc-commercial", ("code",)),
        ("license-changed", ("code",)),
    }
    asked = """SELECT DISTINCT json_extract_string(finding, '$.rule_id') AS rule
        FROM license_conflicts WHERE gone_at IS NULL ORDER BY rule"""
    assert engine.sql(asked).rows() == [("license-changed",), ("nc-commercial",)]


def test_conflicts_follow_a_license_of_ones_own(db):
    run = a_run(db, dump="OURS-1.0")
    engine = QueryEngine(db)
    assert rules(engine.find_conflicts(run)) == [("unread-license", ("dump",))]
    granted = ("use", "modify", "distribute", "commercial-use")
    db.record_license(LicenseRecord("OURS-1.0", "Ours", permissions=granted))
    assert engine.find_conflicts(run) == []
    db.record_license(
        LicenseRecord("OURS-1.0", "Ours", permissions=granted[:3], restrictions=["no-commercial"])
    )
    assert rules(engine.find_conflicts(run)) == [("nc-commercial", ("dump",))]


def test_what_is_kept_is_found_once_and_changes_nothing_when_read(db):
    run = a_run(db, forum="CC-BY-NC-4.0")
    before = db.licensing.conflicts(run)
    QueryEngine(db).find_conflicts(run)
    assert db.licensing.conflicts(run) == before
    with ProvenanceDatabase(db.path, read_only=True) as reader:
        assert rules(QueryEngine(reader).find_conflicts()) == [("nc-commercial", ("forum",))]


def test_other_settings_are_not_kept(db):
    run = a_run(db, wiki="CC-BY-SA-4.0")
    before = db.licensing.conflicts(run)
    strictly = LicenseAnalyzer(db, weights_are_adaptation="yes", strict=True)
    assert "error" in [one.severity for one in strictly.find_conflicts(run)]
    assert LicenseAnalyzer(db, weights_are_adaptation="no").find_conflicts(run) == []
    assert db.licensing.conflicts(run) == before


def test_a_person_settles_a_finding(db):
    run = a_run(db, forum="CC-BY-NC-4.0")
    engine = QueryEngine(db)
    (one,) = engine.find_conflicts(run)
    db.settle_finding(run, one, person="A. N. Other", reason="bought", date="2026-01-05")
    (found,) = engine.find_conflicts(run)
    assert found == one
    assert not found.is_conflict
    assert (found.settled.person, found.settled.settled_on) == ("A. N. Other", "2026-01-05")
    assert engine.analyze_licenses(run, COMMERCIAL).errors == ()
    asked = "SELECT settled_by, settled_on, settled_reason FROM license_conflicts WHERE use = ?"
    assert engine.sql(asked, [COMMERCIAL]).rows() == [("A. N. Other", "2026-01-05", "bought")]
    db.reopen_finding(run, one.finding_id, person="A. N. Other", reason="lapsed")
    assert engine.find_conflicts(run)[0].is_conflict
    assert len(engine.analyze_licenses(run, COMMERCIAL).errors) == 1


def test_what_is_settled_holds_for_uses_that_demand_less_and_not_for_more(db):
    engine = QueryEngine(db)
    uses = ("train", "distribute-weights", COMMERCIAL)
    for place, use in enumerate(uses):
        run = a_run(db, papers="llama2")
        (one,) = [one for one in engine.find_conflicts(run, use) if one.about == "no-other-models"]
        db.settle_finding(run, one, person="A. N. Other", reason="a Llama itself")
        for asked in uses:
            (found,) = [f for f in engine.find_conflicts(run, asked) if f.about == one.about]
            assert (found.settled is not None) is (uses.index(asked) <= place), (use, asked)


def test_a_settlement_is_of_one_matter(db):
    """Two findings by one rule about one source are settled one by one."""
    policy = LicensePolicy(allow=["MIT"], deny=["CC-BY-*"], on_violation="warn")
    with db.session("v1", policy=policy) as session, pytest.warns(OriginWarning):
        train(db, session.session_id, "forum", "CC-BY-4.0")
    engine = QueryEngine(db)
    first, second = engine.check_policy(session).broken_by
    assert first.finding_id != second.finding_id
    db.settle_finding(session, first, person="A. N. Other", reason="asked")
    assert engine.check_policy(session).broken_by == (second,)
    assert {one.rule_id for one in engine.find_conflicts(session)} == {"policy"}


def test_a_license_by_another_spelling_is_the_same(db):
    db.record_source(SourceRecord("code", license_id="MIT License"))
    run = a_run(db, code="MIT")
    assert QueryEngine(db).find_conflicts(run) == []
    with db.session("v1") as session, pytest.raises(origin.OriginError, match="registered under"):
        DataLoaderHook(db, session.session_id, "code", "ISC")


def test_a_session_that_is_not_there(db):
    engine = QueryEngine(db)
    for ask in (engine.find_conflicts, engine.attribution, engine.analyze_licenses):
        with pytest.raises(SessionNotFoundError):
            ask("no-such-session")
    with pytest.raises(SessionNotFoundError):
        engine.check_policy("no-such-session", LicensePolicy())
    assert engine.find_conflicts() == []


# -- the notice ------------------------------------------------------------------------------


def test_the_notice(db):
    db.record_source(
        SourceRecord(
            "wiki",
            "dataset",
            "/data/wiki",
            "CC-BY-SA-4.0",
            title="An encyclopedia",
            author="Its authors",
            url="https://example.org/wiki",
            changes="tables removed",
        )
    )
    run = a_run(db, wiki=None, code="MIT", scraped=None)
    notice = QueryEngine(db).attribution(run)
    wiki, code, scraped = notice.entries
    assert str(wiki) == (
        "An encyclopedia by Its authors\n"
        "  source: https://example.org/wiki\n"
        "  license: CC-BY-SA-4.0 (https://creativecommons.org/licenses/by-sa/4.0/)\n"
        "  changes: tables removed\n"
        "  the license asks to name the author, the source and the license; to keep the copyright "
        "and license notices; to say what was changed; to share under the same license"
    )
    assert (code.license, code.license_urls) == ("MIT", ("https://spdx.org/licenses/MIT.html",))
    assert (scraped.license, scraped.asks) == ("unknown", ())
    assert notice.missing == {"code": ("author",), "scraped": ("license",)}
    assert str(notice).startswith(
        f"NOTICE\n\nData that went into training session {run}, under the licenses that were "
        "declared for it.\n\n"
    )
    assert "  not recorded: author" in str(notice)


def test_one_entry_for_a_source_however_often_it_was_seen(db):
    with db.session("v1") as session:
        train(db, session.session_id, "a", "MIT")
        train(db, session.session_id, "a", "MIT")
        db.record_source(SourceRecord("a", license_id="CC-BY-4.0"))
        train(db, session.session_id, "a")
    (entry,) = QueryEngine(db).attribution(session).entries
    assert set(entry.license.split(" AND ")) == {"MIT", "CC-BY-4.0"}


def test_hostile_text_in_a_notice(db):
    hostile = "x\n\nA by B\n  license: MIT\u202e\x1b[31m"
    db.record_source(
        SourceRecord("s", "dataset", hostile, hostile, title=hostile, author=hostile, url=hostile)
    )
    run = a_run(db, s=None)
    text = str(QueryEngine(db).attribution(run))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len(text.strip().split("\n\n")) == 3


def test_what_is_settled_for_one_use_stays_in_sight_beside_what_is_open(db):
    run = a_run(db, forum="CC-BY-NC-4.0")
    engine = QueryEngine(db)
    (inside,) = engine.find_conflicts(run, "train")
    db.settle_finding(run, inside, person="A. N. Other", reason="it stays in the house")
    found = engine.find_conflicts(run)
    assert [(one.use, one.settled is None) for one in found] == [
        (COMMERCIAL, True),
        ("train", False),
    ]
