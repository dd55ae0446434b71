"""Licenses while a session is recorded: a gate at its beginning, a review at its end."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from origin.core.arguments import recording_mode
from origin.core.record import LicenseRecord, SourceRecord
from origin.errors import LicensePolicyError

if TYPE_CHECKING:
    from origin.core.license import LicensePolicy
    from origin.core.license.store import LicenseStore

_log = logging.getLogger("origin")


def readable_policy(given: object, licenses: Sequence[LicenseRecord]) -> str:
    """A policy that is given as one, or as the path of a TOML file, as JSON.

    Args:
        given: the policy.
        licenses: those that the user defined.

    Raises:
        ConfigurationError: it is none, or an entry of it names no license.
    """
    from origin.core.license import LicenseRegistry
    from origin.core.license.policy import policy_of

    policy = policy_of(given)
    policy.require_known(LicenseRegistry(licenses))
    return policy.to_json()


# A license of the source as it was recorded, and as the source is registered.
Pair = tuple[str | None, str | None]


def require_allowed(
    source: SourceRecord,
    others: frozenset[Pair],
    policies: "Sequence[LicensePolicy]",
    licenses: Sequence[LicenseRecord],
) -> list[str]:
    """Raise if a source breaks a policy that refuses.

    Args:
        source: the source, as it is registered.
        others: the licenses of the session's other sources.
        policies: those that hold.
        licenses: those that the user defined.

    Returns:
        What breaks a policy that only warns, in words.

    Raises:
        LicensePolicyError: it breaks one that refuses.
        ConfigurationError: an entry of a policy names no license.
    """
    told = []
    for policy in policies:
        broken = _broken_by(source.license_id, others, policy, tuple(licenses), recording_mode())
        if not broken:
            continue
        text = f"source {source.source_id!r} breaks the license policy: {'; '.join(broken)}"
        if policy.on_violation == "refuse":
            raise LicensePolicyError(
                f"{text}; leave it out, or begin the session with another policy"
            )
        told.append(text)
    return told


@lru_cache(maxsize=1024)
def _broken_by(
    license_id: str | None,
    others: frozenset[Pair],
    policy: "LicensePolicy",
    licenses: tuple[LicenseRecord, ...],
    mode: str,
) -> tuple[str, ...]:
    """What breaks a policy; that depends on the licenses alone, so that of many sources under a few
    it is found a few times. Under the mode ``strict`` more does."""
    from origin.core.license import LicenseAnalyzer, LicenseRegistry, SourceUse
    from origin.core.wording import one_line

    # Which sources the others are does not matter, nor how much came from them.
    own = SourceUse("this", license_id, license_id)
    uses = [SourceUse(f"another {at}", *pair) for at, pair in enumerate(sorted(others, key=repr))]
    analyzer, registry = LicenseAnalyzer(), LicenseRegistry(licenses)
    found = analyzer.findings_under(policy, [*uses, own], registry)
    if any(one.kind == "incompatible" and "this" not in one.sources for one in found):
        # Of conflicts the smallest are told, and those of others may hide one of this.
        for other in uses:
            found += analyzer.findings_under(policy, [other, own], registry)
    broken = [
        f"{one_line(' and '.join(one.licenses))}: {one_line(one.reason)} [rule {one.rule_id}]"
        for one in found
        if one.severity == "error" and "this" in one.sources
    ]
    return tuple(dict.fromkeys(broken))


def review_licenses(db: "LicenseStore", session_id: str) -> None:
    """Find the conflicts of a session that has ended, and keep them; whatever goes wrong, they are
    found when they are asked for."""
    try:
        from origin.core.license import LicenseAnalyzer

        found = LicenseAnalyzer(db).find_conflicts(session_id)
    except Exception:
        _log.exception("the licenses of session %s could not be reviewed", session_id)
        return
    for one in found:
        if one.severity == "error" and one.is_conflict:
            _log.warning("session %s: %s", session_id, one)
