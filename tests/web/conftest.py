"""A browser, and records of every kind behind a page."""

import pytest
from browser import Visit
from exports_support import HOSTILE
from serving import served
from writing import Writer

from origin.core.fingerprint import fingerprint_sample
from origin.core.record import Annotation, Gap, LicenseRecord, SourceRecord
from origin.storage.database import ProvenanceDatabase


@pytest.fixture
def visit(browser):
    visits = []

    def visit(address, width=1280, **options):
        visits.append(Visit(browser, address, width, **options))
        return visits[-1]

    yield visit
    for one in visits:
        one.close()


def ordinary(db):
    """Two runs over sources whose licenses do not fit, one with a gap; a text that is known."""
    write = Writer(db)
    db.record_source(SourceRecord("wiki", license_id="CC-BY-SA-4.0", title="An encyclopedia"))
    known = bytes.fromhex(fingerprint_sample("a poem\nof two lines"))
    for name, first in (("lr=1e-3", 0), ("lr=3e-4", 5)):
        session = db.begin_session(name, {"model": "tiny"})
        for source, license_id in (("wiki", None), ("forum-dump", "CC-BY-NC-4.0"), ("own", None)):
            stream = write.stream(session, source, license_id)
            db.append([write.batch(stream, at, range(at, at + 4)) for at in range(first, 60)])
        db.append(
            [write.batch(stream, 60, [], fingerprints=known * 2)],
            annotations=[Annotation(stream, at, "loss", 60 / (1 + at)) for at in range(first, 60)],
        )
        if first:
            db.append([], [Gap(stream, 61, 64, "KeyError: 'text'", session.created_at)])
        db.end_session(session.session_id, "failed" if first else "completed")


def empty(db):
    db.begin_session("nothing yet")


def crowded(db):
    """More sessions, sources and licenses than a page shows."""
    write = Writer(db)
    for at in range(120):
        session = write.run([at, at + 1], source=f"source {at}", license_id=f"LicenseRef-own-{at}",
                            config_hash=f"run {at:03}")  # fmt: skip
        db.end_session(session.session_id, "failed" if at % 10 == 3 else "completed")


def hostile(db):
    texts = {name: text for name, text in HOSTILE.items() if name != "long"}
    for text in HOSTILE.values():
        db.record_license(LicenseRecord(text, text, text, permissions=[text], conditions=[text]))
        db.record_source(SourceRecord(text, text, text, text, title=text, author=text, url=text))
    write = Writer(db)
    for name in HOSTILE.values():
        session = db.begin_session(name, HOSTILE)
        for text in HOSTILE.values():
            stream = write.stream(session, text, None)
            batch = write.batch(stream, 0, range(4), keys=list(texts.values())[:4],
                                metadata=[{text: text}] * 4)  # fmt: skip
            told = [Annotation(stream, 0, text, float("nan"))]
            db.append([batch], [Gap(stream, 1, 1, text)], annotations=told)
    db.end_session(session.session_id)


KINDS = {one.__name__: one for one in (ordinary, empty, crowded, hostile)}


@pytest.fixture(scope="session")
def records(tmp_path_factory):
    """The database of each kind of record."""
    found = {}
    for name, make in KINDS.items():
        found[name] = tmp_path_factory.mktemp(name) / "provenance.db"
        with ProvenanceDatabase(found[name]) as db:
            make(db)
    return found


@pytest.fixture(scope="session")
def pages(records):
    """What serves the page of each kind of record, once it is asked for."""

    class Pages(dict):
        def __missing__(self, kind):
            page = served(records[kind])
            opened.append(page)
            self[kind] = page.__enter__()
            return self[kind]

    opened = []
    yield Pages()
    for page in opened:
        page.__exit__(None, None, None)
