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
    ({"deny": ["GPL-3.0"]}, "GPL-3.0-only", True),
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
