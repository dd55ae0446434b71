"""The report in a real browser: nothing overlaps or stands out, and nobody is shut out."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import Visit
from exports_support import HOSTILE
from writing import Writer

from origin.cards.generator import ProvenanceCardGenerator
from origin.core.record import Gap, LicenseRecord, SourceRecord
from origin.storage.database import ProvenanceDatabase

WIDE, NARROW = 1280, 360


def ordinary(db):
    """Sources under licenses that do not fit, over a while, with a gap."""
    write = Writer(db)
    db.record_source(SourceRecord("wiki", license_id="CC-BY-SA-4.0", title="An encyclopedia"))
    session = db.begin_session("lr=3e-4", {"model": "tiny"})
    for source, license_id, first in (
        ("wiki", None, 0),
        ("forum-dump", "CC-BY-NC-4.0", 10),
        ("a-name-that-is-long-" * 6, "GPL-2.0", 5),
        ("scraped", None, 0),
    ):
        stream = write.stream(session, source, license_id)
        db.append(write.batch(stream, at, range(at, at + 4)) for at in range(first, 40))
    db.append([], [Gap(stream, 41, 44, "KeyError: 'text'", session.created_at)])
    db.end_session(session.session_id)
    return session


def empty(db):
    return db.begin_session("nothing yet")


def crowded(db):
    """More of everything than a page shows."""
    write, session = Writer(db), db.begin_session("crowded")
    for at in range(80):
        stream = write.stream(session, f"source {at}", f"LicenseRef-own-{at}")
        db.append(write.batch(stream, number, range(4)) for number in range(3))
        db.append([], [Gap(stream, one, one, "the disk was full") for one in range(10, 14)])
    return session


def hostile(db):
    for text in HOSTILE.values():
        db.record_license(LicenseRecord(text, text, text, permissions=[text], conditions=[text]))
        db.record_source(SourceRecord(text, text, text, text, title=text, author=text, url=text))
    write, session = Writer(db), db.begin_session(HOSTILE["html"], HOSTILE)
    for text in HOSTILE.values():
        stream = write.stream(session, text, None)
        db.append([write.batch(stream, 0, range(4))], [Gap(stream, 1, 1, text)])
    return session


KINDS = {one.__name__: one for one in (ordinary, empty, crowded, hostile)}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The report about each kind of session, in a file."""
    found = {}
    for name, make in KINDS.items():
        folder = tmp_path_factory.mktemp(name)
        with ProvenanceDatabase(folder / "provenance.db") as db:
            page = ProvenanceCardGenerator(db).generate_html(make(db))
        found[name] = folder / "report.html"
        found[name].write_text(page, encoding="utf-8")
    return found


@pytest.fixture
def visit(browser, pages):
    visits = []

    def visit(kind, width=WIDE, **options):
        visits.append(Visit(browser, pages[kind], width, **options))
        return visits[-1]

    yield visit
    for one in visits:
        one.close()


@pytest.mark.parametrize("width", [WIDE, 768, NARROW])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_overlaps_or_stands_out(visit, kind, width):
    seen = visit(kind, width)
    assert seen.too_wide() == []
    assert seen.overlaps() == []


@pytest.mark.parametrize("kind", KINDS)
def test_it_fetches_nothing_and_complains_of_nothing(visit, pages, kind):
    seen = visit(kind)
    assert seen.fetched == [pages[kind].as_uri()]
    assert seen.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["ordinary", "empty", "hostile"])
def test_nobody_is_shut_out(visit, kind, scheme):
    """Contrast, headings, tables, names of pictures: the rules of axe."""
    found = Axe().run(visit(kind, color_scheme=scheme).page)
    told = [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]]
    assert told == []
    assert len(found.response["passes"]) > 15


def test_it_reads_the_same_without_scripts(visit):
    without = visit("ordinary", java_script_enabled=False).page.inner_text("main")
    assert without == visit("ordinary").page.inner_text("main")
    for told in ("The record is not complete", "Source by source", "forum-dump", "28 %"):
        assert told in without


def test_it_can_be_printed(visit):
    pages = visit("ordinary").page.pdf(format="A4")
    assert pages.startswith(b"%PDF")
    assert 1 < len(re.findall(rb"/Type\s*/Page\b", pages)) < 8
