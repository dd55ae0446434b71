"""Exposure: how often a training run saw each sample, and why some more often than others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from origin.core.wording import Shown, many
from origin.errors import ConfigurationError
from origin.query.answer import SqlAnswer
from origin.query.arguments import optional_number
from origin.query.counts import slices
from origin.query.exposure import REPEATED, SKIPPED, TIMES_SEEN, Audited, audited_table
from origin.query.listing import Listing
from origin.query.sql import Query
from origin.query.wording import with_caveats

if TYPE_CHECKING:
    import pyarrow as pa

    from origin.query.asking import Asker


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing an audit found out, in words.

    Args:
        kind: what it is about: ``cut_short``, ``skipped``, ``padding``, ``redelivered``,
            ``equal_items``, ``unsharded``, ``unexplained_repeats``, ``nothing_in_common``,
            ``begun_again``, ``missing_epochs``, ``missing_ranks``, ``uneven_ranks``,
            ``continues_reference``, ``not_in_reference`` or ``incomplete_record``.
        text: the finding.
        source_id: the source it is about, if it is about one.
        epoch: the epoch it is about, if it is about one.
    """

    kind: str
    text: str
    source_id: str | None = None
    epoch: int | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class EpochExposure:
    """What one epoch saw of one source, over all ranks.

    Args:
        source_id: the source.
        epoch: its number; where a restart began to number epochs anew, the number it should have.
        batches: how many batches were handed over, those that were delivered again included.
        observations: how many samples these had.
        distinct_samples: how many different ones.
        repeated_samples: how many of them were seen more than once.
        padding: how many samples were repeated to give every rank equally many.
        redelivered: how many observations were delivered again after a restart.
        new_samples: how many were seen neither by an earlier epoch nor by the reference.
        skipped_samples: how many that an earlier epoch or the reference saw were not seen; None
            where there is nothing to compare with.
        cut_short: whether a rank was given fewer batches and fewer samples than in its longest
            epoch, or in that of the reference; None where there is no other epoch, or where
            batches are missing from the record.
        times_seen: for each number of times, how many samples were seen so often.
    """

    source_id: str
    epoch: int
    batches: int
    observations: int
    distinct_samples: int
    repeated_samples: int
    padding: int
    redelivered: int
    new_samples: int
    skipped_samples: int | None
    cut_short: bool | None
    times_seen: Mapping[int, int] = field(repr=False)

    @property
    def unexplained(self) -> int:
        """How many observations repeat another of the epoch, with no padding or restart to
        explain them."""
        return self.observations - self.distinct_samples - self.padding - self.redelivered


@dataclass(frozen=True, slots=True)
class RankShare:
    """How much one rank was given of one source.

    Args:
        source_id: the source.
        rank, world_size: which of how many processes.
        batches, observations: how much it was given.
        share: which part of all observations of the source that is, from 0 to 1.
    """

    source_id: str
    rank: int
    world_size: int
    batches: int
    observations: int
    share: float


@dataclass(frozen=True, slots=True)
class SourceExposure:
    """How often the samples of one source were seen.

    Args:
        source_id: the source.
        observations: how many samples were handed over, counted each time.
        distinct_samples: how many different ones.
        times_seen: for each number of times, how many samples were seen so often in all epochs.
        epochs: what each epoch saw, in order.
        ranks: what each rank was given, in order.
    """

    source_id: str
    observations: int
    distinct_samples: int
    times_seen: Mapping[int, int] = field(repr=False)
    epochs: tuple[EpochExposure, ...]
    ranks: tuple[RankShare, ...]


class Samples:
    """Finds the very samples that an audit has counted.

    Args:
        asker: of the database.
        sources: the names of the audited sources, by their numbers.
        streams: those that count.
        observations: how many they have together.
        session_ids: the sessions they belong to.
    """

    def __init__(
        self,
        asker: "Asker",
        sources: Sequence[str],
        streams: Sequence[Audited],
        observations: int,
        session_ids: Sequence[str],
    ) -> None:
        self._asker = asker
        self._sources = sources
        self._streams = streams
        self._observations = observations
        self._session_ids = session_ids

    def listing(self, query: Query, parts: Sequence[int], is_empty: bool = False) -> Listing:
        """A question about the samples of some sources; not put if the answer is known to be
        empty."""
        given = {
            "audited_streams": audited_table(one for one in self._streams if one.part in parts),
            "audited_sources": self._source_table(),
        }
        ranges = [] if is_empty else slices(4 * self._observations)
        return Listing(self._asker, self._session_ids, query, given, ranges)

    def _source_table(self) -> "pa.Table":
        import pyarrow as pa

        from origin.storage.text import to_column

        names = [to_column(name) for name in self._sources]
        return pa.table(
            {
                "part": pa.array(range(len(names)), pa.int32()),
                "source_id": pa.array(names, pa.string()),
            }
        )


_KINDS = ("seen", "repeated", "skipped")


