"""Bundles: all that is needed to compute a session's record anew, in one file."""

import os
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, BinaryIO

from origin.cards.generator import ProvenanceCardGenerator
from origin.core.arguments import session_id_of
from origin.core.hashing import merkle_root_of
from origin.core.log import BatchLeaf, Leaf
from origin.core.note import Note
from origin.core.record import PackedBatch, SessionRecord
from origin.errors import RecordAlteredError, StorageError
from origin.export.files import replacing
from origin.export.texts import plain, to_form
from origin.proof.keys import SigningKey
from origin.proof.prover import SignedSession, newest_signed
from origin.proof.statement import require_signer, statement_envelope
from origin.storage.database import ProvenanceDatabase, require_database
from origin.verify.archive import PART, Member, directory_of, is_large, local_header
from origin.verify.bundle import LISTING, Listed, listing_text
from origin.verify.records import canonical
from origin.verify.trees import GrowingTree

# So many leaves are read and written at once.
_PAGE = 1 << 12
# Fingerprints do not get smaller, and trying takes long.
_KEPT, _DEFLATED = 0, 6


@dataclass(frozen=True, slots=True)
class WrittenBundle:
    """A bundle that was written.

    Args:
        session_id: of which session.
        path: of the file.
        members: their names, in order.
        byte_size: of the file.
    """

    session_id: str
    path: Path
    members: tuple[str, ...]
    byte_size: int


def write_bundle(
    db: ProvenanceDatabase,
    session_id: str | SessionRecord,
    path: str | os.PathLike[str],
    key: SigningKey,
    *,
    fingerprints: bool = False,
) -> WrittenBundle:
    """Write the record of a session as one file, which others can verify without the database.

    What it holds is specified in ``docs/proof.md``, chapter "The bundle".

    Args:
        db: an open database.
        session_id: which session; it was signed.
        path: where; a file that is there is replaced when all is written.
        key: a key that signed the newest head.
        fingerprints: also put in the fingerprints of all samples.

    Raises:
        SessionNotFoundError: no session has that id.
        NotProvableError: the session was not signed, or not by this key.
        RecordAlteredError: the record contradicts what was signed.
        StorageError: the disk refused.
    """
    require_database("write_bundle", db)
    signed = newest_signed(db, session_id_of(session_id))
    require_signer(signed, key)
    target = Path(path)
    with replacing(path) as out:
        try:
            with TemporaryDirectory(prefix=".origin-bundle-", dir=_folder(target)) as work:
                names = _Bundler(db, signed, key, Path(work)).write(out, fingerprints)
                size = out.tell()
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error
    return WrittenBundle(signed.session_id, target, names, size)


def _folder(target: Path) -> Path:
    return Path(os.path.realpath(target)).parent


class _Packed:
    """A member while it is written, deflated, into a file of its own."""

    def __init__(self, folder: Path, name: str, level: int = _DEFLATED) -> None:
        self.name, self.size, self.crc = name, 0, 0
        self.path = folder / name.replace("/", "-")
        self._digest, self._deflate = sha256(), zlib.compressobj(level, zlib.DEFLATED, -15)
        self._file: BinaryIO = self.path.open("wb")

    def __enter__(self) -> "_Packed":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is None:
            self._file.write(self._deflate.flush())
        self._file.close()

    def write(self, data: bytes) -> None:
        """Add to its content."""
        self.size += len(data)
        self.crc = zlib.crc32(data, self.crc)
        self._digest.update(data)
        self._file.write(self._deflate.compress(data))

    @property
    def listed(self) -> Listed:
        """As ``bundle.note`` lists it."""
        return Listed(self._digest.hexdigest(), self.size, self.name)


