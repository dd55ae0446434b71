"""What an analysis needs of a database; ``ProvenanceDatabase`` has it."""

from collections.abc import Sequence
from typing import Any, Protocol

from origin.core.license.mix import SourceUse
from origin.core.record import KeptConflict, LicenseRecord, SessionRecord, Settlement, SourceRecord


class Book(Protocol):
    """What a database keeps about licenses."""

    def settlements(self, session_id: str) -> dict[str, Settlement]:
        """The findings of a session that somebody settled, by their ids."""

    def words(self, session_id: str) -> dict[str, Settlement]:
        """What was said last of each finding of a session, that it is open again included."""

    def conflicts(self, session_id: str | None = None) -> list[KeptConflict]:
        """The conflicts that were kept, those that no longer hold included."""

    def kept_for(self, session_id: str) -> str | None:
        """What the kept conflicts of a session were found for."""

    def keep(
        self,
        session_id: str,
        holds_for: str,
        rows: Sequence[tuple[str, str, str, str, dict[str, Any]]],
    ) -> bool:
        """Keep the conflicts of a session; tells whether that was possible."""

    def policy(self, session_id: str) -> str | None:
        """The policy that a session was begun with, as JSON."""


class LicenseStore(Protocol):
    """A database, as far as licenses go."""

    @property
    def licensing(self) -> Book:
        """What is kept about licenses."""

    def flush(self) -> None:
        """Wait until all that was observed is committed."""

    def get_session(self, session_id: str) -> SessionRecord:
        """A session by its id."""

    def list_sessions(self) -> list[SessionRecord]:
        """All sessions, the newest first."""

    def list_licenses(self) -> list[LicenseRecord]:
        """The licenses that the user defined."""

    def list_sources(self) -> list[SourceRecord]:
        """All sources."""

    def license_uses(self, session_id: str) -> list[SourceUse]:
        """What a session had from each source under each license."""
