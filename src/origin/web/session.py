"""Pages about one session: the report, its batches, and what can be taken along."""

from dataclasses import dataclass
from hashlib import sha256

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from origin.cards.facts import RunFacts, gather
from origin.cards.generator import ProvenanceCardGenerator
from origin.cards.report import content_of
from origin.core.record import SessionRecord, StreamRecord
from origin.query.records import iso_time
from origin.query.timeline import Timeline
from origin.web.views import (
    ROWS,
    Site,
    given,
    link,
    number_in,
    number_of,
    page,
    session_in,
    site_of,
)

# So often a list looks for news while a session runs, in seconds.
_LIVE = 2
_TOP = 100
# So many samples of a batch are listed.
_MOST_ROWS = 1_000


def session(request: Request) -> Response:
    """The report about a session; live while it runs."""
    site, own = site_of(request), session_in(request)
    streams = site.db.catalog.streams(own.session_id)
    answer = site.answers.get(
        # A process that dies commits nothing.
        ("report", own.session_id),
        (site.db.overview.changes(), own.status, own.abandoned),
        lambda: _told(site, own),
    )
    report = {} if not answer.is_known else content_of(*answer.value)
    report["address_of"] = lambda kind, name: link(f"/{kind}", id=name)
    is_running = own.status == "running"
    return page(
        request,
        "session.html.j2",
        **report | {"session": own},
        is_known=answer.is_known,
        so_far=_so_far(streams),
        refresh=answer.refresh(is_running=is_running),
    )


def _told(site: Site, own: SessionRecord) -> tuple[RunFacts, Timeline]:
    facts = gather(site.db, own, site.engine)
    return facts, site.engine.get_timeline(facts.session, streams=facts.streams)


def _so_far(streams: list[StreamRecord]) -> dict[str, int]:
    return {
        "batches": sum(one.batches for one in streams),
        "observations": sum(one.observations for one in streams),
        "bytes": sum(one.bytes_seen for one in streams),
    }


def batches(request: Request) -> Response:
    """The batches of one stream of a session in order, or those of all by a number of theirs."""
    site, own = site_of(request), session_in(request)
    streams = site.db.catalog.streams(own.session_id)
    orders = _orders(site.db.batch_table.annotation_names([one.stream_no for one in streams]))
    by = given(request, "by")
    if by in orders:
        return _ranked(request, own, streams, orders, by)
    wanted = number_in(request, "stream")
    chosen = next(
        (one for one in streams if one.stream_no == wanted), streams[0] if streams else None
    )
    first = number_in(request, "from")
    rows = [] if chosen is None else _heads(site, chosen, first)
    return page(
        request,
        "batches.html.j2",
        session=own,
        streams=streams,
        stream=chosen,
        orders=orders,
        by="",
        name="",
        rows=rows,
        first=first,
        following=rows[-1].number + 1 if len(rows) == ROWS else None,
        refresh=_LIVE if own.status == "running" else 0,
    )


@dataclass(frozen=True, slots=True)
class _Head:
    number: int
    epoch: int
    seen_at: str
    samples: int
    noted: dict[str, float]


def _heads(site: Site, stream: StreamRecord, first: int) -> list[_Head]:
    table = site.db.batch_table
    found = table.some(stream.stream_no, first, ROWS)
    if not found:
        return []
    noted = table.annotations_of(stream.stream_no, found[0][0], found[-1][0])
    return [
        _Head(number, epoch, iso_time(seen_at), samples, noted.get(number, {}))
        for number, epoch, seen_at, samples in found
    ]


def _orders(names: list[str]) -> dict[str, tuple[str, bool]]:
    """The orders in which batches can be ranked: how an address calls each, the name of the
    number, and whether the lowest come first. Any text may be such a name, so it stands in none."""
    return {
        f"{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}-{way}": (name, is_lowest)
        for name in names
        for way, is_lowest in (("down", False), ("up", True))
    }


def _ranked(
    request: Request,
    own: SessionRecord,
    streams: list[StreamRecord],
    orders: dict[str, tuple[str, bool]],
    by: str,
) -> Response:
    site, (name, is_lowest) = site_of(request), orders[by]
    wanted = number_in(request, "only")
    chosen = next((one for one in streams if one.stream_no == wanted), None)
    source, rank = (None, None) if chosen is None else (chosen.source_id, chosen.rank)
    answer = site.answers.get(
        ("ranked", own.session_id, by, source, rank),
        site.db.overview.changes(),
        lambda: site.engine.rank_batches(
            own, name, limit=_TOP, lowest=is_lowest, source=source, rank=rank
        ),
    )
    is_running = own.status == "running"
    return page(
        request,
        "batches.html.j2",
        session=own,
        streams=streams,
        stream=chosen,
        orders=orders,
        by=by,
        name=name,
        first=0,
        ranked=answer.value or [],
        is_known=answer.is_known,
        refresh=answer.refresh(is_running=is_running),
    )


def batch(request: Request) -> Response:
    """One batch of a stream of a session: its samples."""
    site, own = site_of(request), session_in(request)
    stream, number = (number_of(request.path_params[name], -1) for name in ("stream", "number"))
    if min(stream, number) < 0:
        raise HTTPException(404)
    answer = site.answers.get(
        ("batch", own.session_id, stream, number),
        # Numbers may be attached to it, and gaps noted, later.
        site.db.overview.changes(),
        lambda: site.engine.get_step(own, number, stream_no=stream),
    )
    step = answer.value
    table = site.db.batch_table
    following = table.some(stream, number + 1, 1)
    before = table.some(stream, max(number - 1, 0), 1)
    return page(
        request,
        "batch.html.j2",
        session=own,
        stream_no=stream,
        number=number,
        # Where batches are missing from the record, no link leads to them.
        before=before[0][0] if before and before[0][0] < number else None,
        following=following[0][0] if following else None,
        step=step,
        most=_MOST_ROWS,
        refresh=answer.refresh(is_running=own.status == "running"),
    )


def card(request: Request) -> Response:
    """The card of a session, as a file."""
    own = session_in(request)
    text = ProvenanceCardGenerator(site_of(request).db).generate(own)
    return _file(text, "text/markdown", f"provenance-{own.session_id[:8]}.md")


def report(request: Request) -> Response:
    """The report about a session, as a file that needs no server."""
    own = session_in(request)
    text = ProvenanceCardGenerator(site_of(request).db).generate_html(own)
    return _file(text, "text/html", f"provenance-{own.session_id[:8]}.html")


def _file(text: str, kind: str, name: str) -> Response:
    return Response(
        text, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
