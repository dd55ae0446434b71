"""What one may want to do with what was trained, and what stands open about it."""

from dataclasses import dataclass

from origin.core.license.reading.expression import One
from origin.core.license.registry import LicenseRegistry
from origin.errors import ConfigurationError

TRAIN = "train"
WEIGHTS = "distribute-weights"
COMMERCIAL_WEIGHTS = "distribute-weights-commercially"
DATA = "redistribute-data"
UNDER = "distribute-under:"

# From the least to the most demanding; one finding of several uses is told of the first.
USES = (TRAIN, WEIGHTS, COMMERCIAL_WEIGHTS, DATA)
ANY_USE = "any"

YES, NO, UNSETTLED = "yes", "no", "unsettled"
_SETTINGS = {YES: YES, NO: NO, UNSETTLED: UNSETTLED, True: YES, False: NO, None: UNSETTLED}


# Who may do one of these may do all before it.
_ASCENDING = (TRAIN, WEIGHTS, COMMERCIAL_WEIGHTS)


def at_least(use: str) -> tuple[str, ...]:
    """A use, and those that demand all that it does.

    >>> at_least("distribute-weights")
    ('distribute-weights', 'distribute-weights-commercially')
    """
    return _ASCENDING[_ASCENDING.index(use) :] if use in _ASCENDING else (use,)


@dataclass(frozen=True, slots=True)
class Use:
    """What is to be done.

    Args:
        name: as it was asked for, such as ``train`` or ``distribute-under:MIT``.
        under: the license that the weights are to be under, if one is named.
    """

    name: str
    under: One | None = None

    @property
    def shares_weights(self) -> bool:
        """Whether the weights leave the house."""
        return self.name not in (TRAIN, DATA)

    @property
    def is_commercial(self) -> bool:
        """Whether it is primarily meant for commercial advantage."""
        return self.name == COMMERCIAL_WEIGHTS

    def __str__(self) -> str:
        return self.name


def use_of(text: object, registry: LicenseRegistry) -> Use:
    """The use that a text names.

    Args:
        text: one of ``USES``, or ``distribute-under:`` and a license.
        registry: knows the licenses.

    Raises:
        ConfigurationError: it names none.

    >>> use_of("distribute-under:apache 2", LicenseRegistry()).under.key
    'Apache-2.0'
    """
    if isinstance(text, str) and text in USES:
        return Use(text)
    if not isinstance(text, str) or not text.startswith(UNDER):
        raise ConfigurationError(
            f"use must be one of {', '.join(map(repr, USES))} or '{UNDER}<license>', not {text!r}"
        )
    read = registry.read(text.removeprefix(UNDER))
    if not isinstance(read.tree, One):
        why = read.notes[0] if read.notes else "it is not one license"
        raise ConfigurationError(f"use {text!r} names no license to distribute under: {why}")
    return Use(f"{UNDER}{read.expression}", read.tree)


def adaptation_setting(value: object) -> str:
    """Whether the weights of a model count as adapted from its data.

    Args:
        value: ``"yes"``, ``"no"`` or ``"unsettled"``; True, False and None stand for these.

    Raises:
        ConfigurationError: it is something else.

    >>> adaptation_setting(True)
    'yes'
    """
    if isinstance(value, str | bool | None) and value in _SETTINGS:
        return _SETTINGS[value]
    raise ConfigurationError(
        f"weights_are_adaptation must be 'yes', 'no' or 'unsettled', not {value!r}"
    )
