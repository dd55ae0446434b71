"""What people write, what it is read as, and what the notes say of it."""

import pytest

from origin.core.license.reading.expression import AllOf, AnyOf, One
from origin.core.license.reading.normalize import normalize_license
from origin.errors import InvalidRecordError

CERTAIN = [
    ("MIT", "MIT"),
    (" 'mit' ", "MIT"),
    ("\N{LEFT DOUBLE QUOTATION MARK}MIT\N{RIGHT DOUBLE QUOTATION MARK}", "MIT"),
    ("MIT.", "MIT"),
    ("MIT License", "MIT"),
    ("The MIT License (MIT)", "MIT"),
    ("Apache 2", "Apache-2.0"),
    ("Apache License, Version 2.0", "Apache-2.0"),
    ("Apache License 2.0 (Apache-2.0)", "Apache-2.0"),
    ("license:apache-2.0", "Apache-2.0"),
    ("SPDX-License-Identifier: Apache-2.0", "Apache-2.0"),
    ("cc-by-sa 4.0", "CC-BY-SA-4.0"),
    ("CC BY 4.0", "CC-BY-4.0"),
    ("CC\N{NO-BREAK SPACE}BY\N{NON-BREAKING HYPHEN}SA 4.0", "CC-BY-SA-4.0"),
    ("BY-NC-SA 3.0", "CC-BY-NC-SA-3.0"),
    ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
    ("Creative Commons Attribution 4.0 International (CC BY 4.0)", "CC-BY-4.0"),
    ("Attribution-NonCommercial-ShareAlike 4.0 International", "CC-BY-NC-SA-4.0"),
    ("CC BY-NC-SA 3.0 IGO", "CC-BY-NC-SA-3.0-IGO"),
    ("CC0 1.0 Universal", "CC0-1.0"),
    ("CC-BY-4.0 https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
    ("BSD 3-Clause", "BSD-3-Clause"),
    ("New BSD", "BSD-3-Clause"),
    ("Simplified BSD License", "BSD-2-Clause"),
    ('BSD 3-Clause "New" or "Revised" License', "BSD-3-Clause"),
    ("GPLv2+", "GPL-2.0-or-later"),
    ("GNU General Public License v2 or later", "GPL-2.0-or-later"),
    ("GPL-2.0 or any later version", "GPL-2.0-or-later"),
    ("AGPL v3 only", "AGPL-3.0-only"),
    ("GPL-2.0-only+", "GPL-2.0-or-later"),
    ("GPL-2.0-or-later", "GPL-2.0-or-later"),
    ("EPL-1.0+", "EPL-1.0+"),
    ("apache-2.0+", "Apache-2.0+"),
    ("Apache-2.0-or-later", "Apache-2.0+"),
    ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
    ("zlib/libpng License", "Zlib"),
    ("Open Database License (ODbL) v1.0", "ODbL-1.0"),
    ("licenseref-My-Terms", "LicenseRef-My-Terms"),
    ("LICENSEREF-SCANCODE-HIPPOCRATIC-3.0", "LicenseRef-scancode-Hippocratic-3.0"),
    ("DocumentRef-x:LicenseRef-y", "DocumentRef-x:LicenseRef-y"),
    ("Llama 3.1 Community License", "LicenseRef-scancode-llama-3.1-license-2024"),
    ("License :: OSI Approved :: MIT License", "MIT"),
    ("License :: OSI Approved :: ISC License (ISCL)", "ISC"),
    (
        "License :: OSI Approved :: GNU General Public License v2 or later (GPLv2+)",
        "GPL-2.0-or-later",
    ),
    ("License :: CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "CC0-1.0"),
    ("mit or apache-2.0", "MIT OR Apache-2.0"),
    ("(MIT or ISC) And Apache 2", "(MIT OR ISC) AND Apache-2.0"),
    ("MIT AND ISC OR 0BSD", "(MIT AND ISC) OR 0BSD"),
    ("((MIT))", "MIT"),
    ("MIT OR mit", "MIT"),
    ("GPL v2 or later OR MIT", "GPL-2.0-or-later OR MIT"),
    (
        "GPLv2+ with classpath-exception-2.0",
        "GPL-2.0-or-later WITH Classpath-exception-2.0",
    ),
    ("MIT WITH AdditionRef-mine", "MIT WITH AdditionRef-mine"),
]

NOTED = [
    ("GPLv3", "GPL-3.0-only", "later versions"),
    ("GPL-3.0", "GPL-3.0-only", "ambiguous"),
    ("LGPL v2.1", "LGPL-2.1-only", "ambiguous"),
    ("GNU Free Documentation License 1.3", "GFDL-1.3-only", "ambiguous"),
    ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", "GPL-3.0-only", "later"),
    ("MIT OR GPLv3", "MIT OR GPL-3.0-only", "ambiguous"),
    ("BSD-2-Clause-FreeBSD", "BSD-2-Clause-Views", "deprecated"),
    ("Net-SNMP", "Net-SNMP", "kept"),
    ("CC0", "CC0-1.0", "names no version"),
    ("odc-by", "ODC-By-1.0", "no version"),
    ("gemma", "LicenseRef-scancode-gemma-tou-2024-04-01", "2024-04-01"),
    ("proprietary", "LicenseRef-proprietary", "description"),
    ("All rights reserved.", "LicenseRef-proprietary", "description"),
    ("License :: Other/Proprietary License", "LicenseRef-proprietary", "description"),
    ("research-only", "LicenseRef-research-only", "description"),
    ("For research purposes only", "LicenseRef-research-only", "description"),
    ("non-commercial", "LicenseRef-non-commercial", "description"),
]

UNKNOWN = [
    *((text, "without a version") for text in ("gpl", "GNU GPL", "LGPL", "gfdl", "cc", "bsd")),
    *((text, "without a version") for text in ("openrail", "cc-by", "CC BY", "by-sa", "MPL")),
    *((text, "without a version") for text in ("Apache License", "The BSD License", "CDDL", "OFL")),
    ("Creative Commons Attribution", "without a version"),
    ("GPL or later", "without a version"),
    ("SIL OPEN FONT LICENSE", "without a version"),
    ("COMMON DEVELOPMENT AND DISTRIBUTION LICENSE (CDDL)", "without a version"),
    ("License :: OSI Approved :: BSD License", "without a version"),
    ("License :: OSI Approved :: Apache Software License", "without a version"),
    ("License :: OSI Approved", "no license"),
    ("MIT OR GPL", "without a version"),
    ("MIT/Apache-2.0", "write AND or OR"),
    ("MIT, Apache-2.0", "write AND or OR"),
    ("MIT and/or Apache-2.0", "write AND or OR"),
    ("MIT with my-exception", "'my-exception'"),
    ("GPL-2.0-with-GCC-exception WITH LLVM-exception", "exception already"),
    ("LicenseRef-x+", "no id"),
    ("MIT AND NONE", "stands alone"),
    ("MIT OR", "expression"),
    ("()", "expression"),
    ("MIT (Apache-2.0)", "expression"),
    ("MIT OR nonsense", "nonsense"),
    ("a b c", "'a b c'"),
    ("MIT?", "MIT?"),
    *((text, "not known") for text in ("unknown", "NOASSERTION", "n/a", "none given", "")),
    ("other", "no license"),
    ("commercial", "no license"),
    ("none", "write NONE"),
    ("UNLICENSED", "Unlicense"),
    ("see license file", "elsewhere"),
    ("SEE LICENSE IN LICENSE.md", "elsewhere"),
    ("public domain", "ambiguous"),
    ("License :: Public Domain", "ambiguous"),
]


@pytest.mark.parametrize(("text", "expression"), CERTAIN)
def test_what_is_certain_needs_no_note(text: str, expression: str) -> None:
    found = normalize_license(text)
    assert (found.declared, found.expression, found.notes) == (text, expression, ())
    assert found.tree is not None


@pytest.mark.parametrize(("text", "expression", "word"), NOTED)
def test_what_was_assumed_is_noted(text: str, expression: str, word: str) -> None:
    found = normalize_license(text)
    assert found.expression == expression
    assert word in " ".join(found.notes)


@pytest.mark.parametrize(("text", "word"), UNKNOWN)
def test_nothing_is_guessed(text: str, word: str) -> None:
    found = normalize_license(text)
    assert (found.expression, found.tree, found.is_none) == (None, None, False)
    assert word in " ".join(found.notes)


def test_missing_is_unknown_and_none_is_no_grant() -> None:
    missing, none = normalize_license(None), normalize_license("NONE")
    assert (missing.declared, missing.expression, missing.is_none) == (None, None, False)
    assert missing.notes
    assert (none.expression, none.tree, none.is_none) == ("NONE", None, True)


def test_the_tree_says_how_licenses_go_together() -> None:
    found = normalize_license("MIT AND (EPL-1.0+ OR GPL-2.0-only WITH Classpath-exception-2.0)")
    assert found.tree == AllOf(
        (
            One("MIT"),
            AnyOf((One("EPL-1.0", or_later=True), One("GPL-2.0-only", "Classpath-exception-2.0"))),
        )
    )


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("my-terms-1.0", "My-Terms-1.0"),
        ("mit", "mIt"),
        ("my-terms-1.0 or apache 2", "My-Terms-1.0 OR Apache-2.0"),
        ("MIT AND my-terms-1.0", "mIt AND My-Terms-1.0"),
        ("OUR TERMS, 2nd (draft)", "Our terms, 2nd (draft)"),
        ("none", "none"),
        ("unknown", "Unknown"),
    ],
)
def test_own_licenses_come_first_and_keep_their_spelling(text: str, expression: str) -> None:
    own = ["My-Terms-1.0", "mIt", "Our terms, 2nd (draft)", "none", "Unknown"]
    found = normalize_license(text, own)
    assert (found.expression, found.notes) == (expression, ())
    assert normalize_license(found.expression, own).expression == expression


def test_of_own_ids_that_differ_in_case_the_exact_one_counts() -> None:
    assert normalize_license("Terms", ["TERMS", "Terms"]).expression == "Terms"
    assert normalize_license("terms", ["TERMS", "Terms"]).expression == "TERMS"


@pytest.mark.parametrize("given", [b"MIT", 4, ["MIT"], object()])
def test_what_is_no_text_is_refused(given: object) -> None:
    with pytest.raises(InvalidRecordError, match="a license is a str"):
        normalize_license(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("custom", ["MIT", [1], [None]])
def test_own_ids_are_texts(custom: object) -> None:
    with pytest.raises(InvalidRecordError, match="custom"):
        normalize_license("MIT", custom)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["MIT-style", "mit-like", "X11-style", "mit/x11", "MIT/X11", "BSD-style", "GPL-like"]
)
def test_what_a_license_is_like_is_not_what_it_is(text):
    read = normalize_license(text)
    assert read.expression is None
    assert read.notes
