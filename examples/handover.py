"""What a run was given, handed over: to MLflow, into a model card, and as a page to look at."""

import json
import tempfile
from pathlib import Path

from sklearn.datasets import load_digits, load_wine

from origin import ProvenanceDatabase, SourceRecord
from origin.cards.generator import ProvenanceCardGenerator
from origin.export.formats import ProvenanceExporter
from origin.hooks.pytorch import DataLoaderHook

MODEL_CARD = """---
language: en  # what stands here stays
---

# A small model
"""


def record(db):
    """A run over two sources that come with scikit-learn."""
    db.record_source(
        SourceRecord("uci/digits", license_id="CC-BY-4.0", url="https://doi.org/10.24432/C50P49")
    )
    db.record_source(SourceRecord("uci/wine", license_id="CC-BY-4.0"))
    with db.session("lr=0.1") as session:
        for source, data in (("uci/digits", load_digits()), ("uci/wine", load_wine())):
            hook = DataLoaderHook(db, session.session_id, source)
            for at in range(0, len(data.data), 50):
                hook.observe(data.data[at : at + 50])
    return session.session_id


def log_to_mlflow(exporter, run, folder):
    """Into a store of MLflow's in this folder, and what it says of the run."""
    try:
        import mlflow
    except ImportError:
        print("MLflow is not installed: pip install mlflow")
        return
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment(
        experiment_id=mlflow.create_experiment("digits", (folder / "artifacts").as_uri())
    )
    told = mlflow.get_run(exporter.log_to_mlflow(run))
    for one in told.inputs.dataset_inputs:
        seen = json.loads(one.dataset.profile)["num_observations"]
        print(f"data set {one.dataset.name}, digest {one.dataset.digest}: {seen:,} observations")
    print("tag provenance.verdicts:", told.data.tags["provenance.verdicts"].splitlines()[0])


with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    with ProvenanceDatabase(folder / "provenance.db") as db:
        run = record(db)
        exporter = ProvenanceExporter(db)
        log_to_mlflow(exporter, run, folder)

        card = folder / "README.md"
        card.write_text(MODEL_CARD)
        exporter.update_model_card(card, run)
        print(card.read_text().split("\n## ")[0])

        page = folder / "report.html"
        page.write_text(ProvenanceCardGenerator(db).generate_html(run), encoding="utf-8")
        print(f"a page of {page.stat().st_size:,} bytes, and nothing it would have to fetch")
        print(f"{exporter.to_jsonl(run, folder / 'run.jsonl'):,} lines of JSONL")
