"""How answers show themselves in notebooks: as tables in which any text is a text."""

import copy
import json
import pickle
from html.parser import HTMLParser

import pytest
from licenses_support import train

from origin.core.license import LicenseAnalyzer
from origin.core.record import Gap
from origin.query.engine import QueryEngine

HOSTILE = "<script>alert(1)</script>\n\u202e\"'&amp;"


class Table(HTMLParser):
    """The cells of a table, by rows."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.elements, self.rest = [], set(), []
        self._cell = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.rows[-1].append("".join(self._cell))
            self._cell = None

    def handle_data(self, data):
        (self.rest if self._cell is None else self._cell).append(data)


def shown(answer):
    table = Table(answer._repr_html_())
    assert table.elements <= {"table", "thead", "tbody", "tr", "th", "td", "p"}
    return table


@pytest.fixture
def session(db):
    with db.session(HOSTILE) as session:
        train(db, session.session_id, f"web {HOSTILE}", "CC-BY-NC-4.0", rows=8)
        train(db, session.session_id, "books", None, rows=4)
        stream = db.catalog.streams(session.session_id)[0].stream_no
        db.append([], [Gap(stream, 90, 91, HOSTILE)])
    return session


def test_breakdowns(db, session):
    engine = QueryEngine(db)
    table = shown(engine.get_license_breakdown(session))
    assert table.rows == [["license", "samples"], ["CC-BY-NC-4.0", "8"], ["unknown", "4"]]
    table = shown(engine.get_source_breakdown(session))
    assert table.rows == [
        ["source", "samples"],
        ["web <script>alert(1)</script> \"'&amp;", "8"],
        ["books", "4"],
    ]


def test_a_breakdown_is_a_dict(db, session):
    found = QueryEngine(db).get_license_breakdown(session)
    plain = {"CC-BY-NC-4.0": 8, "unknown": 4}
    assert found == plain
    assert repr(found) == repr(plain)
    assert json.loads(json.dumps(found)) == plain
    for same in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):  # noqa: S301  ours
        assert same == plain
        assert same._repr_html_() == found._repr_html_()


def test_many_are_summed_up(db):
    with db.session("v1") as session:
        for at in range(30):
            train(db, session.session_id, f"s{at:02}", "MIT", rows=1)
    table = shown(QueryEngine(db).get_source_breakdown(session))
    assert len(table.rows) == 21
    assert "and 10 more" in table.rest


def test_summaries(db, session):
    summary = QueryEngine(db).get_session_summary(session)
    assert json.loads(json.dumps(summary)) == summary
    rows = dict(shown(summary).rows[1:])
    assert rows["session"] == session.session_id
    assert rows["status"] == "completed, record not complete, 1 gap"
    assert rows["configuration"] == "<script>alert(1)</script> \"'&amp;"
    assert rows["seen"].startswith("12 observations and 8 distinct samples in 3 batches, 1 epoch")
    assert rows["licenses"] == "CC-BY-NC-4.0: 8; unknown: 4"
    assert shown(QueryEngine(db).get_session_summary(db.begin_session("v1"))).rows


def test_findings(db, session):
    analyzer = LicenseAnalyzer(db)
    found = analyzer.find_conflicts(session)
    assert isinstance(found, list)
    error = next(one for one in found if one.severity == "error")
    db.settle_finding(session, error, person=HOSTILE, reason="by letter", date="2026-01-05")
    found = analyzer.find_conflicts(session)
    head, *rows = shown(found).rows
    assert head[1:] == ["use", "license", "sources", "what was found", "rule"]
    assert [row[0] for row in rows] == ["settled" if one.settled else one.severity for one in found]
    assert "settled" in rows[-1][0]
    assert "by letter" in rows[-1][4]
    nothing = db.begin_session("v1")
    assert shown(analyzer.find_conflicts(nothing)).rest == ["Nothing was found."]
