"""What users give to questions: ids, numbers, and records in place of ids."""

from typing import Any

import numpy as np

from origin.core.arguments import count_of
from origin.errors import ConfigurationError

# No row, batch or epoch has a higher number.
HIGHEST = (1 << 63) - 1


def whole_number(name: str, given: Any, what: str = "a number from 0") -> int:
    """A number that counts something, as a plain int.

    Args:
        name: what the argument is called.
        given: an int, or what stands for one, such as an ``np.int64``.
        what: what it should be, in words.

    Raises:
        ConfigurationError: it is none, is negative, or higher than anything that is counted.

    >>> whole_number("batch_no", np.int64(3))
    3
    """
    number = None if isinstance(given, bool | np.bool_) else count_of(given, HIGHEST)
    if number is None and isinstance(given, int) and not isinstance(given, bool) and given > 0:
        raise ConfigurationError(f"{name} must be {what} to {HIGHEST:,}, not {given!r}")
    if number is None:
        raise ConfigurationError(f"{name} must be {what}, not {given!r}")
    return number


def optional_number(name: str, given: Any) -> int | None:
    """The same, of an argument that may be left out.

    >>> optional_number("epoch", None) is None
    True
    """
    return None if given is None else whole_number(name, given)


def plain(value: Any) -> Any:
    """A value without NumPy: DuckDB takes Python's own numbers.

    >>> plain(np.float32(0.5)), plain([np.int64(3), "text"])
    (0.5, [3, 'text'])
    """
    if isinstance(value, np.bool_ | np.integer | np.floating | np.str_ | np.bytes_):
        return value.item()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