class _Bundler:
    def __init__(
        self, db: ProvenanceDatabase, signed: SignedSession, key: SigningKey, folder: Path
    ) -> None:
        self._db, self._signed, self._key, self._folder = db, signed, key, folder
        self._session = db.get_session(signed.session_id)
        self._members: list[_Packed] = []

    def write(self, out: BinaryIO, fingerprints: bool) -> tuple[str, ...]:
        self._put("head.note", (self._signed.states[-1].head or "").encode())
        self._states()
        for number in range(len(self._signed.leaf.streams)):
            self._stream(number)
        self._records()
        card = ProvenanceCardGenerator(self._db).generate(self._session)
        self._put("card.md", plain(card).encode())
        if fingerprints:
            self._fingerprints()
        members = sorted(self._members, key=lambda one: one.name)
        text = listing_text(self._signed.session_id, [one.listed for one in members])
        note = Note(text, (self._key.sign(text),))
        self._put(LISTING, str(note).encode())
        return _zip(out, [self._members[-1], *members])

    def _member(self, name: str, level: int = _DEFLATED) -> _Packed:
        self._members.append(_Packed(self._folder, name, level))
        return self._members[-1]

    def _put(self, name: str, content: bytes) -> None:
        with self._member(name) as member:
            member.write(content)

    # -- logs --------------------------------------------------------------------------

    def _states(self) -> None:
        with self._member("states.jsonl") as member:
            for state in self._signed.states:
                member.write(state.leaf.data() + b"\n")

    def _stream(self, number: int) -> None:
        size, root = self._signed.leaf.streams[number]
        tree = GrowingTree()
        with self._member(f"streams/{number}.jsonl") as member:
            for leaves in self._leaves(number, size):
                data = [leaf.data() for leaf in leaves]
                tree.add(data)
                member.write(b"".join(one + b"\n" for one in data))
        if (tree.size, tree.root.hex()) != (size, root):
            raise RecordAlteredError(
                f"the batches of stream {number} of session {self._session.session_id} are not "
                "those that were signed; `origin verify HEADS --record` tells more"
            )

    def _leaves(self, number: int, size: int) -> Iterator[list[Leaf]]:
        """The leaves of a log, page by page: those that are kept, and batches between them."""
        stream_no = self._signed.streams[number].stream_no
        entries = [one for one in self._db.logs.entries(stream_no) if one[0] < size]
        places = [at for at, _ in entries]
        batches = self._batches(stream_no)
        for begin in range(0, size, _PAGE):
            end = min(begin + _PAGE, size)
            own = entries[bisect_left(places, begin) : bisect_left(places, end)]
            kept = dict(own)
            told = [kept.get(at) or next(batches, None) for at in range(begin, end)]
            yield [leaf for leaf in told if leaf is not None]

    def _batches(self, stream_no: int) -> Iterator[BatchLeaf]:
        last = -1
        while page := self._db.logs.tables.batches(stream_no, last, _PAGE):
            yield from page
            last = page[-1].batch

    # -- samples -----------------------------------------------------------------------

    def _fingerprints(self) -> None:
        numbers = [one.stream_no for one in self._signed.streams]
        with self._db.ledger.in_order(numbers) as batches:
            for number, (size, _) in enumerate(self._signed.leaf.streams):
                self._samples(number, size, batches)

    def _samples(
        self, number: int, size: int, batches: Callable[[int], Iterator[PackedBatch]]
    ) -> None:
        stream_no = self._signed.streams[number].stream_no
        kept = sum(at < size for at, _ in self._db.logs.entries(stream_no))
        packed = batches(stream_no)
        with self._member(f"fingerprints/{number}.bin", _KEPT) as member:
            for _ in range(size - kept):
                batch = next(packed, None)
                if batch is None or merkle_root_of(batch.fingerprints) != batch.root:
                    raise RecordAlteredError(
                        f"the samples of a batch of stream {number} of session "
                        f"{self._session.session_id} are not those that its root stands for; "
                        "db.check() tells more"
                    )
                member.write(batch.fingerprints)

    # -- the record --------------------------------------------------------------------

    def _records(self) -> None:
        session, logs = self._session, self._signed
        self._json(
            "session.json",
            {
                "session": session.session_id,
                "config_hash": session.config_hash,
                "created_at": session.created_at,
                "ended_at": session.ended_at,
                "status": session.status,
                "metadata": to_form(session.metadata),
                "signed_at": logs.states[-1].recorded_at,
            },
        )
        sources = self._sources()
        self._json("sources.json", sources)
        self._json("licenses.json", self._licenses(sources))
        models = self._db.models.of(session.session_id)
        self._json(
            "models.json",
            [
                {
                    "model": one.model,
                    "name": one.name,
                    "sha256": one.digest.hex(),
                    "byte_size": one.byte_size,
                    "recorded_at": one.recorded_at,
                }
                for one in models
            ],
        )
        if models:
            envelope = statement_envelope(self._db, self._signed, self._key)
            self._put("statement.dsse.json", envelope.text().encode())

    def _json(self, name: str, told: Any) -> None:
        # Lists have one order: that of their lines.
        in_order = sorted(told, key=canonical) if isinstance(told, list) else told
        self._put(name, canonical(in_order))

    def _sources(self) -> list[dict[str, Any]]:
        streams = self._signed.streams[: len(self._signed.leaf.streams)]
        found = []
        for source_id in dict.fromkeys(one.source_id for one in streams):
            history = [list(one) for one in self._db.source_history(source_id)]
            found.append({**asdict(self._db.get_source(source_id)), "history": history})
        return found

    def _licenses(self, sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
        named = {license_id for one in sources for _, license_id in one["history"]}
        named |= {one["license_id"] for one in sources}
        return [asdict(one) for one in self._db.list_licenses() if one.license_id in named]


def _zip(out: BinaryIO, members: list[_Packed]) -> tuple[str, ...]:
    """Write the file: header and content of each member, and the directory."""
    large = is_large(sum(one.size for one in members), len(members))
    placed: list[Member] = []
    for one in members:
        member = Member(one.name, one.crc, one.path.stat().st_size, one.size, out.tell())
        out.write(local_header(member, large))
        with one.path.open("rb") as file:
            while part := file.read(PART):
                out.write(part)
        placed.append(member)
    out.write(directory_of(placed, large))
    return tuple(one.name for one in members)
