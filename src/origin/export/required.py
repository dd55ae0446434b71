"""Packages that only one way of handing over needs."""

from importlib import import_module
from typing import Any

from origin.errors import MissingDependencyError


def required(package: str, extra: str) -> Any:
    """A package, imported now.

    Args:
        package: what is imported.
        extra: the extra of Origin that brings it.

    Raises:
        MissingDependencyError: it is not installed.

    >>> required("json", "json").dumps([1])
    '[1]'
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise MissingDependencyError(
            f"{package} cannot be imported ({error}); install it with: "
            f"pip install 'origin-provenance[{extra}]'"
        ) from error
