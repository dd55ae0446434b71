"""The versions that the store is made of."""

from dataclasses import dataclass

import apsw

from origin.storage.schema import MIGRATIONS


@dataclass(frozen=True, slots=True)
class StoreVersions:
    """What holds a database: SQLite, its driver, and the schema that is written."""

    sqlite: str
    driver: str
    schema: int


def store_versions() -> StoreVersions:
    """The versions in use.

    >>> store_versions().schema >= 3
    True
    """
    return StoreVersions(
        apsw.sqlite_lib_version(), f"apsw {apsw.apsw_version()}", MIGRATIONS[-1].version
    )