@dataclass(frozen=True, slots=True, repr=False)
class ExposureAudit(Shown):
    """How often a training run saw each sample. ``print`` it to read it.

    Args:
        session_ids: the sessions that were audited, as one run.
        reference_ids: the sessions it was compared with.
        statuses: the status of each audited session.
        complete: whether the record of the audited sessions is known to be whole; of one that is
            still running, so far.
        observations: how many samples were handed over, counted each time.
        distinct_samples: how many different ones.
        times_seen: for each number of times, how many samples were seen so often.
        sources: the same for each source, with its epochs and ranks.
        findings: what stands out, in words.
    """

    session_ids: tuple[str, ...]
    reference_ids: tuple[str, ...]
    statuses: tuple[str, ...]
    complete: bool
    observations: int
    distinct_samples: int
    times_seen: Mapping[int, int]
    sources: tuple[SourceExposure, ...]
    findings: tuple[Finding, ...]
    _samples: Samples = field(compare=False)

    @property
    def epochs(self) -> tuple[EpochExposure, ...]:
        """The epochs of all sources."""
        return tuple(epoch for source in self.sources for epoch in source.epochs)

    @property
    def ranks(self) -> tuple[RankShare, ...]:
        """The ranks of all sources."""
        return tuple(rank for source in self.sources for rank in source.ranks)

    def samples(
        self,
        kind: str = "seen",
        *,
        epoch: int | None = None,
        source: str | None = None,
        limit: int | None = None,
        after: str | bytes | None = None,
    ) -> SqlAnswer:
        """The very samples, in the order of their ids; read from the record when asked for.

        Args:
            kind: ``"seen"``: all, with how often and in how many epochs; ``"repeated"``: those
                an epoch saw more than once, with how often and by how many ranks;
                ``"skipped"``: those an earlier epoch or the reference saw and ``epoch`` did not.
            epoch: the epoch; needed for ``"skipped"``, all of them when left out of
                ``"repeated"``.
            source: only the samples of this source.
            limit: at most so many rows.
            after: only what comes behind this sample id, to go on where a page ended.

        Raises:
            ConfigurationError: an argument makes no sense.
            QueryError: they are too many to be held in memory; ask with a limit.
        """
        if kind not in _KINDS:
            raise ConfigurationError(f"kind must be one of {', '.join(_KINDS)}, not {kind!r}")
        epoch = optional_number("epoch", epoch)
        parts = self._parts(kind, epoch, source)
        if kind == "seen":
            return self._samples.listing(TIMES_SEEN, parts).page([], limit, after)
        own = [one for part in parts for one in self.sources[part].epochs]
        own = [one for one in own if epoch in (None, one.epoch)]
        if kind == "repeated":
            there = [one.epoch for one in own if one.repeated_samples]
            bounds = [min(there), max(there)] if there else [0, 0]
            return self._samples.listing(REPEATED, parts, not there).page(bounds, limit, after)
        is_empty = not any(one.skipped_samples for one in own)
        return self._samples.listing(SKIPPED, parts, is_empty).page([epoch, epoch], limit, after)

    def _parts(self, kind: str, epoch: int | None, source: str | None) -> list[int]:
        """The numbers of the sources that a list is about."""
        names = [one.source_id for one in self.sources]
        if source is not None and source not in names:
            raise ConfigurationError(f"source must be one of {names}, not {source!r}")
        if epoch is not None and (
            kind == "seen" or epoch not in {one.epoch for one in self.epochs}
        ):
            known = sorted({one.epoch for one in self.epochs})
            raise ConfigurationError(
                f"epoch must be one of {known}, not {epoch!r}"
                if kind != "seen"
                else 'epoch cannot be given for "seen", which counts over all epochs'
            )
        if kind == "skipped" and epoch is None:
            raise ConfigurationError('"skipped" needs an epoch: samples("skipped", epoch=1)')
        return [
            part
            for part, one in enumerate(self.sources)
            if source in (None, one.source_id)
            and (epoch is None or epoch in {own.epoch for own in one.epochs})
        ]

    def __str__(self) -> str:
        lines = ["; ".join([_seen(self), *self._state()])]
        for one in self.epochs:
            skipped = "" if one.skipped_samples is None else f", {one.skipped_samples:,} skipped"
            lines.append(
                f"{one.source_id!r} epoch {one.epoch}: {many(one.batches, 'batch')}, {_seen(one)}, "
                f"{one.repeated_samples:,} repeated{skipped}"
            )
        return with_caveats("\n".join(lines), [str(finding) for finding in self.findings])

    def _state(self) -> list[str]:
        """What the audited sessions are like, in words."""
        others = [status for status in self.statuses if status not in ("completed", "running")]
        state = [", ".join(others)] if others else []
        if "running" in self.statuses:
            state.append("still running: as far as it is on the disk")
        if not self.complete:
            state.append("record incomplete")
        elif "running" not in self.statuses:
            state.append("record complete")
        return state


def _seen(counts: ExposureAudit | EpochExposure) -> str:
    observations = many(counts.observations, "observation")
    return f"{observations} of {many(counts.distinct_samples, 'sample')}"
