"""The documents are true: their examples run, in order, as they stand there; their links lead
somewhere; and the model of licenses names all that the code knows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from origin.core.license import LicensePolicy, LicenseRegistry
from origin.core.license.reading.expression import MAX_DEPTH, MAX_LICENSES
from origin.core.license.reading.normalize import MAX_LENGTH
from origin.core.license.rules import RULES, data_version
from origin.core.license.terms import CATEGORIES, RULES_VERSION, data, described
from origin.core.license.uses import USES
from origin.core.license.vocabulary import CONDITIONS, PERMISSIONS, RESTRICTIONS

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "docs/guide.md"]
LINKED = [
    *DOCUMENTS,
    "docs/quickstart.md",
    "docs/cli.md",
    "docs/storage.md",
    "docs/page.md",
    "docs/fingerprint.md",
    "docs/proof.md",
    "docs/exports.md",
    "docs/licenses.md",
    "docs/performance.md",
    "docs/dependencies.md",
]

# By the option -W Python cannot name a class of a package that is not its own.
PRELUDE = """
import warnings
from origin.errors import OriginWarning
warnings.simplefilter("error", OriginWarning)
"""

# What the examples print, as it stands beside them.
PRINTED = {
    "README.md": ["completed True", "{'CC0-1.0': 1000}"],
    "docs/guide.md": [
        "rules v1 found 2 warnings against train",
        "mixed deny",
        "cc0-1.0",
    ],
}


# Examples that leave nothing behind, and what they print.
LEAVE_NOTHING = {
    "licenses.py": "policy passed: rules v1 found nothing",
    "handover.py": "42 lines of JSONL",
}


def python_blocks(document: str) -> str:
    text = (ROOT / document).read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


def run(code: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + code],
        cwd=folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("document", DOCUMENTS)
def test_examples_run(document: str, tmp_path: Path) -> None:
    code = python_blocks(document)
    assert "origin" in code
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    for printed in PRINTED.get(document, ()):
        assert printed in code
        assert printed in done.stdout


def test_a_warning_in_an_example_is_an_error(tmp_path: Path) -> None:
    done = run("warnings.warn('of no use', OriginWarning)", tmp_path)
    assert done.returncode == 1
    assert "OriginWarning: of no use" in done.stderr


@pytest.mark.parametrize("document", LINKED)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\(([^):]+)\)", path.read_text(encoding="utf-8"))
    assert not [link for link in links if not _leads_somewhere(path, link)]


def _leads_somewhere(path: Path, link: str) -> bool:
    file, _, heading = link.partition("#")
    target = path.parent / file if file else path
    return target.exists() and (not heading or heading in _headings(target))


def _headings(path: Path) -> set[str]:
    """The headings of a document, as links name them."""
    found = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in found}


@pytest.mark.parametrize("example", sorted(ROOT.glob("examples/*.py")), ids=lambda path: path.name)
def test_examples_folder(example: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(example), str(tmp_path / "provenance.db")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if example.name in LEAVE_NOTHING:
        assert LEAVE_NOTHING[example.name] in done.stdout
        assert not list(tmp_path.iterdir())
    else:
        assert "observations of" in done.stdout
        assert (tmp_path / "provenance.db").exists()


# -- docs/licenses.md ------------------------------------------------------------------------

LICENSES = (ROOT / "docs/licenses.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(list(RULES), id="rules"),
        pytest.param(list(described()), id="licenses"),
        pytest.param([*PERMISSIONS, *RESTRICTIONS, *CONDITIONS], id="words"),
        pytest.param(list(CATEGORIES), id="categories"),
        pytest.param(list(USES), id="uses"),
    ],
)
def test_the_model_names_all(words: list[str]) -> None:
    assert not [one for one in words if f"`{one}`" not in LICENSES]


def test_the_model_says_what_each_rule_says() -> None:
    table = LICENSES.partition("\n## The rules\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \|", table, re.MULTILINE))
    assert rows == {rule_id: rule.text for rule_id, rule in RULES.items()}


def test_the_model_has_the_source_of_each_entry() -> None:
    sources = [entry["source"] for kind in ("license", "edge") for entry in data()[kind]]
    same = "the text of {id}, https://spdx.org/licenses/{id}.html"
    missing = [one for one in sources if one != same and f" | {one} |" not in LICENSES]
    assert not missing


def test_the_model_is_of_these_versions() -> None:
    assert f"rules\nversion {RULES_VERSION}." in LICENSES
    assert f"`{data_version()}`" in LICENSES.replace("\n", " ")


def test_the_limits_of_the_model_are_those_of_the_code() -> None:
    text = LICENSES.replace("\n", " ")
    assert f"more than {MAX_LENGTH:,} characters" in text
    assert f"more than {MAX_LICENSES} licenses" in text
    assert f"more than {MAX_DEPTH} levels" in text


def test_the_policy_of_the_model_can_be_read(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", LICENSES, re.DOTALL | re.MULTILINE)
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    policy = LicensePolicy.from_toml(path)
    policy.require_known(LicenseRegistry())
    assert policy.strict
