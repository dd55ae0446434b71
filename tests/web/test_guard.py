"""Who may read the page, and that it only reads."""

import re
import signal
import socket
import threading
import time

import pytest
from commands import Origin
from serving import served

from origin.errors import ConfigurationError
from origin.storage.database import ProvenanceDatabase
from origin.web.application import ROUTES, application
from origin.web.guard import Guard, is_loopback
from origin.web.views import Sites

NAMES = ["127.0.0.1", "127.0.0.2:80", "localhost", "[::1]", "localhost:1", "LOCALHOST:8477"]
OTHERS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:80",
    "",
    "[::1",
    "[::1]x",
    "127.0.0.1x",
]


@pytest.fixture
def site(pages):
    return pages["ordinary"]


@pytest.mark.parametrize("name", NAMES)
def test_its_own_names(site, name):
    assert site.get(Host=name).status == 200


@pytest.mark.parametrize("name", OTHERS)
def test_other_names_are_refused(site, name):
    answer = site.get(Host=name)
    assert answer.status in (400, 421)
    assert "Sessions" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_written(site, method):
    for address in ("/", "/sql", "/sessions/latest", "/static/page.css"):
        assert site.get(address, method).status == 405


def test_no_route_writes():
    for route in ROUTES:
        assert getattr(route, "methods", {"GET", "HEAD"}) <= {"GET", "HEAD"}


def test_the_database_is_as_it_was(records, site):
    log = records["ordinary"].with_name("provenance.db-wal")

    def now():
        return records["ordinary"].read_bytes(), log.read_bytes() if log.exists() else b""

    site.get("/")
    before = now()
    for address in ("/", "/sessions/latest", "/conflicts", "/compare?a=latest&b=latest"):
        site.get(address)
    assert now() == before


def test_other_sites_get_nothing(site):
    for mode in ("no-cors", "cors", "websocket"):
        answer = site.get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode=mode)
        assert answer.status == 403
    assert site.get("/", Sec_Fetch_Site="same-site", Sec_Fetch_Mode="no-cors").status == 403
    navigates = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert site.get("/", Sec_Fetch_Dest="document", **navigates).status == 200
    for frame in ("iframe", "frame", "embed", "object"):
        assert site.get("/", Sec_Fetch_Dest=frame, **navigates).status == 403


def test_a_query_that_another_site_wrote_is_not_asked(site):
    answer = site.get(
        "/sql?q=SELECT+41%2B1", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate"
    )
    assert "was not asked" in answer.text
    assert ">42<" not in answer.text
    assert ">42<" in site.get("/sql?q=SELECT+41%2B1").text


@pytest.mark.parametrize("address", ["/", "/nowhere", "/static/htmx.min.js", "/sql?q=x"])
def test_strict_headers(site, address):
    answer = site.get(address)
    policy = answer.getheader("Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert answer.getheader("X-Frame-Options") == "DENY"
    assert answer.getheader("Referrer-Policy") == "no-referrer"
    assert answer.getheader("Cache-Control") == "no-store"


def test_nothing_is_written_into_pages_that_the_policy_forbids(site):
    for address in ("/", "/sessions/latest", "/samples", "/sql", "/compare"):
        text = site.get(address).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=)", text)


def test_only_this_machine_reaches_it(site):
    with socket.socket() as other:
        other.settimeout(2)
        try:
            address = socket.gethostbyname(socket.gethostname())
        except OSError:
            pytest.fail("this machine has no name of its own")
        if address.startswith("127."):
            address = "127.0.0.2"
        assert other.connect_ex((address, site.port)) != 0


