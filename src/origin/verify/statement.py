"""Statements: of which files a model is, and which session it came out of.

They are in-toto statements with a SLSA provenance; the specification of what is in them is the
chapter "The statement" of ``docs/proof.md``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from origin.core.log import StateLeaf
from origin.core.note import Note, PublicKey, decode_base64
from origin.errors import ProofError
from origin.verify.checks import SignedHead, check_head
from origin.verify.envelope import Envelope
from origin.verify.findings import Findings
from origin.verify.streams import StreamSummary
from origin.verify.verdict import HISTORY, RECORD, Verdict, head_facts
from origin.verify.wording import many, named, quoted

__all__ = [
    "BUILD_TYPE",
    "HEAD_NAME",
    "LOG_ROOT",
    "PAYLOAD_TYPE",
    "PREDICATE_TYPE",
    "SET_ROOT",
    "STATEMENT_TYPE",
    "check_statement",
    "subject_name",
    "verdict_on_statement",
]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:origin-provenance:training:1"
# Digests by algorithms of our own: roots of trees, 64 lower-case hex digits.
LOG_ROOT, SET_ROOT = "originStreamLog", "originSampleSet"
HEAD_NAME = "head.note"

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_SHOWN = 5
_MADE = "that the model was made from this session: it shows what the holder of the key says"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that was read.

    Args:
        session: the id of the session that the files came out of.
        config_hash: the user's own name for the session's configuration.
        subjects: name and SHA-256 of each file.
        sources: name, license, and digests of each stream, in order.
        head_text: the signed head of the session, as its file has it.
    """

    session: str
    config_hash: str
    subjects: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, str | None, Mapping[str, str]], ...]
    head_text: bytes


def subject_name(model: str, name: str) -> str:
    """What a file of a model is called among all files that a statement is of.

    >>> subject_name("model.pt", "model.pt"), subject_name("run", "a/model.pt")
    ('model.pt', 'run/a/model.pt')
    """
    return name if name == model else f"{model}/{name}"


def _opened(text: str, keys: Sequence[PublicKey]) -> tuple[Statement, SignedHead, list[PublicKey]]:
    envelope = Envelope.parse(text)
    signers = envelope.signers(keys)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ProofError(
            f"what is signed is no in-toto statement but {quoted(envelope.payload_type)}"
        )
    statement = _read(envelope.payload)
    try:
        head = check_head(Note.parse(statement.head_text.decode("utf-8")), keys)
    except UnicodeDecodeError:
        raise ProofError("the head in the statement is no text") from None
    if head.session != statement.session:
        raise ProofError("the head in the statement is of another session")
    return statement, head, signers


def _read(payload: bytes) -> Statement:
    try:
        return _statement_of(json.loads(payload.decode("utf-8")))
    except (KeyError, TypeError, AttributeError):
        raise ProofError("the statement lacks something that Origin's statements have") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, ProofError):
            raise
        raise ProofError("the statement is not JSON") from None


def _statement_of(told: Any) -> Statement:
    predicate = told["predicate"]
    build, run = predicate["buildDefinition"], predicate["runDetails"]
    kinds = (told["_type"], told["predicateType"], build["buildType"])
    if kinds != (STATEMENT_TYPE, PREDICATE_TYPE, BUILD_TYPE):
        raise ProofError("the statement is of another kind than Origin's")
    outside = build["externalParameters"]
    if outside.keys() != {"config_hash", "session"} or not told["subject"]:
        raise ProofError("the statement has other parameters than Origin's, or no subject")
    heads = [one for one in run["byproducts"] if one["name"] == HEAD_NAME]
    if len(heads) != 1:
        raise ProofError("the statement does not have one signed head")
    head = heads[0]
    head_text = decode_base64(_text(head["content"]), "the head in the statement")
    if sha256(head_text).hexdigest() != head["digest"]["sha256"]:
        raise ProofError("the head in the statement is not the one its digest is of")
    session = _text(outside["session"])
    if run["metadata"]["invocationId"] != session:
        raise ProofError("the statement names two sessions")
    _text(run["builder"]["id"])
    return Statement(
        session,
        _text(outside["config_hash"]),
        tuple((_text(one["name"]), _digest(one["digest"]["sha256"])) for one in told["subject"]),
        tuple(map(_source, build["resolvedDependencies"])),
        head_text,
    )


