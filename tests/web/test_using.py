"""What people do with the page: search, sort, look up, compare, ask, and watch."""

import hashlib

import pytest
from playwright.sync_api import expect
from processes import start
from serving import served

from origin.core.record import Annotation
from origin.storage.database import ProvenanceDatabase

RECORDING = """
import sys, origin
batches = [[f"text {at} {one}" for one in range(4)] for at in range(1000)]
with origin.track(batches, "live", "MIT", sys.argv[1], config_hash="live run") as tracked:
    for at, batch in enumerate(tracked):
        if at % 5 == 0:
            print(at, flush=True)
            if sys.stdin.readline().strip() == "end":
                break
"""


def rows(page):
    return page.locator("tbody tr").count()


def test_search_while_typing(pages, visit):
    page = visit(pages["crowded"].base).page
    assert rows(page) == 50
    page.locator("#q").press_sequentially("run 11")
    expect(page.locator("tbody tr")).to_have_count(10)
    assert "q=run%2011" in page.url
    assert page.evaluate("document.activeElement.id") == "q"
    page.select_option("#status", "failed")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.inner_text("tbody th") == "run 113"
    page.fill("#q", "100%")
    page.get_by_text("No session fits").wait_for()
    page.fill("#q", "source 77")
    page.select_option("#status", "")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_sorting_and_pages(pages, visit):
    page = visit(pages["crowded"].base).page
    page.click("thead >> text=configuration")
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("configuration")
    assert page.inner_text("tbody th >> nth=0") == "run 000"
    page.click("text=Further")
    expect(page.locator("tbody th >> nth=0")).to_have_text("run 050")
    assert "51 to 100 of 120 sessions" in page.inner_text("main")
    page.click("text=Further")
    expect(page.locator("tbody tr")).to_have_count(20)
    assert page.locator("text=Further").count() == 0
    page.click("thead >> text=configuration")
    expect(page.locator("tbody th >> nth=0")).to_have_text("run 119")
    page.goto(page.url + "&page=99")
    page.click("text=To its beginning")
    expect(page.locator("tbody tr")).to_have_count(50)


@pytest.mark.parametrize("text", ["a poem\nof two lines", "a poem"])
def test_look_up_by_text(pages, visit, text):
    page = visit(pages["ordinary"].base + "/samples").page
    page.fill("#text", text)
    page.click("text=Look this text up")
    page.wait_for_url("**/samples/" + hashlib.sha256(text.encode()).hexdigest())
    found = page.inner_text("h1")
    assert found == ("Not found" if text == "a poem" else "Seen 4 times by 2 sessions")


def test_look_up_by_file(pages, visit, tmp_path):
    file = tmp_path / "poem.txt"
    file.write_bytes(b"a poem\nof two lines")
    seen = visit(pages["ordinary"].base + "/samples")
    seen.page.set_input_files("#file", file)
    seen.page.wait_for_url("**/samples/*")
    assert seen.page.inner_text("h1") == "Seen 4 times by 2 sessions"
    assert not [one for one in seen.fetched if "poem" in one]


