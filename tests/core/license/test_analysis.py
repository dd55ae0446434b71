"""What is found for a use: one license at a time, and all together."""

import re

import pytest

from origin.core.license import (
    RULES,
    USES,
    FirstBatch,
    LicenseAnalyzer,
    LicenseRegistry,
    SourceUse,
)
from origin.core.license.findings import Finding
from origin.core.license.reading.expression import AnyOf, One
from origin.core.record import LicenseRecord, Settlement
from origin.errors import ConfigurationError, InvalidRecordError

ALL = (*USES, "distribute-under:MIT", "distribute-under:CC-BY-SA-4.0")
SETTINGS = ("no", "unsettled", "yes")


def uses(*licenses, **registered):
    """A source for each license, "s0" the first, with a hundred observations."""
    return [
        SourceUse(
            f"s{at}", one, registered.get(f"s{at}", one), 100, FirstBatch(f"s{at}", at + 1, at)
        )
        for at, one in enumerate(licenses)
    ]


def found(license_id, use, setting="unsettled", **options):
    analyzer = LicenseAnalyzer(weights_are_adaptation=setting, **options)
    return [
        (one.severity, one.rule_id)
        for one in analyzer.analyze(uses(license_id), use).findings
        if one.severity != "info"
    ]


# license, use, and what is found when weights are not, perhaps, or surely adapted from their data
E, W = "error", "warning"
FOUND = [
    ("CC0-1.0", "distribute-weights-commercially", [], [], []),
    ("MIT", "distribute-weights-commercially", [], [], []),
    ("CC-BY-4.0", "distribute-weights-commercially", [], [], []),
    ("CC-BY-4.0", "redistribute-data", [], [], []),
    ("CC-BY-NC-4.0", "train", *[[(W, "nc-commercial")]] * 3),
    ("CC-BY-NC-4.0", "distribute-weights", *[[(W, "nc-commercial")]] * 3),
    ("CC-BY-NC-4.0", "redistribute-data", [], [], []),
    ("CC-BY-NC-4.0", "distribute-weights-commercially", *[[(E, "nc-commercial")]] * 3),
    ("CC-BY-ND-4.0", "train", [], [], []),
    (
        "CC-BY-ND-4.0", "distribute-weights",
        [], [(W, "nd-adaptation")], [(E, "nd-adaptation")],
    ),
    ("CC-BY-ND-4.0", "redistribute-data", *[[(W, "nd-adaptation")]] * 3),
    (
        "CC-BY-SA-4.0", "distribute-weights",
        [], [(W, "share-alike")], [(E, "share-alike")],
    ),
    ("CC-BY-SA-4.0", "distribute-under:CC-BY-SA-4.0", [], [], []),
    (
        "CC-BY-SA-4.0", "distribute-under:MIT",
        [], [(W, "share-alike")], [(E, "share-alike")],
    ),
    ("CC-BY-SA-4.0", "distribute-under:GPL-3.0-only", [], [], []),
    ("GPL-3.0-only", "distribute-under:MIT", [], [(W, "osadl")], [(E, "osadl")]),
    ("MPL-2.0", "distribute-weights", [], [], [(W, "share-alike")]),
    ("ODbL-1.0", "train", *[[(W, "database-only")]] * 3),
    (
        "ODbL-1.0", "distribute-weights-commercially",
        *[[(W, "database-only"), (W, "offer-database")]] * 3,
    ),
    ("ODC-By-1.0", "distribute-weights", *[[(W, "database-only")]] * 3),
    ("non-commercial", "distribute-under:MIT",
        [(E, "nc-dropped"), (W, "nc-commercial")],
        *[[(E, "nc-dropped"), (W, "nc-commercial"), (W, "permission-unknown")]] * 2),
    ("llama4", "train", *[[(W, "restriction")]] * 3),
    ("Apache-2.0 WITH LicenseRef-commons-clause", "train", *[[(W, "permission-unknown")]] * 3),
    ("GPL-2.0-only WITH Classpath-exception-2.0", "train", [], [], []),
    ("HPND-sell-variant", "distribute-weights-commercially",
        *[[(W, "permission-unknown")]] * 3),
    ("PPL", "train", *[[(W, "nc-commercial"), (W, "permission-unknown")]] * 3),
    ("CDLA-Sharing-1.0", "distribute-weights-commercially", [], [], []),
    ("C-UDA-1.0", "distribute-weights-commercially", [], [], []),
    ("gemma", "distribute-weights", *[[(W, "pass-on-terms")]] * 3),
    ("gemma", "distribute-under:MIT", *[[(E, "pass-on-terms")]] * 3),
    ("llama2", "train", *[[(W, "restriction")]] * 3),
    ("llama3.1", "train", [], [], []),
    ("research-only", "train", *[[(W, "research-only")]] * 3),
    (
        "research-only", "distribute-weights-commercially",
        [(E, "research-only")],
        *[[(E, "research-only"), (W, "permission-unknown")]] * 2,
    ),
    ("proprietary", "train", *[[(W, "permission-unknown")]] * 3),
    ("proprietary", "redistribute-data", *[[(W, "permission-unknown")]] * 3),
    ("unknown", "train", *[[(W, "no-license")]] * 3),
    (None, "redistribute-data", *[[(W, "no-license")]] * 3),
    ("gpl", "train", *[[(W, "unread-license")]] * 3),
    ("NONE", "train", *[[(W, "none-granted")]] * 3),
    ("NONE", "distribute-weights", *[[(E, "none-granted")]] * 3),
    ("CC-BY-NC-4.0 OR MIT", "distribute-weights-commercially", [], [], []),
    ("CC-BY-NC-4.0 AND MIT", "distribute-weights-commercially", *[[(E, "nc-commercial")]] * 3),
]  # fmt: skip


