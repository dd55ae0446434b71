"""Zips of one layout only: what else a file may be, it is no bundle."""

import io
import os
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from bundles import listing, members_of, packed, small_session, told_of, written, zipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proofs import TEAM

from origin.errors import ProofError
from origin.verify import is_bundle, verify, verify_bundle
from origin.verify.archive import (
    Archive,
    Member,
    directory_of,
    is_archive,
    is_large,
    local_header,
)

KEYS = (TEAM.key,)
MEMBERS = members_of(small_session(), prints=True, models=True)
BUNDLE = packed(MEMBERS)


def layout(members: list[tuple[str, bytes]], large: bool, **changes: int) -> bytes:
    """A zip as the verifier says that it has to be."""
    out, placed = b"", []
    for name, content in members:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = deflate.compress(content) + deflate.flush()
        told = {"crc": zlib.crc32(content), "packed": len(data), "size": len(content)} | changes
        one = Member(name, offset=len(out), **told)
        out += local_header(one, large) + data
        placed.append(one)
    return out + directory_of(placed, large)


def in_order() -> list[tuple[str, bytes]]:
    return [("bundle.note", listing(MEMBERS)), *sorted(MEMBERS.items())]


def passes(path: Path, content: bytes) -> bool:
    """Whether a file is found to be as it was signed; only a ProofError may say otherwise."""
    path.write_bytes(content)
    try:
        return verify_bundle(path, KEYS).ok
    except ProofError:
        return False


@pytest.mark.parametrize("large", [False, True])
def test_the_layout_is_a_zip(tmp_path: Path, large: bool) -> None:
    content = layout(in_order(), large)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.testzip() is None
        assert {one.filename: file.read(one) for one in file.infolist()} == dict(in_order())
        assert {one.date_time for one in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        versions = {(one.create_version, one.extract_version) for one in file.infolist()}
        assert versions == {(45, 45) if large else (20, 20)}
    assert verify_bundle(written(tmp_path, content), KEYS).ok
    with Archive(tmp_path / "run.origin") as archive:
        assert [*archive.members] == [name for name, _ in in_order()]
        for name, told in in_order():
            assert archive.content(name, 1 << 20) == told


def test_what_the_standard_library_writes_has_this_layout(tmp_path: Path) -> None:
    assert verify_bundle(written(tmp_path, BUNDLE), KEYS).ok
    assert is_bundle(tmp_path / "run.origin")
    with zipfile.ZipFile(tmp_path / "run.origin") as file:
        assert len(file.infolist()) == len(MEMBERS) + 1


def test_which_are_large() -> None:
    assert [is_large(one, 1) for one in (0, 2**31 - 1, 2**31)] == [False, False, True]
    assert [is_large(0, one) for one in (65_534, 65_535)] == [False, True]
    assert is_archive(b"PK\x03\x04")
    assert not any(map(is_archive, (b"", b"PK", b"PK\x07\x08", b"origin")))


def test_sizes_beyond_32_bits_are_written() -> None:
    huge = Member("a.bin", 1, 2**40, 2**41, 2**42)
    header = local_header(huge, True)
    assert struct.unpack("<HHQQ", header[-20:]) == (1, 16, 2**41, 2**40)
    listed = directory_of([huge], True)
    assert struct.pack("<HH3Q", 1, 24, 2**41, 2**40, 2**42) in listed
    assert struct.pack("<Q", 2**42 + len(header) + 2**40) in listed


@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_flipped_bytes_never_pass(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "run.origin"
    # All of the headers and of the directory, and some of what is deflated.
    headers = {at + more for at in found(b"PK") for more in range(46)}
    directory = BUNDLE.index(b"PK\x01\x02")
    places = headers | {*range(directory, len(BUNDLE))} | {*range(0, directory, 11)}
    for place in sorted(one for one in places if one < len(BUNDLE)):
        changed = bytearray(BUNDLE)
        changed[place] ^= mask
        if passes(path, bytes(changed)):
            # Deflate may say the same in two ways; then nothing else has changed.
            with Archive(path) as archive:
                assert {name: archive.content(name, 1 << 20) for name in MEMBERS} == MEMBERS
            assert place < directory
            assert place not in headers


def found(mark: bytes) -> list[int]:
    return [at for at in range(len(BUNDLE)) if BUNDLE.startswith(mark, at)]


def test_cut_off_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "run.origin"
    for size in [*range(0, len(BUNDLE), 37), *range(len(BUNDLE) - 60, len(BUNDLE))]:
        path.write_bytes(BUNDLE[:size])
        with pytest.raises(ProofError):
            verify(path, KEYS)


def test_more_bytes_anywhere(tmp_path: Path) -> None:
    members = found(b"PK\x03\x04") + found(b"PK\x01\x02") + found(b"PK\x05\x06")
    for place in (*members, len(BUNDLE)):
        for more in (b"\0", b"PK\x03\x04", BUNDLE):
            content = BUNDLE[:place] + more + BUNDLE[place:]
            with pytest.raises(ProofError):
                verify(written(tmp_path, content), KEYS)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_anything_put_anywhere(tmp_path: Path, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(BUNDLE)))
    end = data.draw(st.integers(begin, min(len(BUNDLE), begin + 200)))
    put = data.draw(st.binary(max_size=60))
    content = BUNDLE[:begin] + put + BUNDLE[end:]
    if passes(tmp_path / "run.origin", content):
        assert content == BUNDLE or len(content) == len(BUNDLE)
        with Archive(tmp_path / "run.origin") as archive:
            assert {name: archive.content(name, 1 << 20) for name in MEMBERS} == MEMBERS


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=400))
def test_anything_behind_the_mark_of_a_zip(tmp_path: Path, content: bytes) -> None:
    assert not passes(tmp_path / "run.origin", b"PK\x03\x04" + content)


