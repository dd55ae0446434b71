"""What people say of findings about licenses."""

import re
from typing import TYPE_CHECKING

from origin.core.arguments import session_id_of
from origin.core.record import SessionRecord, utc_now
from origin.errors import InvalidRecordError
from origin.storage.licensing import LicenseBook

if TYPE_CHECKING:
    from origin.core.license import Finding


class Settling:
    """The part of a database by which people settle findings."""

    licensing: LicenseBook

    def settle_finding(
        self,
        session_id: str | SessionRecord,
        finding: "Finding | str",
        *,
        person: str,
        reason: str,
        date: str | None = None,
    ) -> None:
        """Note that a finding about the licenses of a session is dealt with, and why.

        The finding stays on record, and so does every word on it: this says who decided what,
        and when. A finding that was settled before is then settled by what is said last.

        Args:
            session_id: the session.
            finding: the finding, or its ``finding_id``.
            person: who says so.
            reason: why, in words: a permission, a contract, data that were removed.
            date: when that was decided, an ISO 8601 date or time; today in UTC when left out.

        Raises:
            InvalidRecordError: a text is empty, or ``date`` is no date.
            SessionNotFoundError: no session has that id.
            ReadOnlyDatabaseError: the database is read-only.
            StorageError: the disk or SQLite refused.

        >>> import tempfile
        >>> from origin.storage.database import ProvenanceDatabase
        >>> folder = tempfile.TemporaryDirectory()
        >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
        ...     run, finding = db.begin_session(config_hash="v1"), "00f1ce0ff1ce0ff1"
        ...     db.settle_finding(run, finding, person="A. N. Other", reason="permission by letter")
        ...     db.licensing.settlements(run.session_id)[finding].reason
        'permission by letter'
        >>> folder.cleanup()
        """
        settled_on = _today() if date is None else date
        self.licensing.settle(
            session_id_of(session_id), _id_of(finding), person, reason, settled_on
        )

    def reopen_finding(
        self,
        session_id: str | SessionRecord,
        finding: "Finding | str",
        *,
        person: str,
        reason: str,
        date: str | None = None,
    ) -> None:
        """Note that a finding which was settled is open again, and why.

        Args:
            session_id: the session.
            finding: the finding, or its ``finding_id``.
            person: who says so.
            reason: why, in words: a permission that was withdrawn, say.
            date: since when, an ISO 8601 date or time; today in UTC when left out.

        Raises:
            InvalidRecordError: a text is empty, or ``date`` is no date.
            SessionNotFoundError: no session has that id.
            ReadOnlyDatabaseError: the database is read-only.
            StorageError: the disk or SQLite refused.

        >>> import tempfile
        >>> from origin.storage.database import ProvenanceDatabase
        >>> folder = tempfile.TemporaryDirectory()
        >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
        ...     run, finding = db.begin_session(config_hash="v1"), "00f1ce0ff1ce0ff1"
        ...     db.settle_finding(run, finding, person="A. N. Other", reason="permission by letter")
        ...     db.reopen_finding(run, finding, person="A. N. Other", reason="it was withdrawn")
        ...     db.licensing.settlements(run.session_id)
        {}
        >>> folder.cleanup()
        """
        reopened_on = _today() if date is None else date
        self.licensing.settle(
            session_id_of(session_id),
            _id_of(finding),
            person,
            reason,
            reopened_on,
            is_open=True,
        )


def _today() -> str:
    return utc_now()[:10]


def _id_of(finding: "Finding | str") -> str:
    found = getattr(finding, "finding_id", finding)
    if not isinstance(found, str) or not re.fullmatch("[0-9a-f]{16}", found):
        raise InvalidRecordError(
            f"{finding!r} is no finding; give one that find_conflicts() told, or its finding_id"
        )
    return found
