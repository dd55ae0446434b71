"""The views, and every SQL query the library asks.

All text here is read alike by DuckDB and by Spark SQL, so that the questions can be asked
where a ledger lies that one machine cannot hold; a test parses each with both grammars.
Views and questions are ``Query`` objects and register themselves, so that none is missed.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Query:
    """One SQL query, and the relations it reads.

    Args:
        name: what it is called; a view is found under it.
        text: the query.
        reads: the relations in its text.
    """

    name: str
    text: str
    reads: tuple[str, ...]

    all: ClassVar[dict[str, "Query"]] = {}

    def __post_init__(self) -> None:
        Query.all[self.name] = self


# -- views -----------------------------------------------------------------------------

# Two relations with the same columns, which whoever answers provides.
LEDGER = Query(
    "ledger",
    """
    SELECT sample_id, stream_no, epoch, batch_no, position, byte_size, content_type, key, metadata
    FROM sealed_observations
    UNION ALL
    SELECT sample_id, stream_no, epoch, batch_no, position, byte_size, content_type, key, metadata
    FROM unsealed_observations
    """,
    ("sealed_observations", "unsealed_observations"),
)

OBSERVATIONS = Query(
    "observations",
    """
    SELECT o.sample_id, s.session_id, s.source_id, s.license_id, o.stream_no, o.batch_no,
        o.position, o.epoch, o.byte_size, o.content_type, o.key, o.metadata
    FROM ledger AS o JOIN streams AS s ON o.stream_no = s.stream_no
    """,
    ("ledger", "streams"),
)

BATCHES = Query(
    "batches",
    """
    SELECT b.stream_no, b.batch_no, s.session_id, s.source_id, s.license_id, b.epoch, b.seen_at,
        b.samples, b.bytes, lower(hex(b.root)) AS root
    FROM batch_heads AS b JOIN streams AS s ON b.stream_no = s.stream_no
    """,
    ("batch_heads", "streams"),
)

ANNOTATIONS = Query(
    "annotations",
    """
    SELECT n.stream_no, n.batch_no, s.session_id, s.source_id, b.epoch, n.name, n.value
    FROM noted_numbers AS n
        JOIN streams AS s ON n.stream_no = s.stream_no
        JOIN batch_heads AS b ON n.stream_no = b.stream_no AND n.batch_no = b.batch_no
    """,
    ("noted_numbers", "streams", "batch_heads"),
)

# What a user may name. Those that are no query here are provided as they are.
VIEWS = (
    "sessions",
    "sources",
    "licenses",
    "license_conflicts",
    "streams",
    "batches",
    "observations",
    "annotations",
)

# -- questions -------------------------------------------------------------------------

# Where one sample was seen.
SIGHTINGS = Query(
    "sightings",
    """
    SELECT stream_no, batch_no, position, epoch, byte_size, content_type, key, metadata
    FROM ledger
    WHERE sample_id = ?
    ORDER BY stream_no, batch_no, position
    """,
    ("ledger",),
)

# The same, the first so many of each stream, and how many each has in all.
FIRST_SIGHTINGS = Query(
    "first_sightings",
    """
    SELECT stream_no, batch_no, position, epoch, byte_size, content_type, key, metadata, times
    FROM (
        SELECT stream_no, batch_no, position, epoch, byte_size, content_type, key, metadata,
            row_number() OVER (PARTITION BY stream_no ORDER BY batch_no, position) AS place,
            count(*) OVER (PARTITION BY stream_no) AS times
        FROM ledger
        WHERE sample_id = ?
    ) AS placed
    WHERE place <= ?
    ORDER BY stream_no, batch_no, position
    """,
    ("ledger",),
)

# The samples whose ids lie in a range.
SAMPLES_BETWEEN = Query(
    "samples_between",
    """
    SELECT DISTINCT sample_id
    FROM ledger
    WHERE sample_id >= ? AND sample_id < ?
    ORDER BY sample_id
    LIMIT ?
    """,
    ("ledger",),
)

# How many samples each combination of groups has. A stream's groups are the bits of a number.
COMBINATIONS = Query(
    "combinations",
    """
    SELECT seen.combined, count(*) AS samples, sum(seen.times) AS times
    FROM (
        SELECT o.sample_id, bit_or(g.bits) AS combined, count(*) AS times
        FROM ledger AS o JOIN stream_groups AS g ON o.stream_no = g.stream_no
        WHERE o.sample_id >= ? AND o.sample_id < ?
        GROUP BY o.sample_id
    ) AS seen
    GROUP BY seen.combined
    """,
    ("ledger", "stream_groups"),
)

# The first sight of each sample, as a place in one order of all observations.
FIRST_SIGHTS = Query(
    "first_sights",
    """
    SELECT min(p.place + o.position) AS place
    FROM ledger AS o JOIN batch_places AS p
        ON o.stream_no = p.stream_no AND o.batch_no = p.batch_no
    WHERE o.sample_id >= ? AND o.sample_id < ?
    GROUP BY o.sample_id
    """,
    ("ledger", "batch_places"),
)

# The different samples of a stream in a slice of all sample ids, and how often each was seen.
MEMBERS = Query(
    "members",
    """
    SELECT sample_id, count(*) AS times
    FROM ledger
    WHERE stream_no = ? AND sample_id >= ? AND sample_id < ?
    GROUP BY sample_id
    ORDER BY sample_id
    """,
    ("ledger",),
)

# The same of a narrow range.
MEMBERS_BETWEEN = Query(
    "members_between",
    """
    SELECT DISTINCT sample_id
    FROM ledger
    WHERE stream_no = ? AND sample_id >= ? AND sample_id <= ?
    ORDER BY sample_id
    """,
    ("ledger",),
)

# The samples of one batch.
BATCH_SAMPLES = Query(
    "batch_samples",
    """
    SELECT sample_id
    FROM ledger
    WHERE stream_no = ? AND batch_no = ?
    ORDER BY position
    """,
    ("ledger",),
)

# Where a sample was seen first in the streams of a session.
FIRST_PLACE = Query(
    "first_place",
    """
    SELECT stream_no, batch_no, position
    FROM observations
    WHERE sample_id = ?
    ORDER BY stream_no, batch_no, position
    LIMIT 1
    """,
    ("observations",),
)