def test_look_up_by_a_file_that_is_dropped(pages, visit):
    page = visit(pages["ordinary"].base + "/samples").page
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["a poem\\nof two lines"], "poem.txt"));
            document.body.dispatchEvent(
                new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
        }"""
    )
    page.wait_for_url("**/samples/*")
    assert page.inner_text("h1") == "Seen 4 times by 2 sessions"


def test_look_up_by_the_beginning_of_a_fingerprint(pages, visit):
    page = visit(pages["ordinary"].base + "/samples").page
    page.fill("#id", f"  {hashlib.sha256(b'3').hexdigest()[:9].upper()} ")
    page.click("text=Look up >> nth=-1")
    page.get_by_text("Seen 12 times by 1 session").wait_for()
    page.goto(pages["ordinary"].base + "/samples?id=../../x")
    assert page.inner_text("h1") == "Not found"


@pytest.mark.parametrize("how", [{"fingerprint": "blake3"}, {"fingerprint_key": bytes(32)}])
def test_other_fingerprints_are_not_for_browsers(tmp_path, visit, how):
    path = tmp_path / "provenance.db"
    with ProvenanceDatabase(path, **how) as db:
        said = "blake3" if "fingerprint" in how else "private: they take a key"
        assert db.fingerprint_algorithm in ("blake3", "hmac-sha256")
    with served(path) as site:
        page = visit(site.base + "/samples").page
        assert "origin trace --file" in page.inner_text("main")
        assert said in page.inner_text("main")
        assert "sha256sum" not in page.inner_text("main")
        assert page.locator("#file").count() == 0


def test_compare(pages, visit):
    page = visit(pages["ordinary"].base + "/compare").page
    page.fill("#a", "latest")
    page.fill("#b", "zzz")
    page.click("button")
    page.get_by_text("has no session 'zzz'").wait_for()
    other = page.get_attribute("#recent option >> nth=1", "value")
    page.fill("#b", other[:9])
    page.click("button")
    page.get_by_text("Where they part").wait_for()
    numbers = page.locator(".numbers strong").all_inner_texts()
    assert numbers == ["59", "0", "5"]


def test_sql(pages, visit):
    seen = visit(pages["ordinary"].base + "/sql")
    page = seen.page
    page.click("text=FROM streams")
    expect(page.locator("table.answer thead th")).to_have_text(["source_id", "bytes"])
    page.fill("#sql", "DROP TABLE sessions")
    page.click("text=Ask >> nth=-1")
    expect(page.locator("p.bad")).to_have_count(1)
    page.fill("#sql", "SELECT * FROM range(600)")
    page.click("text=Ask >> nth=-1")
    page.get_by_text("the first 500 rows").wait_for()
    query = "SELECT status,\n\tcount(*) AS 'n'\nFROM sessions\nGROUP BY 1 -- <b>&amp;</b>"
    page.fill("#sql", query)
    for _ in range(2):  # what comes back is what was asked
        page.click("text=Ask >> nth=-1")
        page.get_by_text("2 rows").wait_for()
        assert page.input_value("#sql").replace("\r\n", "\n") == query
    assert seen.complaints == []


def test_batches(pages, visit):
    page = visit(pages["ordinary"].base + "/sessions/latest/batches").page
    assert rows(page) == 50
    page.click("text=Further")
    expect(page.locator("tbody th >> nth=0")).to_have_text("55")
    page.select_option("#by", label="by loss, highest first")
    page.click("text=Show >> nth=-1")
    expect(page.locator("tbody tr")).to_have_count(55)
    assert page.inner_text("tbody td >> nth=0") == "10"
    page.select_option("#by", label="by loss, lowest first")
    page.select_option("#stream", label="all of them")
    page.click("text=Show >> nth=-1")
    expect(page.locator("tbody td >> nth=0")).to_have_text("1")
    page.click("tbody th a >> nth=0")
    page.get_by_text("4 samples").wait_for()
    page.click("tbody td a >> nth=0")
    expect(page.locator("h1")).to_contain_text("Seen")


def test_live_while_a_run_is_recorded(tmp_path, visit):
    """The page follows a real recording, keeps the focus where it is, and notices the end."""
    path = tmp_path / "provenance.db"
    run = start(RECORDING, path)
    assert run.stdout.readline() == "0\n"
    with served(path) as site:
        seen = visit(site.base + "/sessions/latest")
        page = seen.page
        page.get_by_text("the record is complete so far", exact=False).wait_for()
        page.locator("nav.tabs >> text=Batches").focus()
        counted = page.inner_text("#now-batches")
        for _ in range(4):
            run.stdin.write("on\n")
            run.stdin.flush()
            run.stdout.readline()
        expect(page.locator("#now-batches")).not_to_have_text(counted, timeout=20_000)
        assert page.evaluate("document.activeElement.textContent") == "Batches"
        run.stdin.write("end\n")
        run.stdin.flush()
        page.get_by_text("completed, begun", exact=False).wait_for()
        expect(page.locator("#live[hx-get]")).to_have_count(0, timeout=20_000)
        assert seen.complaints == []
        page.goto(site.base)
        assert page.inner_text("tbody .status") == "completed"
    run.communicate(timeout=30)
    assert run.returncode == 0


def test_a_run_that_is_killed_while_somebody_watches(tmp_path, visit):
    path = tmp_path / "provenance.db"
    run = start(RECORDING, path)
    assert run.stdout.readline() == "0\n"
    with served(path) as site:
        page = visit(site.base + "/sessions/latest").page
        page.get_by_text("The record is complete so far").wait_for()
        run.kill()
        run.communicate(timeout=30)
        page.get_by_text("its process is gone and nobody ended it").first.wait_for()
        assert "still being written" not in page.inner_text("main")
        assert "interrupted" in page.inner_text("main")


def test_a_file_that_is_replaced_while_it_is_shown(tmp_path, visit):
    path = tmp_path / "provenance.db"

    def record(name):
        with ProvenanceDatabase(path) as db:
            db.begin_session(name)

    record("the first")
    with served(path) as site:
        page = visit(site.base).page
        assert page.inner_text("tbody th") == "the first"
        for file in tmp_path.glob("provenance.db*"):
            file.unlink()
        assert page.goto(site.base).status == 404
        assert "no database" in page.inner_text("main")
        record("the second")
        page.goto(site.base)
        assert page.inner_text("tbody th") == "the second"


def test_a_server_that_is_gone_is_missed(tmp_path, visit):
    path = tmp_path / "provenance.db"
    with ProvenanceDatabase(path) as db, served(path) as site:
        db.begin_session("runs")
        page = visit(site.base).page
        page.locator("#live[hx-get]").wait_for(state="attached")
        assert page.inner_text("#lost") == ""
        site.stop()
        page.get_by_text("Nobody answers any more").wait_for()


def test_numbers_that_come_later(pages, records, visit):
    page = visit(pages["ordinary"].base + "/sessions/latest/batches").page
    page.click("tbody th a >> nth=0")
    page.get_by_text("4 samples").wait_for()
    with ProvenanceDatabase(records["ordinary"]) as db:
        stream = int(page.url.split("/")[-2])
        db.append([], annotations=[Annotation(stream, 5, "noise", 0.125)])
    page.reload()
    page.get_by_text("0.125").wait_for()
