"""Hashing many samples at once: the same with the compiled functions and without them."""

import importlib.util
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from origin.core import hashing, native
from origin.core.hashing import Column, RowForm, hash_rows, hash_strings, merkle_root_of
from origin.core.merkle import merkle_root

ROOT = Path(__file__).parents[2]
BYTES = np.frombuffer(np.random.default_rng(5).bytes(1 << 16), np.uint8)
TEXT = BYTES.tobytes()

needs_library = pytest.mark.skipif(native.library() is None, reason="it is not built, or off")


@pytest.fixture(
    params=[pytest.param("native", marks=needs_library), pytest.param("hashlib")],
    scope="module",
    autouse=True,
)
def mode(request: pytest.FixtureRequest) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "hashlib":
            patch.setattr(hashing, "library", lambda: None)
        assert hashing.is_native() == (request.param == "native")
        yield request.param


def tree(messages: list[bytes]) -> tuple[bytes, bytes]:
    """What is to come out."""
    digests = [sha256(message).digest() for message in messages]
    return b"".join(digests), merkle_root(digests)


def rows(header: bytes, columns: list[bytes], count: int) -> list[bytes]:
    widths = [len(column) // count if count else 0 for column in columns]
    pairs = list(zip(columns, widths, strict=True))
    return [
        header + b"".join(column[at * width : (at + 1) * width] for column, width in pairs)
        for at in range(count)
    ]


def check_rows(header: bytes, widths: list[int], count: int, start: int = 0) -> None:
    columns, at = [], start
    for width in widths:
        columns.append(BYTES[at : at + width * count])
        at += 7
    found = hash_rows(RowForm(header, widths), [Column.of(column) for column in columns], count)
    assert found == tree(rows(header, [column.tobytes() for column in columns], count))


def test_strings_of_every_length() -> None:
    strings = [TEXT[length : 2 * length] for length in range(301)]
    assert hash_strings(strings) == tree(strings)
    assert hash_strings(strings[::-1]) == tree(strings[::-1])
    for string in strings:
        assert hash_strings([string]) == tree([string])


def test_any_number_of_strings() -> None:
    for count in range(41):
        strings = [TEXT[: 37 * at % 300] for at in range(count)]
        assert hash_strings(strings) == tree(strings)


def test_a_long_one_among_short_ones() -> None:
    strings = [b"a", TEXT, b"", TEXT[:5000], b"bc"]
    for turn in range(5):
        turned = strings[turn:] + strings[:turn]
        assert hash_strings(turned) == tree(turned)


def test_rows_of_every_width() -> None:
    for width in range(301):
        check_rows(b"a header", [width], 3, start=width % 5)


def test_headers_of_every_length() -> None:
    for length in range(301):
        check_rows(TEXT[:length], [5, 70], 3)


def test_any_number_of_rows() -> None:
    for count in range(41):
        check_rows(TEXT[:29], [64, 3], count)
        check_rows(b"", [200], count)


@pytest.mark.parametrize(
    "widths", [[], [0], [0, 0], [1] * 70, [0, 5, 0], [64, 64], [63, 1], [1, 63, 64], [128, 0, 7]]
)
@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 130])
def test_columns(widths: list[int], length: int) -> None:
    check_rows(TEXT[:length], widths, 5)


@given(
    header=st.binary(max_size=200),
    widths=st.lists(st.integers(0, 200), max_size=6),
    count=st.integers(0, 40),
    start=st.integers(0, 1000),
)
@settings(max_examples=200, deadline=None)
def test_any_rows(header: bytes, widths: list[int], count: int, start: int) -> None:
    check_rows(header, widths, count, start)


