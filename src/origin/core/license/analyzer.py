"""`LicenseAnalyzer`: what follows from the licenses of a run."""

import json
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256

from origin.core.arguments import recording_mode, session_id_of
from origin.core.license.analysis import LicenseAnalysis
from origin.core.license.attribution import Attribution, attribution_of
from origin.core.license.findings import INFO, SEVERITIES, Finding, in_order
from origin.core.license.joint import joined
from origin.core.license.judge import Judge
from origin.core.license.mix import Propagation, Share, SourceUse, propagated, shares_of
from origin.core.license.normalize import NormalizedLicense
from origin.core.license.policy import LicensePolicy, PolicyReport, policy_of
from origin.core.license.registry import LicenseRegistry
from origin.core.license.review import Review
from origin.core.license.rules import data_version
from origin.core.license.store import LicenseStore
from origin.core.license.uses import TRAIN, UNSETTLED, USES, Use, adaptation_setting, use_of
from origin.core.record import LicenseRecord, SessionRecord, Settlement
from origin.errors import ConfigurationError, InvalidRecordError, OriginError

_log = logging.getLogger("origin")


class LicenseAnalyzer:
    """Says what follows from licenses: of any that are given, and of those in a session.

    What it finds is what rules say of declared licenses. It is not legal advice.

    Args:
        db: the database whose sessions are asked about, and whose own licenses join in.
        weights_are_adaptation: whether the weights of a model count as adapted from its data:
            ``"yes"``, ``"no"``, or ``"unsettled"``, where what would follow is a warning. Left out,
            it is what the session's policy says, or unsettled.
        strict: whether an unknown license is an error. Left out, the session's policy decides, or
            ``ORIGIN_MODE=strict``.

    Raises:
        ConfigurationError: a setting is none of these.

    >>> analyzer = LicenseAnalyzer()
    >>> analyzer.propagate(["CC0-1.0", "MIT", "CC-BY-SA-4.0"]).license
    'CC-BY-SA-4.0'
    >>> analyzer.check_compatibility("CC-BY-SA-4.0", "CC-BY-NC-4.0")[0]
    False
    """

    def __init__(
        self,
        db: LicenseStore | None = None,
        *,
        weights_are_adaptation: str | bool | None = None,
        strict: bool | None = None,
    ) -> None:
        self._db = db
        self._setting = weights_are_adaptation
        self._strict = strict
        if weights_are_adaptation is not None:
            self._setting = adaptation_setting(weights_are_adaptation)
        if not isinstance(strict, bool | None):
            raise ConfigurationError(f"strict must be True or False, not {strict!r}")
        self._registry: tuple[tuple[LicenseRecord, ...], LicenseRegistry] | None = None

    @property
    def registry(self) -> LicenseRegistry:
        """Describes licenses, those that the database defines now included."""
        own = () if self._db is None else tuple(self._db.list_licenses())
        if self._registry is None or self._registry[0] != own:
            self._registry = own, LicenseRegistry(own)
        return self._registry[1]

    # -- licenses as such --------------------------------------------------------------

    def propagate(
        self, licenses: Iterable[str | LicenseRecord | None], use: str = TRAIN
    ) -> Propagation:
        """What several licenses say together.

        Args:
            licenses: as people write them; records of your own join in; None is a source for which
                nobody named one.
            use: for which the choices are made that OR leaves to the licensee.

        Returns:
            What all permit, what any rules out or asks for, the license that results, or
            ``mixed``, and the smallest sets that have no license in common.

        Raises:
            InvalidRecordError: one is no license.
            ConfigurationError: there is no such use.

        >>> LicenseAnalyzer().propagate(["Apache-2.0", "GPL-2.0-or-later"]).license
        'GPL-3.0-or-later'
        """
        registry, readings = self._read(licenses)
        judge = Judge(registry, self._setting_for(None))
        return propagated(readings, use_of(use, registry), judge, registry)

    def check_compatibility(
        self, a: str | LicenseRecord, b: str | LicenseRecord
    ) -> tuple[bool, str]:
        """Whether works under two licenses may go into one adapted work under some license.

        Args:
            a: a license, as people write it, or a record of your own.
            b: another.

        Returns:
            True only if that is known; and why, in a sentence.

        Raises:
            InvalidRecordError: one is no license.

        >>> LicenseAnalyzer().check_compatibility("MIT", "Apache 2")
        (True, 'both MIT and Apache-2.0 may go into a work under MIT')
        """
        registry, readings = self._read([a, b])
        for one in readings:
            if one.tree is None:
                why = one.notes[0] if one.notes else "it grants nothing"
                return False, f"nothing is known of {one.declared!r}: {why}"
        names = " and ".join(str(one.expression) for one in readings)
        joint = joined([one.tree for one in readings if one.tree is not None], registry)
        if joint.candidates:
            return True, f"both {names} may go into a work under {joint.candidates[0]}"
        if joint.possible:
            shown = ", ".join(joint.possible[:3])
            return False, f"nobody can tell whether one license may follow {names}: {shown} perhaps"
        alone = [str(readings[places[0]].expression) for places in joint.conflicts
                 if len(places) == 1]  # fmt: skip
        if alone:
            return False, f"{alone[0]} lets nobody share what was adapted from it"
        return False, f"no license may follow both {names}"

    def _read(
        self, licenses: Iterable[str | LicenseRecord | None]
    ) -> tuple[LicenseRegistry, list[NormalizedLicense]]:
        if isinstance(licenses, str | LicenseRecord):
            raise InvalidRecordError("give a list of licenses, such as ['MIT', 'CC-BY-4.0']")
        listed = list(licenses)
        registry = self.registry
        records = [one for one in listed if isinstance(one, LicenseRecord)]
        if records:
            own = [] if self._db is None else self._db.list_licenses()
            registry = LicenseRegistry([*own, *records])
        texts = [one.license_id if isinstance(one, LicenseRecord) else one for one in listed]
        return registry, [registry.read(text) for text in texts]

    # -- sessions ----------------------------------------------------------------------

    def analyze_session(
        self, session_id: str | SessionRecord, use: str | None = None
    ) -> LicenseAnalysis:
        """What follows from the licenses of a session for a use.

        Args:
            session_id: which session.
            use: ``train`` (and keep inside), ``distribute-weights``,
                ``distribute-weights-commercially``, ``distribute-under:<license>`` or
                ``redistribute-data``. Left out, it is that of the session's policy, or ``train``.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: there is no such use, or no database.
        """
        db = self._store()
        session_id = session_id_of(session_id)
        db.get_session(session_id)
        _flush(db)
        policy = self._policy_of(session_id)
        wanted = use if use is not None else (TRAIN if policy is None else policy.use)
        return self.analyze(
            db.license_uses(session_id),
            wanted,
            session_id=session_id,
            settled=db.licensing.settlements(session_id),
            policy=policy,
        )

    def analyze(
        self,
        uses: Iterable[SourceUse],
        use: str = TRAIN,
        *,
        session_id: str = "",
        settled: dict[str, Settlement] | None = None,
        policy: LicensePolicy | None = None,
    ) -> LicenseAnalysis:
        """What follows from the licenses of some sources for a use.

        Args:
            uses: what came from each source.
            use: as for ``analyze_session``.
            session_id: of which session it is told.
            settled: findings that somebody settled, by their ids.
            policy: what it says about strictness and weights holds where nothing else was said.

        Raises:
            ConfigurationError: there is no such use.
        """
        registry = self.registry
        asked = use_of(use, registry)
        setting = self._setting_for(policy)
        shares = shares_of(uses, registry)
        found = self._review(shares, registry, policy).findings(asked)
        readings = [one for share in shares for one in share.readings]
        return LicenseAnalysis(
            session_id,
            asked.name,
            setting,
            tuple(share.party for share in shares),
            propagated(readings, asked, Judge(registry, setting), registry),
            tuple(in_order(_with_settlements(found, settled or {}))),
            data_version(),
        )

    def find_conflicts(
        self, session_id: str | SessionRecord | None = None, use: str | None = None
    ) -> list[Finding]:
        """The conflicts of a session or of all: errors and warnings, settled ones last.

        They are found when a session ends, kept, and found anew whenever something has changed
        that they depend on, such as the license of a source.

        Args:
            session_id: which session; all when left out, the newest first.
            use: only what stands against this use; against any when left out.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: there is no such use, or no database.
        """
        db = self._store()
        _flush(db)
        if session_id is None:
            ids = [one.session_id for one in db.list_sessions()]
        else:
            ids = [session_id_of(session_id)]
            db.get_session(ids[0])
        registry = self.registry
        wanted = None if use is None else use_of(use, registry)
        return [one for own in ids for one in self._conflicts_of(own, wanted, registry)]

    def check_policy(
        self,
        session_id: str | SessionRecord,
        policy: LicensePolicy | str | os.PathLike[str] | None = None,
    ) -> PolicyReport:
        """Whether a session keeps to a policy.

        Args:
            session_id: which session.
            policy: which policy, or the path of a TOML file; that with which the session was begun
                when left out.

        Returns:
            All that was found; it is true if the policy holds, and has an ``exit_code``.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: the policy makes no sense, or there is none.
        """
        db = self._store()
        session_id = session_id_of(session_id)
        db.get_session(session_id)
        _flush(db)
        wanted = self._policy_of(session_id) if policy is None else policy_of(policy)
        if wanted is None:
            raise ConfigurationError(
                f"session {session_id} was begun without a policy; give check_policy() one"
            )
        found = self.findings_under(wanted, db.license_uses(session_id))
        settled = _with_settlements(found, db.licensing.settlements(session_id))
        return PolicyReport(session_id, wanted, tuple(in_order(settled)))

    def attribution(self, session_id: str | SessionRecord) -> Attribution:
        """The notice that licenses such as CC BY and MIT ask for, an entry for each source.

        Title, author, link and changes are those of the ``SourceRecord``; what is asked for and
        not recorded is said to be missing.

        Args:
            session_id: which session.

        Returns:
            The notice; as text when it is printed or written to a file by ``str()``.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        db = self._store()
        session_id = session_id_of(session_id)
        db.get_session(session_id)
        _flush(db)
        sources = {one.source_id: one for one in db.list_sources()}
        return attribution_of(session_id, db.license_uses(session_id), sources, self.registry)

    def findings_under(
        self,
        policy: LicensePolicy,
        uses: Iterable[SourceUse],
        registry: LicenseRegistry | None = None,
    ) -> list[Finding]:
        """What is found of some sources under a policy, what breaks it and all else.

        Args:
            policy: which policy.
            uses: what came from each source.
            registry: describes the licenses; that of the database when left out.

        Raises:
            ConfigurationError: an entry of the policy names no license.
        """
        registry = registry or self.registry
        policy.require_known(registry)
        shares = shares_of(uses, registry)
        # What the policy rules out is no choice to be made.
        left = [
            one if one.tree is None else replace(one, tree=policy.narrowed(one.tree, registry))
            for one in shares
        ]
        found = self._review(left, registry, policy).findings(use_of(policy.use, registry))
        return [*policy.violations(shares, registry), *found]

    def _conflicts_of(
        self, session_id: str, wanted: Use | None, registry: LicenseRegistry
    ) -> list[Finding]:
        db = self._store()
        policy = self._policy_of(session_id)
        uses, settled = db.license_uses(session_id), db.licensing.settlements(session_id)
        if wanted is not None:
            shares = shares_of(uses, registry)
            found = self._review(shares, registry, policy).findings(wanted)
        else:
            found = self._kept_or_found(session_id, uses, registry, policy)
        return in_order(one for one in _with_settlements(found, settled) if one.severity != INFO)

    def _kept_or_found(
        self,
        session_id: str,
        uses: Sequence[SourceUse],
        registry: LicenseRegistry,
        policy: LicensePolicy | None,
    ) -> list[Finding]:
        book = self._store().licensing
        is_usual = self._setting is None and self._strict is None
        holds_for = self._holds_for(uses, policy)
        if is_usual and book.kept_for(session_id) == holds_for:
            return [
                Finding.from_dict(one.finding)
                for one in book.conflicts(session_id)
                if one.gone_at is None
            ]
        shares = shares_of(uses, registry)
        review = self._review(shares, registry, policy)
        names = list(USES) + ([] if policy is None else [policy.use])
        asked = [use_of(name, registry) for name in dict.fromkeys(names)]
        every = [one for use in asked for one in review.findings(use)]
        if policy is not None:
            every += policy.violations(shares, registry)
        found = [one for one in _told_once(every) if one.severity != INFO]
        if is_usual:
            rows = [(one.finding_id, one.kind, one.severity, one.use, one.to_dict())
                    for one in found]  # fmt: skip
            book.keep(session_id, holds_for, rows)
        return found

    def _holds_for(self, uses: Sequence[SourceUse], policy: LicensePolicy | None) -> str:
        """All that conflicts depend on, as a short text."""
        told = [
            data_version(),
            self._is_strict(policy),
            self._setting_for(policy),
            None if policy is None else policy.to_json(),
            repr(self._store().list_licenses()),
            [repr(one) for one in uses],
        ]
        return sha256(json.dumps(told).encode()).hexdigest()

    # -- settings ----------------------------------------------------------------------

    def _review(
        self, shares: Sequence[Share], registry: LicenseRegistry, policy: LicensePolicy | None
    ) -> Review:
        return Review(shares, registry, self._setting_for(policy), self._is_strict(policy))

    def _setting_for(self, policy: LicensePolicy | None) -> str:
        if self._setting is not None:
            return str(self._setting)
        return UNSETTLED if policy is None else policy.weights_are_adaptation

    def _is_strict(self, policy: LicensePolicy | None) -> bool:
        if self._strict is not None:
            return self._strict
        return recording_mode() == "strict" or (policy is not None and policy.strict)

    def _policy_of(self, session_id: str) -> LicensePolicy | None:
        text = self._store().licensing.policy(session_id)
        return None if text is None else LicensePolicy.from_json(text)

    def _store(self) -> LicenseStore:
        if self._db is None:
            raise ConfigurationError(
                "this analyzer has no database to ask about sessions; make it with "
                "LicenseAnalyzer(db)"
            )
        return self._db


def _with_settlements(findings: Iterable[Finding], settled: dict[str, Settlement]) -> list[Finding]:
    return [replace(one, settled=settled.get(one.finding_id)) for one in findings]


def _told_once(findings: Iterable[Finding]) -> list[Finding]:
    """Each finding once, of the first use where it is as severe as anywhere."""
    told: dict[str, Finding] = {}
    for one in findings:
        before = told.setdefault(one.finding_id, one)
        if SEVERITIES.index(one.severity) < SEVERITIES.index(before.severity):
            told[one.finding_id] = one
    return list(told.values())


def _flush(db: LicenseStore) -> None:
    try:
        db.flush()
    except OriginError:
        _log.warning("what was observed cannot be committed; what is told is as far as it is on"
                     " the disk", exc_info=True)  # fmt: skip
