"""Licenses while a session is recorded: a gate at its beginning, a review at its end."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from origin.core.record import LicenseRecord, SourceRecord
from origin.errors import LicensePolicyError

if TYPE_CHECKING:
    from origin.core.license import Finding, LicensePolicy, SourceUse
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


def require_allowed(
    source: SourceRecord,
    others: "Sequence[SourceUse]",
    policies: "Sequence[LicensePolicy]",
    licenses: Sequence[LicenseRecord],
) -> list[str]:
    """Raise if a source breaks a policy that refuses.

    Args:
        source: the source, as it is registered.
        others: what the session had from sources so far.
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
        broken = _broken_by(source, others, policy, licenses)
        if not broken:
            continue
        text = f"source {source.source_id!r} breaks the license policy: " + "; ".join(
            f"{' and '.join(one.licenses)}: {one.reason} [rule {one.rule_id}]" for one in broken
        )
        if policy.on_violation == "refuse":
            raise LicensePolicyError(
                f"{text}; leave it out, or begin the session with another policy"
            )
        told.append(text)
    return told


def _broken_by(
    source: SourceRecord,
    others: "Sequence[SourceUse]",
    policy: "LicensePolicy",
    licenses: Sequence[LicenseRecord],
) -> "list[Finding]":
    from origin.core.license import LicenseAnalyzer, LicenseRegistry, SourceUse

    uses = [one for one in others if one.source_id != source.source_id]
    uses.append(SourceUse(source.source_id, source.license_id, source.license_id))
    found = LicenseAnalyzer().findings_under(policy, uses, LicenseRegistry(licenses))
    return [one for one in found if one.severity == "error" and source.source_id in one.sources]


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
