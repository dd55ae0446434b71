"""Two sessions, a run with itself, and a session with given samples."""

import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import rows

from origin.tracking import track

TEXT = "the early river waits (poems 1)"


def test_two_sessions(origin, demo):
    text = origin("diff", demo[1], demo[2]).stdout
    assert "72 samples were seen only by the first session, 0 only by the second" in text
    assert "batch 0 of 'poems' on rank 0 differs at 8 of 8 positions" in text
    same = origin("diff", demo[0][:8], demo[0]).stdout
    assert "both were given the same batches" in same
    assert origin.told("diff", demo[0], demo[0])["first_difference"] is None


def test_the_samples_that_differ(origin, demo):
    listed = rows(origin("diff", demo[1], demo[2], "--samples", "--limit", 80))
    assert [row["seen by"] for row in listed] == ["only_a"] * 72 + ["unequal"] * 8
    told = origin.told("diff", demo[1], demo[2], "--samples", "--limit", 0)
    assert len(told["samples"]) == 72 + told["difference"]["unequal"]


def test_a_run_that_was_resumed(origin, demo):
    text = origin("audit", demo[1], demo[2]).stdout
    assert "epoch 1: 10 batches, 80 observations of 64 samples, 16 repeated, 0 skipped" in text
    assert text.count("were delivered again to rank 0 after the restart") == 3
    assert "0 repeated" in origin("audit", demo[0]).stdout
    told = origin.told("audit", demo[2], "--reference", demo[0])
    assert told["reference_ids"] == [demo[0]]
    assert told["sources"][0]["epochs"][0]["skipped_samples"] == 24
    assert "its own" not in origin("audit", "latest", "--reference", "latest", code=1).stdout


def test_another_session(origin, demo):
    done = origin("overlap", demo[1], "--with", demo[2], "--limit", 5)
    assert "120 samples were seen by both sessions" in done.stdout
    assert len(rows(done)) == 5
    assert origin.told("overlap", demo[1], "--with", demo[2])["shared"] == 120


def _write(path, texts):
    kind = path.suffix
    if kind in (".jsonl", ".ndjson"):
        path.write_text("".join(json.dumps({"text": one}) + "\n\n" for one in texts))
    elif kind == ".json":
        path.write_text(json.dumps([{"text": one} for one in texts]))
    elif kind == ".csv":
        path.write_text("text\n" + "".join(f"{one}\n" for one in texts))
    else:
        pq.write_table(pa.table({"text": texts}), path)


@pytest.mark.parametrize("suffix", ["jsonl", "ndjson", "json", "csv", "parquet"])
def test_an_evaluation_set(origin, demo, tmp_path, suffix):
    _write(tmp_path / f"eval.{suffix}", ["unseen", TEXT, "not either"])
    done = origin("overlap", demo[0], "--dataset", f"eval.{suffix}", "--column", "text")
    assert done.stdout.startswith("1 of 3 samples was trained on")
    assert [(row["row"], row["epoch"], row["batch"]) for row in rows(done)] == [
        ("1", "0", "0"),
        ("1", "1", "8"),
    ]
    whole = origin("overlap", demo[0], "--dataset", f"eval.{suffix}").stdout
    assert whole.startswith("0 of 3 samples were trained on")
    assert "note: none of them has the form of a recorded sample" in whole
    assert (
        "no column 'z'"
        in origin("overlap", "--dataset", f"eval.{suffix}", "--column", "z", code=1).stderr
    )


def test_lines_and_fingerprints(origin, demo, tmp_path):
    (tmp_path / "eval.txt").write_bytes(f"unseen\r\n{TEXT}".encode())
    told = origin.told("overlap", demo[0], "--dataset", "eval.txt")
    assert (told["given"], told["shared"], told["numbers"]) == (2, 1, [1])
    assert len(told["samples"]) == 2
    sums = f"{hashlib.sha256(TEXT.encode()).hexdigest()}  essay.txt\n\n{'0' * 64}  other\n"
    (tmp_path / "sums").write_text(sums)
    text = origin("overlap", demo[0], "--fingerprints", "sums").stdout
    assert text.startswith("1 of 2 samples was trained on")


def test_rows_of_an_array(origin, tmp_path):
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.save(tmp_path / "eval.npy", table)
    with track([table[1:3]], "rows", path=tmp_path / "provenance.db") as batches:
        assert len(list(batches)) == 1
    text = origin("overlap", "--dataset", "eval.npy").stdout
    assert text.startswith("2 of 4 samples were trained on")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("eval.jsonl", b"{}\n{\n", "line 2: no JSON"),
        ("eval.json", b'{"a": 1}', "must hold a list"),
        ("eval.json", b"[", "no JSON"),
        ("eval.parquet", b"PAR1", "cannot be read as Parquet"),
        ("eval.npy", b"\x93NUMPY", "cannot be read as an array"),
        ("eval.csv", b'a,b\n1\n"2', "cannot be read as CSV"),
        ("eval.txt", b"\xff\xfe", "no text in UTF-8"),
        ("eval.txt", b"", "nothing was given"),
        ("eval.xml", b"", "takes files that end in"),
        ("other.txt", None, "cannot be read"),
    ],
)
def test_a_data_set_that_cannot_be_read(origin, demo, tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    error = origin("overlap", "--dataset", name, code=1).stderr
    assert said in error
    assert len(error.splitlines()) == 1


def test_objects_in_an_array_are_never_loaded(origin, demo, tmp_path):
    np.save(tmp_path / "eval.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "cannot be read as an array" in origin("overlap", "--dataset", "eval.npy", code=1).stderr


def test_what_to_compare_with_must_be_said(origin, demo):
    assert "give one of --with" in origin("overlap", code=1).stderr
    assert (
        "give one of --with"
        in origin("overlap", "--with", "latest", "--dataset", "x.txt", code=1).stderr
    )
