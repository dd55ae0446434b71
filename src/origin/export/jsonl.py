"""A session as JSONL: a header with its facts, a line for each batch, and an end."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from origin.cards.facts import gather
from origin.core.record import PackedBatch, SessionRecord, StreamRecord
from origin.errors import (
    CorruptDatabaseError,
    InvalidRecordError,
    OriginError,
    StorageError,
)
from origin.export.files import replacing, target_of
from origin.export.jsonfile import facts_form, stream_form
from origin.export.schema import problem_of
from origin.export.texts import from_form, json_text, to_form
from origin.query.records import iso_time
from origin.storage.database import ProvenanceDatabase

FORMAT, VERSION = "origin-provenance-jsonl", 1

# A line is one batch, or the facts; whoever reads a file must not fill the memory with one.
_LONGEST_LINE = 1 << 30


def export(
    db: ProvenanceDatabase, session_id: str | SessionRecord, path: str | os.PathLike[str]
) -> int:
    """Write a session to a JSONL file, batch by batch.

    Args:
        db: an open database.
        session_id: which session.
        path: where the file is to be; it is there once it is whole.

    Returns:
        How many lines it has.

    Raises:
        SessionNotFoundError: no session has that id.
        ConfigurationError: the path is no place for a file.
        StorageError: the record cannot be read, or the file not written.
    """
    facts = gather(db, session_id)
    header = {"kind": "header", "format": FORMAT, "version": VERSION, "facts": facts_form(facts)}
    with replacing(path) as file:
        lines = _Writer(file)
        lines.write(header)
        for stream, batches in batches_of(db, facts.streams):
            common = {"kind": "batch", **stream_form(stream)}
            for batch in batches:
                lines.write(common | _batch_form(batch))
                lines.samples += batch.count
        lines.write(
            {
                "kind": "end",
                "batches": lines.count - 1,
                "samples": lines.samples,
                "sha256": lines.hash.hexdigest(),
            }
        )
        return lines.count


class _Writer:
    """Writes lines, and keeps count of them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.hash, self.count, self.samples = sha256(), 0, 0

    def write(self, form: Any) -> None:
        """Write a line."""
        line = f"{json_text(form)}\n".encode("ascii")
        self._file.write(line)
        self.hash.update(line)
        self.count += 1


def batches_of(
    db: ProvenanceDatabase, streams: Sequence[StreamRecord]
) -> Iterator[tuple[StreamRecord, Iterator[PackedBatch]]]:
    """For each stream the batches that it had when its record was read, in order.

    Raises:
        CorruptDatabaseError: some of them are gone.
    """
    with db.ledger.in_order([one.stream_no for one in streams]) as read:
        for stream in streams:
            yield stream, _all_of(db, stream, read(stream.stream_no))


def _all_of(
    db: ProvenanceDatabase, stream: StreamRecord, batches: Iterator[PackedBatch]
) -> Iterator[PackedBatch]:
    found = 0
    for batch in islice(batches, stream.batches):
        found += 1
        yield batch
    if found < stream.batches:
        raise CorruptDatabaseError(
            f"stream {stream.stream_no} has {stream.batches:,} batches, and only {found:,} are "
            f"in {db.path}; db.check() tells more; restore a backup"
        )


def _batch_form(batch: PackedBatch) -> dict[str, Any]:
    packed = batch.fingerprints.hex()
    return {
        "batch_no": batch.batch_no,
        "epoch": batch.epoch,
        "seen_at": iso_time(batch.seen_at),
        "root": batch.root.hex(),
        "samples": batch.count,
        "fingerprints": [packed[at : at + 64] for at in range(0, len(packed), 64)],
        "keys": None if batch.keys is None else to_form(batch.keys),
    }


# -- reading -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JsonlExport:
    """What a JSONL file holds; ``read_jsonl`` gives it.

    Args:
        path: the file.
        facts: of the session, as ``RunFacts.to_dict`` has them.
        batch_count: how many batches there are.
        sample_count: how many samples they have, every time they were seen.
    """

    path: Path
    facts: dict[str, Any] = field(repr=False)
    batch_count: int
    sample_count: int

    def batches(self) -> Iterator[dict[str, Any]]:
        """The batches one by one, read from the file anew.

        Yields:
            ``stream``, ``rank``, ``source``, ``license``, ``batch_no``, ``epoch``, ``seen_at``,
            ``root``, ``samples``, ``fingerprints`` and ``keys``.

        Raises:
            InvalidRecordError: the file is no longer what it was.
            StorageError: it cannot be read.
        """
        for entry in _entries(self.path):
            if entry.pop("kind") == "batch":
                yield entry


