"""What a bundle says beside what was signed: in one form, and fitting the streams."""

import json
from pathlib import Path

import pytest
from bundles import (
    canonical,
    envelope,
    members_of,
    packed,
    session_told,
    small_session,
    source_told,
    statement,
    written,
)
from proofs import TEAM, Signer

from origin.verify import BundleReport, verify_bundle

OTHER = Signer(1, "example.com/other")


def report_on(folder: Path, members: dict[str, bytes]) -> BundleReport:
    """A bundle of members, all listed and signed as they are."""
    return verify_bundle(written(folder, packed(members)), (TEAM.key,))


def kinds(report: BundleReport) -> set[tuple[str, str]]:
    return {(one.kind, one.where) for one in report.differences}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": "failed"}, "its status is not what stream 0 closes with"),
        ({"ended_at": None}, "its ended_at is not what stream 0 closes with"),
        ({"config_hash": "x"}, "its config_hash is not that of stream 1"),
        ({"session": "x"}, "of another session than the head"),
    ],
)
def test_what_is_said_of_the_session(tmp_path: Path, changes: dict[str, object], why: str) -> None:
    session = small_session()
    told = canonical(session_told(session, **changes))
    report = report_on(tmp_path, members_of(session) | {"session.json": told})
    assert any(why in one.text for one in report.differences), str(report)
    assert {one.kind for one in report.differences} == {"session"}


def test_licenses(tmp_path: Path) -> None:
    members = members_of(small_session())
    then, now = ["2026-01-01T00:00:00+00:00", "CC-BY-4.0"], ["2026-01-03T00:00:00+00:00", "MIT"]
    for sources, holds in (
        ([source_told(license_id="MIT", history=[then, now])], True),
        ([source_told(license_id="CC-BY-4.0", history=[])], True),
        ([source_told(license_id="MIT", history=[now])], False),
        ([source_told(license_id=None, history=[])], False),
        ([source_told(source_id="letters")], False),
        ([], False),
    ):
        report = report_on(tmp_path, members | {"sources.json": canonical(sources)})
        assert report.ok == holds
        assert {one.kind for one in report.differences} <= {"license"}


@pytest.mark.parametrize("name", ["session.json", "sources.json", "licenses.json", "models.json"])
def test_records_have_one_form(tmp_path: Path, name: str) -> None:
    members = members_of(small_session())
    told = json.loads(members[name])
    wrong = [b"", b"{", b"[" * 100_000, b"\xff\n", b"1\n", b'"x"\n', b"NaN\n", b"[1]\n", b"[{}]\n",
             b"{}\n", b" " + members[name], members[name][:-1], members[name] * 2]  # fmt: skip
    if told:
        one = told if name == "session.json" else told[0]
        wrong += [canonical(told | {"x": 1}) if one is told else canonical([one | {"x": 1}])]
        wrong += [canonical([one, one])]
        for key, value in one.items():
            for other in (1.5, True, [1], {"a": float("inf")} if value == {} else -1):
                changed = {**one, key: other}
                wrong.append(canonical(changed if one is told else [changed]))
    for content in wrong:
        found = kinds(report_on(tmp_path, {**members, name: content}))
        assert ("form", name) in found, content[:200]


def test_lists_are_in_order(tmp_path: Path) -> None:
    members = members_of(small_session())
    one, two = source_told(), source_told(source_id="letters")
    first, second = sorted((one, two), key=canonical)
    assert report_on(tmp_path, members | {"sources.json": canonical([first, second])}).ok
    found = kinds(report_on(tmp_path, members | {"sources.json": canonical([second, first])}))
    assert found == {("form", "sources.json")}


def test_the_statement_fits_the_bundle(tmp_path: Path) -> None:
    session = small_session()
    members = members_of(session, models=True)
    own = "statement.dsse.json"
    earlier = {**members, "head.note": str(TEAM.sign(session.head(1))).encode()}
    wrong = {
        "subjects": statement(session, members) | {"subject": [
            {"name": "run/b.pt", "digest": {"sha256": "ab" * 32}}]},
        "the head in it": statement(session, earlier),
    }  # fmt: skip
    for member, changes in (("digest", {"originStreamLog": "00" * 32}),
                            ("digest", {"originSampleSet": "00" * 32}),
                            ("name", "letters"), ("annotations", {"license": None})):  # fmt: skip
        told = statement(session, members)
        part = told["predicate"]["buildDefinition"]["resolvedDependencies"][1]
        part[member] = {**part[member], **changes} if isinstance(changes, dict) else changes
        wrong[str(changes)] = told
    told = statement(session, members)
    told["predicate"]["buildDefinition"]["externalParameters"]["config_hash"] = "x"
    wrong["config"] = told
    told = statement(session, members)
    told["predicate"]["buildDefinition"]["resolvedDependencies"].pop()
    wrong["dependencies"] = told
    for told in wrong.values():
        found = kinds(report_on(tmp_path, {**members, own: envelope(told)}))
        assert found == {("statement", own)}, told
    by_other = envelope(statement(session, members), OTHER)
    for content in (by_other, b"{}", b"\xff", b"[]"):
        found = kinds(report_on(tmp_path, {**members, own: content}))
        assert ("statement", own) in found or ("form", own) in found
    without = members_of(session) | {own: members[own]}
    assert ("extra", own) in kinds(report_on(tmp_path, without))
