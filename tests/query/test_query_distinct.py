"""Exact distinct counting over packed fingerprints."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.query import distinct
from origin.query.distinct import DistinctRows, count_union, first_places, rows_of

# Few values for each word, so that rows often agree in some words and not in others.
WORD = st.sampled_from([bytes(8), b"\1" + bytes(7), bytes(7) + b"\1"])
FINGERPRINT = st.tuples(WORD, WORD, WORD, WORD).map(b"".join)
FINGERPRINTS = st.lists(FINGERPRINT, max_size=60)


def first_seen(fingerprints):
    return {fingerprint: fingerprints.index(fingerprint) for fingerprint in fingerprints}


@given(FINGERPRINTS)
def test_first_places_are_those_a_dict_finds(fingerprints):
    places = first_places(rows_of(b"".join(fingerprints)))
    assert sorted(places) == sorted(first_seen(fingerprints).values())


@given(FINGERPRINTS)
def test_the_first_words_of_distinct_rows_ascend(fingerprints):
    rows = rows_of(b"".join(fingerprints))
    words = rows[first_places(rows), 0].tolist()
    assert words == sorted(words)


@given(st.lists(FINGERPRINTS, max_size=6), st.integers(1, 8))
def test_gathering_in_chunks_keeps_each_with_its_first_place(parts, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct, "_CHUNK", chunk)
        gathered = DistinctRows()
        for part in parts:
            gathered.add(b"".join(part))
        gathered.settle()
    found = {
        row.tobytes(): int(place) for row, place in zip(gathered.rows, gathered.places, strict=True)
    }
    assert found == first_seen([fingerprint for part in parts for fingerprint in part])


@given(st.lists(FINGERPRINTS.map(set), max_size=5))
def test_a_union_counts_what_a_set_counts(sets):
    parts = [rows_of(b"".join(members)) for members in sets]
    assert count_union(parts) == len(set().union(*sets))


@pytest.mark.parametrize("byte", range(32))
def test_one_differing_byte_anywhere_makes_another_sample(byte):
    one = bytearray(32)
    one[byte] = 1
    assert len(first_places(rows_of(bytes(32) + bytes(one) + bytes(32)))) == 2


def test_a_tie_of_first_words_among_many_rows_is_told_apart():
    head = os.urandom(8)
    tied = [head + os.urandom(24) for _ in range(3)]
    others = [os.urandom(32) for _ in range(1000)]
    packed = b"".join([tied[0], tied[1], *others, tied[0], tied[2], tied[1], *others])
    assert len(first_places(rows_of(packed))) == 1003
