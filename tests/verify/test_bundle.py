"""Bundles are computed anew, and every difference is told by its kind."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import (
    MODEL,
    Members,
    canonical,
    listing,
    members_of,
    packed,
    session_told,
    small_session,
    source_told,
    written,
    zipped,
)
from proofs import SESSION, TEAM, Session, Signer, prints, prints_of

from origin.core.log import BatchLeaf, CloseLeaf, GapLeaf, OpenLeaf, StateLeaf
from origin.core.note import Note
from origin.errors import ProofError, SigningKeyError
from origin.verify import BundleReport, Difference, verify, verify_bundle
from origin.verify.__main__ import main

KEYS = (TEAM.key,)
OTHER = Signer(1, "example.com/other")


def report_on(folder: Path, members: Members, signer: Signer = TEAM) -> BundleReport:
    """A bundle of members, all listed and signed as they are."""
    return verify_bundle(written(folder, packed(members, signer)), KEYS)


def kinds(report: BundleReport) -> set[tuple[str, str]]:
    return {(one.kind, one.where) for one in report.differences}


@pytest.mark.parametrize("has_prints", [True, False])
@pytest.mark.parametrize("has_models", [True, False])
def test_as_it_was_signed(tmp_path: Path, has_prints: bool, has_models: bool) -> None:
    members = members_of(small_session(), prints=has_prints, models=has_models)
    report = report_on(tmp_path, members)
    assert report.ok, str(report)
    verdict = report.verdict
    assert verdict == verify(tmp_path / "run.origin", KEYS)
    assert (verdict.kind, verdict.session, verdict.signers) == ("bundle", SESSION, (TEAM.key.name,))
    assert verdict.shows[:3] == (
        "record intact: 5 batches, logs closed, signed 2026-03-02; gaps: 1 (3 batches missing)",
        f"session {SESSION}: completed, 2 streams, 8 observations",
        "source 'digits' (license CC-BY-4.0)",
    )
    assert any("computed anew" in one for one in verdict.shows) == has_prints
    assert any("not in the bundle" in one for one in verdict.does_not) != has_prints
    assert "anything of the 3 batches that the gaps are of" in verdict.does_not
    facts = verdict.facts
    assert (facts["batches"], facts["observations"], facts["gaps"]) == (5, 8, 1)
    assert (facts["missing"], facts["closed"], facts["fingerprints"]) == (3, True, has_prints)
    assert facts["models"] == ([MODEL] if has_models else [])
    assert [one["open"]["source"] for one in facts["streams"]] == ["digits", "digits"]
    assert facts["head"]["size"] == 2


def test_one_stream_without_gaps(tmp_path: Path) -> None:
    report = report_on(tmp_path, members_of(Session(prints_of(1, 1))))
    assert report.ok, str(report)
    assert report.verdict.shows[0] == (
        "record intact: 1 batch, log closed, signed 2026-03-02; gaps: none"
    )


def test_a_session_that_was_still_running(tmp_path: Path) -> None:
    session = Session(prints_of(2, 2), closed=False)
    session.note_state()
    session.batch(0, prints(90))
    report = report_on(tmp_path, {**members_of(session), **running(session)})
    assert report.ok, str(report)
    assert report.verdict.shows[0].startswith("record intact: 2 batches, log not closed, signed")
    assert "still running when it was signed" in report.verdict.shows[1]
    assert "stream 0 was not closed: it may be cut off" in report.verdict.shows
    assert report.verdict.facts["closed"] is False


def running(session: Session) -> Members:
    return {"session.json": canonical(session_told(session, status="running", ended_at=None))}


def test_a_session_without_streams(tmp_path: Path) -> None:
    session = Session(closed=False)
    session.note_state()
    report = report_on(tmp_path, members_of(session) | {"sources.json": b"[]\n"})
    assert report.ok, str(report)
    assert "nothing recorded, 0 streams, 0 observations" in report.verdict.shows[1]


def test_what_strangers_wrote_is_quoted(tmp_path: Path) -> None:
    session = Session(prints_of(1, 1), source="a\x1b[31m\nb", license="\u202egpl")
    members = members_of(session)
    members["sources.json"] = canonical(
        [source_told(source_id="a\x1b[31m\nb", license_id="\u202egpl")]
    )
    members["session.json"] = canonical(session_told(session, signed_at="\x1b[2J"))
    report = report_on(tmp_path, members)
    assert report.ok, str(report)
    assert str(report).isprintable() is False  # it has lines
    assert all(line.isprintable() for line in str(report).split("\n"))
    assert "signed '\\x1b[2J'" in str(report)


# -- members -------------------------------------------------------------------------------

NAMES = sorted(members_of(small_session(), prints=True, models=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_member_is_altered_and_the_list_is_not(tmp_path: Path, name: str) -> None:
    members = members_of(small_session(), prints=True, models=True)
    for changed in (members[name] + b" ", members[name][:-1] + b"?", b""):
        content = packed({**members, name: changed}, listed=members)
        report = verify_bundle(written(tmp_path, content), KEYS)
        assert ("digest", name) in kinds(report)
        with pytest.raises(ProofError, match=f"digest, {name}"):
            verify(tmp_path / "run.origin", KEYS)


@pytest.mark.parametrize("name", NAMES)
def test_a_member_is_gone(tmp_path: Path, name: str) -> None:
    members = members_of(small_session(), prints=True, models=True)
    left = {one: members[one] for one in NAMES if one != name}
    content = packed(left, listed=members)
    assert ("missing", name) in kinds(verify_bundle(written(tmp_path, content), KEYS))
    # Also if whoever has the key lists the others only.
    assert ("missing", name) in kinds(report_on(tmp_path, left))


@pytest.mark.parametrize("name", ["streams/2.jsonl", "fingerprints/2.bin", "readme.md"])
def test_a_member_too_many(tmp_path: Path, name: str) -> None:
    members = members_of(small_session(), prints=True)
    content = packed({**members, name: b""}, listed=members)
    assert ("extra", name) in kinds(verify_bundle(written(tmp_path, content), KEYS))
    assert ("extra", name) in kinds(report_on(tmp_path, {**members, name: b""}))


@pytest.mark.parametrize("one", NAMES)
def test_members_are_swapped(tmp_path: Path, one: str) -> None:
    members = members_of(small_session(), prints=True, models=True)
    other = NAMES[(NAMES.index(one) + 1) % len(NAMES)]
    swapped = {**members, one: members[other], other: members[one]}
    content = packed(swapped, listed=members)
    found = kinds(verify_bundle(written(tmp_path, content), KEYS))
    assert {("digest", one), ("digest", other)} <= found
    assert not report_on(tmp_path, swapped).ok


def test_who_signed(tmp_path: Path) -> None:
    members = members_of(small_session())
    with pytest.raises(ProofError, match="no key that you gave has signed this"):
        report_on(tmp_path, members, OTHER)
    with pytest.raises(SigningKeyError, match="one at least"):
        verify_bundle(tmp_path / "run.origin", [])
    both = (TEAM.key, OTHER.key)
    report = verify_bundle(tmp_path / "run.origin", both)
    assert [(one.kind, one.text) for one in report.differences] == [
        ("head", "it is signed by other keys than the bundle")
    ]
    members = members_of(small_session(), signer=OTHER)
    assert ("head", "head.note") in kinds(report_on(tmp_path, members))
    assert verify_bundle(written(tmp_path, packed(members, OTHER)), both).ok


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace("origin-provenance/bundle", "origin-provenance/bag"), "begin"),
        (lambda text: text.replace("session ", "sitting "), "begin"),
        (lambda text: text.replace(" card.md", "  card.md"), None),
        (lambda text: text.replace(" card.md", ""), "does not list a member"),
        (lambda text: text.replace("card.md", "zard.md"), "sorted by name"),
        (lambda text: text + text.split("\n")[-2] + "\n", "each member once"),
        (lambda text: "origin-provenance/bundle\n", "begin"),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, change: Callable[[str], str], why: str | None) -> None:
    members = members_of(small_session())
    text = change(listing(members).decode().partition("\n\n")[0] + "\n")
    note = str(Note(text, (TEAM.signature(text),))).encode()
    path = written(tmp_path, zipped({"bundle.note": note, **dict(sorted(members.items()))}))
    if why is None:
        assert not verify_bundle(path, KEYS).ok
        return
    with pytest.raises(ProofError, match=why):
        verify_bundle(path, KEYS)


def test_a_list_that_is_not_first(tmp_path: Path) -> None:
    members = members_of(small_session())
    with pytest.raises(ProofError, match="first member is not"):
        verify_bundle(written(tmp_path, zipped(dict(sorted(members.items())))), KEYS)


# -- edited by who has the key: the head still tells ---------------------------------------


def edited(members: Members, name: str, old: bytes, new: bytes) -> Members:
    assert members[name].count(old) == 1, members[name]
    return {**members, name: members[name].replace(old, new)}


def lines_changed(
    members: Members, name: str, change: Callable[[list[bytes]], list[bytes]]
) -> Members:
    lines = members[name].splitlines(keepends=True)
    return {**members, name: b"".join(change(lines))}


STREAM = "streams/0.jsonl"


@pytest.mark.parametrize(
    ("change", "also"),
    [
        (lambda lines: [lines[0], *lines[2:]], "close"),
        (lambda lines: lines[:-1], None),
        (lambda lines: [*lines, lines[1]], "order"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "order"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "order"),
        (lambda lines: [lines[0], *lines], "order"),
        (lambda lines: [lines[0], StateLeaf(SESSION, 0, []).data() + b"\n", *lines[1:]], "order"),
        (lambda lines: [lines[0].replace(b'"rank":0', b'"rank":1'), *lines[1:]], None),
        (lambda lines: [b"{}\n", *lines[1:]], "form"),
        (lambda lines: [lines[0].replace(b":", b": ", 1), *lines[1:]], "form"),
        (
            lambda lines: [lines[0].replace(b'"log_version":1', b'"log_version":2'), *lines[1:]],
            "form",
        ),
        (lambda lines: [lines[0].replace(b'"stream":0', b'"stream":1'), *lines[1:]], "order"),
        (lambda lines: [], None),
    ],
)
def test_a_log_is_edited(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], also: str | None
) -> None:
    members = lines_changed(members_of(small_session(), prints=True), STREAM, change)
    found = kinds(report_on(tmp_path, members))
    assert ("log", STREAM) in found
    assert also is None or (also, STREAM) in found


def test_only_the_end_of_a_line_is_missing(tmp_path: Path) -> None:
    for name in (STREAM, "states.jsonl"):
        members = members_of(small_session())
        members[name] = members[name][:-1]
        report = report_on(tmp_path, members)
        assert Difference("form", name, "its last line has no end") in report.differences


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        (b'"state":1', b'"state":2', "states.jsonl"),
        (SESSION.encode(), b"another", "session.json"),
    ],
)
def test_states_and_session_are_edited(tmp_path: Path, old: bytes, new: bytes, where: str) -> None:
    members = edited(members_of(small_session()), where, old, new)
    kind = "states" if where == "states.jsonl" else "session"
    assert (kind, where) in kinds(report_on(tmp_path, members))


def test_states_are_dropped_added_or_of_another_root(tmp_path: Path) -> None:
    members = members_of(small_session())
    for change in (
        lambda lines: lines[1:],
        lambda lines: lines[:1],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [lines[1], lines[0]],
        lambda lines: [],
    ):
        found = kinds(report_on(tmp_path, lines_changed(members, "states.jsonl", change)))
        assert ("states", "states.jsonl") in found


@pytest.mark.parametrize(
    ("states", "why"),
    [
        ([[[2, "00"]], [[1, "11"]]], "was cut"),
        ([[[2, "00"]], [[2, "11"]]], "another root, and no more leaves"),
        ([[[2, "00"], [1, "22"]], [[2, "00"]]], "lost streams"),
        ([[[0, "00"]]], "is empty"),
    ],
)
def test_states_that_do_not_follow(
    tmp_path: Path, states: list[list[list[object]]], why: str
) -> None:
    session = Session(prints_of(1, 1), closed=False)
    session.states = [
        StateLeaf(SESSION, number, [[size, str(root) * 32] for size, root in streams])
        for number, streams in enumerate(states)
    ]
    members = members_of(session)
    report = report_on(tmp_path, members)
    assert any(why in one.text for one in report.differences if one.kind == "states"), str(report)


def test_a_head_of_another_session(tmp_path: Path) -> None:
    other = Session(prints_of(1, 1), session="other")
    members = members_of(small_session()) | {"head.note": members_of(other)["head.note"]}
    found = kinds(report_on(tmp_path, members))
    assert {("head", "head.note"), ("states", "states.jsonl")} <= found


# -- signed, and wrong ---------------------------------------------------------------------


def signed_log(*leaves: object, **opened: object) -> Session:
    """A session of one stream with such leaves behind the first, signed as it is."""
    session = Session([], closed=False, **opened)
    session.logs[0] += leaves  # type: ignore[arg-type]
    session.note_state()
    return session


def batch(number: int, samples: int = 0) -> BatchLeaf:
    return BatchLeaf(number, 0, samples, "00" * 32)


EMPTY = CloseLeaf("completed", "2026-01-02T05:06:07.500000+00:00", 0, 0, 0, 0, 0, "00" * 32)


@pytest.mark.parametrize(
    ("leaves", "kind", "why"),
    [
        ([batch(1), batch(1)], "order", "batch 1 stands behind batch 1"),
        ([batch(2), batch(1), batch(2)], "order", "batch 1 stands behind batch 2"),
        ([batch(0), GapLeaf(0, 3, "x")], "order", "from 0 to 3 are a gap, and some are there"),
        ([batch(4), GapLeaf(3, 4, "x")], "order", "from 3 to 4 are a gap"),
        ([GapLeaf(5, 7, "x"), batch(6)], "order", "from 5 to 7 are a gap"),
        ([batch(0), batch(3), batch(9), GapLeaf(3, 3, "x")], "order", "from 3 to 3 are a gap"),
        ([GapLeaf(4, 3, "x")], "order", "a gap ends before it begins"),
        ([replace(EMPTY, batches=1)], "close", "closes with 1 batches, and has 0"),
        ([batch(0), replace(EMPTY, batches=1, observations=1)], "close", "1 observations"),
        ([replace(EMPTY, missing=1)], "close", "closes with 1 missing, and has 0"),
        ([replace(EMPTY, set_size=1)], "close", "more different samples than"),
        ([StateLeaf(SESSION, 0, [])], "order", "is no leaf of a stream"),
    ],
)
def test_leaves_in_the_wrong_order_or_number(
    tmp_path: Path, leaves: list[object], kind: str, why: str
) -> None:
    report = report_on(tmp_path, members_of(signed_log(*leaves)))
    texts = [one.text for one in report.differences if (one.kind, one.where) == (kind, STREAM)]
    assert any(why in one for one in texts), str(report)


def test_leaves_that_are_in_order(tmp_path: Path) -> None:
    leaves = [batch(0), batch(1), batch(4), GapLeaf(5, 6, "x"), batch(7), GapLeaf(2, 3, "late"),
              replace(EMPTY, batches=4, missing=4), GapLeaf(8, 8, "later"),
              replace(EMPTY, batches=4, missing=5)]  # fmt: skip
    report = report_on(tmp_path, members_of(signed_log(*leaves)))
    assert report.ok, str(report)
    assert report.verdict.facts["gaps"] == 3


def test_many_differences_of_a_kind_are_counted(tmp_path: Path) -> None:
    report = report_on(tmp_path, members_of(signed_log(*[batch(1)] * 40)))
    own = [one for one in report.differences if one.kind == "order"]
    assert (len(own), own[-1].text) == (21, "19 more of this kind")


def test_fingerprints_and_sets(tmp_path: Path) -> None:
    members = members_of(small_session(), prints=True)
    name, packed_ = "fingerprints/0.bin", members["fingerprints/0.bin"]
    in_it = ("samples", STREAM)
    for changed, expected in (
        (packed_[:31] + b"\xff" + packed_[32:], {in_it, ("set", name)}),
        (packed_[32:64] + packed_[:32] + packed_[64:], {in_it}),
        (packed_[:-32], {in_it, ("set", name)}),
        (packed_[:-1], {in_it, ("set", name)}),
        (packed_ + bytes(32), {in_it, ("set", name)}),
        (packed_ + b"x", {in_it}),
        (b"", {in_it, ("set", name)}),
    ):
        assert kinds(report_on(tmp_path, {**members, name: changed})) == expected


def test_a_set_that_was_signed_and_is_another(tmp_path: Path) -> None:
    for changes in ({"set_size": 3}, {"set_root": "11" * 32}):
        session = Session(prints_of(2, 2), closed=False)
        session.close(0, **changes)
        session.note_state()
        found = kinds(report_on(tmp_path, members_of(session, prints=True)))
        assert found == {("set", "fingerprints/0.bin")}
        assert report_on(tmp_path, members_of(session)).ok  # nobody can tell without them


@pytest.mark.parametrize("size", [4096, 4097, 9000])
def test_batches_larger_than_what_is_read_at_once(tmp_path: Path, size: int) -> None:
    members = members_of(Session(prints_of(2, size)), prints=True)
    assert report_on(tmp_path, members).ok
    name = "fingerprints/0.bin"
    members[name] = members[name][:-32] + bytes(32)
    assert ("samples", STREAM) in kinds(report_on(tmp_path, members))


# -- what is told --------------------------------------------------------------------------


def test_a_report_that_something_differs(tmp_path: Path) -> None:
    members = edited(members_of(small_session()), STREAM, b'"rank":0', b'"rank":7')
    report = report_on(tmp_path, members)
    text = f"log, {STREAM}: its first 4 leaves do not lead to what was signed"
    assert str(report).split("\n")[:2] == [
        f"the bundle of session {SESSION} is not what was signed",
        f"  {text}",
    ]
    told = report.to_dict()
    assert (told["ok"], told["facts"], told["shows"], told["does_not"]) == (False, {}, [], [])
    assert told["differences"][0] == {
        "kind": "log",
        "where": STREAM,
        "text": "its first 4 leaves do not lead to what was signed",
    }


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    members = members_of(small_session())
    path = written(tmp_path, packed(members))
    assert main([str(path), "--key", TEAM.key.text]) == 0
    assert capsys.readouterr().out == f"{verify_bundle(path, KEYS)}\n"
    assert main([str(path), "--key", TEAM.key.text, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"holds": True, **verify_bundle(path, KEYS).to_dict()}
    path = written(tmp_path, packed(edited(members, STREAM, b'"rank":0', b'"rank":7')))
    assert main([str(path), "--key", TEAM.key.text]) == 1
    assert "is not what was signed" in capsys.readouterr().out
    assert main([str(path), "--key", TEAM.key.text, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["holds"], told["differences"][0]["kind"]) == (False, "log")


def test_leaves_that_open_another_session(tmp_path: Path) -> None:
    session = small_session()
    opened = session.logs[1][0]
    assert isinstance(opened, OpenLeaf)
    session.logs[1][0] = replace(opened, session="another")
    session.states.clear()
    session.note_state()
    found = kinds(report_on(tmp_path, members_of(session)))
    assert found == {("session", "streams/1.jsonl")}
