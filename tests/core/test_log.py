"""The leaves of logs: their bytes, and that nothing else is read as one."""

import json
from dataclasses import fields
from typing import Any

import pytest
from merkle_reference import ref_mth

from origin.core.log import (
    LOG_VERSION,
    BatchLeaf,
    CloseLeaf,
    GapLeaf,
    Leaf,
    OpenLeaf,
    StateLeaf,
    log_root,
    parse_leaf,
)
from origin.errors import ProofError

HASH = "0123456789abcdef" * 4
OPEN = OpenLeaf("3f9c", "v1", 0, "digits", "MIT", 1, 2, "2026-01-02", "sha256", 1)
CLOSE = CloseLeaf("completed", "2026-01-02", 2, 3, 4, 5, 6, HASH)
STATE = StateLeaf("3f9c", 1, [[2, HASH], [0, HASH]])
LEAVES: list[Leaf] = [
    OPEN,
    OpenLeaf("", "", 2**64 - 1, "", None, 0, 0, "", "blake3", 0, 7),
    OpenLeaf('é\ud800\x1b"\\/\u2028😀', "", 0, "\x7f", "", 0, 0, "", "hmac-sha256", 0),
    BatchLeaf(0, 1, 2, HASH),
    BatchLeaf(2**64 - 1, 2**64 - 1, 2**64 - 1, HASH),
    GapLeaf(1, 2, "the disk was full"),
    CLOSE,
    CloseLeaf("failed", "", 0, 0, 0, 0, 0, HASH),
    STATE,
    StateLeaf("", 0, []),
]

WRITTEN = [
    (
        b'{"config_hash":"v1","fingerprint":"sha256","fingerprint_version":1,"kind":"open",'
        b'"license":"MIT","log_version":1,"opened_at":"2026-01-02","rank":1,"session":"3f9c",'
        b'"source":"digits","stream":0,"world_size":2}'
    ),
    b'{"batch":0,"epoch":1,"kind":"batch","root":"%s","samples":2}' % HASH.encode(),
    b'{"first":1,"kind":"gap","last":2,"reason":"the disk was full"}',
    b'{"batches":2,"bytes_seen":4,"ended_at":"2026-01-02","kind":"close","missing":5,'
    b'"observations":3,"set_root":"%s","set_size":6,"status":"completed"}' % HASH.encode(),
    b'{"kind":"state","session":"3f9c","state":1,"streams":[[2,"%s"],[0,"%s"]]}'
    % (HASH.encode(), HASH.encode()),
]


def test_the_bytes_of_each_kind() -> None:
    assert [LEAVES[index].data() for index in (0, 3, 5, 6, 8)] == WRITTEN


@pytest.mark.parametrize("leaf", LEAVES)
def test_leaves_are_read_as_they_are_written(leaf: Leaf) -> None:
    told = json.loads(leaf.data())
    assert leaf.data() == json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    assert leaf.data().isascii()
    assert parse_leaf(leaf.data(), type(leaf)) == leaf
    assert parse_leaf(leaf.data(), Leaf) == leaf


def test_the_version_is_written_unless_another_is_given() -> None:
    assert (OPEN.log_version, LOG_VERSION) == (1, 1)


@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("kind", [OpenLeaf, BatchLeaf, GapLeaf, CloseLeaf, StateLeaf])
def test_leaves_of_another_kind(leaf: Leaf, kind: type[Leaf]) -> None:
    if type(leaf) is not kind:
        with pytest.raises(ProofError, match=f"^a leaf is not of the '{kind.kind}' kind$"):
            parse_leaf(leaf.data(), kind)


NOT = {
    "int": [-1, 2**64, 1.0, True, None, "1", [1]],
    "str": [None, 1, ["a"], {}],
    "str | None": [1, False, ["a"]],
    "Hash": [None, 1, "", HASH[1:], HASH + "0", HASH.upper(), HASH[1:] + "g", HASH + "\n"],
    "Status": [None, "", "running", "Completed", 1, ["completed"]],
    "Method": [None, "", "md5", "SHA256", 1, ["sha256"]],
    "Heads": [
        None,
        {},
        "[]",
        1,
        [1],
        [[]],
        [[1]],
        [[1, HASH, 1]],
        [["1", HASH]],
        [[1, 1]],
        [[-1, HASH]],
        [[1, HASH], None],
        [[1, HASH[1:]]],
        [{"1": HASH}],
    ],
}


def bytes_of(told: dict[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize("leaf", [LEAVES[index] for index in (0, 3, 5, 6, 8)])
def test_members_of_another_type(leaf: Leaf) -> None:
    told = json.loads(leaf.data())
    why = f"^a leaf of kind '{leaf.kind}' has other members than it must have$"
    for own in fields(leaf):  # type: ignore[arg-type]
        for wrong in NOT[str(own.type)]:
            with pytest.raises(ProofError, match=why):
                parse_leaf(bytes_of({**told, own.name: wrong}), Leaf)
        less = {name: value for name, value in told.items() if name != own.name}
        with pytest.raises(ProofError, match=why):
            parse_leaf(bytes_of(less), Leaf)
    for more in ("x", "", "data"):
        with pytest.raises(ProofError, match=why):
            parse_leaf(bytes_of({**told, more: 1}), Leaf)


@pytest.mark.parametrize(
    ("change", "to"),
    [
        (b'"batch":0', b'"batch":00'),
        (b'"batch":0', b'"batch":-0'),
        (b'"batch":0', b'"batch": 0'),
        (b'"batch":0', b'"batch":0,"batch":0'),
        (b'"batch":0,"epoch":1', b'"epoch":1,"batch":0'),
        (b'"batch"', b'"\\u0062atch"'),
        (b"{", b" {"),
        (b"}", b"}\n"),
        (b"}", b"} "),
    ],
)
def test_one_form_only(change: bytes, to: bytes) -> None:
    data = WRITTEN[1].replace(change, to, 1)
    assert data != WRITTEN[1]
    with pytest.raises(ProofError):
        parse_leaf(data, BatchLeaf)


def test_what_is_json_is_not_yet_canonical() -> None:
    for data in (
        WRITTEN[1] + b" ",
        WRITTEN[2].replace(b"disk", b"\\u0064isk"),
        WRITTEN[2].replace(b'"last":2', b'"last":1,"last":2'),
    ):
        with pytest.raises(ProofError, match=r"is not in its one canonical form$"):
            parse_leaf(data, Leaf)


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"{", b"\xff", '{"kind":"é"}'.encode(), b"{} {}", b"[" * 100_000, b"\0"],
)
def test_what_is_no_json_in_ascii(data: bytes) -> None:
    with pytest.raises(ProofError, match=r"^a leaf is not JSON in ASCII$"):
        parse_leaf(data, Leaf)


@pytest.mark.parametrize(
    "data",
    [b"{}", b"[]", b"1", b"null", b'"kind"', b'{"kind":1}', b'{"kind":["gap"]}', b'{"kind":"x"}'],
)
def test_what_is_of_no_kind(data: bytes) -> None:
    with pytest.raises(ProofError, match=r"^a leaf is not of the known kind$"):
        parse_leaf(data, Leaf)


def test_the_root_of_a_log() -> None:
    for count in range(len(LEAVES)):
        expected = ref_mth([leaf.data() for leaf in LEAVES[:count]])
        assert log_root(LEAVES[:count]) == expected
