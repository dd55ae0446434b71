"""A session put into a Weights & Biases run: config, summary, and an artifact with files."""

import re
from typing import Any

from origin.cards.facts import RunFacts, gather
from origin.core.record import SessionRecord
from origin.errors import ConfigurationError, StorageError
from origin.export.attachments import attachments, file_part
from origin.export.required import required
from origin.export.wandb import description, metadata_of
from origin.storage.database import ProvenanceDatabase

_NAME = "provenance"
_MOST_REFERENCES = 100
# Places that W&B links to as they are, without looking there.
_PLACE = re.compile(r"(?:https?|s3|gs)://[!#-;=?-\[\]_a-z~]{1,2000}")


def log_to_wandb(db: ProvenanceDatabase, session_id: str | SessionRecord, run: Any = None) -> str:
    """Put a session into a W&B run; see ``ProvenanceExporter.log_to_wandb``."""
    wandb = required("wandb", "wandb")
    own = _chosen(wandb, run)
    facts = gather(db, session_id)
    artifact = _artifact(wandb, facts, attachments(db, facts))
    name = _name_in(own, facts.session.session_id)
    try:
        own.config.update({name: metadata_of(facts)}, allow_val_change=True)
        own.summary.update({f"{name}/{key}": value for key, value in _summary(facts).items()})
        own.log_artifact(artifact)
    except (wandb.errors.Error, OSError) as error:
        raise StorageError(
            f"W&B did not take all of session {facts.session.session_id} into run {own.id}: "
            f"{error}; what it took stays"
        ) from error
    return str(own.id)


def _chosen(wandb: Any, run: Any) -> Any:
    chosen = wandb.run if run is None else run
    if chosen is None:
        raise ConfigurationError("no W&B run is going on; call wandb.init(), or give one as run=")
    if not isinstance(chosen, wandb.Run):
        raise ConfigurationError(f"run must be what wandb.init() gave, not {chosen!r}")
    return chosen


def _name_in(run: Any, session_id: str) -> str:
    """Under which name the run gets the session; it may be told of a second one."""
    told = run.config.get(_NAME)
    is_ours = isinstance(told, dict) and told.get("session_id") == session_id
    return _NAME if told is None or is_ours else f"{_NAME}-{file_part(session_id)}"


def _summary(facts: RunFacts) -> dict[str, Any]:
    """What a table of runs is sorted and filtered by."""
    told = metadata_of(facts)
    names = ("complete", "errors", "warnings", "license", "fingerprint")
    return {**{name: told[name] for name in names}, **facts.counts}


def _artifact(wandb: Any, facts: RunFacts, files: dict[str, str]) -> Any:
    own = file_part(facts.session.session_id)
    artifact = wandb.Artifact(
        f"provenance-{own}",
        "provenance",
        description=description(facts),
        metadata={"session_id": facts.session.session_id, **_summary(facts)},
    )
    for name, text in files.items():
        with artifact.new_file(name, mode="wb") as file:
            file.write(text.encode())
    places = (one.source.url or one.source.source_path or "" for one in facts.sources)
    linked = [place for place in dict.fromkeys(places) if _PLACE.fullmatch(place)]
    for at, place in enumerate(linked[:_MOST_REFERENCES]):
        artifact.add_reference(place, name=f"sources/{at:03}", checksum=False)
    return artifact
