"""Holds the samples in a bundle against a data set at hand."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from origin.core.fingerprint import algorithm_of
from origin.core.fingerprintkey import HMAC_SHA256, FingerprintKey, KeyGiven
from origin.core.hashing import Algorithm
from origin.core.wording import many
from origin.errors import ConfigurationError, FingerprintKeyError
from origin.query.given import given_values
from origin.verify.bundle import Bundle
from origin.verify.trees import ascending

_SPECIFICATION = 1


@dataclass(frozen=True, slots=True)
class Against:
    """Which of a bundle's samples are in a data set.

    Args:
        session: the id of the session that the bundle is of.
        recorded: how many different samples it has.
        found: how many of them are in the data set.
        given: how many samples the data set has.
        rows: how many different ones of these are recorded.
        is_private: whether the fingerprints are made under a key.
        present: of those that are, the fingerprint, 64 hex digits, and the first row, from 0.
        absent: the fingerprints of those that are not. Both ascend, and may be cut short.
    """

    session: str
    recorded: int
    found: int
    given: int
    rows: int
    is_private: bool
    present: tuple[tuple[str, int], ...]
    absent: tuple[str, ...]

    def __str__(self) -> str:
        are, are_too = ("is" if one == 1 else "are" for one in (self.found, self.missing))
        text = (
            f"of {many(self.recorded, 'different sample')} on record {self.found:,} {are} in the "
            f"data set, {self.missing:,} {are_too} not\n"
            f"the data set has {many(self.given, 'sample')}; {self.rows:,} different of them "
            f"{'is' if self.rows == 1 else 'are'} on record"
        )
        if self.is_private and self.recorded and not self.found:
            text += "\nnote: under another key than the record's every sample looks absent"
        return text

    @property
    def missing(self) -> int:
        """How many recorded samples are not in the data set."""
        return self.recorded - self.found


def hold_against(
    path: str | os.PathLike[str],
    values: Any,
    *,
    fingerprint_key: KeyGiven | None = None,
    limit: int | None = None,
) -> Against:
    """Tell which samples of a bundle are in a data set, and which are not.

    Whether the bundle is as it was signed is for the caller to find out first: ``verify_bundle``.

    Args:
        path: of the bundle; it has fingerprints.
        values: what the data set yields, item by item.
        fingerprint_key: the key of private fingerprints.
        limit: list at most so many of each.

    Raises:
        ProofError: it is no bundle, or one without fingerprints.
        ConfigurationError: the values are none, or its streams have different fingerprints.
        FingerprintKeyError: fingerprints are private, and the key was not given or is none.
        MissingDependencyError: what makes such fingerprints is not installed.
    """
    with Bundle(path) as bundle:
        parts = bundle.prints()
        algorithm = _algorithm(bundle, fingerprint_key)
        first = next(parts, [])
        given = given_values(values, algorithm)
        recorded, numbers = 0, [np.zeros(0, np.int64)]
        present: list[tuple[str, int]] = []
        absent: list[str] = []
        for samples in ascending(_with_first(first, parts)):
            own = given.numbers_of(b"".join(samples))
            recorded += len(samples)
            numbers.append(own[own >= 0])
            for place in np.flatnonzero(own >= 0)[: _room(limit, present)]:
                present.append((samples[place].hex(), int(own[place])))
            for place in np.flatnonzero(own < 0)[: _room(limit, absent)]:
                absent.append(samples[place].hex())
    found = np.concatenate(numbers)
    return Against(
        session=bundle.session,
        recorded=recorded,
        found=len(found),
        given=given.count,
        rows=len(np.unique(found)),
        is_private=isinstance(algorithm, FingerprintKey),
        present=tuple(present),
        absent=tuple(absent),
    )


def _with_first(first: list[bytes], parts: Any) -> Any:
    yield first
    yield from parts


def _room(limit: int | None, listed: list[Any]) -> int | None:
    return None if limit is None else limit - len(listed)


def _algorithm(bundle: Bundle, key: KeyGiven | None) -> Algorithm:
    opened = bundle.opened()
    kinds = {(one.fingerprint, one.fingerprint_version) for one in opened}
    if not kinds:
        raise ConfigurationError("nothing was recorded into the session that the bundle is of")
    if len(kinds) > 1:
        raise ConfigurationError("the streams of the bundle have fingerprints of different kinds")
    name, version = kinds.pop()
    if version != _SPECIFICATION:
        raise ConfigurationError(f"the bundle has fingerprints of version {version}, not 1")
    if name != HMAC_SHA256:
        return name
    if key is None:
        raise FingerprintKeyError(
            "the fingerprints in the bundle are private: only with their key can a data set be "
            "looked for; name it by --fingerprint-key"
        )
    return algorithm_of(name, key)