@pytest.mark.parametrize(("license_id", "use", "if_no", "if_unsettled", "if_yes"), FOUND)
def test_what_is_found(license_id, use, if_no, if_unsettled, if_yes):
    for setting, expected in zip(SETTINGS, (if_no, if_unsettled, if_yes), strict=True):
        assert sorted(found(license_id, use, setting)) == sorted(expected), setting


def test_what_is_unknown_is_an_error_under_strict(monkeypatch):
    for unknown in ("unknown", None, "gpl", "no such license"):
        ((severity, _),) = found(unknown, "train", strict=True)
        assert severity == "error"
    assert found("MIT", "train", strict=True) == []
    monkeypatch.setenv("ORIGIN_MODE", "strict")
    assert found("unknown", "train") == [("error", "no-license")]
    assert found("unknown", "train", strict=False) == [("warning", "no-license")]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("use", ALL)
def test_every_license_for_every_use(use, setting):
    """Nothing fails, every rule is known, and what nobody knows is never let pass."""
    registry = LicenseRegistry()
    ids = [*registry, "gpl", None, "NONE", "MIT OR (GPL-2.0-only WITH Classpath-exception-2.0)"]
    analyzer = LicenseAnalyzer(weights_are_adaptation=setting)
    for license_id in ids:
        analysis = analyzer.analyze(uses(license_id), use)
        for one in analysis.findings:
            assert one.rule_id in RULES
            assert one.sources == ("s0",)
            assert one.observations == 100
        tree = registry.read(license_id).tree
        is_known = isinstance(tree, One) and registry.terms(tree).permits("private-use").value
        if use == "train" and is_known in (False, "unknown") and not isinstance(tree, AnyOf):
            assert analysis.conflicts, license_id


def test_a_finding_tells_all_about_it():
    analysis = LicenseAnalyzer().analyze(
        [*uses("MIT", "cc-by-nc 4.0"), SourceUse("s2", "CC-BY-NC-4.0", "CC-BY-NC-4.0", 200)],
        "distribute-weights-commercially",
    )
    (one,) = analysis.errors
    assert (one.kind, one.severity, one.use) == (
        "forbidden-use",
        "error",
        "distribute-weights-commercially",
    )
    assert (one.license_a, one.license_b) == ("CC-BY-NC-4.0", None)
    assert set(one.sources) == {"s1", "s2"}
    assert (one.observations, one.share) == (300, 0.75)
    assert one.first_batch == FirstBatch("s1", 2, 1)
    assert set(one.parties[0].declared) == {"cc-by-nc 4.0", "CC-BY-NC-4.0"}
    assert "rules v1" in one.data_version
    assert "spdx" in one.data_version
    assert "osadl 2026-02-12" in one.data_version
    assert analysis.verdict == ("rules v1 found 1 error against distribute-weights-commercially")
    assert str(one) in str(analysis)


