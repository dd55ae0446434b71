"""What the environment and a hook's arguments say about recording; arguments win."""

import os
import sys
from numbers import Real
from typing import TYPE_CHECKING, Any

from origin.core.arguments import count_of, recording_mode
from origin.errors import ConfigurationError

if TYPE_CHECKING:
    from origin.core.license import LicensePolicy

POLICIES = ("warn", "raise")
# Segments and SQL keep epochs and ranks in 32 bits.
LARGEST_NUMBER = 2**31 - 1


def failure_policy(on_error: str | None) -> str:
    """What happens when recording fails during training: ``warn`` or ``raise``.

    Raises:
        ConfigurationError: the argument is neither.

    >>> failure_policy("raise")
    'raise'
    """
    if on_error is None:
        return "raise" if recording_mode() == "strict" else "warn"
    if on_error not in POLICIES:
        raise ConfigurationError(f"on_error must be 'warn' or 'raise', not {on_error!r}")
    return on_error


def whole_number(what: str, value: Any) -> int:
    """A number that counts something, as a plain int.

    Raises:
        ConfigurationError: it is none, negative, or more than the record can hold.

    >>> whole_number("an epoch", 3)
    3
    """
    number = count_of(value, LARGEST_NUMBER)
    if number is None:
        raise ConfigurationError(
            f"{what} must be a whole number from 0 to {LARGEST_NUMBER} (2**31 - 1), not {value!r}"
        )
    return number


def real_number(what: str, value: Any) -> float:
    """A number that was measured, as a plain float; it may be infinite or NaN.

    Raises:
        ConfigurationError: it is none, or more than one.

    >>> real_number("loss", 3)
    3.0
    """
    kind = str(getattr(value, "dtype", type(value).__name__))
    is_scalar = isinstance(value, Real) or getattr(value, "shape", None) == ()
    if is_scalar and "bool" not in kind and "complex" not in kind:
        try:
            # A tensor warns when it is taken out of a graph without a word.
            return float(value.detach() if hasattr(value, "detach") else value)
        except Exception as error:
            raise ConfigurationError(f"{what} cannot be taken as a number: {error}") from error
    shape = f" of shape {tuple(value.shape)}" if getattr(value, "shape", ()) else ""
    raise ConfigurationError(
        f"{what} must be one real number, not a {type(value).__name__} ({kind}){shape}"
    )


def place_in_job(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """This process's rank and the number of ranks: as given, or as the launcher tells.

    Raises:
        ConfigurationError: one is out of bounds, or they do not fit each other.

    >>> place_in_job(3, 8)
    (3, 8)
    """
    found_rank, found_size = _from_torch() or _from_environment()
    rank = whole_number("rank", found_rank if rank is None else rank)
    world_size = max(found_size, rank + 1) if world_size is None else world_size
    world_size = whole_number("world_size", world_size)
    if rank >= world_size:
        raise ConfigurationError(
            f"rank {rank} does not fit world_size {world_size}; ranks go from 0 to world_size - 1"
        )
    return rank, world_size


def _from_torch() -> tuple[int, int] | None:
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed.get_rank(), distributed.get_world_size()


def _from_environment() -> tuple[int, int]:
    try:
        rank = int(os.environ.get("RANK", "0"))
        return rank, max(int(os.environ.get("WORLD_SIZE", "1")), rank + 1)
    except ValueError:
        return 0, 1


def read_policy(given: object) -> "LicensePolicy | None":
    """The license policy that is given as one, or as the path of a TOML file.

    Raises:
        ConfigurationError: it is neither, or makes no sense.

    >>> read_policy(None) is None
    True
    """
    if given is None:
        return None
    from origin.core.license.policy import policy_of

    return policy_of(given)
