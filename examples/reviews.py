"""A Hugging Face data set on record: batches, single rows, and a streaming pass.

    python examples/reviews.py [database]

The rows are made here, so nothing is downloaded.
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from datasets import Dataset

from origin.core.fingerprint import fingerprint_sample
from origin.hooks.huggingface import DatasetHook
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase

WORDS = ("plain", "slow", "moving", "loud", "clever", "long", "bright", "odd")


def make_reviews(count: int) -> Dataset:
    """Short reviews of films nobody made."""
    texts = [
        f"A {WORDS[i % 8]} and {WORDS[(i // 8) % 8]} film, seen {i} times." for i in range(count)
    ]
    return Dataset.from_dict({"text": texts, "label": [i % 2 for i in range(count)]})


def count_words(batch: dict[str, list[str]], counts: dict[str, int]) -> None:
    """What stands in for training here."""
    for text in batch["text"]:
        for word in text.lower().split():
            counts[word] = counts.get(word, 0) + 1


def main() -> None:
    reviews = make_reviews(1000)
    counts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = sys.argv[1] if len(sys.argv) > 1 else str(Path(folder) / "provenance.db")
        with ProvenanceDatabase(path) as db, db.session(config_hash="word-counts") as session:
            hook = DatasetHook(
                db, session.session_id, source_id="made-up-reviews", license_id="CC0-1.0"
            )
            for batch in hook.wrap(reviews.iter(batch_size=32)):
                count_words(batch, counts)
            for row in hook.wrap_streaming(reviews.to_iterable_dataset()):
                count_words({"text": [row["text"]]}, counts)

            stats = hook.get_stats()
            print(
                f"reviews: {stats['samples_observed']:,} observations of "
                f"{stats['unique_samples']:,} rows in {stats['batches_observed']:,} batches"
            )
            # The same row has one fingerprint however it was read, so it can be looked up.
            trace = QueryEngine(db).trace_sample(fingerprint_sample(reviews[41]))
            places = [f"epoch {o.epoch} batch {o.batch_no}" for o in trace.observations]
            print(f"row 41 ({trace.licenses[0]}) was seen at {' and '.join(places)}")


if __name__ == "__main__":
    main()
