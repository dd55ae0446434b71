"""Policies: what they allow, and how they are written."""

import pytest

from origin.core.license import LicenseAnalyzer, LicensePolicy, LicenseRegistry, SourceUse
from origin.core.license.policy import policy_of
from origin.core.record import LicenseRecord
from origin.errors import ConfigurationError

# what the policy says, a license, and whether it breaks the policy
CASES = [
    ({}, "MIT", False),
    ({}, "gpl", False),
    ({}, "NONE", False),
    ({"strict": True}, "gpl", True),
    ({"strict": True}, None, True),
    ({"strict": True}, "MIT", False),
    ({"allow": ["MIT"]}, "MIT License", False),
    ({"allow": ["mit license"]}, "MIT", False),
    ({"allow": ["MIT"]}, "Apache-2.0", True),
    ({"allow": ["MIT"]}, "unknown", True),
    ({"allow": ["MIT"]}, None, True),
    ({"allow": ["MIT"]}, "MIT OR GPL-3.0-only", False),
    ({"allow": ["MIT"]}, "MIT AND GPL-3.0-only", True),
    ({"allow": ["permissive", "public-domain"]}, "CC-BY-4.0", False),
    ({"allow": ["permissive", "public-domain"]}, "CC0-1.0", False),
    ({"allow": ["permissive", "public-domain"]}, "CC-BY-SA-4.0", True),
    ({"allow": ["CC-BY-*"]}, "cc-by-nc-4.0", False),
    ({"allow": ["cc-by-?.0*"]}, "CC-BY-4.0", False),
    ({"deny": ["CC-BY-NC-*"]}, "CC-BY-NC-ND-4.0", True),
    ({"deny": ["CC-BY-NC-*"]}, "CC-BY-4.0", False),
    ({"deny": ["non-commercial"]}, "CC-BY-NC-SA-4.0", True),
    ({"deny": ["non-commercial"]}, "CC-BY-NC-ND-4.0", True),
    ({"deny": ["non-commercial"]}, "research only", True),
    ({"deny": ["non-commercial"]}, "CC-BY-SA-4.0", False),
    ({"deny": ["no-derivatives"]}, "CC-BY-NC-ND-4.0", True),
    ({"deny": ["share-alike"]}, "CC-BY-NC-SA-4.0", True),
    ({"deny": ["share-alike"]}, "GPL-3.0-only", True),
    ({"deny": ["copyleft"]}, "CC-BY-SA-4.0", True),
    ({"deny": ["copyleft"]}, "ODbL-1.0", True),
    ({"deny": ["copyleft"]}, "MPL-2.0", False),
    ({"deny": ["copyleft-limited"]}, "MPL-2.0", True),
    ({"deny": ["copyleft"]}, "MIT", False),
    ({"deny": ["Unknown"]}, None, True),
    ({"allow": ["unknown"]}, "NONE", True),
    ({"strict": True}, "NONE", True),
    ({"require": ["known-license"]}, "LicenseRef-x", True),
    (
        {"allow": ["GPL-2.0-only WITH Classpath-exception-2.0"]},
        "GPL-2.0-only",
        True,
    ),
    (
        {"allow": ["GPL-2.0-only WITH Classpath-exception-2.0"]},
        "GPL-2.0-only WITH Classpath-exception-2.0",
        False,
    ),
    ({"allow": ["GPL-2.0-only"]}, "GPL-2.0-only WITH Classpath-exception-2.0", False),
    ({"deny": ["GPL-2.0-only WITH Classpath-exception-2.0"]}, "GPL-2.0-only", False),
    (
        {"deny": ["copyleft"], "use": "distribute-weights-commercially"},
        "GPL-3.0-only OR CC-BY-NC-4.0",
        True,
    ),
    (
        {"allow": ["CC-BY-NC-4.0"], "use": "distribute-weights-commercially"},
        "CC-BY-NC-4.0 OR MIT",
        True,
    ),
    ({"deny": ["GPL-3.0"]}, "GPL-3.0-only", True),
    ({"deny": ["GPL-3.0"]}, "GPL-3.0-or-later", True),
    ({"deny": ["GPL-3.0-only"]}, "GPL-3.0-or-later", False),
    ({"allow": ["MI*"]}, "MIT WITH LicenseRef-clause", True),
    ({"allow": ["MIT"]}, "MIT WITH LicenseRef-clause", True),
    ({"deny": ["MIT"]}, "MIT WITH LicenseRef-clause", True),
    ({"deny": ["MI*"]}, "MIT WITH LicenseRef-clause", True),
    ({"deny": ["unknown"]}, "gpl", True),
    ({"deny": ["unknown"]}, None, True),
    ({"allow": ["unknown", "MIT"]}, None, False),
    ({"require": ["known-license"]}, "gpl", True),
    ({"require": ["known-license"]}, "MIT", False),
    ({"require": ["commercial-use"]}, "CC-BY-NC-4.0", True),
    ({"require": ["commercial-use"]}, "proprietary", True),
    ({"require": ["commercial-use"]}, "CC-BY-4.0", False),
    ({"require": ["commercial-use"]}, None, True),
    ({"use": "distribute-weights-commercially"}, "CC-BY-NC-4.0", True),
    ({"use": "distribute-weights-commercially"}, "CC-BY-SA-4.0", False),
    (
        {"use": "distribute-weights", "weights_are_adaptation": "yes"},
        "CC-BY-SA-4.0",
        True,
    ),
    ({"use": "distribute-under:MIT", "weights_are_adaptation": True}, "GPL-3.0-only", True),
]


