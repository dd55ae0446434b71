"""The questions that engineers ask about a training run; ``QueryEngine`` answers them."""

from collections.abc import Iterable, Sequence
from typing import Any, overload

from origin.core.arguments import session_id_of
from origin.core.record import SessionRecord, StreamRecord
from origin.core.wording import listed
from origin.errors import ConfigurationError, SampleNotFoundError
from origin.query.arguments import optional_number
from origin.query.asking import Asker
from origin.query.audit import ExposureAudit
from origin.query.auditing import Auditor
from origin.query.batches import BatchReader
from origin.query.erasure import ErasureReport, Wanted, report
from origin.query.given import given_fingerprints, given_texts, given_values
from origin.query.overlap import (
    GivenOverlap,
    SessionDifference,
    SessionOverlap,
    find_difference,
    find_given,
    find_shared,
)
from origin.query.parting import FirstDifference, find_first_difference
from origin.query.records import BatchRecord, parse_beginning
from origin.query.relations import Relations
from origin.query.sequences import BatchSequence, LazySequence
from origin.query.sql import SAMPLES_BETWEEN
from origin.query.steps import RankedBatches, Step, chosen_streams, ranked_batches, read_step
from origin.query.streams import from_source, require_source
from origin.storage.database import ProvenanceDatabase

# So many samples with one beginning are looked for: the last only tells that there are more.
_SEVERAL = 6


