"""Which licenses go together: two at a time, and all at once."""

import json
from importlib.resources import files

import pytest

from origin.core.license import LicenseAnalyzer, LicenseRegistry
from origin.core.license.flows import May, flow
from origin.core.license.joint import joined, smallest_disjoint
from origin.core.license.matrix import osadl_ids, osadl_version
from origin.core.license.reading.expression import One
from origin.core.record import LicenseRecord

# FSF's license list, OSADL's matrix, CC's list of compatible licenses, the licenses themselves.
PAIRS = [
    ("MIT", "Apache-2.0", True),
    ("MIT", "GPL-2.0-only", True),
    ("Apache-2.0", "GPL-3.0-only", True),
    ("Apache-2.0", "GPL-2.0-only", False),
    ("Apache-2.0", "GPL-2.0-or-later", True),
    ("GPL-2.0-only", "GPL-3.0-only", False),
    ("GPL-2.0-or-later", "GPL-3.0-only", True),
    ("GPL-2.0+", "GPL-3.0-only", True),
    ("MPL-2.0", "GPL-3.0-only", True),
    ("EPL-2.0", "GPL-3.0-only", False),
    ("MS-PL", "CC-BY-4.0", False),
    ("MS-PL", "Apache-2.0", False),
    ("OpenSSL", "CC-BY-4.0", False),
    ("CDDL-1.0", "GPL-2.0-only", False),
    ("CC-BY-SA-4.0", "GPL-3.0-only", True),
    ("CC-BY-SA-4.0", "GPL-2.0-only", False),
    ("CC-BY-SA-3.0", "GPL-3.0-only", False),
    ("CC-BY-SA-4.0", "LAL-1.3", True),
    ("ODbL-1.0", "CC-BY-SA-4.0", False),
    ("ODbL-1.0", "PDDL-1.0", True),
    ("ODC-By-1.0", "CC-BY-4.0", False),
    ("OGL-UK-3.0", "CC-BY-4.0", True),
    ("EUPL-1.2", "OSL-2.1", True),
    ("CECILL-2.1", "AGPL-3.0-only", True),
    ("CC-BY-SA-2.0", "CC-BY-SA-3.0-IGO", True),
    ("BSD-2-Clause+", "GPL-2.0-only", True),
    ("PPL", "MIT", True),
    ("Apache-2.0 WITH LicenseRef-scancode-commons-clause", "MIT", False),
    ("CDLA-Permissive-2.0", "CC-BY-SA-4.0", True),
    ("CDLA-Sharing-1.0", "CC-BY-SA-4.0", False),
    ("MIT OR GPL-2.0-only", "GPL-3.0-only", True),
    ("MIT AND GPL-2.0-only", "GPL-3.0-only", False),
    ("PolyForm-Noncommercial-1.0.0", "CC-BY-SA-4.0", False),
]


@pytest.mark.parametrize(("a", "b", "may"), PAIRS)
def test_two_licenses(a, b, may):
    analyzer = LicenseAnalyzer()
    found, reason = analyzer.check_compatibility(a, b)
    assert found is may, reason
    assert analyzer.check_compatibility(b, a)[0] is may
    assert reason


@pytest.mark.parametrize(
    "unknown", ["unknown", "gpl", "no such license", "LicenseRef-scancode-ccg-research-academic"]
)
@pytest.mark.parametrize("other", ["CC-BY-SA-4.0", "GPL-3.0-only", "unknown"])
def test_what_nobody_knows_is_never_a_yes(unknown, other):
    found, reason = LicenseAnalyzer().check_compatibility(unknown, other)
    assert not found
    assert "nothing is known" in reason or "nobody can tell" in reason


def test_no_chain_of_pairs():
    """LAL-1.3 may become CC-BY-SA-4.0, and that GPL-3.0; LAL-1.3 may not become GPL-3.0."""
    registry = LicenseRegistry()
    lal, commons, gpl = (registry.get(one) for one in ("LAL-1.3", "CC-BY-SA-4.0", "GPL-3.0-only"))
    assert flow(lal, commons).may is May.YES
    assert flow(commons, gpl).may is May.YES
    assert flow(gpl, commons).may is May.NO
    assert not LicenseAnalyzer().check_compatibility("LAL-1.3", "GPL-3.0-only")[0]


