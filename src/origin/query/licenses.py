"""The questions about licenses that ``QueryEngine`` answers."""

import os
from typing import TYPE_CHECKING

from origin.core.record import SessionRecord
from origin.storage.database import ProvenanceDatabase

if TYPE_CHECKING:
    from origin.core.license import (
        Attribution,
        Findings,
        LicenseAnalysis,
        LicensePolicy,
        PolicyReport,
    )
    from origin.query.inuse import LicenseInUse


class LicenseQuestions:
    """The part of ``QueryEngine`` that a ``LicenseAnalyzer`` answers, with its usual settings.

    >>> import tempfile
    >>> from origin.hooks.pytorch import DataLoaderHook
    >>> from origin.query.engine import QueryEngine
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
    ...     with db.session(config_hash="v1") as session:
    ...         hook = DataLoaderHook(db, session.session_id, "dump", "CC-BY-NC-4.0")
    ...         root = hook.observe(["a poem"])
    ...     engine = QueryEngine(db)
    ...     for finding in engine.find_conflicts(session):
    ...         print(finding)
    ...     engine.analyze_licenses(session, use="train").verdict
    error: CC-BY-NC-4.0 (source "dump", 100 % of samples): it does not permit commercial use \
[rule nc-commercial]
    'rules v1 found 1 warning against train'
    >>> folder.cleanup()
    """

    _db: ProvenanceDatabase

    def analyze_licenses(
        self, session_id: str | SessionRecord, use: str | None = None
    ) -> "LicenseAnalysis":
        """What follows from the licenses of a session; see ``LicenseAnalyzer.analyze_session``."""
        from origin.core.license import LicenseAnalyzer

        return LicenseAnalyzer(self._db).analyze_session(session_id, use)

    def find_conflicts(
        self, session_id: str | SessionRecord | None = None, use: str | None = None
    ) -> "Findings":
        """The license conflicts of a session or of all; see ``LicenseAnalyzer.find_conflicts``."""
        from origin.core.license import LicenseAnalyzer

        return LicenseAnalyzer(self._db).find_conflicts(session_id, use)

    def check_policy(
        self,
        session_id: str | SessionRecord,
        policy: "LicensePolicy | str | os.PathLike[str] | None" = None,
    ) -> "PolicyReport":
        """Whether a session keeps to a policy; see ``LicenseAnalyzer.check_policy``."""
        from origin.core.license import LicenseAnalyzer

        return LicenseAnalyzer(self._db).check_policy(session_id, policy)

    def attribution(self, session_id: str | SessionRecord) -> "Attribution":
        """The notice that licenses ask for; see ``LicenseAnalyzer.attribution``."""
        from origin.core.license import LicenseAnalyzer

        return LicenseAnalyzer(self._db).attribution(session_id)

    def licenses_in_use(self) -> "list[LicenseInUse]":
        """The licenses that the database names, with what came under them and what is known of
        them; those most was seen under first."""
        from origin.query.inuse import licenses_in_use

        return licenses_in_use(self._db)

    def license_in_use(self, license_id: str) -> "LicenseInUse":
        """The same of one license, which may also be one that the database does not name.

        Args:
            license_id: as people write it.

        Raises:
            LicenseNotFoundError: the database does not name it, and nothing is known of it.
        """
        from origin.query.inuse import license_in_use

        return license_in_use(self._db, license_id)
