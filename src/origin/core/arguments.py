"""Reading what users give."""

import operator
from typing import Any


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
