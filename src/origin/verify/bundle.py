"""Whether a bundle is what was signed: everything in it is computed anew."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

from origin.core.log import OpenLeaf, StateLeaf, parse_leaf
from origin.core.note import Note, PublicKey
from origin.errors import ProofError, SigningKeyError
from origin.verify.archive import Archive
from origin.verify.bundleverdict import BundleReport, report_on_bundle
from origin.verify.checks import SignedHead, check_head
from origin.verify.findings import Findings
from origin.verify.records import check_licenses, check_session, read_record
from origin.verify.statement import check_statement
from origin.verify.streams import Prints, StreamSummary, check_set, check_stream, lines_of
from origin.verify.trees import GrowingTree

__all__ = ["LISTING", "MARK", "Bundle", "listing_text", "verify_bundle"]

# The member that lists the others, and the first line of its text.
LISTING, MARK = "bundle.note", "origin-provenance/bundle"
_HEAD, _STATES, _STATEMENT = "head.note", "states.jsonl", "statement.dsse.json"
_RECORDS = ("session.json", "sources.json", "licenses.json", "models.json")
_ALWAYS = (_HEAD, _STATES, *_RECORDS, "card.md")

_MOST_NOTE = 16 << 20
_MOST_RECORD = 64 << 20

_LINE = re.compile(r"([0-9a-f]{64}) (0|[1-9][0-9]{0,19}) ([ -~]+)\Z")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed:
    """A member as ``bundle.note`` lists it.

    Args:
        digest: SHA-256 of its content, 64 hex digits.
        size: how many bytes its content has.
        name: of the member.
    """

    digest: str
    size: int
    name: str


def listing_text(session: str, members: Iterable[Listed]) -> str:
    """The text of ``bundle.note``.

    Args:
        session: the id of the session.
        members: all others, sorted by name.
    """
    lines = [f"{one.digest} {one.size} {one.name}" for one in members]
    return "\n".join([MARK, f"session {session}", *lines]) + "\n"


def _read_listing(text: str) -> tuple[str, dict[str, Listed]]:
    mark, *lines = text.split("\n")
    if mark != MARK or len(lines) < 2 or not lines[0].startswith("session ") or lines.pop():
        raise ProofError(f"{LISTING} does not begin as that of a bundle does")
    session = lines.pop(0).removeprefix("session ")
    listed: dict[str, Listed] = {}
    for line in lines:
        told = _LINE.match(line)
        if told is None:
            raise ProofError(f"a line of {LISTING} does not list a member")
        listed[told[3]] = Listed(told[1], int(told[2]), told[3])
    if [*listed] != sorted(listed) or len(listed) < len(lines):
        raise ProofError(f"{LISTING} does not list each member once, sorted by name")
    return session, listed


def verify_bundle(path: str | os.PathLike[str], keys: Iterable[PublicKey]) -> BundleReport:
    """Compute everything in a bundle anew.

    Args:
        path: of the bundle's file.
        keys: the public keys that are trusted; one of them must have signed.

    Returns:
        What was found; it is no error when something differs.

    Raises:
        ProofError: the file cannot be read, is no bundle or damaged, or no trusted key signed its
            list of members.
        SigningKeyError: there is no key, or something else is among them.
        MissingDependencyError: ``cryptography`` is not installed.

    Source:
        docs/proof.md, chapter "The bundle".
    """
    trusted = tuple(keys)
    if not trusted or not all(isinstance(key, PublicKey) for key in trusted):
        raise SigningKeyError("give the public keys that you trust, one at least")
    with Bundle(path) as bundle:
        return _BundleCheck(bundle, trusted).run()


class Bundle:
    """A bundle's file, open for reading; nothing in it was checked. It is a context manager.

    Args:
        path: of the file.

    Raises:
        ProofError: it cannot be read, or is no bundle.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.archive = Archive(path)
        try:
            if next(iter(self.archive.members)) != LISTING:
                raise ProofError(f"this is no bundle: its first member is not {LISTING}")
            self.note = Note.parse(_text(self.archive.content(LISTING, _MOST_NOTE)))
            self.session, self.listed = _read_listing(self.note.text)
        except BaseException:
            self.archive.__exit__(None, None, None)
            raise

    def __enter__(self) -> Bundle:
        return self

    def __exit__(self, *_: object) -> None:
        self.archive.__exit__(None, None, None)

    def has(self, name: str) -> bool:
        """Whether a member is there, and as long as it is listed."""
        member, listed = self.archive.members.get(name), self.listed.get(name)
        return member is not None and listed is not None and member.size == listed.size

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a member."""
        return lines_of(self.archive.parts(name))

    def opened(self) -> list[OpenLeaf]:
        """The first leaves of the streams.

        Raises:
            ProofError: one is none.
        """
        names = sorted(one for one in self.archive.members if one.startswith("streams/"))
        return [parse_leaf(next(self.lines(name), b""), OpenLeaf) for name in names]

    def prints(self) -> Iterator[list[bytes]]:
        """All fingerprints, stream by stream, many at once.

        Raises:
            ProofError: they are not in the bundle.
        """
        names = [one for one in self.archive.members if one.startswith("fingerprints/")]
        if not names and any(one.startswith("streams/") for one in self.archive.members):
            raise ProofError(
                "this bundle has no fingerprints; one that is made with --fingerprints has them"
            )
        for name in names:
            prints = Prints(self.archive.parts(name))
            yield from iter(partial(prints.take, 1 << 15), [])


@dataclass(slots=True)
class _Told:
    """What was read of a bundle so far."""

    head: SignedHead | None = None
    state: StateLeaf | None = None
    roots: list[dict[int, str]] = field(default_factory=list)
    streams: list[StreamSummary] = field(default_factory=list)
    records: dict[str, Any] = field(default_factory=dict)


class _BundleCheck:
    def __init__(self, bundle: Bundle, keys: Sequence[PublicKey]) -> None:
        self._bundle, self._keys = bundle, keys
        self._found, self._told = Findings(), _Told()
        self._signers = bundle.note.signers(keys)

    def run(self) -> BundleReport:
        self._members()
        self._try(_HEAD, self._head)
        self._try(_STATES, self._states)
        self._expected()
        for number, roots in enumerate(self._told.roots):
            self._try(f"streams/{number}.jsonl", partial(self._stream, number, roots))
        for name in _RECORDS:
            self._try(name, partial(self._record, name))
        self._together()
        return report_on_bundle(
            session=self._bundle.session,
            signers=tuple(one.name for one in self._signers),
            head=self._told.head,
            streams=self._told.streams,
            records=self._told.records,
            has_fingerprints=any(one.startswith("fingerprints/") for one in self._bundle.listed),
            differences=self._found.all(),
        )

    def _try(self, name: str, check: Callable[[], None]) -> None:
        """Check a member that is there; what it cannot be read for is a difference."""
        if self._bundle.has(name):
            with self._noting(name):
                check()

    @contextmanager
    def _noting(self, name: str) -> Iterator[None]:
        try:
            yield
        except ProofError as error:
            self._found.add("form", name, str(error))

    # -- members -----------------------------------------------------------------------

    def _members(self) -> None:
        """Which are missing, which are too many, and which are not as they were listed."""
        archive, listed = self._bundle.archive, self._bundle.listed
        for name in archive.members:
            if name != LISTING and name not in listed:
                self._found.add("extra", name, f"{LISTING} does not list it")
        for name, one in listed.items():
            if name not in archive.members:
                self._found.add("missing", name, f"{LISTING} lists it, and it is not there")
            elif archive.members[name].size != one.size:
                self._found.add("digest", name, f"it does not have the {one.size:,} bytes it had")
            elif self._digest(name) != one.digest:
                self._found.add("digest", name, "its content is not what was signed")

    def _digest(self, name: str) -> str:
        digest = sha256()
        for part in self._bundle.archive.parts(name):
            digest.update(part)
        return digest.hexdigest()

    def _expected(self) -> None:
        """Which members must be listed, and which must not."""
        listed, count = self._bundle.listed, len(self._told.roots)
        streams = {f"streams/{number}.jsonl" for number in range(count)}
        prints = {f"fingerprints/{number}.bin" for number in range(count)}
        wanted = {*_ALWAYS, *streams}
        if prints & listed.keys():
            wanted |= prints
        for name in sorted(wanted - listed.keys()):
            self._found.add("missing", name, "a bundle of these states has it")
        # Whether there is a statement depends on whether there is a model.
        for name in sorted(listed.keys() - wanted - {_STATEMENT}):
            self._found.add("extra", name, "no bundle of these states has it")

    # -- what the head stands for ------------------------------------------------------

    def _head(self) -> None:
        note = Note.parse(_text(self._bundle.archive.content(_HEAD, _MOST_NOTE)))
        try:
            head = check_head(note, self._keys)
        except ProofError as error:
            self._found.add("head", _HEAD, str(error))
            return
        self._told.head = head
        if head.session != self._bundle.session:
            self._found.add("head", _HEAD, "it is of another session than the bundle")
        if not {*self._signers} & {*note.signers(self._keys)}:
            self._found.add("head", _HEAD, "it is signed by other keys than the bundle")

    def _states(self) -> None:
        tree = GrowingTree()
        before: StateLeaf | None = None
        for line in self._bundle.lines(_STATES):
            leaf = parse_leaf(line, StateLeaf)
            if (leaf.session, leaf.state) != (self._bundle.session, tree.size):
                text = f"state {tree.size:,} says that it is another, or of another session"
                self._found.add("states", _STATES, text)
            self._follows(before, leaf)
            tree.add([line])
            before = leaf
        self._told.state = before
        head = self._told.head
        if head is not None and (tree.size, tree.root) != (head.head.size, head.head.root):
            self._found.add("states", _STATES, f"its {tree.size:,} states do not lead to the head")

    def _follows(self, before: StateLeaf | None, leaf: StateLeaf) -> None:
        roots = self._told.roots
        older = [] if before is None else before.streams
        if len(leaf.streams) < len(older):
            self._found.add("states", _STATES, f"state {leaf.state:,} has lost streams")
        for number, (size, root) in enumerate(leaf.streams):
            if number == len(roots):
                roots.append({})
            if not size or (number < len(older) and size < older[number][0]):
                text = f"state {leaf.state:,}: the log of stream {number:,} is empty or was cut"
                self._found.add("states", _STATES, text)
            if roots[number].setdefault(size, root) != root:
                text = (
                    f"state {leaf.state:,}: stream {number:,} has another root, and no more leaves"
                )
                self._found.add("states", _STATES, text)

    # -- streams -----------------------------------------------------------------------

    def _stream(self, number: int, roots: dict[int, str]) -> None:
        bundle, prints = self._bundle, f"fingerprints/{number}.bin"
        has_prints = bundle.has(prints)
        own = Prints(bundle.archive.parts(prints)) if has_prints else None
        lines = bundle.lines(f"streams/{number}.jsonl")
        stream = check_stream(number, lines, roots, self._found, own)
        self._told.streams.append(stream)
        if has_prints and stream.closed is not None:
            check_set(number, stream.closed, bundle.archive.parts(prints), self._found)

    # -- the record --------------------------------------------------------------------

    def _record(self, name: str) -> None:
        content = self._bundle.archive.content(name, _MOST_RECORD)
        self._told.records[name] = read_record(name, content)

    def _together(self) -> None:
        records, streams = self._told.records, self._told.streams
        if "session.json" in records:
            check_session(records["session.json"], self._bundle.session, streams, self._found)
        if "sources.json" in records:
            check_licenses(records["sources.json"], streams, self._found)
        if "models.json" in records:
            self._statement(records["models.json"])

    def _statement(self, models: Sequence[dict[str, Any]]) -> None:
        is_listed = _STATEMENT in self._bundle.listed
        if is_listed != bool(models):
            kind = "extra" if is_listed else "missing"
            self._found.add(kind, _STATEMENT, "there is one if there is a model, and only then")
        self._try(_STATEMENT, partial(self._statement_of, models))

    def _statement_of(self, models: Sequence[dict[str, Any]]) -> None:
        text = _text(self._bundle.archive.content(_STATEMENT, _MOST_NOTE))
        if not self._bundle.has(_HEAD):
            return
        head = self._bundle.archive.content(_HEAD, _MOST_NOTE)
        check_statement(
            text, self._keys, head, models, self._told.state, self._told.streams, self._found
        )


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise ProofError("a text in the bundle is not UTF-8") from None