@given(strings=st.lists(st.binary(max_size=400), max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_strings(strings: list[bytes]) -> None:
    assert hash_strings(strings) == tree(strings)


@pytest.mark.parametrize("aside", [False, True])
@pytest.mark.parametrize("count", [2, 60])
def test_with_the_interpreters_lock_and_without(count: int, aside: bool) -> None:
    assert 2 * len(TEXT) < hashing._BRIEF_BYTES < 60 * len(TEXT)
    assert hash_strings([TEXT] * count, aside=aside) == tree([TEXT] * count)
    column, form = Column.of(np.tile(BYTES, count)), RowForm(b"h", [len(TEXT)])
    assert hash_rows(form, [column], count, aside=aside) == tree([b"h" + TEXT] * count)


def test_roots() -> None:
    leaves = [sha256(bytes([at])).digest() for at in range(70)]
    for count in range(71):
        assert merkle_root_of(b"".join(leaves[:count])) == merkle_root(leaves[:count])


def test_columns_in_any_memory() -> None:
    frozen = BYTES[:12].copy()
    frozen.flags.writeable = False
    every_other = BYTES[:24:2]
    for array in (frozen, every_other, BYTES[3:15], BYTES[:12].reshape(3, 4).T):
        column, text = Column.of(array), array.tobytes()
        assert column.array().tobytes() == text
        assert hash_rows(RowForm(b"", [4]), [column], 3) == tree([text[:4], text[4:8], text[8:]])


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_column_of_another_size(count: int) -> None:
    with pytest.raises(ValueError, match=r"are not 12 bytes"):
        hash_rows(RowForm(b"", [4]), [Column.of(BYTES[:12])], count)
    with pytest.raises(ValueError, match="zip"):
        hash_rows(RowForm(b"", [4, 4]), [Column.of(BYTES[:12])], 3)


# --- The library ---------------------------------------------------------------------------------


def _has_instructions() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return False
    return platform.machine() == "x86_64" and "sha_ni" in flags


@pytest.mark.skipif(
    not _has_instructions()
    or not any(map(shutil.which, ("cc", "gcc", "clang")))
    or "ORIGIN_NATIVE" in os.environ,
    reason="no processor or no compiler for it, or switched off",
)
def test_it_is_in_use_where_it_can_be() -> None:
    assert native.library() is not None, "build it: .venv/bin/python hatch_build.py"


def is_native(**environment: str) -> bool:
    """What a fresh process says."""
    program = "from origin.core.hashing import is_native; print(is_native())"
    told = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip() == "True"


def test_it_can_be_switched_off(mode: str) -> None:
    assert not is_native(ORIGIN_NATIVE="off")
    if mode == "native":
        assert is_native(ORIGIN_NATIVE="on")


@needs_library
@pytest.mark.parametrize("name", ["rows", "strings", "root"])
def test_one_that_computes_something_else_is_not_used(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = getattr(native.Library, name)

    def wrong(*args: object) -> object:
        found = right(*args)
        return bytes(32) if isinstance(found, bytes) else (found[0][::-1], found[1])

    monkeypatch.setattr(native.Library, name, wrong)
    with caplog.at_level(logging.WARNING):
        assert native.library.__wrapped__() is None
    assert "wrong hashes" in caplog.text


def test_a_file_that_is_no_library_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "LIBRARY", tmp_path / "rows.so")
    assert native.library.__wrapped__() is None
    (tmp_path / "rows.so").write_bytes(b"no library")
    assert native.library.__wrapped__() is None


# --- Building it ---------------------------------------------------------------------------------


@pytest.fixture
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path, builder: ModuleType) -> Path:
    (tmp_path / builder.FOLDER).mkdir(parents=True)
    shutil.copy(ROOT / builder.SOURCE, tmp_path / builder.SOURCE)
    return tmp_path


@needs_library
def test_building(builder: ModuleType, copy: Path) -> None:
    assert builder.compile_library(copy) is None
    assert native.is_right(native.Library(copy / builder.LIBRARY))
    assert {path.name for path in (copy / builder.FOLDER).iterdir()} == {"rows.c", "rows.so"}


@pytest.mark.parametrize("why", ["off", "no compiler", "an error", "another processor"])
def test_not_building(
    why: str, builder: ModuleType, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says why, and no library of an older source is left."""
    (copy / builder.LIBRARY).write_bytes(b"an older one")
    if why == "off":
        monkeypatch.setenv("ORIGIN_NATIVE", "off")
    elif why == "no compiler":
        monkeypatch.setattr(builder, "find_compiler", lambda: None)
    elif why == "an error":
        monkeypatch.setattr(builder, "find_compiler", lambda: [sys.executable, "-c", "1 / 0"])
    else:
        monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    said = builder.compile_library(copy)
    assert said
    assert "\n" not in said
    assert {path.name for path in (copy / builder.FOLDER).iterdir()} == {"rows.c"}