def test_a_token_where_others_reach_it(records):
    with served(records["ordinary"], "--host", "0.0.0.0") as site:  # noqa: S104
        token = site.query.removeprefix("token=")
        assert len(token) >= 32
        for address in ("/", "/?token=", f"/?token={token[:-1]}x", "/static/page.css"):
            answer = site.get(address, Host="gpu-7.example")
            assert answer.status == 403
            assert "open the whole address" in answer.text
        first = site.get(f"/sql?q=SELECT+41%2B1&token={token}", Host="gpu-7.example")
        assert (first.status, first.getheader("Location")) == (303, "/sql?q=SELECT+41%2B1")
        cookie = first.getheader("Set-Cookie")
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        answer = site.get("/", Host="gpu-7.example", Cookie=cookie.partition(";")[0])
        assert answer.status == 200
        name = cookie.partition("=")[0]
        assert site.get("/", Cookie=f"{name}=" + "x" * 32).status == 403
        away = site.get(f"//evil.example/?token={token}")
        assert away.getheader("Location") == "/evil.example/"


def test_pages_of_two_databases_let_in_the_same_browser(records, visit):
    with served(records["ordinary"], "--token") as one, served(records["empty"], "--token") as two:
        page = visit(one.address).page
        page.goto(two.address)
        assert page.inner_text("tbody th") == "nothing yet"
        page.goto(one.base)
        assert page.inner_text("tbody th >> nth=0") == "lr=3e-4"


def test_a_token_on_this_machine_if_asked(records):
    with served(records["ordinary"], "--token") as site:
        assert site.get("/").status == 403
        assert site.get(f"/?{site.query}").status == 303
        assert site.get(f"/?{site.query}", Host="evil.example").status == 421


def test_a_wrong_token_of_any_kind(records):
    with served(records["ordinary"], "--token") as site:
        for given in ("%C3%A9", "%FF", "%00", "a" * 5000):
            assert site.get(f"/?token={given}").status == 403


def test_ctrl_c_ends_it(records):
    with served(records["ordinary"]) as site:
        site.get("/sessions/latest")
        assert site.stop() == (0, "")


def test_ctrl_c_waits_for_no_long_query(records):
    long = "/sql?q=SELECT+count(*)+FROM+range(10000000)+a,range(10000000)+b"
    with served(records["ordinary"]) as site:
        site.get("/sql?q=SELECT+1")
        asking = threading.Thread(target=lambda: said.append(site.get(long)), daemon=True)
        said = []
        asking.start()
        time.sleep(1)
        begun = time.monotonic()
        assert site.stop() == (0, "")
        assert time.monotonic() - begun < 10  # the query would take its 20 seconds


def test_a_browser_is_shown_the_page_and_its_command_line_no_token(records, tmp_path, visit):
    seen = tmp_path / "seen"
    program = tmp_path / "browser"
    program.write_text(
        f'#!/bin/sh\nexec >/dev/null 2>&1\necho "$1" > {seen}.new\nmv {seen}.new {seen}\nsleep 60\n'
    )
    program.chmod(0o755)
    own = Origin(records["ordinary"].parent)
    process = own.begun("ui", "--port", 0, "--token", "--path", records["ordinary"],
                        BROWSER=str(program))  # fmt: skip
    try:
        token = re.search(r"token=(\S+)", process.stdout.readline()).group(1)
        end = time.monotonic() + 30
        while not seen.exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        told = seen.read_text().strip()
        assert token not in told
        page = visit(told).page
        page.get_by_text("lr=3e-4").wait_for()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_a_port_that_is_taken(records, pages):
    done = Origin(records["ordinary"].parent)(
        "ui", "--no-open", "--port", pages["ordinary"].port, code=1
    )
    assert "cannot be bound" in done.stderr
    assert "--port 0" in done.stderr


def test_no_database(tmp_path):
    assert "nowhere.db" in Origin(tmp_path)("ui", "--path", "nowhere.db", code=2).stderr


def test_it_takes_what_only_reads(tmp_path):
    path = tmp_path / "provenance.db"
    with ProvenanceDatabase(path) as db, pytest.raises(ConfigurationError, match="read_only=True"):
        application(Sites(db))
    with (
        ProvenanceDatabase(path, read_only=True) as db,
        pytest.raises(ConfigurationError, match="token"),
    ):
        application(Sites(db), is_open=True)


def test_any_name_needs_a_token():
    with pytest.raises(ValueError, match="token"):
        Guard(lambda: None, is_open=True)
    assert not is_loopback("example.org")
