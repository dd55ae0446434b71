"""The command that makes a small record to play with, by really recording."""

from collections.abc import Iterator
from contextlib import suppress

import typer

from origin.cli.picking import Chosen
from origin.core.arguments import recording_mode
from origin.core.record import SourceRecord
from origin.core.wording import many
from origin.errors import ConfigurationError

_SIZE = 8
_WORDS = (
    ("early", "late", "quiet", "narrow", "green", "distant"),
    ("river", "garden", "harbour", "letter", "winter", "lantern"),
    ("waits", "turns", "answers", "opens", "returns"),
)
_SOURCES = (
    SourceRecord("poems", license_id="CC0-1.0", title="Demo poems"),
    SourceRecord(
        "encyclopedia",
        license_id="CC-BY-4.0",
        title="A demo encyclopedia",
        author="Its authors",
        url="https://example.org/encyclopedia",
        changes="shortened",
    ),
    SourceRecord("forum", license_id="CC-BY-NC-4.0", title="A demo forum", author="Its members"),
)
_TRY = (
    ("inspect latest", "what the newest session saw"),
    ("conflicts", "which licenses stand in the way of what"),
    ("batches latest --by loss --top 3", "the batches with the highest loss"),
    ('trace --text "the early river waits (poems 1)"', "who saw this text"),
    ("audit {failed} {resumed}", "what the resumed run saw again"),
    ("diff {first} {resumed}", "where two runs part"),
    ("card latest -o CARD.md", "a card to hand over"),
)


class _Stopped(Exception):
    """What ends the second session of the demo."""


def demo(context: typer.Context) -> None:
    """Make a small real record to play with.

    Three sessions over three sources of made-up texts: one that ended well, one that failed, and
    one that goes on with it.

    Example: origin demo --path demo.db
    """
    chosen: Chosen = context.obj
    if recording_mode() == "off":
        raise ConfigurationError("ORIGIN_MODE is off, so nothing can be recorded; unset it")
    _require_empty(chosen)
    _record(chosen)
    with chosen.database() as db:
        resumed, failed, first = (one.session_id for one in db.list_sessions())
        seen = sum(one.observations for one in db.catalog.streams())
    names = {"first": first[:8], "failed": failed[:8], "resumed": resumed[:8]}
    following = [(f"origin {one}".format(**names), why) for one, why in _TRY]
    if str(chosen.path) != "provenance.db":
        following = [(f"{one} --path {chosen.path}", why) for one, why in following]
    if chosen.output.is_json:
        chosen.output.json(
            {
                "path": str(chosen.path),
                "sessions": [first, failed, resumed],
                "observations": seen,
                "try": [one for one, _ in following],
            }
        )
        return
    told = f"{chosen.path}: 3 sessions, {many(seen, 'observation')} of made-up texts"
    chosen.output.lines(f"{told}. Try:")
    width = max(len(one) for one, _ in following)
    for one, why in following:
        chosen.output.lines(f"  {one:<{width}}  {why}")


def _require_empty(chosen: Chosen) -> None:
    if chosen.path.exists():
        with chosen.database() as db:
            found = len(db.list_sessions(1))
        if found:
            raise ConfigurationError(
                f"{chosen.path} has sessions already, and a demo has no place among them; name a "
                "file that is not there yet, such as origin demo --path my-demo.db"
            )


def _record(chosen: Chosen) -> None:
    from origin.storage.database import ProvenanceDatabase

    with ProvenanceDatabase(chosen.path, fingerprint_key=chosen.fingerprint_key) as db:
        for source in _SOURCES:
            db.record_source(source)
    _run(chosen, "demo-1", range(2))
    with suppress(_Stopped):
        _run(chosen, "demo-2", range(2), stop_after=12)
    # It goes on with the second epoch two batches before the place where the other stopped.
    _run(chosen, "demo-2 resumed", range(1, 2), skip=3)


def _run(
    chosen: Chosen, name: str, epochs: range, *, skip: int = 0, stop_after: int | None = None
) -> None:
    """Record one session as a training script would."""
    from origin.tracking import finish, track

    loaders = {
        one.source_id: track(
            _Batches(one.source_id, skip),
            one.source_id,
            one.license_id,
            chosen.path,
            config_hash=name,
            fingerprint_key=chosen.fingerprint_key,
            metadata={"made by": "origin demo"},
        )
        for one in _SOURCES
    }
    status, step = "failed", 0
    try:
        for epoch in epochs:
            for loader in loaders.values():
                loader.set_epoch(epoch)
            for batches in zip(*loaders.values(), strict=True):
                if step == stop_after:
                    raise _Stopped
                for loader, batch in zip(loaders.values(), batches, strict=True):
                    loader.annotate(loss=_loss(batch, step))
                step += 1
        status = "completed"
    finally:
        finish(status, chosen.path)


class _Batches:
    """The texts of a source in batches, as a data loader gives them."""

    def __init__(self, source: str, skip: int) -> None:
        texts = list(_texts(source))
        batches = [texts[at : at + _SIZE] for at in range(0, len(texts), _SIZE)]
        self._batches = batches[skip:]

    def __iter__(self) -> Iterator[list[str]]:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


def _texts(source: str) -> Iterator[str]:
    """Made-up texts that say where they are from: eight batches."""
    every = [f"the {a} {b} {c}" for a in _WORDS[0] for b in _WORDS[1] for c in _WORDS[2]]
    for number, text in enumerate(every[: 8 * _SIZE], start=1):
        yield f"{text} ({source} {number})"


def _loss(batch: list[str], step: int) -> float:
    """A number that falls, and is high where a batch has many long texts."""
    return sum(map(len, batch)) / len(batch) / (10 + step)
