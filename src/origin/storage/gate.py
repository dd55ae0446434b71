"""The gate: what a policy does not allow is refused before its first batch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from origin.core.record import LicenseRecord, SourceRecord
from origin.errors import LicensePolicyError

if TYPE_CHECKING:
    from origin.core.license import Finding, LicensePolicy, SourceUse


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