@pytest.mark.parametrize(("told", "license_id", "breaks"), CASES)
def test_what_breaks_a_policy(told, license_id, breaks):
    policy = LicensePolicy(**told)
    found = LicenseAnalyzer().findings_under(policy, [SourceUse("s", license_id, None, 1)])
    errors = [one for one in found if one.severity == "error"]
    assert bool(errors) is breaks, errors
    assert all(one.explain().count("Rule ") == 1 for one in errors)


def test_to_distribute_under_a_license_of_ones_own():
    policy = LicensePolicy(use="distribute-under:OURS-1.0", weights_are_adaptation=True)
    registry = LicenseRegistry([LicenseRecord("OURS-1.0", "Ours", permissions=["modify"])])
    analyzer = LicenseAnalyzer()
    for license_id, breaks in (("MIT", False), ("OURS-1.0", False), ("GPL-3.0-only", True)):
        found = analyzer.findings_under(policy, [SourceUse("s", license_id, license_id)], registry)
        assert any(one.severity == "error" for one in found) is breaks, license_id
    with pytest.raises(ConfigurationError, match="distribute under"):
        analyzer.findings_under(policy, [])


def test_written_in_a_file(tmp_path):
    path = tmp_path / "release.toml"
    path.write_text(
        """
        use = "distribute-weights-commercially"
        allow = ["permissive", "CC-BY-*"]
        deny = ["CC-BY-NC-*"]
        require = ["known-license"]
        weights_are_adaptation = "no"
        strict = true
        on_violation = "warn"
        """
    )
    policy = LicensePolicy.from_toml(path)
    assert policy == LicensePolicy(
        "distribute-weights-commercially",
        ("permissive", "CC-BY-*"),
        ("CC-BY-NC-*",),
        ("known-license",),
        "no",
        True,
        "warn",
    )
    assert policy_of(str(path)) == policy_of(path) == policy_of(policy) == policy
    assert LicensePolicy.from_json(policy.to_json()) == policy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("use = ", "malformed"),
        ("uses = 'train'", "has no 'uses'"),
        ("use = 'sell'", "use must be one of"),
        ("use = 3", "use must be one of"),
        ("allow = 'MIT'", "allow must be a list"),
        ("allow = ['']", "allow must be a list"),
        ("deny = [3]", "deny must be a list"),
        ("require = ['kindness']", "may require"),
        ("strict = 'yes'", "strict must be"),
        ("weights_are_adaptation = 'maybe'", "weights_are_adaptation"),
        ("on_violation = 'shout'", "on_violation"),
    ],
)
def test_a_malformed_file_is_one_error_that_names_it(tmp_path, text, said):
    path = tmp_path / "release.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=said) as caught:
        LicensePolicy.from_toml(path)
    assert str(path) in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        LicensePolicy.from_toml(tmp_path / "none.toml")
    for path in ("a\0b", 3):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            LicensePolicy.from_toml(path)
    (tmp_path / "deep.toml").write_text(f"use = {'[' * 5000}")
    with pytest.raises(ConfigurationError, match="malformed"):
        LicensePolicy.from_toml(tmp_path / "deep.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="malformed"):
        LicensePolicy.from_toml(tmp_path / "bytes.toml")
    with pytest.raises(ConfigurationError, match="path of a TOML file"):
        policy_of(3)


@pytest.mark.parametrize("entry", ["GLP-3.0", "CC-BI-*", "permisive", "MIT OR ISC"])
def test_a_slip_of_the_pen_is_an_error(entry):
    for name in ("allow", "deny"):
        with pytest.raises(ConfigurationError, match="no license and no category"):
            LicenseAnalyzer().findings_under(LicensePolicy(**{name: [entry]}), [])


def test_a_license_of_ones_own_in_a_policy():
    policy = LicensePolicy(allow=["ours-1.0"])
    registry = LicenseRegistry([LicenseRecord("OURS-1.0", "Ours")])
    uses = [SourceUse("s", "OURS-1.0", None, 1)]
    with pytest.raises(ConfigurationError, match="has to be defined first"):
        LicenseAnalyzer().findings_under(policy, uses)
    found = LicenseAnalyzer().findings_under(policy, uses, registry)
    assert [one.kind for one in found if one.severity == "error"] == []


def test_the_order_in_which_alternatives_are_written_changes_nothing():
    policy = LicensePolicy(use="distribute-weights", deny=["MIT"])
    for written in ("CC-BY-NC-SA-4.0 OR Apache-2.0", "Apache-2.0 OR CC-BY-NC-SA-4.0"):
        uses = [SourceUse("a", written, written, 1), SourceUse("b", "BSD-2-Clause", None, 1)]
        found = LicenseAnalyzer().findings_under(policy, uses)
        (taken,) = [one.about for one in found if one.rule_id == "license-choice"]
        assert taken == "Apache-2.0"
