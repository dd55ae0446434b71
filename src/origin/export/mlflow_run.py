"""A session put into an MLflow run: tags, params, the data sets it was given, and attachments."""

import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from origin.cards.facts import RunFacts, SourceFacts, gather
from origin.core.record import SessionRecord
from origin.errors import ConfigurationError, StorageError
from origin.export.attachments import attachments, file_part
from origin.export.mlflow import MOST_IN_DIGEST, MOST_IN_TAG, PREFIX, params_of, tags_of
from origin.export.required import required
from origin.export.texts import shortened
from origin.storage.database import ProvenanceDatabase

# What MLflow takes at most, in characters (of a place 65,535 as JSON, where one may take six), and
# how many data sets in one call.
_MOST_IN_NAME, _MOST_IN_PLACE, _MOST_IN_INPUT_TAG = 500, 10_000, 500
_AT_ONCE = 500

_SESSION = f"{PREFIX}session_id"


def log_to_mlflow(
    db: ProvenanceDatabase, session_id: str | SessionRecord, run_id: Any = None
) -> str:
    """Put a session into an MLflow run; see ``ProvenanceExporter.log_to_mlflow``."""
    mlflow = required("mlflow", "mlflow")
    facts = gather(db, session_id)
    files = attachments(db, facts)
    try:
        with _run(mlflow, run_id) as own:
            client = mlflow.MlflowClient()
            prefix = _prefix(client.get_run(own).data.tags, facts.session.session_id)
            _log_numbers(client, own, facts, prefix)
            _log_inputs(client, own, facts)
            _log_files(client, own, files)
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise StorageError(
            f"MLflow at {mlflow.get_tracking_uri()} did not take all of session "
            f"{facts.session.session_id}: {error}; what it took stays"
        ) from error
    return own


@contextmanager
def _run(mlflow: Any, run_id: Any) -> Iterator[str]:
    """The id of the run to log to."""
    if run_id is not None:
        yield _existing(mlflow, getattr(getattr(run_id, "info", None), "run_id", run_id))
        return
    active = mlflow.active_run()
    if active is not None:
        yield active.info.run_id
        return
    with mlflow.start_run() as run:
        yield run.info.run_id


def _existing(mlflow: Any, run_id: Any) -> str:
    if not isinstance(run_id, str) or not run_id:
        raise ConfigurationError(f"run_id must be the id of an MLflow run, not {run_id!r}")
    try:
        mlflow.get_run(run_id)
    except mlflow.exceptions.MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise ConfigurationError(
                f"MLflow at {mlflow.get_tracking_uri()} has no run {run_id!r}: {error}"
            ) from None
        raise
    return run_id


def _prefix(tags: dict[str, str], session_id: str) -> str:
    """What names begin with; a run may be told of a second session, such as after a restart."""
    own = f"{PREFIX}{file_part(session_id)}."
    known = tags.get(_SESSION)
    return PREFIX if known in (None, shortened(session_id, MOST_IN_TAG)) else own


def _log_numbers(client: Any, run_id: str, facts: RunFacts, prefix: str) -> None:
    from mlflow.entities import Param, RunTag

    client.log_batch(
        run_id,
        params=[Param(f"{prefix}{name}", text) for name, text in params_of(facts).items()],
        tags=[RunTag(f"{prefix}{name}", text) for name, text in tags_of(facts).items()],
    )


def _log_inputs(client: Any, run_id: str, facts: RunFacts) -> None:
    """The sources as data sets, in the way of ``mlflow.log_input``, which has but one at a time."""
    by_source: dict[str, list[SourceFacts]] = {}
    for one in facts.sources:
        by_source.setdefault(one.source.source_id, []).append(one)
    inputs = [_input(facts, group) for group in by_source.values()]
    for first in range(0, len(inputs), _AT_ONCE):
        client.log_inputs(run_id, datasets=inputs[first : first + _AT_ONCE])


def _input(facts: RunFacts, group: Sequence[SourceFacts]) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source, fingerprint, samples = group[0].source, group[0].fingerprint, group[0].samples
    seen = sum(one.observations for one in group)
    kind, place = _place(source.url or source.source_path)
    dataset = Dataset(
        name=shortened(source.source_id, _MOST_IN_NAME) or "unnamed",
        digest=fingerprint[:MOST_IN_DIGEST],
        source_type=kind,
        source=place,
        # The page of a data set shows the first of these numbers.
        profile=json.dumps({"num_rows": samples, "num_observations": seen}),
    )
    tags = {
        "mlflow.data.context": "training",
        f"{PREFIX}session_id": facts.session.session_id,
        f"{PREFIX}fingerprint": fingerprint,
        f"{PREFIX}license": _several(one.license for one in group),
        f"{PREFIX}declared_license": _several(one.declared or "" for one in group),
        f"{PREFIX}samples": str(samples),
        f"{PREFIX}observations": str(seen),
    }
    return DatasetInput(
        dataset,
        [
            InputTag(name, shortened(text, _MOST_IN_INPUT_TAG))
            for name, text in tags.items()
            if text
        ],
    )


def _several(licenses: Iterable[str]) -> str:
    return ", ".join(one for one in dict.fromkeys(licenses) if one)


def _place(place: str | None) -> tuple[str, str]:
    """Where a source is as MLflow has it: the type of the place, and the place as JSON."""
    from mlflow.data.dataset_source_registry import resolve_dataset_source
    from mlflow.exceptions import MlflowException

    if place is not None and len(place) <= _MOST_IN_PLACE and place.isprintable():
        try:
            with warnings.catch_warnings():
                # A local path may stand for several things; the last it names is the path.
                warnings.simplefilter("ignore")
                found = resolve_dataset_source(place)
            return found._get_source_type(), found.to_json()
        except (MlflowException, ValueError):
            pass  # a place that MLflow does not know
    told = {} if place is None else {"place": shortened(place, _MOST_IN_PLACE)}
    return "code", json.dumps({"tags": told})


def _log_files(client: Any, run_id: str, files: dict[str, str]) -> None:
    with TemporaryDirectory() as folder:
        for name, text in files.items():
            Path(folder, name).write_text(text, encoding="utf-8", newline="\n")
        client.log_artifacts(run_id, folder)
