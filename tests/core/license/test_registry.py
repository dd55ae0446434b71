"""What licenses say, typed from the licenses themselves."""

import pytest

from origin.core.license import Grant, LicenseRegistry
from origin.core.license.matrix import osadl_ids
from origin.core.license.reading.hub import hub_licenses
from origin.core.license.reading.names import is_free, spdx_ids
from origin.core.license.terms import CATEGORIES, described
from origin.core.license.vocabulary import CONDITIONS, PERMISSIONS, RESTRICTIONS
from origin.core.record import LicenseRecord
from origin.errors import InvalidRecordError, LicenseNotFoundError

G, U, D = Grant.GRANT, Grant.UNKNOWN, Grant.DENY

# id, category, private use, sharing adapted works, passing on, commercial use, copyleft
DESCRIBED = [
    ("CC0-1.0", "public-domain", G, G, G, G, "none"),
    ("CC-BY-4.0", "permissive", G, G, G, G, "none"),
    ("CC-BY-SA-3.0", "share-alike", G, G, G, G, "strong"),
    ("CC-BY-NC-2.5", "non-commercial", G, G, G, D, "none"),
    ("CC-BY-ND-4.0", "no-derivatives", G, D, G, G, "none"),
    ("CC-BY-NC-ND-3.0-IGO", "no-derivatives", G, D, G, D, "none"),
    ("CC-BY-NC-SA-2.0-UK", "non-commercial", G, G, G, D, "strong"),
    ("CC-BY-NC-3.0-IGO", "non-commercial", G, G, G, D, "none"),
    ("ODbL-1.0", "share-alike", G, G, G, G, "strong"),
    ("ODC-By-1.0", "permissive", G, G, G, G, "none"),
    ("PDDL-1.0", "public-domain", G, G, G, G, "none"),
    ("CDLA-Permissive-2.0", "permissive", G, G, G, G, "none"),
    ("CDLA-Sharing-1.0", "share-alike", G, G, G, G, "strong"),
    ("C-UDA-1.0", "restricted", G, G, G, G, "none"),
    ("O-UDA-1.0", "permissive", G, G, G, G, "none"),
    ("MIT", "permissive", G, G, G, G, "none"),
    ("Apache-2.0", "permissive", G, G, G, G, "none"),
    ("GPL-3.0-or-later", "copyleft", G, G, G, G, "strong"),
    ("MPL-2.0", "copyleft-limited", G, G, G, G, "weak"),
    ("PolyForm-Noncommercial-1.0.0", "non-commercial", G, G, G, D, "none"),
    ("llama3.1", "restricted", G, G, G, G, "none"),
    ("gemma", "restricted", G, G, G, G, "none"),
    ("bigscience-openrail-m", "restricted", G, G, G, G, "none"),
    ("apple-amlr", "research-only", G, U, U, D, "none"),
    ("research-only", "research-only", G, U, U, D, "none"),
    ("proprietary", "proprietary", U, U, U, U, "unknown"),
    ("LicenseRef-scancode-cc-by-nc-sa-3.0-us", "non-commercial", G, G, G, D, "strong"),
    ("OFL-1.1-RFN", "copyleft", G, G, G, G, "strong"),
    ("Aladdin", "non-commercial", G, G, G, D, "strong"),
    ("HPND-sell-variant", "permissive", G, U, U, U, "none"),
    ("grok2-community", "restricted", G, G, G, U, "none"),
    ("unknown", "unknown", U, U, U, U, "unknown"),
    ("NOASSERTION", "unknown", U, U, U, U, "unknown"),
    ("NONE", "unknown", D, D, D, D, "unknown"),
    ("BUSL-1.1", "restricted", U, U, U, U, "unknown"),
]


@pytest.mark.parametrize(
    ("name", "category", "private", "adapted", "passed_on", "commercial", "copyleft"), DESCRIBED
)
def test_what_a_license_says(name, category, private, adapted, passed_on, commercial, copyleft):
    terms = LicenseRegistry().get(name)
    assert terms.category == category
    assert [
        terms.permits(word)
        for word in ("private-use", "modifications", "distribution", "commercial-use")
    ] == [private, adapted, passed_on, commercial]
    assert terms.copyleft == copyleft
    assert terms.source


OUTWARD = ("modifications", "distribution", "commercial-use")


