"""`ProvenanceExporter`: what was recorded of a session, for other systems.

A format is a row of ``FORMATS`` and a function in a file of its own. It is called with the
database, the session and the path, writes what is to be there, and returns how many records that
are.
"""

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from origin.core.arguments import session_id_of
from origin.core.record import SessionRecord
from origin.errors import ConfigurationError
from origin.storage.database import ProvenanceDatabase, require_database

if TYPE_CHECKING:
    from huggingface_hub import ModelCard

# Its name, and where the function is that writes it; that is imported when it is first needed.
FORMATS = {
    "huggingface": "origin.export.huggingface:export",
    "json": "origin.export.jsonfile:export",
    "jsonl": "origin.export.jsonl:export",
    "mlflow": "origin.export.mlflow:export",
    "parquet": "origin.export.parquet:export",
    "wandb": "origin.export.wandb:export",
}

_Writer = Callable[[ProvenanceDatabase, str, str | os.PathLike[str]], int]


class ProvenanceExporter:
    """Hands over what was recorded of a session.

    What it gives is the same whenever a record is: all times in it are the record's own. Wherever a
    session's id is asked for, its ``SessionRecord`` will do.

    Args:
        db: an open database; a read-only one will do.

    Raises:
        ConfigurationError: ``db`` is no database.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
    ...     session = db.begin_session(config_hash="v1")
    ...     exporter = ProvenanceExporter(db)
    ...     exporter.to_mlflow(session.session_id)["tags"]["provenance.status"]
    ...     exporter.to_jsonl(session.session_id, f"{folder.name}/provenance.jsonl")
    'running'
    2
    >>> folder.cleanup()
    """

    def __init__(self, db: ProvenanceDatabase) -> None:
        require_database("ProvenanceExporter", db)
        self._db = db

    def __repr__(self) -> str:
        return f"ProvenanceExporter({self._db!r})"

    def to_mlflow(self, session_id: str | SessionRecord) -> dict[str, dict[str, str]]:
        """Tags, params and artifacts for an MLflow run.

        Args:
            session_id: which session.

        Returns:
            ``tags`` and ``params``, names to texts that MLflow takes as they are, and
            ``artifacts``, file names to texts. What had to be cut in a tag stands whole in an
            artifact.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        from origin.export.mlflow import to_mlflow

        return to_mlflow(self._db, session_id_of(session_id))

    def log_to_mlflow(self, session_id: str | SessionRecord, run_id: Any = None) -> str:
        """Put a session into an MLflow run: tags, params, its sources as data sets, and files.

        The files are the JSON document, the card and the report. It may be called again, as while
        training goes on; a run that tells of another session already keeps what it tells.

        Args:
            session_id: which session.
            run_id: the id of a run, or the run itself. When left out, it is the active run, or a
                new one, which is ended again.

        Returns:
            The id of the run.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: MLflow has no such run.
            MissingDependencyError: MLflow is not installed.
            StorageError: MLflow refused something, or cannot be reached.
        """
        from origin.export.mlflow_run import log_to_mlflow

        return log_to_mlflow(self._db, session_id_of(session_id), run_id)

    def to_wandb(self, session_id: str | SessionRecord) -> dict[str, Any]:
        """Config and description for a Weights & Biases run.

        Args:
            session_id: which session.

        Returns:
            ``metadata``, JSON types for ``wandb.config.update``, and ``description``, a text.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        from origin.export.wandb import to_wandb

        return to_wandb(self._db, session_id_of(session_id))

    def log_to_wandb(self, session_id: str | SessionRecord, run: Any = None) -> str:
        """Put a session into a W&B run: config, summary, and an artifact with files.

        The files are the JSON document, the card and the report. It may be called again, as while
        training goes on; a run that tells of another session already keeps what it tells.

        Args:
            session_id: which session.
            run: what ``wandb.init`` gave; the run that is going on when left out.

        Returns:
            The id of the run.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: there is no such run.
            MissingDependencyError: W&B is not installed.
            StorageError: W&B refused something.
        """
        from origin.export.wandb_run import log_to_wandb

        return log_to_wandb(self._db, session_id_of(session_id), run)

    def to_huggingface(self, session_id: str | SessionRecord) -> dict[str, Any]:
        """Metadata for a model card on the Hugging Face Hub.

        Args:
            session_id: which session.

        Returns:
            ``license``, with ``license_name`` and ``license_link`` where the Hub has no id for it;
            ``datasets``, a list; and ``training_data``, with ``samples``,
            ``provenance_fingerprint`` and more.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        from origin.export.huggingface import to_huggingface

        return to_huggingface(self._db, session_id_of(session_id))

    def update_model_card(
        self,
        card: "str | os.PathLike[str] | ModelCard",
        session_id: str | SessionRecord,
        *,
        replace_license: bool = False,
    ) -> "ModelCard":
        """Put a session into a model card: its front matter, and one marked section.

        All else in the card stays as it is. Called again, it replaces what it wrote before.

        Args:
            card: the path of a card, begun if it is not there; or a ``huggingface_hub.ModelCard``,
                which is changed and not saved.
            session_id: which session.
            replace_license: whether to replace a license that somebody else wrote into the card;
                without it there is a warning if the data's is another.

        Returns:
            The card, as a ``ModelCard``.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: that is no card, or cannot be changed without losing what is in it.
            MissingDependencyError: huggingface_hub is not installed.
            StorageError: the file cannot be read or written.
        """
        from origin.export.modelcard import update_model_card

        return update_model_card(
            self._db, card, session_id_of(session_id), replace_license=replace_license
        )

    def to_json(self, session_id: str | SessionRecord, pretty: bool = True) -> str:
        """All facts of a session and its batches, as JSON.

        Args:
            session_id: which session.
            pretty: on many lines, for people.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: it has more than 100,000 batches; ``to_jsonl`` takes any number.
        """
        from origin.export.jsonfile import to_json

        return to_json(self._db, session_id_of(session_id), pretty=pretty)

    def to_jsonl(self, session_id: str | SessionRecord, path: str | os.PathLike[str]) -> int:
        """Write all facts of a session, its batches and their samples' fingerprints as JSONL.

        It takes the same memory for any number of batches. ``origin.export.read_jsonl`` reads it
        back.

        Args:
            session_id: which session.
            path: where the file is to be; what is there is replaced once the new one is whole.

        Returns:
            How many lines it has: one for each batch, the header and the end.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: the path is no place for a file.
            StorageError: the record cannot be read, or the file not written.
        """
        return self.export(session_id, "jsonl", path)

    def to_parquet(self, session_id: str | SessionRecord, folder: str | os.PathLike[str]) -> int:
        """Write the observations and batches of a session as Parquet, for any engine.

        Args:
            session_id: which session.
            folder: where ``observations.parquet`` and ``batches.parquet`` are to be; it is made if
                it is not there.

        Returns:
            How many observations there are.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: the folder is no path.
            StorageError: the record cannot be read, or a file not written.
        """
        return self.export(session_id, "parquet", folder)

    def export(
        self,
        session_id: str | SessionRecord,
        format: str,  # noqa: A002
        path: str | os.PathLike[str],
    ) -> int:
        """Write a session in a format that is named.

        Args:
            session_id: which session.
            format: one of ``origin.export.formats.FORMATS``.
            path: where the file, or for ``parquet`` the folder, is to be.

        Returns:
            How many records were written: lines of JSONL, observations of Parquet, else 1.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: there is no such format, or the path is no place for it.
            StorageError: the record cannot be read, or what is to be written not written.
        """
        if not isinstance(format, str) or format not in FORMATS:
            raise ConfigurationError(
                f"format must be one of {', '.join(map(repr, sorted(FORMATS)))}, not {format!r}"
            )
        module, _, name = FORMATS[format].partition(":")
        write: _Writer = getattr(import_module(module), name)
        return write(self._db, session_id_of(session_id), path)