def _source(told: Any) -> tuple[str, str | None, Mapping[str, str]]:
    digests = {name: _digest(one) for name, one in told["digest"].items()}
    license_id = told["annotations"]["license"]
    _digest(digests[LOG_ROOT])
    return _text(told["name"]), None if license_id is None else _text(license_id), digests


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError
    return value


def _digest(value: object) -> str:
    if not _DIGEST.match(_text(value)):
        raise ProofError("a digest in the statement is not 64 lower-case hex digits")
    return _text(value)


def verdict_on_statement(text: str, keys: Sequence[PublicKey]) -> Verdict:
    """Check a statement by itself, and tell what it shows.

    Args:
        text: of the envelope.
        keys: those that are trusted.

    Raises:
        ProofError: it is none of Origin's, or no trusted key signed it and the head in it.
        MissingDependencyError: ``cryptography`` is not installed.
    """
    statement, head, signers = _opened(text, keys)
    files = [f"{quoted(name)} {digest}" for name, digest in statement.subjects]
    licenses = dict.fromkeys(
        f"{quoted(name)} ({'no license given' if own is None else named(own)})"
        for name, own, _ in statement.sources
    )
    return Verdict(
        kind="statement",
        session=statement.session,
        signers=tuple(one.name for one in signers),
        facts={
            "subjects": [{"name": name, "sha256": one} for name, one in statement.subjects],
            "config_hash": statement.config_hash,
            "sources": [
                {"name": name, "license": own, "digest": dict(digests)}
                for name, own, digests in statement.sources
            ],
            "head": head_facts(head),
        },
        shows=(
            f"{many(len(files), 'file')} came out of session {named(statement.session)}",
            *_first(files, "file"),
            *_first([f"source {one}" for one in licenses], "source"),
        ),
        does_not=(
            _MADE,
            "that a file at hand is one of these: compare its SHA-256",
            RECORD,
            HISTORY,
        ),
    )


def _first(lines: Sequence[str], noun: str) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"{many(more, f'further {noun}')}"] if more > 0 else [])]


def check_statement(
    text: str,
    keys: Sequence[PublicKey],
    head: bytes,
    models: Sequence[Mapping[str, Any]],
    state: StateLeaf | None,
    streams: Sequence[StreamSummary],
    found: Findings,
) -> None:
    """Hold the statement in a bundle against the rest of it.

    Args:
        text: of the envelope.
        keys: those that are trusted.
        head: content of the bundle's ``head.note``.
        models: what ``models.json`` says.
        state: the newest state.
        streams: what the streams' logs say.
        found: takes what does not fit.
    """

    def differs(why: str) -> None:
        found.add("statement", "statement.dsse.json", why)

    try:
        statement, _, _ = _opened(text, keys)
    except ProofError as error:
        differs(str(error))
        return
    if statement.head_text != head:
        differs("the head in it is not that of the bundle")
    files = sorted((subject_name(one["model"], one["name"]), one["sha256"]) for one in models)
    if sorted(statement.subjects) != files:
        differs("its subjects are not the files of models.json")
    roots = [] if state is None else [root for _, root in state.streams]
    if [digests[LOG_ROOT] for _, _, digests in statement.sources] != roots:
        differs("its dependencies are not the logs of the streams")
    _compare(statement, streams, differs)


def _compare(statement: Statement, streams: Sequence[StreamSummary], differs: Any) -> None:
    for stream in streams:
        if stream.opened is None or stream.number >= len(statement.sources):
            continue
        name, license_id, digests = statement.sources[stream.number]
        of = f"of dependency {stream.number:,}"
        if (name, license_id) != (stream.opened.source, stream.opened.license):
            differs(f"name or license {of} are not those of the stream")
        if digests.get(SET_ROOT) != (stream.closed and stream.closed.set_root):
            differs(f"the set {of} is not that of the stream")
        if statement.config_hash != stream.opened.config_hash:
            differs("its config_hash is not that of the streams")
