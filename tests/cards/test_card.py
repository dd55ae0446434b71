"""Cards of runs: those of real ones, and what each kind of run is told as."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from card_facts import BEGAN, FINGERPRINT, RUN, facts, finding, session, source, told
from golden_files import check
from licenses_support import a_run, train
from markdown_it import MarkdownIt
from storage_support import batch, open_stream

from origin.cards.facts import gather
from origin.cards.figures import human_duration, human_size
from origin.cards.generator import MOST_ROWS, ProvenanceCardGenerator, batch_card_of, card_of
from origin.core.record import Gap, Observation, PackedBatch, Settlement, SourceRecord
from origin.core.wording import percent
from origin.errors import (
    BatchNotFoundError,
    ConfigurationError,
    DatabaseClosedError,
    SessionNotFoundError,
)
from origin.query.engine import QueryEngine
from origin.query.records import BatchRecord
from origin.query.steps import Step, StepBatch
from origin.storage.database import ProvenanceDatabase

SECTIONS = [
    "Training data provenance",
    "Sources",
    "License analysis",
    "Counts",
    "How to verify",
    "What this record does not cover",
]


def ordinary():
    code = source("code", "apache 2", 64, 128, license="Apache-2.0", notes=("read by its name",))
    books = source("books", "CC-BY-NC-4.0", 48, 128, title="Old books")
    tiny = source("poems", "CC0-1.0", 16, 128)
    return facts(
        session(metadata={"model": "tiny", "layers": 2}),
        code,
        books,
        tiny,
        conflicts=(finding(books),),
        conditions=("include-copyright", "attribution"),
        missing={"books": ("author", "source")},
    )


def with_gaps():
    gaps = tuple(
        {
            "source": "code",
            "stream_no": 1,
            "first_batch": first,
            "last_batch": last,
            "reason": reason,
            "noticed_at": BEGAN,
        }
        for first, last, reason in ((3, 3, "KeyError: 'text'"), (7, 1_206, "the disk was full"))
    )
    own = session("interrupted", gaps=2, abandoned=1)
    return facts(own, source("code", "MIT", 64, 64), gaps=gaps)


def settled():
    word = Settlement("f1", "A. N. Other", "permission by letter", "2026-01-05", BEGAN)
    books = source("books", "CC-BY-NC-4.0", 48, 48, title="Old books", author="A. Poet")
    return facts(session(), books, conflicts=(finding(books, word),))


def unlicensed():
    one, other = source("crawl", None, 48, 64), source("notes", "as agreed", 16, 64,
        license="unknown", notes=("'as agreed' names no license that is known",))  # fmt: skip
    found = [
        finding(own, severity="warning", use="any", rule_id=rule, reason=reason)
        for own, rule, reason in (
            (one, "no-license", "nobody named its license"),
            (other, "unread-license", "what was declared names no known license"),
        )
    ]
    missing = {"crawl": ("license",), "notes": ("license",)}
    own = session("running")
    return facts(own, one, other, conflicts=tuple(found), missing=missing, license="unknown")


def a_step():
    own = BatchRecord(RUN, 1, 3, "code", "MIT", 0, BEGAN, FINGERPRINT, 2, bytes(range(64)))
    rows = rows_of(own)
    gap = Gap(2, 3, 4, "the disk was full", BEGAN)
    return Step(RUN, 3, (StepBatch(own, 0, 2, {"loss": 0.25, "nan": float("nan")}, rows),), (gap,))


def rows_of(own):
    return tuple(
        Observation(sample_id, RUN, own.source_id, own.license_id, 1, 3, at, 0, BEGAN,
                    f"row {at}", {"line": at} if at else {})
        for at, sample_id in enumerate(own.sample_ids)
    )  # fmt: skip


CARDS = {
    "ordinary": lambda: card_of(ordinary()),
    "empty": lambda: card_of(facts(session(streams=0))),
    "failed": lambda: card_of(facts(session("failed"), source("code", "MIT", 64, 64))),
    "gaps": lambda: card_of(with_gaps()),
    "unlicensed": lambda: card_of(unlicensed()),
    "settled": lambda: card_of(settled()),
    "batch": lambda: batch_card_of(a_step()),
}


def headings(card, level=None):
    tokens = MarkdownIt("commonmark").enable("table").parse(card)
    return [
        tokens[at + 1].content
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and level in (None, token.tag)
    ]


def verdict_of(card):
    return re.search(r"^\*\*Verdict:\*\* (.*)$", card, re.MULTILINE)[1]


@pytest.mark.parametrize("name", CARDS)
def test_golden(name):
    check(f"card-{name}.md", CARDS[name]())


@pytest.mark.parametrize("name", sorted(CARDS.keys() - {"batch"}))
def test_a_card_tells_everything_in_its_order_and_no_advice(name):
    card = CARDS[name]()
    assert [one for one in headings(card) if one in SECTIONS] == SECTIONS
    assert card.count("not legal advice") == 1
    assert card.index("**Verdict:**") < card.index("## Sources")
    assert "compliant" not in card
    assert card.endswith("\n")
    assert "\n\n\n" not in card


def test_verdicts():
    said = {name: verdict_of(make()) for name, make in CARDS.items() if name != "batch"}
    found = "about licenses that nobody has settled"
    assert said == {
        "ordinary": f"the record is complete; rules v1 found 1 error {found}; the license of each "
        "source is known.",
        "empty": "the record is not complete: nothing is in it; rules v1 found no conflict of "
        "licenses; there are no sources.",
        "failed": "the record is complete; rules v1 found no conflict of licenses; the license of "
        "its source is known.",
        "gaps": "the record is not complete: its process is gone and nobody ended it, and it has 2 "
        "gaps, and 1 stream ended unnoticed; rules v1 found no conflict of licenses; the license "
        "of its source is known.",
        "unlicensed": "the record is complete so far, and still being written; rules v1 found 2 "
        f"warnings {found}; the license of 2 of 2 sources is unknown.",
        "settled": "the record is complete; rules v1 found no conflict of licenses that is open "
        "(1 settled); the license of its source is known.",
    }


def test_the_card_of_a_real_run(db):
    run = a_run(db, forum="CC-BY-NC-4.0", code="MIT", scraped=None)
    generator = ProvenanceCardGenerator(db)
    card = generator.generate(run)
    assert card == generator.generate(db.get_session(run)) == card_of(gather(db, run))
    assert "| `forum` | `CC-BY-NC-4.0` | `CC-BY-NC-4.0` | 33 % | 8 | 8 |" in card
    assert "| `scraped` | not declared | unknown | 33 % | 8 | 8 |" in card
    assert QueryEngine(db).fingerprint_session(run) in card
    assert "Rule `nc-commercial` of rules v1" in card
    with ProvenanceDatabase(db.path, read_only=True) as other:
        assert ProvenanceCardGenerator(other).generate(run) == card


def test_how_to_verify_does_what_it_says(db, tmp_path, monkeypatch, capsys):
    run = a_run(db, code="MIT")
    card = ProvenanceCardGenerator(db).generate(run)
    monkeypatch.chdir(tmp_path)
    assert db.path.name == "provenance.db"
    exec(re.search(r"^```python\n(.*?)^```", card, re.DOTALL | re.MULTILINE)[1], {})  # noqa: S102
    printed = capsys.readouterr().out
    assert f"| Session fingerprint | `{printed.splitlines()[0]}` |" in card
    assert "all is as it was committed" in printed


def test_a_settled_conflict_stays_visible(db):
    run = a_run(db, forum="CC-BY-NC-4.0")
    generator = ProvenanceCardGenerator(db)
    assert "Open conflicts" in headings(generator.generate(run))
    (one,) = QueryEngine(db).find_conflicts(run)
    db.settle_finding(run, one, person="A. N. Other", reason="by letter", date="2026-01-05")
    card = generator.generate(run)
    assert "Open conflicts" not in headings(card)
    assert "- **settled** by A. N. Other on 2026-01-05: by letter\n" in card
    assert "it does not permit commercial use. Rule `nc-commercial`" in card


def test_a_running_session_with_gaps_says_so(db):
    run, stream_no = open_stream(db)
    db.append([batch(stream_no, 0)], [Gap(stream_no, 1, 3, "the disk | was full")])
    card = ProvenanceCardGenerator(db).generate(run)
    assert "is still running: this is as far as it is on the disk" in card
    assert "| `data` | 1 | 1 to 3 | the disk &#124; was full |" in card
    assert "1 gap, 3 batches that" in card
    assert "| Ended | not recorded |\n| Duration | it has not ended |" in card


def test_a_source_under_two_licenses_has_two_rows(db):
    with db.session("v1") as own:
        train(db, own.session_id, "code", "MIT")
        db.record_source(SourceRecord("code", license_id="Apache-2.0"))
        train(db, own.session_id, "code", "Apache-2.0")
    card = ProvenanceCardGenerator(db).generate(own.session_id)
    assert "| `code` | `MIT` | `MIT AND Apache-2.0` | 50 % | 8 | 8 |" in card
    assert "| `code` | `Apache-2.0` | `Apache-2.0` | 50 % | 8 | 8 |" in card
    assert "has a row for each" in card


def test_many_sources_are_summed_up():
    number = 5 * MOST_ROWS
    sources = [
        source(f"source {at}", "MIT", 2, 2 * number, notes=(f"note {at}",)) for at in range(number)
    ]
    found = tuple(map(finding, sources))
    missing = {one.source.source_id: ("author",) for one in sources}
    card = card_of(facts(session(), *sources, conflicts=found, missing=missing))
    more = number - MOST_ROWS
    assert card.count("\n| `source ") == 2 * MOST_ROWS
    assert f"| … and {more} more sources | | | {percent(0.8)} | {2 * more:,} | |" in card
    assert f"| … and {more} more sources | |\n" in card
    assert card.count("\n- **error** against") == MOST_ROWS
    assert card.count(f"\n- … and {more} more\n") == 2
    assert len(card) < 1_000 * MOST_ROWS


def test_a_card_does_not_grow_with_its_samples(db):
    def of(rows):
        return len(ProvenanceCardGenerator(db).generate(a_rows_run(db, rows)).splitlines())

    assert of(8) == of(800)


def a_rows_run(db, rows):
    with db.session("v1") as own:
        train(db, own.session_id, "code", "MIT", rows=rows)
    return own.session_id


# -- one batch -------------------------------------------------------------------------------------


def test_the_card_of_a_batch(db):
    run = a_run(db, forum="CC-BY-NC-4.0", code=None)
    generator = ProvenanceCardGenerator(db)
    both = generator.generate_batch(run, 1)
    assert headings(both, "h1") == ["Batch 1 of a training run"]
    assert "| `forum` | `CC-BY-NC-4.0` | 0 of 1 | 1 | 0 |" in both
    assert "| `code` | not declared | 0 of 1 | 2 | 0 |" in both
    one = generator.generate_batch(run, 1, source="code", rank=0)
    assert "`forum`" not in one
    step = QueryEngine(db).get_step(run, 1, source="code")
    assert [line.split("`")[1] for line in one.splitlines() if re.match(r"\| \d \| `", line)] == [
        row.sample_id for row in step.rows
    ]
    assert f"`{step.batches[0].batch.root}`" in one


def test_a_large_batch_is_cut(db):
    run, stream_no = open_stream(db)
    db.append([batch(stream_no, 0, MOST_ROWS + 7)])
    card = ProvenanceCardGenerator(db).generate_batch(run, 0)
    assert "| … | and 7 more | | |" in card
    assert len(re.findall(r"^\| \d+ \| `[0-9a-f]{64}`", card, re.MULTILINE)) == MOST_ROWS


def test_a_batch_that_is_missing_is_told(db):
    run, stream_no = open_stream(db)
    db.append([batch(stream_no, 0)], [Gap(stream_no, 1, 3, "the disk was full")])
    card = ProvenanceCardGenerator(db).generate_batch(run, 2)
    assert headings(card) == ["Batch 2 of a training run", "Not on record"]
    assert "| 1 | 1 to 3 | the disk was full |" in card


def test_hostile_keys_and_names_in_a_batch(db):
    attack = "a|`b`\n# <b>c</b> [d](https://example.com) \ud800"
    own = db.begin_session("v1").session_id
    db.declare_source(own, attack, attack)
    stream_no = db.open_stream(own, attack).stream_no
    packed = batch(stream_no, 0, 1)
    fields = {name: getattr(packed, name) for name in PackedBatch.__slots__}
    db.append([PackedBatch(**{**fields, "keys": [attack], "metadata": [{attack: attack}]})])
    card = ProvenanceCardGenerator(db).generate_batch(own, 0)
    card.encode()
    tokens = MarkdownIt("commonmark").enable("table").parse(card)
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "code_inline", "softbreak"}
    assert sum(token.type == "tr_open" for token in tokens) == 7
    assert headings(card) == ["Batch 0 of a training run", "By stream", "Samples of stream 1"]


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["provenance.db", Path("provenance.db"), None, 7])
def test_a_wrong_database(wrong):
    with pytest.raises(ConfigurationError, match="takes an open database, not a"):
        ProvenanceCardGenerator(wrong)


def test_wrong_sessions_and_batches(db):
    generator = ProvenanceCardGenerator(db)
    with pytest.raises(SessionNotFoundError):
        generator.generate("no such session")
    with pytest.raises(ConfigurationError, match="session_id must be a str"):
        generator.generate(7)
    with pytest.raises(SessionNotFoundError):
        generator.generate_batch("no such session", 0)
    run = a_run(db, code="MIT")
    with pytest.raises(BatchNotFoundError):
        generator.generate_batch(run, 99)
    with pytest.raises(ConfigurationError, match="no such stream"):
        generator.generate_batch(run, 0, source="other")
    with pytest.raises(ConfigurationError, match="batch_no must be"):
        generator.generate_batch(run, -1)
    db.close()
    with pytest.raises(DatabaseClosedError):
        generator.generate(run)


# -- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "duration"),
    [
        (session(), "2 hours 2 minutes"),
        (session(ended_at="2026-01-01T00:00:00+00:00"), "not known"),
        (session(ended_at="W03"), "not known"),
        (session("interrupted"), "not known"),
        (session("running"), "it has not ended"),
    ],
)
def test_durations(own, duration):
    assert f"| Duration | {duration} |" in card_of(facts(own))


def test_times_without_a_zone_and_none_at_all():
    card = card_of(facts(replace(session(), created_at="2026-01-02 03:04", ended_at="W03 | x")))
    assert "| Began | 2026-01-02 03:04:00 UTC |\n| Ended | W03 &#124; x |" in card


def test_a_minute_is_not_sixty_seconds():
    assert human_duration(59.94) == "59.9 seconds"
    assert human_duration(59.97) == "1 minute"
    assert human_duration(3_600) == "1 hour"


def test_sizes():
    assert human_size(0) == "0 bytes"
    assert human_size(1) == "1 byte"
    assert human_size(999_949) == "999.9 kB"
    assert human_size(999_950) == "1.0 MB"
    assert human_size(10**12) == "1.0 TB"
    assert human_size(10**22) == "10,000.0 EB"


def test_numbers_have_commas():
    card = card_of(replace(told(), counts={**told().counts, "bytes": 1_234_567}))
    assert "| 1.2 MB (1,234,567 bytes) |" in card
