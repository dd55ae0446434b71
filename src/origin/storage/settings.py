"""What is settled when a database is opened."""

from origin.errors import ConfigurationError

SEAL_AFTER = 1_000_000


def checked_threshold(seal_after: object) -> int | None:
    """How many observations may be unsealed; None for any number.

    Raises:
        ConfigurationError: it is neither None nor a whole number above 0.

    >>> checked_threshold(1000)
    1000
    """
    if seal_after is None:
        return None
    if isinstance(seal_after, bool) or not isinstance(seal_after, int) or seal_after < 1:
        raise ConfigurationError(
            f"seal_after must be a whole number of observations, 1 or more, or None, "
            f"not {seal_after!r}"
        )
    return seal_after