class Questions:
    """The part of ``QueryEngine`` that looks into what training runs were given.

    >>> import tempfile
    >>> from origin.core.fingerprint import fingerprint_sample
    >>> from origin.core.record import PackedBatch
    >>> from origin.query.engine import QueryEngine
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
    ...     run = db.begin_session(config_hash="v1").session_id
    ...     source = db.declare_source(run, "poems", "CC0-1.0")
    ...     stream = db.open_stream(run, "poems")
    ...     poem = bytes.fromhex(fingerprint_sample("a poem"))
    ...     db.append([PackedBatch(stream.stream_no, 0, 0, 0, bytes(32), poem * 2, 6, "text")])
    ...     engine = QueryEngine(db)
    ...     engine.audit_exposure(run).times_seen
    ...     print(engine.find_overlap(run, values=["a poem", "a song"]).shared)
    ...     print(engine.report_erasure(source="poems").observations)
    {2: 1}
    1
    2
    >>> folder.cleanup()
    """

    _db: ProvenanceDatabase
    _asker: Asker

    def _prepare(self, session_id: str | SessionRecord) -> SessionRecord:
        raise NotImplementedError

    def _flush(self) -> None:
        raise NotImplementedError

    def audit_exposure(
        self,
        session_id: str | SessionRecord | Sequence[str | SessionRecord],
        reference: str | SessionRecord | Sequence[str | SessionRecord] | None = None,
    ) -> ExposureAudit:
        """How often a run saw each sample, and what repeated or skipped some.

        An epoch of a source is everything that all ranks were handed of it under one number. Where
        a restart delivers batches again and numbers its epochs anew, they get the numbers
        that they should have.

        Args:
            session_id: which session; or the sessions of one run, in order, where it was resumed
                in another.
            reference: the session, or sessions, that saw what should have been seen: samples of
                theirs that an epoch did not see count as skipped.

        Raises:
            SessionNotFoundError: no session has one of the ids.
            ConfigurationError: no session was named, or one as its own reference.
        """
        own = self._sessions_named(session_id)
        other = [] if reference is None else self._sessions_named(reference)
        if set(own) & set(other):
            raise ConfigurationError("a session cannot be the reference that it is compared with")
        return Auditor(self._db, self._asker, own, other).audit()

    def find_sample(self, beginning: str) -> str:
        """The whole id of a sample, from the beginning of it.

        Args:
            beginning: 4 to 64 hex digits.

        Raises:
            SampleNotFoundError: no id begins so.
            ConfigurationError: several do.
        """
        low = parse_beginning(beginning)
        high = low + "g"  # behind all digits
        self._flush()

        def find(relations: Relations) -> list[str]:
            near = relations.between(low, high)
            return [row[0] for row in near.rows(SAMPLES_BETWEEN, [low, high, _SEVERAL])]

        found = self._asker.ask(None, find)
        if len(found) == 1:
            return found[0]
        if not found:
            raise SampleNotFoundError(
                f"sample {low} was never seen by what {self._db.path} records"
            )
        shown = listed(found, _SEVERAL - 1)
        raise ConfigurationError(f"several samples begin with {low}: {shown}; give more digits")

    # -- in common, and not --------------------------------------------------------------

    @overload
    def find_overlap(
        self, session_id: str | SessionRecord, other: str | SessionRecord
    ) -> SessionOverlap: ...

    @overload
    def find_overlap(
        self, session_id: str | SessionRecord, *, fingerprints: Iterable[str | bytes]
    ) -> GivenOverlap: ...

    @overload
    def find_overlap(self, session_id: str | SessionRecord, *, values: Any) -> GivenOverlap: ...

    def find_overlap(
        self,
        session_id: str | SessionRecord,
        other: str | SessionRecord | None = None,
        *,
        fingerprints: Iterable[str | bytes] | None = None,
        values: Any = None,
    ) -> SessionOverlap | GivenOverlap:
        """Which samples two sessions have in common, or which of some given samples one saw.

        Args:
            session_id: which session.
            other: the session to compare it with.
            fingerprints: the ids of samples to look for, 64 hex digits or 32 bytes each.
            values: samples to look for as values, such as an evaluation set: a list, another
                iterable, or a data set with a length and an index; each item is one sample. A
                value is found if it was seen as it is, or with its plain numbers turned into
                arrays, as PyTorch's ``default_collate`` does. Rows with images, audio or
                long lists are given as ``fingerprints=map(fingerprint_row, …)``, with the
                ``fingerprint_row`` of ``origin.hooks.huggingface``.

        Returns:
            The counts; the samples themselves are found by its method ``samples``. Where no value
            was found, and none has the type and size of a recorded sample, its ``hint`` says so.

        Raises:
            SessionNotFoundError: no session has one of the ids.
            SampleNotFoundError: something given is no sample id.
            FingerprintError: a value has no fingerprint.
            FingerprintKeyError: values take the database's key, and it was opened without.
            ConfigurationError: not exactly one thing was given to compare with, there is nothing
                in it, or it yields whole batches or columns.
        """
        _require_one(other=other, fingerprints=fingerprints, values=values)
        session = self._prepare(session_id)
        if other is not None:
            return find_shared(self._asker, session, self._prepare(other))
        if fingerprints is not None:
            given = given_fingerprints(fingerprints)
        else:
            given = given_values(values, self._db.fingerprinting)
        return find_given(self._asker, session, given)

    def diff_sessions(self, a: str | SessionRecord, b: str | SessionRecord) -> SessionDifference:
        """Which samples one session saw and another did not, or not as often.

        Args:
            a: the id of one session.
            b: the id of the other.

        Returns:
            The counts; the samples themselves are found by its method ``samples``.

        Raises:
            SessionNotFoundError: no session has one of the ids.
        """
        return find_difference(self._asker, self._prepare(a), self._prepare(b))

    def find_first_difference(
        self, a: str | SessionRecord, b: str | SessionRecord
    ) -> FirstDifference | None:
        """The first batch at which two sessions part; None if they were given the same.

        None says that all batches were compared, those of a session that still runs as far as it
        is. Where batches are missing from a record, and all others are the same, the answer is
        one whose ``is_known`` is False.

        Streams are compared batch by batch with the stream of the same source and rank; of
        several for one source and rank the first with the first, and so on. Ranks are taken to
        go in step, so the lowest number is the first; of several sources the one whose
        difference the first session met earliest.

        Args:
            a: the id of one session.
            b: the id of the other.

        Raises:
            SessionNotFoundError: no session has one of the ids.
        """
        own, other = self._prepare(a).session_id, self._prepare(b).session_id
        return find_first_difference(self._db, self._asker, own, other)

    # -- batches ---------------------------------------------------------------------------

    def list_batches(
        self,
        session_id: str | SessionRecord,
        *,
        source: str | None = None,
        rank: int | None = None,
    ) -> LazySequence[BatchRecord]:
        """The batches of a session.

        Args:
            session_id: which session.
            source: only what came from this source.
            rank: only what this rank was given.

        Returns:
            A sequence, stream by stream in the order they were opened. How long it is, is
            fixed now; each batch is read from the database when it is asked for.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: the session has no such stream.
        """
        if source is None and rank is None:
            # A session that has no stream yet has no batches, which is no error.
            streams = self._db.catalog.streams(self._prepare(session_id).session_id)
        else:
            _, streams = self._chosen(session_id, source, rank, None)
        return BatchSequence(self._db.batch_table, BatchReader(self._db), streams)

    def get_step(
        self,
        session_id: str | SessionRecord,
        batch_no: int,
        *,
        source: str | None = None,
        rank: int | None = None,
        stream_no: int | None = None,
        before: int = 0,
    ) -> Step:
        """The rows of a step: the batch of that number in every stream of a session.

        Batches are numbered from 0 in each stream: each source on each rank, anew after a restart.
        Epochs do not interrupt the numbers.

        Args:
            session_id: which session.
            batch_no: the number of the batch.
            source: only what came from this source.
            rank: only what this rank was given.
            stream_no: only this stream.
            before: so many batches before it are given as well.

        Raises:
            SessionNotFoundError: no session has that id.
            BatchNotFoundError: no such batch is on record.
            ConfigurationError: the session has no such stream.
        """
        session_id, streams = self._chosen(session_id, source, rank, stream_no)
        return read_step(self._db, self._asker, session_id, batch_no, streams, before)

    def rank_batches(
        self,
        session_id: str | SessionRecord,
        by: str,
        *,
        limit: int | None = 10,
        lowest: bool = False,
        source: str | None = None,
        rank: int | None = None,
    ) -> RankedBatches:
        """The batches with the highest of the numbers that ``hook.annotate`` attached.

        Args:
            session_id: which session.
            by: the name of the number, such as ``"loss"``.
            limit: at most so many; None for all.
            lowest: give those with the lowest numbers instead.
            source: only what came from this source.
            rank: only what this rank was given.

        Returns:
            The highest first. NaN counts as higher than any number. ``get_step`` has their rows,
            and with ``before`` those of the batches before them.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: no batch has such a number, or the session no such stream.
        """
        session_id, streams = self._chosen(session_id, source, rank, None)
        return ranked_batches(self._asker, session_id, by, limit, not lowest, streams)

    # -- erasure -------------------------------------------------------------------------

    def report_erasure(
        self,
        *,
        fingerprints: Iterable[str | bytes] | None = None,
        keys: Iterable[str | int] | None = None,
        source: str | None = None,
    ) -> ErasureReport:
        """Every session and batch that saw what is to be removed.

        Args:
            fingerprints: the ids of the samples, 64 hex digits or 32 bytes each.
            keys: your own ids of the samples, as the hooks were told them; a number stands for
                its digits.
            source: all samples of the sources whose id or path matches; ``*``, ``?`` and
                ``[...]`` stand for other characters as in a shell. Beside fingerprints or
                keys: only what came from these.

        Raises:
            SampleNotFoundError: something given is no sample id.
            SourceNotFoundError: no source matches.
            ConfigurationError: nothing was given, or both fingerprints and keys.
        """
        if fingerprints is None and keys is None and source is None:
            raise ConfigurationError("nothing was given: give fingerprints, keys or source")
        if fingerprints is not None and keys is not None:
            _require_one(fingerprints=fingerprints, keys=keys)
        self._flush()
        streams = self._db.catalog.streams()
        if source is not None:
            sources = self._db.list_sources()
            require_source(sources, source)
            streams = from_source(streams, sources, source)
        given = None if fingerprints is None else given_fingerprints(fingerprints)
        named = None if keys is None else given_texts("keys", keys)
        return report(self._db, Wanted(self._asker, streams, given, named))

    # -- within --------------------------------------------------------------------------

    def _chosen(
        self,
        given: str | SessionRecord,
        source: str | None,
        rank: int | None,
        stream_no: int | None,
    ) -> tuple[str, list[StreamRecord]]:
        """The id of a session, and those of its streams that are asked for."""
        session_id = self._prepare(given).session_id
        streams = self._db.catalog.streams(session_id)
        rank, stream_no = optional_number("rank", rank), optional_number("stream_no", stream_no)
        return session_id, chosen_streams(streams, source, rank, stream_no)

    def _sessions_named(
        self, given: str | SessionRecord | Sequence[str | SessionRecord]
    ) -> list[str]:
        ids: Iterable[Any] = [given] if isinstance(given, str | SessionRecord) else given
        try:
            named = list(dict.fromkeys(map(session_id_of, iter(ids))))
        except TypeError:
            raise ConfigurationError(
                "give a session_id, or a list of them where a run was resumed in another session, "
                f"not a {type(given).__name__}"
            ) from None
        if not named:
            raise ConfigurationError("give at least one session_id")
        return [self._prepare(session_id).session_id for session_id in named]


def _require_one(**given: object) -> None:
    if sum(value is not None for value in given.values()) != 1:
        raise ConfigurationError(f"give exactly one of {', '.join(given)}")
