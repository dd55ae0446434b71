"""Reading what users give."""

import operator
import os
from typing import Any

from origin.core.record import SessionRecord
from origin.errors import ConfigurationError

MODES = {
    **dict.fromkeys(("on", "1", "true", "yes"), "on"),
    **dict.fromkeys(("off", "0", "false", "no"), "off"),
    "strict": "strict",
}


def count_of(given: Any, highest: int) -> int | None:
    """A number that counts something, as a plain int.

    Args:
        given: an int, or what stands for one, such as an ``np.int64``.
        highest: what it may be at most.

    Returns:
        The number; None if it is none, negative or too high.

    >>> count_of(3, 10), count_of(11, 10), count_of("3", 10)
    (3, None, None)
    """
    try:
        number = operator.index(given)
    except TypeError:
        return None
    return number if 0 <= number <= highest else None


def recording_mode() -> str:
    """The value of ``ORIGIN_MODE``: ``on`` when it is not set.

    Raises:
        ConfigurationError: it is set to something else.
    """
    mode = os.environ.get("ORIGIN_MODE", "").strip().lower() or "on"
    if mode not in MODES:
        raise ConfigurationError(
            f"ORIGIN_MODE is {mode!r}; set it to 'off' (record nothing), 'strict' (raise on any "
            "error) or leave it unset"
        )
    return MODES[mode]


def session_id_of(given: object) -> str:
    """The id of a session that is given by its id or its record.

    Raises:
        ConfigurationError: it is neither.

    >>> session_id_of(SessionRecord("7d0e…", "2026-01-01T00:00:00+00:00", "v1", "running"))
    '7d0e…'
    """
    if isinstance(given, SessionRecord):
        return given.session_id
    if not isinstance(given, str):
        raise ConfigurationError(
            f"session_id must be a str such as session.session_id, not a {type(given).__name__}"
        )
    return given
