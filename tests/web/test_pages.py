"""Every page, of every kind of record, in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from origin.storage.database import ProvenanceDatabase

NARROW = 360
KINDS = ["ordinary", "empty", "crowded", "hostile"]


def addresses(db):
    """A page of each sort."""
    newest = db.list_sessions()[0].session_id
    found = ["/", "/sources", "/licenses", "/conflicts", "/samples", "/compare", "/sql",
             "/?q=nowhere&status=failed", f"/sessions/{newest}", f"/sessions/{newest}/batches",
             f"/conflicts?session={newest}&use=train", "/samples/abcdef",
             "/sql?q=SELECT+*+FROM+observations", "/sql?q=SELECT+broken"]  # fmt: skip
    streams = db.catalog.streams(newest)
    if streams:
        stream_no = streams[0].stream_no
        first = db.batch_table.some(stream_no, 0, 1)[0][0]
        found += [
            f"/sessions/{newest}/batches/{stream_no}/{first}",
            f"/sessions/{newest}/batches?by=loss",
            f"/compare?a={newest}&b={db.list_sessions()[1].session_id}",
        ]
    return found


@pytest.fixture(scope="session")
def all_addresses(records):
    found = {}
    for kind, path in records.items():
        with ProvenanceDatabase(path, read_only=True) as db:
            found[kind] = addresses(db)
    return found


def links_in(page):
    """The addresses of this site that a page links to."""
    found = page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))")
    return {one for one in found if one.startswith("/") and not one.endswith((".md", ".html"))}


def settle(page):
    """Wait until nothing is being worked on."""
    expect(page.locator("#live[hx-get]")).to_have_count(0, timeout=30_000)


@pytest.mark.parametrize("kind", KINDS)
def test_each_page(pages, visit, all_addresses, kind):
    """It fits wide and narrow, fetches from here only, and complains of nothing."""
    site = pages[kind]
    for width in (1280, NARROW):
        seen = visit(site.base, width)
        for address in all_addresses[kind]:
            answer = seen.page.goto(site.base + address)
            if "running" not in seen.page.inner_text("main"):
                settle(seen.page)
            assert answer.status == 200, address
            assert seen.too_wide() == [], (address, width)
            assert seen.overlaps() == [], (address, width)
        assert {one.split("/")[2] for one in seen.fetched} == {f"127.0.0.1:{site.port}"}
        assert seen.complaints == []


@pytest.mark.parametrize(("kind", "scheme"), [("ordinary", "dark"), ("hostile", "light")])
def test_nobody_is_shut_out(pages, visit, all_addresses, kind, scheme):
    """Contrast, headings, labels, tables: the rules of axe."""
    site = pages[kind]
    seen = visit(site.base, color_scheme=scheme)
    for address in all_addresses[kind]:
        seen.page.goto(site.base + address)
        if "running" not in seen.page.inner_text("main"):
            settle(seen.page)
        found = Axe().run(seen.page)
        told = [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]]
        assert told == [], address
        assert len(found.response["passes"]) > 15


@pytest.mark.parametrize("kind", ["ordinary", "hostile"])
def test_each_link_leads_somewhere(pages, visit, kind):
    """All that can be reached by links, whatever the names of what they lead to."""
    site = pages[kind]
    seen = visit(site.base)
    waiting, known = ["/"], {"/"}
    while waiting and len(known) < 120:
        address = waiting.pop()
        answer = seen.page.goto(site.base + address)
        assert answer.status == 200, address
        assert seen.page.inner_text("h1") not in ("", "This cannot be shown")
        new = links_in(seen.page) - known
        known |= new
        waiting += sorted(new)[:12]
    assert len(known) > 30
    assert seen.complaints == []


def test_the_whole_by_keyboard(pages, visit):
    seen = visit(pages["ordinary"].base)
    page = seen.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id || document.activeElement.tagName") == "BUTTON"
    page.locator("tbody th a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/sessions/*")
    page.get_by_text("The record is not complete").wait_for()


def test_without_scripts(pages, visit):
    site = pages["ordinary"]
    seen = visit(site.base, java_script_enabled=False)
    seen.page.fill("#q", "1e-3")
    seen.page.click("text=Search >> nth=-1")
    expect(seen.page.locator("tbody tr")).to_have_count(1)
    seen.page.click("tbody th a")
    seen.page.get_by_text("How to verify").wait_for(timeout=20_000)


def test_hostile_texts_are_texts(pages, visit):
    seen = visit(pages["hostile"].base)
    page = seen.page
    for address in ("/", "/sources", "/licenses", "/conflicts", "/sessions/latest"):
        page.goto(pages["hostile"].base + address)
        assert page.locator("main script, main img, main iframe").count() == 0
    page.goto(pages["hostile"].base)
    page.get_by_text("<script>alert(1)</script>").first.wait_for()
    assert seen.complaints == []


def test_files_to_take_along(pages):
    site = pages["ordinary"]
    card = site.get("/sessions/latest/card.md")
    assert card.getheader("Content-Disposition").startswith("attachment")
    assert "forum-dump" in card.text
    report = site.get("/sessions/latest/report.html")
    assert report.getheader("Content-Disposition").endswith('.html"')
    assert report.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    "address",
    [
        "/?page=999999999999999999",
        "/?page=-1&page=x&sort=;DROP&way=9&status=%00",
        "/sources?page=99999999999999999999999",
        "/conflicts?page=999999999999",
        "/?q=" + "%25_" * 12_000,
        "/sources?q=%FF%00%F0%9F",
        "/source?id=wiki&page=88888888888",
        "/sessions/latest/batches?from=99999999999999999999&stream=x&by=%00utf8:zz",
        "/samples/" + "a" * 5000,
        "/compare?a=%00&b=" + "x" * 9000,
        "/sql?q=SELECT+repeat('x',100000000)+FROM+range(500)",
        "/sql?q=" + "(" * 20_000,
    ],
)
def test_odd_addresses(pages, address):
    answer = pages["ordinary"].get(address)
    assert answer.status == 200, answer.text[-3000:]
    assert "Nothing was found in any session" not in answer.text
    assert "recorded yet" not in answer.text


def test_what_is_not_there(pages):
    site = pages["ordinary"]
    for address, status, said in (
        ("/nowhere", 404, "there is no page"),
        ("/sessions/0000", 404, "has no session"),
        ("/sessions/latest/batches/1/999999", 400, "stream"),
        ("/sessions/latest/batches/1/" + "9" * 5000, 404, "there is no page"),
        ("/sessions/latest/batches/-1/0", 404, "there is no page"),
        ("/sessions/latest/batches/x/1", 404, "there is no page"),
        ("/source?id=none", 404, "no source"),
        ("/license?id=no%20such%20thing", 404, "no license can be described"),
        ("/conflicts?session=latest&use=fun", 400, "fun"),
    ):
        answer = site.get(address)
        assert answer.status == status, (address, answer.text)
        assert said in answer.text.lower().replace("&#39;", "'"), (address, answer.text)
        assert "Traceback" not in answer.text
