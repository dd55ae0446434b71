"""Exports of a record that was written once: the same as ever, to the letter.

The versions of Origin and of its license data stand in exports as what they are; here they are
replaced, so that a new one alone changes no golden file.
"""

import json
import re
import shutil
from hashlib import sha256
from importlib.metadata import version

import pyarrow.parquet as pq
import pytest
from exports_support import check_document, check_lines
from golden_files import GOLDEN, check

from origin.cards.generator import ProvenanceCardGenerator
from origin.core.license.rules import data_version
from origin.export import read_jsonl
from origin.export.formats import ProvenanceExporter
from origin.storage.database import ProvenanceDatabase

SESSION = "00000000-0000-4000-8000-000000000001"
JSONL = "export-v1.jsonl"


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden")
    shutil.copytree(GOLDEN / "v4.db.segments", folder / "v4.db.segments")
    shutil.copy(GOLDEN / "v4.db", folder)
    with ProvenanceDatabase(folder / "v4.db", read_only=True) as db:
        yield db


def steady(text):
    text = text.replace(data_version(), "rules of golden files")
    own = re.escape(version("origin-provenance"))
    return re.sub(rf"(origin_version\W+|[Oo]rigin ){own}", r"\g<1>0.0.0", text)


@pytest.mark.parametrize("name", ["to_mlflow", "to_wandb", "to_huggingface"])
def test_what_others_get(record, name):
    told = getattr(ProvenanceExporter(record), name)(SESSION)
    if name == "to_mlflow":
        told["artifacts"] = sorted(told["artifacts"])  # they have golden files of their own
    check(f"export-{name[3:]}.json", steady(json.dumps(told, indent=2) + "\n"))


def test_the_document(record):
    text = ProvenanceExporter(record).to_json(SESSION)
    check("export-v1.json", steady(text + "\n"))
    check_document((GOLDEN / "export-v1.json").read_text())


def test_the_lines(record, tmp_path):
    ProvenanceExporter(record).to_jsonl(SESSION, tmp_path / JSONL)
    *lines, end = steady((tmp_path / JSONL).read_text()).splitlines(keepends=True)
    told = json.loads(end)
    told["sha256"] = sha256("".join(lines).encode()).hexdigest()
    check(JSONL, "".join([*lines, json.dumps(told, separators=(",", ":")) + "\n"]))


def test_the_card_and_the_report(record):
    generator = ProvenanceCardGenerator(record)
    check("export-card.md", steady(generator.generate(SESSION)))
    check("export-report.html", steady(generator.generate_html(SESSION)))


def test_a_file_of_this_version_is_read_for_good(record, tmp_path):
    """``export-v1.jsonl`` stays as it is; a later version gets a file of its own."""
    check_lines(GOLDEN / JSONL)
    read = read_jsonl(GOLDEN / JSONL)
    ProvenanceExporter(record).to_jsonl(SESSION, tmp_path / "now.jsonl")
    now = read_jsonl(tmp_path / "now.jsonl")
    changing = {"rules": None, "origin_version": None, "conflicts": None}
    assert read.facts | changing == now.facts | changing
    assert list(read.batches()) == list(now.batches())
    assert (read.batch_count, read.sample_count) == (9, 24)


def test_parquet(record, tmp_path):
    """Its bytes depend on who writes them, its rows do not."""
    assert ProvenanceExporter(record).to_parquet(SESSION, tmp_path) == 24
    for name in ("observations", "batches"):
        table = pq.read_table(tmp_path / f"{name}.parquet")
        told = {"columns": [f"{one.name}: {one.type}" for one in table.schema]}
        told["rows"] = [{k: str(v) for k, v in row.items()} for row in table.to_pylist()]
        check(f"export-parquet-{name}.json", json.dumps(told, indent=1) + "\n")
