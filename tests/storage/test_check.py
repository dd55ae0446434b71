import os
import random
from pathlib import Path
from typing import Any

import pytest
from check_support import (
    batches_of,
    checked,
    content,
    everything,
    forget_log,
    segments_of,
    true_batch,
)
from storage_support import open_stream

from origin.errors import OriginError
from origin.storage.checks.damage import BatchRange, CheckReport, Damage
from origin.storage.database import ProvenanceDatabase

SEED = 20260105


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A record that has everything in it."""
    everything(tmp_path / "p.db")
    return tmp_path / "p.db"


def found_in(path: Path, *, read_only: bool = True) -> CheckReport | OriginError:
    """The report, or the error with which the file refuses to be opened."""
    try:
        return checked(path, read_only=read_only)
    except OriginError as error:
        return error


def is_found(found: CheckReport | OriginError) -> bool:
    return isinstance(found, OriginError) or not found.ok


def test_nothing_is_wrong(path: Path) -> None:
    report = checked(path)
    assert report.ok, str(report)
    assert report.notes == ()
    assert (report.batches, report.segments) == (3 * 24 + 2 * 22, 1)
    assert report.bytes_read > os.path.getsize(path)
    assert "all is as it was committed" in str(report)
    with ProvenanceDatabase(path) as db:
        assert db.check().ok
        assert db.check(roots=False).ok


def test_an_empty_record(tmp_path: Path) -> None:
    with ProvenanceDatabase(tmp_path / "p.db") as db:
        report = db.check()
    assert (report.ok, report.batches, report.observations, report.segments) == (True, 0, 0, 0)


def test_a_report_reads_well() -> None:
    ranges = (BatchRange(1, 3, 3, "a"), BatchRange(2, 0, 9))
    report = CheckReport("p.db", (Damage("table x", "gone", ranges),), ("odd",), 1, 2, 3, 4096)
    assert str(report) == (
        "p.db: 1 damaged place\n"
        "table x: gone\n"
        "    touches batch 3 of stream 1 (session a)\n"
        "    touches batches 0 to 9 of stream 2\n"
        "note: odd\n"
        "looked at 1 batches, 2 observations, 3 segments, 4,096 bytes"
    )
    assert report.touched == ranges
    assert not report.ok


def altered_batches(before: dict[Any, Any], after: dict[Any, Any]) -> set[tuple[int, int]]:
    """The batches of which anything is not the same."""
    ids = {
        int(key[1])
        for key in before
        if key[0] in ("batches", "sealed_batches") and before[key] != after.get(key)
    }
    return {(number >> 40, number & (2**40 - 1)) for number in ids}


def flip(whole: bytes, bit: int) -> bytes:
    return whole[: bit // 8] + bytes([whole[bit // 8] ^ 1 << bit % 8]) + whole[bit // 8 + 1 :]


def test_a_thousand_flipped_bits(path: Path) -> None:
    """Every one that alters content is found, and the batches it alters are named."""
    choose = random.Random(SEED)  # noqa: S311
    files = [path, *segments_of(path)]
    originals = [file.read_bytes() for file in files]
    before = content(path)
    assert before is not None
    altered = 0
    for _ in range(1000):
        bit, number = choose.randrange(8 * sum(map(len, originals))), 0
        while bit >= 8 * len(originals[number]):
            bit -= 8 * len(originals[number])
            number += 1
        files[number].write_bytes(flip(originals[number], bit))
        after = content(path) if number == 0 else None
        found = found_in(path)
        forget_log(path)
        files[number].write_bytes(originals[number])
        if after == before:
            continue
        altered += 1
        assert is_found(found), (files[number], bit)
        if isinstance(found, CheckReport) and number:
            assert files[number].name in str(found)
            assert found.touched
        if isinstance(found, CheckReport) and after is not None:
            assert altered_batches(before, after) <= batches_of(found), (bit, str(found))
    assert altered > 500
    assert checked(path).ok


def test_every_bit_of_the_header(path: Path) -> None:
    """A file whose header is damaged is refused or reported, also when opened for writing."""
    original, before = path.read_bytes(), content(path)
    for bit in range(8 * 100):
        path.write_bytes(flip(original, bit))
        after = content(path)
        found = found_in(path, read_only=bit % 3 > 0)
        forget_log(path)
        assert is_found(found) or after == before, bit


def test_overwritten_bytes(path: Path) -> None:
    choose = random.Random(SEED)  # noqa: S311
    original, before = path.read_bytes(), content(path)
    altered = 0
    for _ in range(200):
        size = choose.choice([1, 8, 600, 5000])
        at = choose.randrange(len(original) - size)
        path.write_bytes(original[:at] + choose.randbytes(size) + original[at + size :])
        after = content(path)
        found = found_in(path)
        forget_log(path)
        if after != before:
            altered += 1
            assert is_found(found), (at, size)
    assert altered > 100


@pytest.mark.parametrize("share", [0.999, 0.9, 0.5, 0.1, 0.001])
def test_a_file_cut_short(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    found = found_in(path)
    assert is_found(found)


def test_pages_that_cannot_be_read_hide_nothing_else(path: Path) -> None:
    """What stands before and behind a page of batches that is gone is read and counted."""
    with ProvenanceDatabase(path, seal_after=None) as db:
        _, stream_no = open_stream(db, "more")
        db.append([true_batch(stream_no, number, 40) for number in range(300)])
    whole = path.read_bytes()
    at = whole.index(true_batch(stream_no, 150, 40).fingerprints[:200]) // 1024 * 1024
    path.write_bytes(whole[:at] + bytes(1024) + whole[at + 1024 :])
    report = checked(path)
    touched = {number for stream, number in batches_of(report) if stream == stream_no}
    assert touched & {149, 150, 151}
    assert len(touched) < 80, str(report)
    assert batches_of(report) == {(stream_no, number) for number in touched}