def test_both_parties_of_a_conflict():
    licenses = ["MIT", "CC-BY-SA-4.0", "CC-BY-NC-4.0"]
    analyzer = LicenseAnalyzer(weights_are_adaptation=True)
    (one,) = [
        one
        for one in analyzer.analyze(uses(*licenses), "distribute-weights").findings
        if one.kind == "incompatible"
    ]
    assert (one.license_a, one.license_b) == ("CC-BY-NC-4.0", "CC-BY-SA-4.0")
    assert (one.severity, one.rule_id) == ("error", "joint-license")
    assert one.sources == ("s2", "s1")
    assert round(one.share, 3) == 0.667


def severities(licenses, use, kind, setting):
    analyzer = LicenseAnalyzer(weights_are_adaptation=setting)
    return [one.severity for one in analyzer.analyze(uses(*licenses), use).findings
            if one.kind == kind and one.rule_id == "joint-license"]  # fmt: skip


@pytest.mark.parametrize(
    ("licenses", "use", "kind", "expected"),
    [
        (("CC-BY-SA-4.0", "CC-BY-NC-4.0"), "train", "incompatible", [[], [], []]),
        (
            ("CC-BY-SA-4.0", "CC-BY-NC-4.0"), "distribute-weights", "incompatible",
            [[], ["warning"], ["error"]],
        ),
        (
            ("CC-BY-SA-4.0", "CC-BY-NC-4.0"), "redistribute-data", "incompatible",
            [["warning"]] * 3,
        ),
        (("ODbL-1.0", "CC-BY-SA-4.0"), "distribute-weights", "incompatible", [[], [], []]),
        (("ODbL-1.0", "CC-BY-SA-4.0"), "redistribute-data", "incompatible", [["warning"]] * 3),
        (
            ("Apache-2.0", "CC-BY-NC-SA-4.0"), "distribute-weights", "undetermined",
            [[], ["info"], ["warning"]],
        ),
    ],
)  # fmt: skip
def test_what_is_found_of_several(licenses, use, kind, expected):
    assert [severities(licenses, use, kind, setting) for setting in SETTINGS] == expected


@pytest.mark.parametrize("use", ALL)
def test_every_finding_is_explained_in_two_sentences(use):
    licenses = ["MIT", "gpl", None, "GPL-3.0", "CC-BY-NC-4.0", "CC-BY-SA-4.0", "llama2", "NONE",
                "CC-BY-ND-4.0", "proprietary", "MIT OR ISC", "OURS",
                "GPL-2.0-only WITH Classpath-exception-2.0"]  # fmt: skip
    ours = LicenseRecord("OURS", "Ours", permissions=["use", "fly"], copyleft=True)
    analyzer = LicenseAnalyzer(weights_are_adaptation=True)
    changed = uses(*licenses, s0="CC-BY-4.0", s1="Apache-2.0")
    analysis = LicenseAnalyzer(Store(ours), weights_are_adaptation=True).analyze(changed, use)
    assert analyzer.analyze(changed, use).findings
    assert len(analysis.findings) > 5
    for one in analysis.findings:
        text = one.explain()
        sentences = re.split(r"\.(?: (?=Rule )|$)", text)
        assert len([part for part in sentences if part]) == 2, text
        assert f"Rule {one.rule_id} of rules v1: {one.rule.text}" in text
        assert (one.source or one.rule.source) in text
        assert not re.search(r"complian|legal", text)


class Store:
    """As much of a database as registers licenses of one's own."""

    def __init__(self, *licenses):
        self.licenses = licenses

    def list_licenses(self):
        return list(self.licenses)

    def license_uses(self, session_id):
        raise AssertionError("it is asked about no session")


def test_findings_are_told_once_each_and_in_order():
    analysis = LicenseAnalyzer().analyze(
        uses("CC-BY-NC-4.0", "CC-BY-SA-4.0", "gpl", "CC-BY-4.0"), "distribute-weights-commercially"
    )
    ids = [one.finding_id for one in analysis.findings]
    assert len(set(ids)) == len(ids)
    order = [("error", "warning", "info").index(one.severity) for one in analysis.findings]
    assert order == sorted(order)


