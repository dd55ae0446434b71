"""Addresses of licenses."""

import pytest

from origin.core.license.reading.links import is_link
from origin.core.license.reading.normalize import normalize_license

CC = "creativecommons.org/licenses"
KNOWN = [
    (f"https://{CC}/by/4.0/", "CC-BY-4.0"),
    (f"http://www.{CC}/by/4.0", "CC-BY-4.0"),
    (f"{CC}/by/4.0", "CC-BY-4.0"),
    (f"//{CC}/by/4.0", "CC-BY-4.0"),
    (f"HTTPS://{CC.upper()}/BY-SA/4.0/", "CC-BY-SA-4.0"),
    (f"https://{CC}/by-sa/4.0/deed.de", "CC-BY-SA-4.0"),
    (f"https://{CC}/by-nc/4.0/legalcode", "CC-BY-NC-4.0"),
    (f"https://{CC}/by-nc/4.0/legalcode.txt?ref=x#s1", "CC-BY-NC-4.0"),
    (f"https://{CC}/by-nc-sa/3.0/de/deed.en", "CC-BY-NC-SA-3.0-DE"),
    (f"https://{CC}/by/3.0/igo/", "CC-BY-3.0-IGO"),
    (f"https://{CC}/by-nd-nc/1.0/", "CC-BY-NC-ND-1.0"),
    (f"https://{CC}/publicdomain/", "CC-PDDC"),
    ("https://creativecommons.org/publicdomain/zero/1.0/deed.fr", "CC0-1.0"),
    ("https://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0"),
    ("https://spdx.org/licenses/MIT.html", "MIT"),
    ("https://spdx.org/licenses/CC-BY-4.0", "CC-BY-4.0"),
    ("https://opensource.org/licenses/BSD-3-Clause", "BSD-3-Clause"),
    ("https://opensource.org/license/apache-2-0", "Apache-2.0"),
    ("https://opensource.org/licenses/mit-license.php", "MIT"),
    ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
    ("https://opendatacommons.org/licenses/odbl/1-0/", "ODbL-1.0"),
    ("https://opendatacommons.org/licenses/pddl/1.0/", "PDDL-1.0"),
    ("https://cdla.dev/permissive-2-0/", "CDLA-Permissive-2.0"),
    ("https://cdla.dev/sharing-1-0", "CDLA-Sharing-1.0"),
    ("https://choosealicense.com/licenses/mpl-2.0/", "MPL-2.0"),
    ("https://www.mozilla.org/en-US/MPL/2.0/", "MPL-2.0"),
    ("https://www.eclipse.org/legal/epl-v10.html", "EPL-1.0"),
    ("https://www.llama.com/llama3_1/license/", "LicenseRef-scancode-llama-3.1-license-2024"),
    (
        "https://huggingface.co/meta-llama/Llama-3.2-1B/blob/main/LICENSE.txt",
        "LicenseRef-scancode-llama-3.2-license-2024",
    ),
    ("https://huggingface.co/meta-llama/Meta-Llama-3-8B/blob/main/LICENSE", "LicenseRef-llama3"),
    (
        "https://huggingface.co/spaces/bigscience/license",
        "LicenseRef-scancode-bigscience-rail-1.0",
    ),
    ("https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/", "OGL-UK-3.0"),
    ("https://www.govdata.de/dl-de/by-2-0", "DL-DE-BY-2.0"),
    ("https://openmdw.ai/license/1-1/", "LicenseRef-openmdw-1.1"),
    ("http://www.wtfpl.net/", "WTFPL"),
]
NOTED = [
    (f"https://{CC}/by/2.0/jp/", "CC-BY-2.0", "port to JP"),
    ("https://opendatacommons.org/licenses/by/summary/", "ODC-By-1.0", "no version"),
    ("https://www.gnu.org/licenses/gpl-3.0.en.html", "GPL-3.0-only", "ambiguous"),
    ("https://www.gnu.org/licenses/old-licenses/gpl-2.0.html", "GPL-2.0-only", "ambiguous"),
    ("https://www.gnu.org/licenses/fdl-1.3-standalone.html", "GFDL-1.3-only", "ambiguous"),
    ("https://opensource.org/licenses/GPL-3.0", "GPL-3.0-only", "ambiguous"),
    ("ai.google.dev/gemma/terms", "LicenseRef-scancode-gemma-tou-2024-04-01", "2024-04-01"),
]
UNKNOWN = [
    (f"https://{CC}/by/", "without a version"),
    ("https://www.gnu.org/licenses/gpl.html", "without a version"),
    ("https://opensource.org/licenses/bsd-license.php", "without a version"),
    ("https://ai.meta.com/llama/license/", "without a version"),
    ("https://www.apache.org/licenses/LICENSE", "without a version"),
    ("https://example.org/licenses/MIT", "no address of a license"),
    ("https://creativecommons.org@example.org/licenses/by/4.0/", "no address of a license"),
    (f"https://{CC}/sampling+/1.0/", "no address of a license"),
    ("https://creativecommons.org/", "no address of a license"),
    ("https://", "no address of a license"),
    ("https://[", "no address of a license"),
]


@pytest.mark.parametrize(("text", "expression"), KNOWN)
def test_addresses_are_read(text: str, expression: str) -> None:
    found = normalize_license(text)
    assert (found.expression, found.notes) == (expression, ())


@pytest.mark.parametrize(("text", "expression", "word"), NOTED)
def test_what_an_address_does_not_say_is_noted(text: str, expression: str, word: str) -> None:
    found = normalize_license(text)
    assert found.expression == expression
    assert word in " ".join(found.notes)


@pytest.mark.parametrize(("text", "word"), UNKNOWN)
def test_other_addresses_stay_unknown(text: str, word: str) -> None:
    found = normalize_license(text)
    assert found.expression is None
    assert word in " ".join(found.notes)


@pytest.mark.parametrize("text", ["MIT/Apache-2.0", "MIT", "see https://example.org", "a.b"])
def test_what_is_no_address(text: str) -> None:
    assert not is_link(text)
