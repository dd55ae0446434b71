"""Batches, the samples in them, and samples by license."""

import pytest
from commands import rows


def test_batches_in_order(origin, demo):
    done = origin("batches", "latest", "--limit", 2)
    assert [row["batch"] for row in rows(done)] == ["0", "1"]
    assert "and 13 more; --limit 0 shows all" in done.stderr
    assert origin("inspect", "latest", "--batches", "--limit", 2).stdout == done.stdout
    found = origin.told("batches", demo[0], "--limit", 0)
    assert len(found) == 48
    assert len(found[0]["root"]) == 64


def test_batches_by_loss(origin, demo):
    ranked = rows(origin("batches", demo[0], "--by", "loss", "--top", 5))
    losses = [float(row["loss"]) for row in ranked]
    assert len(losses) == 5
    assert losses == sorted(losses, reverse=True)
    least = origin.told("batches", demo[0], "--by", "loss", "--top", 5, "--lowest")
    assert least[0]["value"] < losses[-1]
    assert (
        "no batch has a number 'accuracy'" in origin("batches", "--by", "accuracy", code=1).stderr
    )


def test_batches_of_one_source(origin, demo):
    assert {row["source"] for row in rows(origin("batches", "--source", "poems"))} == {"poems"}
    ranked = rows(origin("batches", "--by", "loss", "--source", "forum", "--rank", 0))
    assert {row["source"] for row in ranked} == {"forum"}
    assert "no such stream" in origin("batches", "--rank", 7, code=1).stderr


def test_the_rows_of_a_batch(origin, demo):
    done = origin("batch", demo[0], 3, "--source", "poems")
    assert done.stdout.startswith("batch 3 of 'poems' on rank 0")
    assert "loss" in done.stdout.splitlines()[0]
    assert [row["row"] for row in rows(done)] == [str(number) for number in range(8)]
    assert all(int(row["bytes"]) > 20 for row in rows(done))
    before = rows(origin("batch", demo[0], 3, "--source", "poems", "--before", 1))
    assert {row["batch"] for row in before} == {"2", "3"}
    told = origin.told("batch", demo[0], 3)
    assert len(told["batches"]) == 3
    assert len(told["batches"][0]["rows"][0]["sample_id"]) == 64
    assert "there is no batch 99" in origin("batch", "latest", 99, code=2).stderr


def test_samples_of_a_license(origin, demo):
    done = origin("query", "cc-by-4.0", "--limit", 3)
    assert "64 samples were seen under cc-by-4.0" in done.stderr
    assert [(row["source"], row["epoch"], row["row"]) for row in rows(done)] == [
        ("encyclopedia", "0", str(number)) for number in range(3)
    ]
    found = origin.told("query", "CC-BY-4.0", "--session", demo[2], "--limit", 0)
    assert (found["samples"], len(found["shown"])) == (40, 40)
    assert found["shown"][0]["session_id"] == demo[2]
    for arguments in (("MIT",), ("CC-BY-4.0 ",)):
        assert "`origin licenses` lists" in origin("query", *arguments, code=2).stderr


def test_samples_of_a_session(origin, demo):
    found = origin.told("inspect", demo[2], "--samples", "--limit", 0)
    assert (found["samples"], len({one["sample_id"] for one in found["shown"]})) == (120, 120)
    assert len(rows(origin("inspect", demo[2], "--samples"))) == 20
    assert "give one of" in origin("inspect", "--samples", "--batches", code=1).stderr


def test_a_sample_is_traced_by_what_is_shown_of_it(origin, demo):
    (row,) = rows(origin("inspect", demo[0], "--samples", "--limit", 1))
    assert f"sample {row['sample']}" in origin("trace", row["sample"]).stdout
    assert origin("trace", row["sample"].upper()).stdout == origin("trace", row["sample"]).stdout


@pytest.mark.parametrize("beginning", ["abc", "xyz12", "--", "\u202eabcd"])
def test_what_begins_no_sample_id(origin, demo, beginning):
    assert "give 4 to 64 hex digits" in origin("trace", "--", beginning, code=1).stderr


def test_all_of_a_source_is_traced(origin, demo, tmp_path):
    done = origin("trace", "--source", "for*", "--limit", 4)
    assert done.stdout.startswith("seen 272 times by 3 sessions\n")
    assert len(rows(done)) == 4
    assert "and 30 more" in done.stderr
    assert "34 batches written" in origin("trace", "--source", "forum", "--csv", "f.csv").stderr
    assert len((tmp_path / "f.csv").read_text().splitlines()) == 35
    told = origin.told("trace", "--source", "forum", "--limit", 0)
    assert sum(one["observations"] for one in told["batches"]) == 272
    assert origin("trace", "--source", "novels", code=2).stderr
    assert "give one of" in origin("trace", "abcd", "--source", "forum", code=1).stderr
    assert "goes with --source" in origin("trace", "abcd", "--csv", "x", code=1).stderr