def test_three_that_fit_in_pairs_and_not_together():
    three = [
        "CC-BY-SA-4.0 OR CC-BY-NC-SA-4.0",
        "CC-BY-NC-SA-4.0 OR ODbL-1.0",
        "ODbL-1.0 OR CC-BY-SA-4.0",
    ]
    analyzer = LicenseAnalyzer()
    for a, b in ((0, 1), (1, 2), (0, 2)):
        assert analyzer.check_compatibility(three[a], three[b])[0]
    found = analyzer.propagate([*three, "MIT", "CC0-1.0"])
    assert found.candidates == ()
    assert found.conflicts == (tuple(three),)
    assert found.license == "mixed"


def test_a_smallest_set_is_told_and_every_one_of_its_size():
    licenses = ["MIT", "CC-BY-SA-4.0", "Apache-2.0", "CC-BY-NC-4.0", "GPL-2.0-only"]
    found = LicenseAnalyzer().propagate(licenses).conflicts
    assert set(found) == {
        ("CC-BY-SA-4.0", "CC-BY-NC-4.0"),
        ("CC-BY-SA-4.0", "GPL-2.0-only"),
        ("CC-BY-NC-4.0", "GPL-2.0-only"),
        ("Apache-2.0", "GPL-2.0-only"),
    }


def test_many_inputs_of_which_no_small_set_conflicts():
    masks = [0xFFFFFFFF ^ (1 << place) for place in range(32)]
    (found,) = smallest_disjoint(masks)
    assert found == tuple(range(32))


def test_every_cell_of_the_matrix_is_told_as_osadl_has_it():
    text = files("origin.core.license").joinpath("data/osadl.json").read_text("utf-8")
    matrix = json.loads(text)
    registry = LicenseRegistry()
    meaning = {"Y": May.YES, "S": May.YES, "N": May.NO, "U": May.UNKNOWN, "C": May.UNKNOWN}
    counts = dict.fromkeys("SYNUC", 0)
    others = set()
    terms = [registry.terms(One(one)) for one in matrix["ids"]]
    for outbound, row in zip(terms, matrix["rows"], strict=True):
        for inbound, letter in zip(terms, row, strict=True):
            counts[letter] += 1
            if flow(inbound, outbound).may is not meaning[letter]:
                others.add((inbound.license_id, outbound.license_id))
    assert others == set()
    assert counts == {"S": 121, "Y": 9654, "N": 3746, "U": 1060, "C": 60}
    assert osadl_version() == "2026-02-12"


def test_licenses_of_the_users_own():
    ours = LicenseRecord(
        "OURS-1.0", "Ours", permissions=("use", "modify", "distribute"), copyleft=True
    )
    analyzer = LicenseAnalyzer()
    assert analyzer.check_compatibility(ours, "MIT") == (
        True,
        "both OURS-1.0 and MIT may go into a work under OURS-1.0",
    )
    assert not analyzer.check_compatibility(ours, "CC-BY-SA-4.0")[0]
    assert not analyzer.check_compatibility(LicenseRecord("X", "X"), "CC-BY-SA-4.0")[0]


def test_the_order_of_inputs_changes_nothing():
    licenses = ["Apache-2.0", "GPL-2.0-or-later", "MIT", "CC-BY-4.0", "unknown", "CC-BY-SA-4.0"]
    analyzer = LicenseAnalyzer()
    one, other = analyzer.propagate(licenses), analyzer.propagate(licenses[::-1])
    assert (one.license, set(one.candidates)) == (other.license, set(other.candidates))
    assert one.permissions == other.permissions


def test_nothing_given_is_no_conflict():
    found = joined([], LicenseRegistry())
    assert found.conflicts == ()


def test_no_license_is_left_out_that_would_take_two_inputs():
    """Against all licenses of the matrix, each pair of them: the few that are tried suffice."""
    registry = LicenseRegistry()
    trees = [One(one) for one in osadl_ids()]
    terms = [registry.terms(one) for one in trees]
    takes = [{out.license_id for out in terms if flow(own, out).may is May.YES} for own in terms]
    for at, tree in enumerate(trees):
        for before in range(at):
            found = joined([tree, trees[before]], registry)
            assert bool(found.candidates) is bool(takes[at] & takes[before])
