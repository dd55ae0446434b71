"""Which licenses went into a run, what stands against releasing it, and the notice it needs."""

import tempfile
from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_digits, load_iris

from origin import LicensePolicy, ProvenanceDatabase, QueryEngine, SourceRecord
from origin.errors import LicensePolicyError
from origin.hooks.pytorch import DataLoaderHook

RELEASE = LicensePolicy(use="distribute-weights-commercially", require=["known-license"])


def batches(data, size=50):
    """The rows of a table that comes with scikit-learn, some at a time."""
    return [data.data[at : at + size] for at in range(0, len(data.data), size)]


with tempfile.TemporaryDirectory() as folder:
    db = ProvenanceDatabase(Path(folder) / "provenance.db")
    db.record_source(
        SourceRecord(
            "digits",
            license_id="CC BY 4.0",  # as people write it
            title="Optical Recognition of Handwritten Digits",
            author="E. Alpaydin, C. Kaynak",
            url="https://doi.org/10.24432/C50P49",
            changes="a part of it, as scikit-learn has it",
        )
    )

    # Recorded without a policy: what stands against a release is found when the session ends.
    with db.session("experiment") as session:
        for source, license_id, data in (
            ("digits", None, load_digits()),  # the license it is registered under
            ("iris", "CC-BY-NC-4.0", load_iris()),  # say it were so
            ("tumours", None, load_breast_cancer()),  # nobody said
        ):
            hook = DataLoaderHook(db, session.session_id, source, license_id)
            for _ in hook.wrap(batches(data)):
                pass  # train
    engine = QueryEngine(db)
    print(engine.analyze_licenses(session, use="distribute-weights-commercially"))
    conflicts = engine.find_conflicts(session)
    print("\nWhy:", conflicts[0].explain())
    assert [one.rule_id for one in conflicts] == ["nc-commercial", "no-license"]

    # With a policy the same source does not get as far as its first batch.
    with db.session("release", policy=RELEASE) as session:
        for _ in DataLoaderHook(db, session.session_id, "digits").wrap(batches(load_digits())):
            pass  # train
        try:
            DataLoaderHook(db, session.session_id, "iris")
        except LicensePolicyError as error:
            print("\nRefused:", error)
    report = engine.check_policy(session)
    print(f"\n{report}\n")
    assert report.exit_code == 0
    print(engine.attribution(session))
    db.close()