def test_a_license_that_changed_since():
    analyzer = LicenseAnalyzer()
    use = "distribute-weights-commercially"
    changed = analyzer.analyze(uses("MIT", s0="CC-BY-NC-4.0"), use)
    assert [(one.kind, one.severity) for one in changed.conflicts] == [
        ("forbidden-use", "error"),
        ("license-changed", "warning"),
    ]
    assert changed.licenses[0].license == "MIT AND CC-BY-NC-4.0"
    refused = analyzer.analyze(uses("MIT", s0="MIT plus a clause of ours"), use)
    assert {(one.kind, one.severity) for one in refused.conflicts} == {
        ("license-changed", "warning"),
        ("unknown-license", "warning"),
    }
    assert refused.licenses[0].license == "unknown"
    learnt = analyzer.analyze(uses(None, s0="CC-BY-4.0"), use)
    assert learnt.conflicts == ()
    assert learnt.licenses[0].license == "CC-BY-4.0"
    assert [one.kind for one in learnt.findings if one.rule_id == "license-changed"]
    forgotten = analyzer.analyze(uses("MIT", s0=None), use)
    assert forgotten.licenses[0].license == "MIT"
    assert [(one.kind, one.severity) for one in forgotten.conflicts] == [
        ("license-changed", "warning")
    ]
    spelt = analyzer.analyze(uses("MIT", s0="MIT License"), use)
    assert not [one for one in spelt.findings if one.rule_id == "license-changed"]


def test_a_settled_finding_stays_and_no_longer_counts():
    analyzer = LicenseAnalyzer()
    use = "distribute-weights-commercially"
    sources = uses("CC-BY-NC-4.0", "MIT")
    (error,) = analyzer.analyze(sources, use).errors
    word = Settlement(error.finding_id, "A. N. Other", "licensed by contract", "2026-01-05")
    settled = analyzer.analyze(sources, use, said={error.finding_id: word})
    assert settled.errors == ()
    assert settled.verdict.endswith("found nothing against distribute-weights-commercially "
                                    "(1 settled)")  # fmt: skip
    (again,) = [one for one in settled.findings if one.settled]
    assert again == error
    assert "settled by A. N. Other on 2026-01-05: licensed by contract" in str(again)
    # Another source under the same license is another matter.
    more = [*sources, SourceUse("s9", "CC-BY-NC-4.0", "CC-BY-NC-4.0", 1)]
    assert len(analyzer.analyze(more, use, said={error.finding_id: word}).errors) == 1


def test_a_finding_as_json_and_back():
    for one in LicenseAnalyzer().analyze(uses("CC-BY-NC-4.0", "gpl"), USES[2]).findings:
        assert Finding.from_dict(one.to_dict()) == one
        assert one.to_dict()["finding_id"] == one.finding_id


def test_an_empty_session():
    analysis = LicenseAnalyzer().analyze([], "train")
    assert (analysis.license, analysis.findings, analysis.licenses) == (None, (), ())
    assert LicenseAnalyzer().analyze(uses("MIT"), "train").license == "MIT"


def test_what_all_permit_and_any_demands():
    effect = (
        LicenseAnalyzer()
        .analyze(uses("MIT", "CC-BY-NC-4.0", "ODbL-1.0", "unknown"), "redistribute-data")
        .effect
    )
    assert {word: str(grant) for word, grant in effect.permissions.items()} == {
        "private-use": "unknown",
        "modifications": "unknown",
        "distribution": "unknown",
        "commercial-use": "deny",
        "patent-use": "unknown",
    }
    assert [str(one) for one in effect.restrictions] == ["no-commercial", "database-only"]
    assert {str(one) for one in effect.conditions} >= {
        "attribution", "include-copyright", "same-license", "notice-of-use"}  # fmt: skip
    assert effect.license == "mixed"
    assert effect.unknown == ("unknown",)