@pytest.mark.parametrize(
    "name",
    ["../card.md", "/card.md", "a//card.md", "streams/../0.jsonl", "C:card.md", "card.md ",
     "a\\b.md", "card.md\x00.md", "CARD.md", "streams/", "a" * 80 + ".md", "", "ä.md", "a/b/1.md"],
)  # fmt: skip
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(told_of("bundle.note"), listing(MEMBERS))
        told = told_of("x")
        told.filename = name
        file.writestr(told, b"x")
    with pytest.raises(ProofError, match=r"is no name that a member has|not in its one form"):
        verify(written(tmp_path, out.getvalue()), KEYS)


def changed_info(name: str, value: object) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for own, content in in_order():
            told = told_of(own)
            if own == "card.md":
                setattr(told, name, value)
            file.writestr(told, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("compress_type", zipfile.ZIP_STORED),
        ("compress_type", zipfile.ZIP_BZIP2),
        ("compress_type", zipfile.ZIP_LZMA),
        ("date_time", (1980, 1, 1, 0, 0, 2)),
        ("create_system", 0),
        ("external_attr", 0o120777 << 16),
        ("comment", b"x"),
        ("extra", b"\xfe\xca\x00\x00"),
        ("internal_attr", 1),
    ],
)
def test_members_in_another_form(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(ProofError, match="this is no bundle"):
        verify(written(tmp_path, changed_info(name, value)), KEYS)


def test_what_is_encrypted_or_streamed(tmp_path: Path) -> None:
    for flag in (0x1, 0x8, 0x800):
        content = bytearray(BUNDLE)
        for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            for at in found(mark):
                content[at + place : at + place + 2] = struct.pack("<H", flag)
        with pytest.raises(ProofError, match=r"not in its one form"):
            verify(written(tmp_path, bytes(content)), KEYS)


def test_members_twice_and_out_of_order(tmp_path: Path) -> None:
    first, *others = in_order()
    for members in ([first, first, *others], [first, others[0], *others], [first, *others[::-1]],
                    [*others, first]):  # fmt: skip
        with pytest.raises(ProofError, match=r"order and form|first member"):
            verify(written(tmp_path, layout(members, False)), KEYS)
    with pytest.raises(ProofError, match="no members"):
        verify(written(tmp_path, zipped({})), KEYS)


def test_forms_are_not_mixed(tmp_path: Path) -> None:
    members = in_order()
    plain, large = (layout(members, one) for one in (False, True))
    second = [content.index(b"PK\x03\x04", 4) for content in (plain, large)]
    for content in (
        plain[: second[0]] + large[second[1] :],
        large[: second[1]] + plain[second[0] :],
    ):
        with pytest.raises(ProofError, match="order and form"):
            verify(written(tmp_path, content), KEYS)


@pytest.mark.parametrize("change", [{"size": 10**9}, {"size": 1}, {"crc": 0}])
def test_sizes_and_sums_that_are_wrong(tmp_path: Path, change: dict[str, int]) -> None:
    with pytest.raises(ProofError, match=r"damaged|MiB"):
        verify(written(tmp_path, layout(in_order(), False, **change)), KEYS)


def test_bombs(tmp_path: Path) -> None:
    """What is listed and what is there differ; nothing beyond what is said is ever inflated."""
    bomb = bytes(1 << 26)
    listed = listing(MEMBERS)
    # The header says what is true: it is another size than was signed, and is not inflated.
    members = [("bundle.note", listed), *sorted({**MEMBERS, "card.md": bomb}.items())]
    report = verify_bundle(written(tmp_path, layout(members, False)), KEYS)
    assert [(one.kind, one.where) for one in report.differences] == [("digest", "card.md")]
    # The header says what was signed, and there is more.
    content = bytearray(layout(members, False))
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(mark, content.index(mark) + 1) + place
        content[at : at + 4] = struct.pack("<I", len(MEMBERS["card.md"]))
    with pytest.raises(ProofError, match=r"card.md in the bundle is damaged"):
        verify(written(tmp_path, bytes(content)), KEYS)
    with pytest.raises(ProofError, match="more than 16 MiB"):
        verify(written(tmp_path, layout([("bundle.note", bomb)], False)), KEYS)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(ProofError, match="cannot read"):
            verify(path, KEYS)
        with pytest.raises(ProofError, match="cannot read"):
            verify_bundle(path, KEYS)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="pipes have no names here")
def test_a_proof_in_a_pipe_is_read_once() -> None:
    ours, theirs = os.pipe()
    with os.fdopen(theirs, "wb") as out:
        out.write(MEMBERS["head.note"])
    assert verify(f"/dev/fd/{ours}", KEYS).kind == "head"
    os.close(ours)


def test_deflated_bytes_that_are_others(tmp_path: Path) -> None:
    at = BUNDLE.index(b"card.md") + 7
    size = struct.unpack_from("<I", BUNDLE, BUNDLE.index(b"card.md") - 12)[0]
    for number in range(50):
        content = BUNDLE[:at] + bytes([number + 1]) * size + BUNDLE[at + size :]
        with pytest.raises(ProofError, match="damaged"):
            verify(written(tmp_path, content), KEYS)
