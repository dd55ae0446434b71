"""The ids of the Hub, there and back."""

import pytest

from origin.core.license.reading.hub import hub_id_of, hub_licenses
from origin.core.license.reading.normalize import normalize_license

FAMILIES = {"bsd", "cc", "gfdl", "gpl", "lgpl", "openrail"}
NO_LICENSE = {"other", "unknown"}


def test_the_list_is_whole() -> None:
    table = hub_licenses()
    assert len(table) == 83
    assert {hub_id for hub_id, own in table.items() if own is None} == FAMILIES | NO_LICENSE


@pytest.mark.parametrize("hub_id", sorted(hub_licenses()))
def test_every_id_is_read_in_any_case(hub_id: str) -> None:
    wanted = hub_licenses()[hub_id]
    for text in (hub_id, hub_id.upper(), f"license:{hub_id}"):
        found = normalize_license(text)
        assert found.expression == wanted
        assert found.expression is not None or found.notes
    if wanted is not None:
        assert normalize_license(wanted).expression == wanted
        assert normalize_license(wanted.upper()).expression == wanted
        assert hub_id_of(wanted) == hub_id


def test_references_of_scancode_exist() -> None:
    from license_expression import get_license_index

    known = {entry["spdx_license_key"] for entry in get_license_index()}
    named = {own for own in hub_licenses().values() if own and "scancode" in own}
    assert len(named) == 10
    assert named <= known


@pytest.mark.parametrize("hub_id", ["gpl-3.0", "gpl-2.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0"])
def test_gnu_ids_do_not_say_which_versions(hub_id: str) -> None:
    assert "ambiguous" in " ".join(normalize_license(hub_id).notes)


@pytest.mark.parametrize(
    ("text", "hub_id"),
    [
        ("Llama 2 Community License Agreement", "llama2"),
        ("llama-3", "llama3"),
        ("Llama 4 Community License", "llama4"),
        ("Gemma Terms of Use", "gemma"),
        ("BigScience OpenRAIL-M", "bigscience-openrail-m"),
        ("OpenRAIL++-M", "openrail++"),
        ("Grok 2 Community License", "grok2-community"),
    ],
)
def test_names_that_cards_show_are_read(text: str, hub_id: str) -> None:
    assert normalize_license(text).expression == hub_licenses()[hub_id]


@pytest.mark.parametrize("text", ["GPL-3.0-or-later", "MIT OR ISC", "LicenseRef-mine", "NONE"])
def test_what_the_hub_does_not_have_has_no_id(text: str) -> None:
    assert hub_id_of(text) is None


def test_boost_is_not_business_source() -> None:
    assert hub_licenses()["bsl-1.0"] == "BSL-1.0"
    assert normalize_license("bsl").expression is None


def test_openmdw_has_two_versions() -> None:
    assert normalize_license("openmdw-1.0").expression == "OpenMDW-1.0"
    assert normalize_license("openmdw-1.1").expression == "LicenseRef-openmdw-1.1"
    assert normalize_license("OpenMDW").expression is None
