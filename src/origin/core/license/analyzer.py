"""`LicenseAnalyzer`: what follows from the licenses of a run."""

import logging
import os
from collections.abc import Iterable, Sequence

from origin.core.arguments import session_id_of
from origin.core.license.analysis import LicenseAnalysis
from origin.core.license.attribution import Attribution, attribution_of
from origin.core.license.conflicts import (
    ConflictFinder,
    Settings,
    policy_of_session,
    settled,
    told_once,
)
from origin.core.license.findings import INFO, Finding, Findings, in_order
from origin.core.license.joint import joined
from origin.core.license.judge import Judge
from origin.core.license.mix import Propagation, Share, SourceUse, propagated, shares_of
from origin.core.license.policy import LicensePolicy, PolicyReport, policy_of
from origin.core.license.reading.normalize import NormalizedLicense
from origin.core.license.registry import LicenseRegistry
from origin.core.license.review import Review
from origin.core.license.rules import data_version
from origin.core.license.store import LicenseStore
from origin.core.license.uses import TRAIN, Use, adaptation_setting, use_of
from origin.core.record import KeptConflict, LicenseRecord, SessionRecord, Settlement
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
        if db is not None and not hasattr(db, "license_uses"):
            raise ConfigurationError(
                f"LicenseAnalyzer takes an open database, not a {type(db).__name__}; without "
                "one it tells of licenses that are given to it"
            )
        if not isinstance(strict, bool | None):
            raise ConfigurationError(f"strict must be True or False, not {strict!r}")
        chosen = None
        if weights_are_adaptation is not None:
            chosen = adaptation_setting(weights_are_adaptation)
        self._db = db
        self._settings = Settings(chosen, strict)
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
        judge = Judge(registry, self._settings.adaptation_under(None))
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
        if isinstance(licenses, str | LicenseRecord) or not isinstance(licenses, Iterable):
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
        policy = policy_of_session(db, session_id)
        wanted = use if use is not None else (TRAIN if policy is None else policy.use)
        return self.analyze(
            db.license_uses(session_id),
            wanted,
            session_id=session_id,
            said=db.licensing.words(session_id),
            policy=policy,
        )

    def analyze(
        self,
        uses: Iterable[SourceUse],
        use: str = TRAIN,
        *,
        session_id: str = "",
        said: dict[str, Settlement] | None = None,
        policy: LicensePolicy | None = None,
    ) -> LicenseAnalysis:
        """What follows from the licenses of some sources for a use.

        Args:
            uses: what came from each source.
            use: as for ``analyze_session``.
            session_id: of which session it is told.
            said: findings that somebody settled, by their ids.
            policy: what it says about strictness and weights holds where nothing else was said.

        Raises:
            ConfigurationError: there is no such use.
            InvalidRecordError: what is given is no ``SourceUse``.
        """
        registry = self.registry
        uses = _checked(uses)
        if policy is not None:
            policy = policy_of(policy)
        asked = use_of(use, registry)
        setting = self._settings.adaptation_under(policy)
        shares = shares_of(uses, registry)
        found = self._review(shares, registry, policy).findings(asked)
        readings = [one for share in shares for one in share.reading.readings]
        return LicenseAnalysis(
            session_id,
            asked.name,
            setting,
            tuple(share.party for share in shares),
            propagated(readings, asked, Judge(registry, setting), registry),
            tuple(in_order(settled(found, said or {}))),
            data_version(),
        )

    def find_conflicts(
        self, session_id: str | SessionRecord | None = None, use: str | None = None
    ) -> Findings:
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
            sessions = db.list_sessions()
        else:
            sessions = [db.get_session(session_id_of(session_id))]
        registry = self.registry
        wanted = None if use is None else use_of(use, registry)
        finder = ConflictFinder(db, registry, self._settings)
        told = Findings()
        for session in sessions:
            found = finder.find(session) if wanted is None else self._found_for(session, wanted)
            told += self._told(session.session_id, found)
        return told

    def conflicts_among(self, session: SessionRecord, uses: Sequence[SourceUse]) -> Findings:
        """What ``find_conflicts`` gives for a session that had just this from each source.

        Args:
            session: its record, read before what it had.
            uses: what it had.
        """
        finder = ConflictFinder(self._store(), self.registry, self._settings)
        return Findings(self._told(session.session_id, finder.find(session, uses)))

    def _told(self, session_id: str, found: Sequence[Finding]) -> list[Finding]:
        return in_order(told_once(settled(found, self._store().licensing.words(session_id))))

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
        wanted = policy_of_session(db, session_id) if policy is None else policy_of(policy)
        if wanted is None:
            raise ConfigurationError(
                f"session {session_id} was begun without a policy; give check_policy() one"
            )
        found = self.findings_under(wanted, db.license_uses(session_id))
        said = db.licensing.words(session_id)
        return PolicyReport(session_id, wanted, tuple(in_order(settled(found, said))))

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
        # In this order: a source is there before anything of it is used.
        uses = db.license_uses(session_id)
        sources = {one.source_id: one for one in db.list_sources()}
        return attribution_of(session_id, uses, sources, self.registry)

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
        policy, uses = policy_of(policy), _checked(uses)
        policy.require_known(registry)
        shares = shares_of(uses, registry)
        found = self._review(shares, registry, policy).findings(use_of(policy.use, registry))
        return [*policy.violations(shares, registry), *found]

    def conflict_records(self) -> list[tuple[KeptConflict, Settlement | None]]:
        """The conflicts of all sessions, one for each use, and who settled them, the oldest session
        first; those that were found once and are no more have a ``gone_at``.

        Raises:
            ConfigurationError: there is no database.
        """
        db = self._store()
        finder = ConflictFinder(db, self.registry, self._settings)
        sessions = reversed(db.list_sessions())
        return [one for session in sessions for one in finder.records(session)]

    # -- within ------------------------------------------------------------------------

    def _found_for(self, session: SessionRecord, wanted: Use) -> list[Finding]:
        db, registry = self._store(), self.registry
        policy = policy_of_session(db, session.session_id)
        shares = shares_of(db.license_uses(session.session_id), registry)
        found = self._review(shares, registry, policy).findings(wanted)
        return [one for one in found if one.severity != INFO]

    def _review(
        self, shares: Sequence[Share], registry: LicenseRegistry, policy: LicensePolicy | None
    ) -> Review:
        settings = self._settings
        if policy is not None:
            # What it rules out is no choice to be made.
            shares = policy.narrow(shares, registry)
        adaptation, strict = settings.adaptation_under(policy), settings.strict_under(policy)
        return Review(shares, registry, adaptation, strict)

    def _store(self) -> LicenseStore:
        if self._db is None:
            raise ConfigurationError(
                "this analyzer has no database to ask about sessions; make it with "
                "LicenseAnalyzer(db)"
            )
        return self._db


def _checked(uses: Iterable[SourceUse]) -> list[SourceUse]:
    listed = list(uses) if isinstance(uses, Iterable) else [uses]
    if not all(isinstance(one, SourceUse) for one in listed):
        raise InvalidRecordError("what came from sources is given as a list of SourceUse(...)")
    return listed


def _flush(db: LicenseStore) -> None:
    try:
        db.flush()
    except OriginError:
        _log.warning("what was observed cannot be committed; what is told is as far as it is on"
                     " the disk", exc_info=True)  # fmt: skip
