"""The HTML report: whole, readable without network and script, and inert whatever it tells of."""

from html.parser import HTMLParser

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from origin.cards.facts import gather
from origin.cards.report import html_report
from origin.core.record import (
    MIXED_LICENSE,
    RESERVED_LICENSES,
    Gap,
    LicenseRecord,
    SourceRecord,
    license_key,
)
from origin.errors import SessionNotFoundError
from origin.hooks.pytorch import DataLoaderHook
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase

VOID = {"meta", "br", "link", "img", "hr", "input"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a | b `c` [d](javascript:e)",
    "&lt;b&gt; {{ 7 * 7 }} {% raw %}",
    "line\nbreak\u202eturned\x00\x1b[31m",
    "lone \ud800",
    "=cmd()",
)


class Page(HTMLParser):
    """What a page is made of; fails where elements are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes, self.words, self._open = [], [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def db(tmp_path):
    with ProvenanceDatabase(tmp_path / "provenance.db") as db:
        yield db


def train(db, session_id, source, license_id=None, rows=20, epochs=1):
    data = TensorDataset(torch.arange(float(rows)))
    recorded = DataLoaderHook(db, session_id, source, license_id).wrap(DataLoader(data, 4))
    for _ in range(epochs):
        for _ in recorded:
            pass


def a_run(db, config="run 7", **licenses):
    with db.session(config) as session:
        for source, license_id in licenses.items():
            train(db, session.session_id, source, license_id, epochs=2)
    return session.session_id


def test_what_it_tells(db):
    db.record_source(SourceRecord("wiki", license_id="cc-by-sa 4.0", title="An encyclopedia"))
    run = a_run(db, wiki=None, forum="CC-BY-NC-4.0", scraped=None)
    text = Page(html_report(db, run)).text
    for told in (
        "Training data of run 7",
        "The record is complete. 1 license error and",
        "1 source without a known license",
        "120 observations",
        "An encyclopedia",
        "declared as cc-by-sa 4.0",
        "nobody named one",
        "33 %",
        "it does not permit commercial use. Rule nc-commercial of rules v1",
        "distribute-weights-commercially",
        "wiki (author, source, changes)",
        "This is not legal advice",
        QueryEngine(db).fingerprint_session(run),
    ):
        assert told in text, told
    assert text.count("not legal advice") == 1


def test_it_needs_nothing_from_elsewhere(db):
    page = Page(html_report(db, a_run(db, web="MIT")))
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.elements)
    names = {name for name, _ in page.attributes}
    assert not names & {"src", "href", "srcset", "action", "background"}
    assert not [name for name in names if name.startswith("on")]
    assert "url(" not in html_report(db, a_run(db, web="MIT"))


def test_headings_and_tables_are_marked_up(db):
    page = Page(html_report(db, a_run(db, web="MIT")))
    assert page.elements.count("h1") == 1
    assert page.elements.count("main") == 1
    assert ("lang", "en") in page.attributes
    assert page.elements.count("thead") == page.elements.count("table") == 4
    scopes = [value for name, value in page.attributes if name == "scope"]
    assert len(scopes) == page.elements.count("th")
    labels = {value for name, value in page.attributes if name == "aria-labelledby"}
    assert labels <= {value for name, value in page.attributes if name == "id"}
    assert [value for name, value in page.attributes if name == "aria-label"][-1].startswith(
        "Observations in"
    )


def test_the_course_of_time_source_by_source(db):
    with db.session("v1") as session:
        train(db, session.session_id, "web", "MIT", rows=40)
        train(db, session.session_id, "books", "MIT", rows=20, epochs=3)
        stream = db.catalog.streams(session.session_id)[0].stream_no
        db.append([], [Gap(stream, 90, 91, "KeyError: 'x'", session.created_at)])
    page = Page(html_report(db, session))
    labels = [value for name, value in page.attributes if name == "aria-label"]
    assert [one for one in labels if one.startswith("Observations from ")] == [
        "Observations from books over the same time",
        "Observations from web over the same time",
    ]
    assert "books 60 observations" in page.text
    assert "gap: batches 90 to 91" in page.text
    assert "books MIT 60 20 3 times 60 %" in page.text


def told_of(tmp_path_factory, text):
    """A page in which everything that can be is called by a text."""
    with ProvenanceDatabase(tmp_path_factory.mktemp("hostile") / "provenance.db") as db:
        words = [text] if text else []
        db.record_license(LicenseRecord(text or "x", text or "x", restrictions=words))
        source = text or "x"
        db.record_source(
            SourceRecord(source, license_id=text or "x", title=text, author=text, url=text)
        )
        with db.session(text, {"note": text}) as session:
            train(db, session.session_id, source)
            stream = db.catalog.streams(session.session_id)[0].stream_no
            db.append([], [Gap(stream, 9, 9, text)])
        for one in QueryEngine(db).find_conflicts(session):
            if text.strip():
                db.settle_finding(session, one, person=text, reason=text, date="2026-01-05")
        return html_report(db, session)


def steady(elements):
    """But for the bars of the course of time, of which there are as many as milliseconds."""
    return [one for one in elements if one not in ("rect", "title")]


def test_hostile_texts_are_texts(tmp_path_factory):
    usual = Page(told_of(tmp_path_factory, "harmless"))
    for text in HOSTILE:
        written = told_of(tmp_path_factory, text)
        written.encode()  # also what has no UTF-8 of its own
        page = Page(written)
        assert steady(page.elements) == steady(usual.elements), text
        assert {name for name, _ in page.attributes} == {name for name, _ in usual.attributes}
        shown = " ".join("".join(one if one.isprintable() else " " for one in text).split())
        assert shown in page.text


def may_be_a_license(text):
    return license_key(text) not in {*RESERVED_LICENSES, MIXED_LICENSE}


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=st.text(min_size=1, max_size=30).filter(may_be_a_license))
def test_any_text_is_a_text(tmp_path_factory, text):
    page = Page(told_of(tmp_path_factory, text))
    assert "script" not in page.elements
    assert page.elements.count("h1") == 1


def test_an_empty_session_a_failed_one_and_one_that_runs(db):
    session = db.begin_session("nothing")
    text = Page(html_report(db, session)).text
    assert "The record is not complete" in text
    assert "Nothing was recorded" in text
    assert "is still running" in text
    db.end_session(session.session_id, "failed")
    assert "failed" in Page(html_report(db, session.session_id)).text


def test_gaps_are_told(db):
    with db.session("v1") as session:
        train(db, session.session_id, "web", "MIT")
        stream = db.catalog.streams(session.session_id)[0].stream_no
        db.append([], [Gap(stream, 5, 7, "KeyError: 'x'")])
    text = Page(html_report(db, session)).text
    assert "The record is not complete: it has 1 gap" in text
    assert "Source web, batches 5 to 7: KeyError: 'x'" in text


def test_the_same_record_gives_the_same_page(db):
    run = a_run(db, web="MIT", forum="CC-BY-NC-4.0")
    first = html_report(db, run)
    db.seal()
    assert html_report(db, run) == first
    with ProvenanceDatabase(db.path, read_only=True) as reader:
        assert html_report(reader, run) == first


def test_many_sources_are_summed(db):
    with db.session("v1") as session:
        for at in range(60):
            train(db, session.session_id, f"source {at}", "MIT", rows=4)
    page = Page(html_report(db, session))
    assert "and 10 sources more" in page.text


def test_it_counts_all_that_it_does_not_show(db):
    """What the headline says is what card and tags say, however much is cut below."""
    with db.session("v1") as session:
        for at in range(60):
            own = LicenseRecord(f"OWN-{at}", "Own", restrictions=["no-commercial"])
            db.record_license(own)
            train(db, session.session_id, f"s{at}", own.license_id, rows=1)
        for license_id in ("as agreed", "as agreed again"):
            train(db, session.session_id, "twice", license_id, rows=1)
            db.record_source(SourceRecord("twice"))
    facts = gather(db, session)
    text = Page(html_report(db, session)).text
    assert facts.errors >= 60
    assert f"{facts.errors} license errors and {facts.warnings} warnings" in text
    assert "1 source without a known license." in text
    assert f"and {facts.errors + facts.warnings - 30:,} findings more" in text


def test_what_is_settled_is_in_the_headline(db):
    run = a_run(db, forum="CC-BY-NC-4.0")
    for one in QueryEngine(db).find_conflicts(run):
        db.settle_finding(run, one, person="P", reason="by letter", date="2026-01-05")
    settled = gather(db, run).settled
    assert settled
    text = Page(html_report(db, run)).text
    assert f"No license conflict is open; {settled} settled." in text
    assert "No license conflict was found" not in text
    assert "A work adapted from all of it comes under CC-BY-NC-4.0." in text
    assert "The licenses ask to name the author, the source and the license" in text


def test_a_session_that_is_not_there(db):
    with pytest.raises(SessionNotFoundError):
        html_report(db, "none")