def test_every_spdx_license_is_described_or_said_to_be_unknown():
    registry = LicenseRegistry()
    unknown = []
    for license_id in spdx_ids():
        terms = registry.terms(registry.read(license_id).tree)
        assert terms.category in CATEGORIES
        assert terms.source
        assert set(terms.permissions) <= set(PERMISSIONS)
        if terms.by_category and not is_free(license_id) and license_id not in osadl_ids():
            assert not any(terms.permits(word) is G for word in OUTWARD), license_id
        if terms.category == "unknown":
            unknown.append(license_id)
            assert not any(terms.permits(word) is G for word in PERMISSIONS)
    assert len(spdx_ids()) >= 740
    # Those that SPDX lists and nothing else that is read describes yet.
    assert len(unknown) < 45


def test_every_hub_license_that_is_one_is_described():
    registry = LicenseRegistry()
    named = [hub_id for hub_id, expression in hub_licenses().items() if expression is not None]
    assert len(named) == 75
    found = [hub_id for hub_id in named if registry.get(hub_id).category == "unknown"]
    assert found == ["openmdw-1.1"]  # its text could not be read yet


def test_the_table_speaks_the_vocabulary():
    registry = LicenseRegistry()
    for license_id in described():
        terms = registry.terms(registry.read(license_id).tree)
        assert terms.category in CATEGORIES
        for term in terms.restrictions:
            assert term.name in RESTRICTIONS
        for term in terms.conditions:
            assert term.name in CONDITIONS
        for term in (*terms.restrictions, *terms.conditions):
            assert term.binds
            assert set(term.binds) <= {"data", "weights", "outputs"}


@pytest.mark.parametrize(
    ("name", "word", "binds"),
    [
        ("ODbL-1.0", "same-license", {"data"}),
        ("ODC-By-1.0", "notice-of-use", {"weights", "outputs"}),
        ("llama3.1", "model-name", {"weights"}),
        ("llama2", "no-other-models", {"data", "outputs"}),
        ("gemma", "pass-on-terms", {"data", "weights"}),
        ("creativeml-openrail-m", "use-based", {"data", "weights", "outputs"}),
        ("CC-BY-4.0", "attribution", {"data"}),
        ("C-UDA-1.0", "computational-use-only", {"data"}),
    ],
)
def test_what_an_obligation_binds(name, word, binds):
    terms = LicenseRegistry().get(name)
    (term,) = [one for one in (*terms.restrictions, *terms.conditions) if one.name == word]
    assert set(term.binds) == binds


def test_a_license_of_the_users_own_from_the_guide():
    registry = LicenseRegistry(
        [
            LicenseRecord(
                "CUSTOM-1.0",
                "Custom Dataset License v1.0",
                "https://example.com/license",
                permissions=("use", "modify"),
                restrictions=("no-redistribution", "no-commercial"),
                conditions=("attribution",),
                copyleft=False,
            )
        ]
    )
    terms = registry.get("custom-1.0")
    assert {word: str(grant) for word, grant in terms.permissions.items()} == {
        "private-use": "grant",
        "modifications": "grant",
        "distribution": "deny",
        "commercial-use": "deny",
        "patent-use": "unknown",
    }
    assert [one.name for one in terms.conditions] == ["attribution"]
    assert (terms.copyleft, terms.category, terms.url) == (
        "none",
        "custom",
        "https://example.com/license",
    )
    assert "CUSTOM-1.0" in registry
    assert "CUSTOM-1.0" in list(registry)


def test_what_is_ruled_out_counts_more_than_what_is_permitted():
    record = LicenseRecord("X", "X", permissions=["commercial"], restrictions=["non-commercial"])
    assert LicenseRegistry([record]).get("X").permits("commercial-use") is D


def test_words_that_are_not_known_are_told():
    record = LicenseRecord("X", "X", permissions=["fly"], conditions=["be kind"])
    assert LicenseRegistry([record]).get("X").unread == ("fly", "be kind")


def test_a_license_of_the_users_own_stands_in_for_one_that_all_know():
    registry = LicenseRegistry([LicenseRecord("mit", "Ours", restrictions=["no-commercial"])])
    assert registry.get("MIT").permits("commercial-use") is D
    assert registry.get("MIT").is_custom


@pytest.mark.parametrize("name", ["", "gpl", "MIT OR Apache-2.0", "no such license"])
def test_what_is_not_one_license_is_an_error(name):
    with pytest.raises(LicenseNotFoundError, match="give one SPDX id"):
        LicenseRegistry().get(name)
    assert name not in LicenseRegistry()


def test_what_is_no_record_is_an_error():
    with pytest.raises(InvalidRecordError, match="LicenseRecord"):
        LicenseRegistry(["MIT"])


def test_what_is_no_text_is_an_error():
    with pytest.raises(InvalidRecordError):
        LicenseRegistry().get(3)
    assert 3 not in LicenseRegistry()
