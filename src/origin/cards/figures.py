"""Numbers and times as people read them."""

from datetime import UTC, datetime

from origin.core.record import SessionRecord
from origin.core.wording import many

_DECIMAL = 1_000
_LENGTHS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")


def human_size(size: int) -> str:
    """A number of bytes as people say it.

    >>> human_size(999), human_size(1_234_567), human_size(999_999)
    ('999 bytes', '1.2 MB', '1.0 MB')
    """
    if size < _DECIMAL:
        return many(size, "byte")
    value = size / _DECIMAL
    for unit in _UNITS[:-1]:
        if round(value, 1) < _DECIMAL:
            return f"{value:,.1f} {unit}"
        value /= _DECIMAL
    return f"{value:,.1f} {_UNITS[-1]}"


def human_duration(seconds: float) -> str:
    """A duration as people say it, by its two largest units.

    >>> human_duration(0.25), human_duration(3_661), human_duration(200_000)
    ('0.2 seconds', '1 hour 1 minute', '2 days 7 hours')
    """
    if round(seconds, 1) < 60:
        return "1 second" if f"{seconds:.1f}" == "1.0" else f"{seconds:.1f} seconds"
    whole = int(seconds + 0.05)
    at = next(at for at, (_, length) in enumerate(_LENGTHS) if whole >= length)
    noun, length = _LENGTHS[at]
    number, left = divmod(whole, length)
    lesser, its_length = _LENGTHS[at + 1]
    rest = left // its_length
    return many(number, noun) + (f" {many(rest, lesser)}" if rest else "")


def duration_of(session: SessionRecord) -> str:
    """How long a session took, in words.

    >>> duration_of(SessionRecord("7d0e…", "2026-01-01T00:00:00+00:00", "v1", "running"))
    'it has not ended'
    """
    if session.ended_at is None:
        return "it has not ended" if session.status == "running" else "not known"
    began, ended = time_of(session.created_at), time_of(session.ended_at)
    if began is None or ended is None or ended < began:
        return "not known"
    return human_duration((ended - began).total_seconds())


def time_of(text: str) -> datetime | None:
    """The time that a text tells, in UTC; None if it tells none.

    >>> time_of("some day") is None
    True
    """
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def human_time(text: str) -> str:
    """A time of the record to the second, in UTC; a text that tells none, as it is.

    >>> human_time("2026-01-05T01:02:03.456789+00:00")
    '2026-01-05 01:02:03 UTC'
    """
    time = time_of(text)
    return text if time is None else f"{time:%Y-%m-%d %H:%M:%S} UTC"