def test_an_alternative_that_goes_with_the_others_is_taken():
    def chosen(*licenses, use="distribute-weights"):
        analyzer = LicenseAnalyzer(weights_are_adaptation=True)
        analysis = analyzer.analyze(uses(*licenses), use)
        told = [one for one in analysis.findings if one.rule_id == "license-choice"]
        joint = [one for one in analysis.findings if one.rule_id == "joint-license"]
        return {one.about for one in told}, len(joint)

    assert chosen("GPL-2.0-only OR GPL-3.0-only", "Apache-2.0") == ({"GPL-3.0-only"}, 0)
    assert chosen("GPL-3.0-only OR GPL-2.0-only", "GPL-2.0-only") == ({"GPL-2.0-only"}, 0)
    assert chosen("CC-BY-SA-4.0 OR CC-BY-NC-SA-4.0", "CC-BY-NC-4.0") == ({"CC-BY-NC-SA-4.0"}, 0)
    # What is no alternative for the use is none for going together, either.
    two = ("Apache-2.0 OR CC-BY-NC-4.0", "GPL-2.0-only OR CC-BY-NC-4.0")
    taken, conflicts = chosen(*two, use="distribute-weights-commercially")
    assert (taken, conflicts) == ({"Apache-2.0", "GPL-2.0-only"}, 1)
    assert chosen(*two)[1] == 0


def test_a_license_of_ones_own_in_the_place_of_a_known_one_is_told():
    granted = ("use", "modify", "share", "commercial")
    mine = LicenseRecord("cc-by-nc-4.0", "mine", permissions=granted)
    analysis = LicenseAnalyzer(Store(mine)).analyze(
        uses("CC-BY-NC-4.0"), "distribute-weights-commercially"
    )
    (one,) = analysis.conflicts
    assert (one.rule_id, one.severity) == ("own-definition", "warning")
    assert "not as CC-BY-NC-4.0; it grants commercial use besides; it leaves out" in one.reason
    dropped = LicenseRecord("CC-BY-SA-4.0", "mine", permissions=granted)
    analysis = LicenseAnalyzer(Store(dropped)).analyze(uses("CC-BY-SA-4.0"), "distribute-weights")
    (one,) = analysis.conflicts
    assert "leaves out attribution" in one.reason
    assert one.reason.endswith("and same-license")
    ours = LicenseRecord("MIT", "MIT", permissions=granted, conditions=["include-copyright"])
    (one,) = LicenseAnalyzer(Store(ours)).analyze(uses("MIT"), "train").findings
    assert (one.rule_id, one.severity) == ("own-definition", "info")


def test_what_results_is_not_told_where_nothing_is_known():
    analyzer = LicenseAnalyzer()
    for unknown in ("LicenseRef-foo", "MIT WITH LicenseRef-clause", "research only", "BUSL-1.1",
                    "proprietary", "gpl", None):  # fmt: skip
        found = analyzer.propagate([unknown, "Apache-2.0"])
        assert (found.license, found.candidates) == ("mixed", ()), unknown
    assert analyzer.propagate(["LicenseRef-foo"]).license == "LicenseRef-foo"
    nothing = analyzer.propagate([])
    assert nothing.license is None
    assert {str(grant) for grant in nothing.permissions.values()} == {"unknown"}


def test_an_exception_makes_another_license_to_distribute_under():
    target = "distribute-under:GPL-3.0-only WITH Classpath-exception-2.0"
    assert ("error", "share-alike") in found("GPL-3.0-only", target, "yes")
    assert found("GPL-3.0-only WITH Classpath-exception-2.0", target, "yes") == []
    assert found("GPL-3.0-only WITH Classpath-exception-2.0", "distribute-under:GPL-3.0-only",
                 "yes") == []  # fmt: skip
    clause = found("Apache-2.0", "distribute-under:MIT WITH LicenseRef-clause", "yes")
    assert [severity for severity, _ in clause] == ["warning"]


@pytest.mark.parametrize("made_up", ["LicenseRef-scancode-cc-by-4.0-but-not-for-ai",
                                     "LicenseRef-scancode-CC-BY-9.9"])  # fmt: skip
def test_a_reference_that_nobody_lists_is_not_creative_commons(made_up):
    assert found(made_up, "train") == [("warning", "permission-unknown")]


@pytest.mark.parametrize(("declared", "registered"), [("NONE", "some EULA"), ("some EULA", "NONE")])
def test_none_counts_whenever_it_was_said(declared, registered):
    analysis = LicenseAnalyzer().analyze(
        [SourceUse("s", declared, registered, 1)], "distribute-weights"
    )
    assert [one.rule_id for one in analysis.errors] == ["none-granted"]


