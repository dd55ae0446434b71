"""Keys of private fingerprints: what they make, where they come from, and where they never go."""

import copy
import hmac
import json
import os
import pickle
import stat
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from origin.core import hashing, native
from origin.core.fingerprint import canonical_bytes, fingerprint_digest, fingerprint_sample
from origin.core.fingerprintkey import FingerprintKey, write_key_file
from origin.core.hashing import Column, RowForm, hash_rows, hash_strings, hasher
from origin.core.merkle import merkle_root
from origin.errors import ConfigurationError, FingerprintKeyError, OriginError, StorageError
from origin.hooks.huggingface import fingerprint_row

GOLDEN = Path(__file__).parents[1] / "golden" / "private-fingerprint-v1.json"
KEYS = json.loads(GOLDEN.read_text(encoding="ascii"))["keys"]

# RFC 4231, chapter 4: test cases 1 to 4, 6 and 7. HMAC fills keys up to a block with zeros, so the
# short ones are the same keys with zeros behind them.
RFC_4231 = [
    (b"\x0b" * 20, b"Hi There",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (b"\xaa" * 20, b"\xdd" * 50,
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (bytes(range(1, 26)), b"\xcd" * 50,
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    (b"\xaa" * 131, (b"This is a test using a larger than block-size key and a larger than "
     b"block-size data. The key needs to be hashed before being used by the HMAC algorithm."),
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
]  # fmt: skip

needs_library = pytest.mark.skipif(native.library() is None, reason="it is not built, or off")


@pytest.fixture(params=[pytest.param("native", marks=needs_library), "hashlib"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each test with the compiled functions and without."""
    if request.param == "hashlib":
        monkeypatch.setattr(hashing, "library", lambda: None)
    assert hashing.is_native() == (request.param == "native")
    return str(request.param)


def tree(key: bytes, messages: list[bytes]) -> tuple[bytes, bytes]:
    """What is to come out, by the standard library's HMAC and our tree of SHA-256."""
    digests = [hmac.digest(key, message, "sha256") for message in messages]
    return b"".join(digests), merkle_root(digests)


@pytest.mark.parametrize(("key", "message", "wanted"), RFC_4231)
def test_what_the_rfc_says(mode: str, key: bytes, message: bytes, wanted: str) -> None:
    own = FingerprintKey(key.ljust(32, b"\0"))
    assert fingerprint_digest(message, own).hex() == wanted
    assert hash_strings([message], own)[0].hex() == wanted
    half = len(message) // 2
    rest = Column.of(np.frombuffer(message[half:], np.uint8))
    form = RowForm(message[:half], [len(message) - half])
    assert hash_rows(form, [rest], 1, own)[0].hex() == wanted


@pytest.mark.parametrize("one", KEYS, ids=lambda one: one["name"])
def test_vectors(one: dict[str, Any]) -> None:
    samples = [b"", "a poem", {"label": 0, "text": "hi"}, np.arange(6.0, dtype="f4").reshape(2, 3)]
    key = bytes.fromhex(one["key"])
    assert FingerprintKey(key).check_value == one["check"]
    assert one["check"] == hmac.digest(key, b"origin key check 1\n", "sha256").hex()[:32]
    for vector, sample in zip(one["vectors"], samples, strict=True):
        assert canonical_bytes(sample).hex() == vector["canonical"]
        assert fingerprint_sample(sample, key=key) == vector["hmac-sha256"]


@pytest.mark.parametrize("size", [32, 63, 64, 65, 200])
@pytest.mark.parametrize("aside", [False, True])
def test_many_at_once(mode: str, size: int, aside: bool) -> None:
    key = bytes(range(size))
    own = FingerprintKey(key)
    strings = [bytes(range(at)) for at in range(130)] + [bytes(5000)]
    assert hash_strings(strings, own, aside) == tree(key, strings)
    assert hash_strings([], own, aside) == (b"", merkle_root([]))
    data = np.arange(240, dtype=np.uint8)
    for header in (b"", b"h", bytes(64), bytes(70)):
        for count in (1, 3, 8):
            columns = [Column.of(data[: 10 * count]), Column.of(data[100 : 100 + 7 * count])]
            rows = [
                header + data[10 * at : 10 * at + 10].tobytes()
                + data[100 + 7 * at : 107 + 7 * at].tobytes()
                for at in range(count)
            ]  # fmt: skip
            found = hash_rows(RowForm(header, [10, 7]), columns, count, own, aside)
            assert found == tree(key, rows)
    none = Column.of(np.empty(0, np.uint8))
    assert hash_rows(RowForm(b"h", [4]), [none], 0, own, aside) == (b"", merkle_root([]))
    assert hash_rows(RowForm(b"h", []), [], 2, own, aside) == tree(key, [b"h"] * 2)


def test_plain_ones_are_as_ever(mode: str) -> None:
    strings = [bytes(range(at)) for at in range(70)]
    assert hash_strings(strings)[0] == b"".join(sha256(one).digest() for one in strings)


def test_ways_to_give_a_key(tmp_path: Path) -> None:
    path = tmp_path / "private.key"
    key = write_key_file(path)
    wanted = hmac.digest(bytes.fromhex(path.read_text().split()[1]), b"a poem", "sha256").hex()
    for given in (key, path, str(path), path.read_bytes()):
        assert fingerprint_sample("a poem", key=given) == wanted
        assert FingerprintKey.of(given) == key
        assert hash(FingerprintKey.of(given)) == hash(key)
    assert fingerprint_sample("a poem", key) == wanted
    assert fingerprint_sample("a poem", "hmac-sha256", key=key) == wanted
    assert fingerprint_row({"text": "hi"}, key=key) == fingerprint_sample({"text": "hi"}, key=key)
    assert fingerprint_row({"text": "hi"}, key) != fingerprint_row({"text": "hi"})
    assert key != FingerprintKey(bytes(32))
    assert key != path


def test_the_file_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / "private.key"
    write_key_file(path)
    word, digits = path.read_text().split(" ")
    assert (word, len(digits), digits[-1]) == ("origin-fingerprint-key", 65, "\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(FingerprintKeyError, match="never overwritten"):
        write_key_file(path)
    assert path.read_bytes() == before
    assert write_key_file(tmp_path / "other.key") != FingerprintKey.of(path)
    with pytest.raises(StorageError, match="cannot be written"):
        write_key_file(tmp_path / "nowhere" / "private.key")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is full")
def test_half_a_key_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fdopen

    def full(handle: int, *how: Any, **more: Any) -> Any:
        os.close(handle)
        return real(os.open("/dev/full", os.O_WRONLY), *how, **more)

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(StorageError, match="No space left"):
        write_key_file(tmp_path / "private.key")
    assert list(tmp_path.iterdir()) == []


SECRET = bytes(range(100, 132))


@pytest.mark.parametrize("given", [SECRET[:31], b"", bytearray(SECRET), 7, None, [SECRET]])
def test_what_is_no_key(given: Any) -> None:
    with pytest.raises(FingerprintKeyError, match=r"32 random bytes or more|not a ") as caught:
        FingerprintKey(given)
    assert isinstance(caught.value, ConfigurationError)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        SECRET,
        SECRET.hex().encode(),
        b"origin-fingerprint-key",
        b"origin-fingerprint-key " + SECRET.hex().encode()[:-1],
        b"origin-fingerprint-key " + SECRET.hex().encode() + b" more",
        b"origin-signing-key " + SECRET.hex().encode(),
        b"origin-fingerprint-key " + SECRET.hex().encode() * 100,
        b"origin-fingerprint-key " + SECRET.hex().encode()[:-2],
        "origin-fingerprint-key é".encode(),
    ],
)
def test_what_is_no_file_of_a_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "private.key"
    path.write_bytes(content)
    with pytest.raises(FingerprintKeyError) as caught:
        FingerprintKey.of(path)
    check_shows_nothing(caught.value)


def check_shows_nothing(error: BaseException) -> None:
    """Neither the error nor what led to it tells a part of the key."""
    chain: BaseException | None = error
    while chain is not None:
        text = f"{chain} {chain!r}"
        assert SECRET.hex()[:16] not in text
        assert repr(SECRET)[2:18] not in text
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("sha256", SECRET.hex()),  # a text is a path, and this is none
        (SECRET, None),
        (SECRET.hex(), None),
        ("blake3", SECRET),
        (SECRET, SECRET),
        ("hmac-sha256", None),
        ("sha256", SECRET.hex() * 100),
        ("sha256", f"{SECRET.hex()}\0"),
    ],
)
def test_a_key_in_a_wrong_place_shows_in_no_error(algorithm: Any, key: Any) -> None:
    with pytest.raises(OriginError) as caught:
        fingerprint_sample("a poem", algorithm, key=key)
    assert isinstance(caught.value, ConfigurationError)
    check_shows_nothing(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        FingerprintKey.of(tmp_path)
    with pytest.raises(FingerprintKeyError, match=r"no key file is at .*nowhere\.key"):
        FingerprintKey.of(tmp_path / "nowhere.key")


def test_a_key_shows_in_no_text_and_no_pickle() -> None:
    key = FingerprintKey(SECRET)
    for text in (repr(key), str(key), f"{key}", repr([key]), repr(hasher(key))):
        assert SECRET.hex()[:8] not in text
    for keep in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="pickled for new processes only"):
            keep(key)
    assert not hasattr(key, "__dict__")
