"""Templates of HTML in which whatever others wrote stays text."""

from functools import cache
from typing import TYPE_CHECKING, Any

from origin.cards.figures import duration_of, human_duration, human_size, human_time
from origin.cards.markdown import CELL, shortened, visible
from origin.core.wording import listed, many, percent, quoted, span

if TYPE_CHECKING:
    from jinja2 import Environment

# A finding names several sources and licenses; whatever is longer is not for reading.
_LONGEST = 2_000


@cache
def environment(*packages: str) -> "Environment":
    """The templates of some packages, and the words of this house as their filters.

    Args:
        packages: their names; of two templates of one name that of the first counts.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    found.filters.update(
        bytes=human_size,
        time=human_time,
        span=human_duration,
        duration=duration_of,
        percent=percent,
        listed=listed,
        short=lambda text: shortened(text, CELL),
        many=many,
        noun=lambda number, noun: many(number, noun).partition(" ")[2],
        number=lambda value: f"{value:,}",
        exact=_exact,
        span_of=span,
    )
    return found


def _exact(text: str) -> Any:
    """A text that is to come back as it is, in the value of a form."""
    from markupsafe import Markup, escape

    return Markup(escape(text.encode("utf-8", "replace").decode()))  # noqa: S704  it is escaped


def _plain(value: Any) -> Any:
    """What is written by others, on its line and such that all of it is seen; markup as it is."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    if value and not value.strip():
        return quoted(value)
    return visible(shortened(value, _LONGEST))