def test_licenses_of_one_source_that_do_not_go_together():
    analysis = LicenseAnalyzer(weights_are_adaptation=True).analyze(
        uses("CC-BY-NC-SA-4.0 AND GPL-3.0-only"), "distribute-weights"
    )
    (one,) = [one for one in analysis.errors if one.rule_id == "joint-license"]
    assert one.reason == "no license may follow all of its licenses"


def test_each_finding_is_told_once():
    analysis = LicenseAnalyzer().analyze(
        uses("CC-BY-NC-4.0 AND CC-BY-NC-SA-4.0"), "distribute-weights-commercially"
    )
    ids = [one.finding_id for one in analysis.findings]
    assert len(ids) == len(set(ids))
    assert len(analysis.errors) == 1


def test_a_license_of_ones_own_cannot_break_out_of_its_line():
    name = "evil\x1b[31m\nlicense: MIT"
    record = LicenseRecord(name, "n\n  grants: everything", permissions=["use"])
    found = LicenseAnalyzer().propagate([record])
    assert [line for line in str(found).splitlines() if line == "license: MIT"] == []
    assert "\x1b" not in str(found)
    assert "  grants: everything" not in str(LicenseRegistry([record]).get(name)).splitlines()


def test_a_thousand_licenses_of_which_nothing_is_known():
    """They are told one by one, and not every one against every other."""
    analysis = LicenseAnalyzer(weights_are_adaptation=True).analyze(
        uses(*(f"LicenseRef-{at}" for at in range(1000))), "distribute-weights"
    )
    assert len(analysis.conflicts) == 1000
    assert {one.rule_id for one in analysis.conflicts} == {"permission-unknown"}


def test_which_alternative_was_taken():
    analysis = LicenseAnalyzer().analyze(uses("GPL-3.0-only OR MIT"), "distribute-weights")
    assert analysis.effect.choices == {"GPL-3.0-only OR MIT": "MIT"}
    assert "of the alternatives, MIT was taken" in [one.reason for one in analysis.findings]


def test_a_hostile_name_stays_on_its_line():
    text = "x\n- MIT: all is well\u202e"
    analysis = LicenseAnalyzer().analyze([SourceUse(text, text, text, 1)], "train")
    assert len(str(analysis).splitlines()) == 1 + len(analysis.licenses) + len(analysis.conflicts)
    assert "\u202e" not in str(analysis)
    assert analysis.licenses[0].declared == (text,)


@pytest.mark.parametrize("use", ["", "sell", None, 3, "distribute-under:", "distribute-under:gpl",
                                 "distribute-under:MIT OR ISC"])  # fmt: skip
def test_a_use_that_does_not_exist(use):
    with pytest.raises(ConfigurationError, match="use"):
        LicenseAnalyzer().analyze(uses("MIT"), use)


def test_wrong_arguments():
    with pytest.raises(ConfigurationError, match="weights_are_adaptation"):
        LicenseAnalyzer(weights_are_adaptation="perhaps")
    with pytest.raises(ConfigurationError, match="strict"):
        LicenseAnalyzer(strict="very")
    with pytest.raises(ConfigurationError, match="LicenseAnalyzer\\(db\\)"):
        LicenseAnalyzer().analyze_session("x")
    with pytest.raises(InvalidRecordError, match="list of licenses"):
        LicenseAnalyzer().propagate("MIT")
    with pytest.raises(InvalidRecordError):
        LicenseAnalyzer().check_compatibility("MIT", 3)
    with pytest.raises(InvalidRecordError, match="list of licenses"):
        LicenseAnalyzer().propagate(None)
    with pytest.raises(InvalidRecordError, match="SourceUse"):
        LicenseAnalyzer().analyze(["x"])
    with pytest.raises(ConfigurationError, match="an open database"):
        LicenseAnalyzer(3)


def test_none_is_known_to_grant_nothing():
    assert LicenseAnalyzer().check_compatibility("MIT", "NONE")[0] is False
    assert LicenseAnalyzer().propagate(["MIT", "NONE"]).candidates == ()
