"""Which of a bundle's samples are in a data set, and which are not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bundles import Members, members_of, packed
from proof_support import sample
from proofs import Session, prints

from origin.core.fingerprint import fingerprint_digest
from origin.errors import ConfigurationError, FingerprintKeyError, ProofError
from origin.proof.against import hold_against
from origin.query.given import Given

VALUES = [sample(0, at) for at in range(6)]


def bundle(folder: Path, *streams: list[object], **opened: object) -> Path:
    batches = [[[fingerprint_digest(value) for value in values]] for values in streams]
    return written(folder, members_of(Session(*batches, **opened), prints=True))


def written(folder: Path, members: Members) -> Path:
    path = folder / "run.origin"
    path.write_bytes(packed(members))
    return path


def test_samples_count_once_and_rows_by_the_first(tmp_path: Path) -> None:
    path = bundle(tmp_path, [*VALUES[:4], VALUES[0]], VALUES[2:6])
    found = hold_against(path, ["x", VALUES[5], VALUES[0], VALUES[5]])
    assert (found.recorded, found.found, found.missing) == (6, 2, 4)
    assert (found.given, found.rows, found.is_private) == (4, 2, False)
    assert dict(found.present) == {
        fingerprint_digest(VALUES[5]).hex(): 1,
        fingerprint_digest(VALUES[0]).hex(): 2,
    }
    assert [*found.absent] == sorted(fingerprint_digest(one).hex() for one in VALUES[1:5])
    few = hold_against(path, VALUES, limit=2)
    assert (few.found, len(few.present), len(few.absent)) == (6, 2, 0)
    none = hold_against(path, VALUES, limit=0)
    assert (none.found, none.present) == (6, ())


def test_values_as_loaders_hand_them_on(tmp_path: Path) -> None:
    path = bundle(tmp_path, [["text", np.array(3)]])
    found = hold_against(path, [("text", 3)])
    assert (found.found, found.rows) == (1, 1)
    assert str(found).startswith("of 1 different sample on record 1 is in the data set, 0 are not")


def test_what_cannot_be_held_against(tmp_path: Path) -> None:
    empty = Session(closed=False)
    empty.note_state()
    with pytest.raises(ConfigurationError, match="nothing was recorded"):
        hold_against(written(tmp_path, members_of(empty, prints=True)), VALUES)
    with pytest.raises(FingerprintKeyError, match="private"):
        hold_against(bundle(tmp_path, VALUES, fingerprint="hmac-sha256"), VALUES)
    with pytest.raises(ConfigurationError, match="of version 2, not 1"):
        hold_against(bundle(tmp_path, VALUES, fingerprint_version=2), VALUES)
    with pytest.raises(ConfigurationError, match="nothing was given"):
        hold_against(bundle(tmp_path, VALUES), [])
    session = Session([prints(1)], [prints(2)])
    session.logs[1][0] = replace(session.logs[1][0], fingerprint="blake3")  # type: ignore[type-var]
    with pytest.raises(ConfigurationError, match="of different kinds"):
        hold_against(written(tmp_path, members_of(session, prints=True)), VALUES)
    with pytest.raises(ProofError, match="made with --fingerprints"):
        hold_against(written(tmp_path, members_of(Session([prints(1)]))), VALUES)


def test_given_samples_of_one_beginning() -> None:
    """Those of which the first eight bytes agree are told apart by the others."""
    alike = [bytes(8) + bytes([one]) * 24 for one in range(9)] + [b"\xff" * 32]
    given = Given([(number, one) for number, one in enumerate(alike[::-2])])
    wanted = {one: number for number, one in enumerate(alike[::-2])}
    found = given.numbers_of(b"".join(alike))
    assert found.tolist() == [wanted.get(one, -1) for one in alike]
    assert given.numbers_of(b"").tolist() == []
