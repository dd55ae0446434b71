"""Exports of a session that is being written by another process: each is of one moment."""

import json
import subprocess
import sys

import pytest

from origin.cards.facts import gather
from origin.export import read_jsonl
from origin.export.formats import ProvenanceExporter
from origin.storage.database import ProvenanceDatabase

WRITER = """
import sys
from origin import ProvenanceDatabase
from origin.hooks.base import BaseHook

class Lines(BaseHook):
    def _extract_samples(self, batch):
        return [(line, {}) for line in batch]

with ProvenanceDatabase(sys.argv[1]) as db, db.session("v1") as session:
    hooks = [Lines(db, session.session_id, f"s{at}", ("MIT", "CC0-1.0")[at % 2]) for at in range(4)]
    print(session.session_id, flush=True)
    for number in range(1_000):
        for hook in hooks:
            hook.observe([f"{number} {hook.source_id} {at}" for at in range(3)])
"""


@pytest.fixture
def running(tmp_path):
    path = tmp_path / "provenance.db"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    session_id = process.stdout.readline().strip()
    yield path, session_id, process
    process.stdout.close()
    assert process.wait(120) == 0


def test_all_that_is_told_fits_together(running, tmp_path):
    path, session_id, process = running
    looks, grown = 0, set()
    with ProvenanceDatabase(path, read_only=True) as db:
        exporter = ProvenanceExporter(db)
        is_last = False
        while not is_last:
            is_last = process.poll() is not None
            facts = gather(db, session_id)
            seen = sum(one.observations for one in facts.sources)
            assert seen == facts.counts["observations"]
            assert sum(one.observations for one in facts.licenses) == seen
            assert sum(one.observations for one in facts.streams) == seen
            assert all(bool(one.samples) == bool(one.observations) for one in facts.sources)
            if facts.session.status == "completed":
                assert seen == 4 * 1_000 * 3
                assert not facts.caveats
            told = json.loads(exporter.to_json(session_id))
            assert len(told["batches"]) == told["counts"]["batches"]
            exporter.to_jsonl(session_id, tmp_path / "a.jsonl")
            read = read_jsonl(tmp_path / "a.jsonl")
            assert read.batch_count == read.facts["counts"]["batches"]
            data = exporter.to_huggingface(session_id)["training_data"]
            assert sum(one["observations"] for one in data["sources"]) == data["observations"]

            looks += 1
            grown.add(seen)
    assert looks > 3
    assert len(grown) > 2
    assert max(grown) == 4 * 1_000 * 3
