"""Licenses on record, and policies."""

from commands import rows


def test_the_licenses_on_record(origin, demo):
    found = {row["license"]: row for row in rows(origin("licenses"))}
    assert set(found) == {"CC0-1.0", "CC-BY-4.0", "CC-BY-NC-4.0"}
    forum = found["CC-BY-NC-4.0"]
    assert (forum["sources"], forum["sessions"], forum["seen"]) == ("1", "3", "272")
    assert "commercial-use" in forum["rules out"]
    told = {one["license_id"]: one for one in origin.told("licenses")}
    assert told["CC-BY-4.0"]["permissions"]["commercial-use"] == "grant"
    assert "attribution" in told["CC-BY-4.0"]["asks_for"]


def test_one_license(origin, demo):
    text = origin("licenses", "cc by-nc 4.0").stdout
    assert "denies: commercial-use" in text
    assert "272 observations in 3 sessions, from forum" in text
    assert "nothing of it is on record" in origin("licenses", "MIT").stdout
    assert origin.told("licenses", "MIT")["observations"] == 0
    assert "'FROB'" in origin("licenses", "FROB", code=2).stderr


def test_a_policy(origin, demo, tmp_path):
    (tmp_path / "release.toml").write_text('deny = ["non-commercial"]\n')
    text = origin("policy", "check", "latest", "--policy", "release.toml", code=2).stdout
    assert text.startswith("policy failed")
    assert (
        'CC-BY-NC-4.0 (source "forum", 33 % of samples): the policy denies non-commercial' in text
    )
    told = origin.told("policy", "check", "--policy", "release.toml", code=2)
    assert told["passed"] is False
    (tmp_path / "lax.toml").write_text('use = "train"\n')
    assert origin("policy", "check", "--policy", "lax.toml").stdout.startswith("policy passed")
    assert origin.told("policy", "check", "--policy", "lax.toml")["passed"] is True
    assert "give one: --policy FILE" in origin("policy", "check", code=1).stderr
    assert "cannot be read" in origin("policy", "check", "--policy", "none.toml", code=1).stderr
