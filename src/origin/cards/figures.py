"""Numbers and times as people read them."""

from datetime import UTC, datetime

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def human_bytes(count: int) -> str:
    """An amount of data, in units of a thousand.

    >>> human_bytes(999), human_bytes(910_000), human_bytes(1_500_000_000)
    ('999 B', '910 KB', '1.5 GB')
    """
    size, unit = float(count), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    shown = f"{size:.0f}" if unit == 0 or size >= 9.95 else f"{size:.1f}"
    return f"{shown} {_UNITS[unit]}"


def human_time(text: str | None) -> str:
    """A time of the record to the second, in UTC.

    >>> human_time("2026-01-05T01:02:03.456789+00:00"), human_time(None)
    ('2026-01-05 01:02:03 UTC', 'not yet')
    """
    if text is None:
        return "not yet"
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return text


def human_span(seconds: float) -> str:
    """A length of time.

    >>> human_span(0.012), human_span(75), human_span(7_260), human_span(200_000)
    ('12 ms', '1 min 15 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    whole = round(seconds)
    for size, name, part, rest in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            return f"{whole // size} {name} {whole % size // part} {rest}"
    return f"{whole} s"