def read_jsonl(path: str | os.PathLike[str]) -> JsonlExport:
    """Read back what ``ProvenanceExporter.to_jsonl`` wrote.

    The file is gone through once, from the first line to the last, and no more than one line of it
    is in memory.

    Args:
        path: the file.

    Returns:
        The facts of the session; its method ``batches`` goes through the batches.

    Raises:
        InvalidRecordError: the file is cut off, altered or none of ours; the line and the reason
            are in the message.
        StorageError: it cannot be read.
        ConfigurationError: that is no path.
    """
    file, facts, end = target_of(path), {}, {}
    for entry in _entries(file):
        if entry["kind"] == "header":
            facts = entry["facts"]
        elif entry["kind"] == "end":
            end = entry
    return JsonlExport(file, facts, end["batches"], end["samples"])


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """All lines of a file; the last one is an end that fits them."""
    number, check = 0, _Check()
    try:
        with open(path, "rb") as file:
            while line := file.readline(_LONGEST_LINE):
                number += 1
                yield check.entry(line)
        number += 1
        check.finish()
    except OriginError:
        raise
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise InvalidRecordError(f"{path}, line {number}: {reason}") from None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error


class _Check:
    """Reads lines in their order; whatever is wrong with one is a ValueError."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._facts: dict[str, Any] | None = None
        self._batches = self._samples = 0
        self._latest = (-1, -1)
        self._is_ended = False

    def entry(self, line: bytes) -> dict[str, Any]:
        """What a line says."""
        if self._is_ended:
            raise ValueError("there is more after the end")
        if not line.endswith(b"\n"):
            raise ValueError("the line is cut off")
        told = _parsed(line)
        kind = told.get("kind")
        if self._facts is None:
            self._require("header", told)
            entry: dict[str, Any] = from_form(told)
            self._facts = entry["facts"]
        elif kind == "batch":
            self._require("batch", told)
            self._take(told)
            entry = from_form(told)
        elif kind == "end":
            self._require("end", told)
            self._close(told)
            entry = told
        else:
            raise ValueError(f"{kind!r:.60} is no kind of line here; 'batch' and 'end' are")
        self._hash.update(line)
        return entry

    def finish(self) -> None:
        """The file has no more lines."""
        if not self._is_ended:
            raise ValueError("the file is cut off: its last line, of kind 'end', is missing")

    def _require(self, part: str, told: dict[str, Any]) -> None:
        reason = problem_of(told, "jsonl", part)
        if reason is not None:
            raise ValueError(f"no {part} line of {FORMAT} {VERSION}: {reason}")

    def _take(self, told: dict[str, Any]) -> None:
        place = (told["stream"], told["batch_no"])
        if place <= self._latest:
            raise ValueError(f"batch {place[1]} of stream {place[0]} is out of order")
        for name in ("fingerprints", "keys"):
            if told[name] is not None and len(told[name]) != told["samples"]:
                raise ValueError(f"{told['samples']} samples have {len(told[name])} {name}")
        self._latest = place
        self._batches += 1
        self._samples += told["samples"]

    def _close(self, told: dict[str, Any]) -> None:
        found = (self._batches, self._samples)
        if found != (told["batches"], told["samples"]):
            raise ValueError(
                f"{told['batches']} batches with {told['samples']} samples were written, and "
                f"{found[0]} with {found[1]} are there"
            )
        if self._hash.hexdigest() != told["sha256"]:
            raise ValueError("the lines before it are not those that were written")
        facts = self._facts or {}
        counted = (facts["counts"]["batches"], facts["counts"]["observations"])
        if counted != found:
            raise ValueError(
                f"the header tells of {counted[0]} batches with {counted[1]} samples, and "
                f"{found[0]} with {found[1]} are there"
            )
        self._is_ended = True


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        told = json.loads(
            line.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} at character {error.pos}") from None
    if not isinstance(told, dict):
        raise ValueError("no JSON object")
    return told


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) < len(pairs):
        raise ValueError("a name is there twice in one object")
    return told


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
