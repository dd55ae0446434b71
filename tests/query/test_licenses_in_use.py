"""The licenses that a database names: who uses them, and what is known of each."""

import pytest

from origin.core.record import LicenseRecord, SourceRecord
from origin.errors import LicenseNotFoundError


@pytest.fixture
def used(write, db):
    first, second = write.session(), write.session()
    write.fill(first, [1, 2], [3], source="forum", license_id="CC-BY-NC-4.0")
    write.fill(second, [1], source="board", license_id="cc-by-nc-4.0")
    write.fill(second, [4], source="crawl", license_id=None)
    db.record_license(LicenseRecord("OURS-1.0", "Ours", permissions=["use"]))
    db.record_source(SourceRecord("later", license_id="MIT"))


def test_who_uses_them(engine, used):
    found = {one.license_id: one for one in engine.licenses_in_use()}
    assert list(found) == ["CC-BY-NC-4.0", "unknown", "MIT", "OURS-1.0"]
    forum = found["CC-BY-NC-4.0"]
    assert (forum.sources, forum.sessions, forum.observations) == (("forum", "board"), 2, 4)
    assert (found["MIT"].sources, found["MIT"].observations) == (("later",), 0)
    assert (found["unknown"].permits, found["unknown"].rules_out) == ((), ())


def test_what_is_known_of_them(engine, used):
    found = engine.license_in_use("cc by-nc 4.0")
    assert found.observations == 4
    assert "commercial-use" in found.rules_out
    assert "distribution" in found.permits
    assert "attribution" in found.asks_for
    assert "Creative Commons Attribution Non Commercial 4.0" in str(found)
    assert "4 observations in 2 sessions, from forum, board" in str(found)


def test_one_that_the_database_does_not_name(engine, used):
    assert "nothing of it is on record" in str(engine.license_in_use("Apache 2"))
    assert engine.license_in_use("MIT OR Apache-2.0").permits
    assert engine.license_in_use("none").observations == 0


@pytest.mark.parametrize("license_id", ["FROB-1.0", "LicenseRef-frob", "", "openrail"])
def test_one_of_which_nothing_is_known(engine, used, license_id):
    with pytest.raises(LicenseNotFoundError):
        engine.license_in_use(license_id)


def test_a_text_that_is_no_license_is_told_as_it_was_declared(engine, write):
    write.fill(write.session(), [1], license_id="ask \u202e Bob")
    (found,) = engine.licenses_in_use()
    assert (found.license_id, found.permits) == ("ask \u202e Bob", ())
    assert engine.license_in_use("ask \u202e Bob").observations == 1
