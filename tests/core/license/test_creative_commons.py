"""The chart of Creative Commons: which works may be combined into one adaptation."""

import pytest

from origin.core.license import LicenseAnalyzer

# https://creativecommons.org/faq/, "Can I combine material under different CC licenses", row by
# row: y where two works may go into one adaptation.
COLUMNS = ("PDM", "CC0", "BY", "BY-SA", "BY-NC", "BY-ND", "BY-NC-SA", "BY-NC-ND")
CHART = {
    "PDM": "yyyyy-y-",
    "CC0": "yyyyy-y-",
    "BY": "yyyyy-y-",
    "BY-SA": "yyyy----",
    "BY-NC": "yyy-y-y-",
    "BY-ND": "--------",
    "BY-NC-SA": "yyy-y-y-",
    "BY-NC-ND": "--------",
}
WRITTEN = {
    "PDM": "https://creativecommons.org/publicdomain/mark/1.0/",
    "CC0": "CC0-1.0",
    **{one: f"CC-{one}-4.0" for one in COLUMNS[2:]},
}
CELLS = [
    (a, b, cell == "y") for a, row in CHART.items() for b, cell in zip(COLUMNS, row, strict=True)
]


def test_the_chart_is_whole_and_the_same_from_both_sides():
    assert len(CELLS) == 64
    assert {(b, a, cell) for a, b, cell in CELLS} == set(CELLS)


@pytest.mark.parametrize(("a", "b", "may"), CELLS)
def test_a_cell_of_the_chart(a, b, may):
    found, reason = LicenseAnalyzer().check_compatibility(WRITTEN[a], WRITTEN[b])
    assert found is may, reason


@pytest.mark.parametrize(
    ("a", "b", "result"),
    [
        ("CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-SA-4.0"),
        ("CC-BY-SA-3.0-DE", "CC-BY-SA-4.0", "CC-BY-SA-4.0"),
        ("CC-BY-NC-SA-2.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-3.0"),
        ("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0"),
        ("CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-SA-4.0"),
        ("CC0-1.0", "CC-BY-4.0", "CC-BY-4.0"),
        ("MIT", "CC-BY-NC-4.0", "CC-BY-NC-4.0"),
    ],
)
def test_the_license_that_results(a, b, result):
    assert LicenseAnalyzer().propagate([a, b]).license == result
    assert LicenseAnalyzer().propagate([b, a]).license == result


def test_the_first_version_of_share_alike_names_no_later_one():
    assert not LicenseAnalyzer().check_compatibility("CC-BY-SA-1.0", "CC-BY-SA-4.0")[0]
    assert LicenseAnalyzer().check_compatibility("CC-BY-SA-2.0", "CC-BY-SA-4.0")[0]
