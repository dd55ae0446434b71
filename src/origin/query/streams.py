"""Which streams a question is about."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from origin.core.record import UNKNOWN_LICENSE, SourceRecord, StreamRecord, license_key
from origin.core.wording import listed
from origin.errors import ConfigurationError, SourceNotFoundError


def license_name(license_id: str | None) -> str:
    """The form in which a license id is shown.

    >>> license_name("MIT"), license_name(None), license_name("UNKNOWN")
    ('MIT', 'unknown', 'unknown')
    """
    if license_id is None or license_key(license_id) == UNKNOWN_LICENSE:
        return UNKNOWN_LICENSE
    return license_id


def under_license(streams: Iterable[StreamRecord], license_id: str) -> list[StreamRecord]:
    """The streams whose samples came under a license.

    Raises:
        ConfigurationError: the license id is no text.
    """
    _require_text("license_id", license_id)
    wanted = license_key(license_id)
    return [stream for stream in streams if license_key(stream.license_id) == wanted]


def from_source(
    streams: Iterable[StreamRecord], sources: Iterable[SourceRecord], pattern: str
) -> list[StreamRecord]:
    """The streams whose source has an id or a path that matches a pattern.

    Raises:
        ConfigurationError: the pattern is no text.
    """
    _require_text("pattern", pattern)
    wanted = {source.source_id for source in sources if _is_meant(source, pattern)}
    return [stream for stream in streams if stream.source_id in wanted]


def require_source(sources: Sequence[SourceRecord], pattern: str) -> None:
    """Raise unless a source has an id or a path that matches a pattern.

    Raises:
        SourceNotFoundError: none has.
        ConfigurationError: the pattern is no text.
    """
    _require_text("source", pattern)
    if not any(_is_meant(source, pattern) for source in sources):
        there = listed(repr(source.source_id) for source in sources)
        raise SourceNotFoundError(
            f"no source has an id or a path that matches {pattern!r}; there are "
            f"{there or 'none at all'}"
        )


def _require_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a str, not a {type(value).__name__}")


def _is_meant(source: SourceRecord, pattern: str) -> bool:
    return _matches(source.source_id, pattern) or _matches(source.source_path, pattern)


def _matches(value: str | None, pattern: str) -> bool:
    # The comparison finds names such as "data[1]", which as patterns mean something else.
    return value is not None and (value == pattern or fnmatchcase(value, pattern))
