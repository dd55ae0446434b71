"""The conflicts of sessions: found for every use, and kept once a session has ended."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import sha256

from origin.core.arguments import recording_mode
from origin.core.license.findings import INFO, SEVERITIES, Finding, FirstBatch, Party
from origin.core.license.mix import SourceUse, shares_of
from origin.core.license.policy import LicensePolicy
from origin.core.license.registry import LicenseRegistry
from origin.core.license.review import Review
from origin.core.license.rules import data_version
from origin.core.license.store import LicenseStore
from origin.core.license.uses import UNSETTLED, USES, at_least, use_of
from origin.core.record import KeptConflict, SessionRecord, Settlement, utc_now


@dataclass(frozen=True, slots=True)
class Settings:
    """How strictly it is judged.

    Args:
        adaptation: whether weights count as adapted from their data; None leaves it to a policy.
        strict: whether an unknown license is an error; None leaves it to a policy, and to
            ``ORIGIN_MODE``.
    """

    adaptation: str | None = None
    strict: bool | None = None

    @property
    def are_usual(self) -> bool:
        """Whether nobody asked for others than those that hold by themselves."""
        return self.adaptation is None and self.strict is None

    def adaptation_under(self, policy: LicensePolicy | None) -> str:
        """Whether weights count as adapted, under a policy if there is one."""
        if self.adaptation is not None:
            return self.adaptation
        return UNSETTLED if policy is None else policy.weights_are_adaptation

    def strict_under(self, policy: LicensePolicy | None) -> bool:
        """Whether an unknown license is an error, under a policy if there is one."""
        if self.strict is not None:
            return self.strict
        return recording_mode() == "strict" or (policy is not None and policy.strict)


class ConflictFinder:
    """Finds the conflicts of sessions for every use.

    Those of a session that has ended are kept, and given as they were kept as long as all that they
    depend on is as it was.

    Args:
        db: where the sessions are.
        registry: describes the licenses.
        settings: how strictly it is judged; with others than the usual nothing is kept.
    """

    def __init__(self, db: LicenseStore, registry: LicenseRegistry, settings: Settings) -> None:
        self._db, self._registry, self._settings = db, registry, settings
        # While somebody else writes, nobody is waited for, for as long as this one lives.
        self._may_keep = settings.are_usual
        self._own_licenses = repr(db.list_licenses())

    def records(self, session: SessionRecord) -> list[tuple[KeptConflict, Settlement | None]]:
        """All conflicts of a session, those that were kept and are found no more included, and who
        settled them."""
        found, is_kept = self._looked_up(session)
        words = self._db.licensing.words(session.session_id)
        told = {own: None if said.is_open else said for own, said in words.items()}
        told |= {one.finding_id: one.settled for one in settled(found, words)}
        own, now = session.session_id, utc_now()
        if is_kept:
            records = self._db.licensing.conflicts(own)
        else:
            records = [
                KeptConflict(own, one.finding_id, one.kind, one.severity, one.use,
                             one.to_dict(), now)
                for one in found
            ]  # fmt: skip
        return [(one, told.get(one.finding_id)) for one in records]

    def find(
        self, session: SessionRecord, uses: Sequence[SourceUse] | None = None
    ) -> list[Finding]:
        """The conflicts of a session, for each use; nothing of settlements.

        Args:
            session: which session.
            uses: what it had from each source; what it has now when left out.
        """
        return self._looked_up(session, uses)[0]

    def _looked_up(
        self, session: SessionRecord, uses: Sequence[SourceUse] | None = None
    ) -> tuple[list[Finding], bool]:
        """The conflicts of a session, and whether just these are kept."""
        policy = policy_of_session(self._db, session.session_id)
        if uses is None:
            uses = self._db.license_uses(session.session_id)
        holds_for = self._holds_for(uses, policy)
        if self._settings.are_usual:
            known = self._known(session.session_id, holds_for)
            if known is not None:
                return known, True
        found = self._found(uses, policy)
        if not self._may_keep or session.ended_at is None:
            return found, False
        rows = [(one.finding_id, one.kind, one.severity, one.use, one.to_dict())
                for one in found]  # fmt: skip
        self._may_keep = self._db.licensing.keep(session.session_id, holds_for, rows)
        return found, self._may_keep

    def _known(self, session_id: str, holds_for: str) -> list[Finding] | None:
        book = self._db.licensing
        if book.kept_for(session_id) != holds_for:
            return None
        kept = [one for one in book.conflicts(session_id) if one.gone_at is None]
        try:
            return [Finding.from_dict(one.finding) for one in kept]
        except (KeyError, TypeError, ValueError, AttributeError):
            return None  # another version may have kept them in another shape

    def _found(self, uses: Sequence[SourceUse], policy: LicensePolicy | None) -> list[Finding]:
        shares = shares_of(uses, self._registry)
        adaptation = self._settings.adaptation_under(policy)
        strict = self._settings.strict_under(policy)
        judged = shares if policy is None else policy.narrow(shares, self._registry)
        review = Review(judged, self._registry, adaptation, strict)
        names = list(USES) + ([] if policy is None else [policy.use])
        asked = [use_of(name, self._registry) for name in dict.fromkeys(names)]
        every = [one for use in asked for one in review.findings(use)]
        if policy is not None:
            every += policy.violations(shares, self._registry)
        by_id = {one.finding_id: one for one in every if one.severity != INFO}
        return list(by_id.values())

    def _holds_for(self, uses: Sequence[SourceUse], policy: LicensePolicy | None) -> str:
        """All that conflicts depend on, as a short text."""
        told = [
            data_version(),
            # An older version may have kept findings of another shape.
            [one.name for kind in (Finding, Party) for one in fields(kind)],
            FirstBatch._fields,
            self._settings.strict_under(policy),
            self._settings.adaptation_under(policy),
            None if policy is None else policy.to_json(),
            self._own_licenses,
            [repr(one) for one in uses],
        ]
        return sha256(json.dumps(told).encode()).hexdigest()


def policy_of_session(db: LicenseStore, session_id: str) -> LicensePolicy | None:
    """The policy that a session was begun with, if any."""
    text = db.licensing.policy(session_id)
    return None if text is None else LicensePolicy.from_json(text)


def settled(findings: Iterable[Finding], words: dict[str, Settlement]) -> list[Finding]:
    """Findings, with who settled them.

    Args:
        findings: any.
        words: what was said last of each finding, that it is open again included.

    Returns:
        The same; what was said last of a finding counts, for its use or for one that demands more.
    """
    if not words:
        return list(findings)
    return [replace(one, settled=_word_on(one, words)) for one in findings]


def _word_on(one: Finding, words: dict[str, Settlement]) -> Settlement | None:
    ids = [replace(one, use=use).finding_id for use in at_least(one.use)]
    said = [words[own] for own in ids if own in words]
    last = max(said, key=lambda word: word.recorded_at, default=None)
    return None if last is None or last.is_open else last


def told_once(findings: Iterable[Finding]) -> list[Finding]:
    """Each matter once, and once more if it is settled for one use and open for another: of what is
    found of it for several uses the most severe, and of these that of the least demanding use."""
    told: dict[object, Finding] = {}
    for one in findings:
        key = (one.matter, one.settled is None)
        if _urgency(one) < _urgency(told.setdefault(key, one)):
            told[key] = one
    return list(told.values())


def _urgency(one: Finding) -> tuple[int, int]:
    rank = USES.index(one.use) if one.use in USES else len(USES)
    return SEVERITIES.index(one.severity), rank
