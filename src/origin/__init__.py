"""Origin records, while a model trains, which data really went in."""

import logging
from typing import TYPE_CHECKING, Any

from origin._version import __version__

# A library leaves it to the application where its messages go.
logging.getLogger("origin").addHandler(logging.NullHandler())

if TYPE_CHECKING:
    from origin.core.fingerprint import fingerprint_sample
    from origin.core.license import (
        LicenseAnalyzer,
        LicensePolicy,
        LicenseRegistry,
        normalize_license,
    )
    from origin.core.record import LicenseRecord, SourceRecord
    from origin.errors import OriginError
    from origin.proof.keys import SigningKey
    from origin.proof.prover import Prover
    from origin.proof.signer import Signer
    from origin.query.engine import QueryEngine
    from origin.storage.database import ProvenanceDatabase
    from origin.tracking import finish, track

__all__ = [
    "LicenseAnalyzer",
    "LicensePolicy",
    "LicenseRecord",
    "LicenseRegistry",
    "OriginError",
    "ProvenanceDatabase",
    "Prover",
    "QueryEngine",
    "Signer",
    "SigningKey",
    "SourceRecord",
    "__version__",
    "fingerprint_sample",
    "finish",
    "normalize_license",
    "track",
]

# Where each public name lives; it is imported when it is first used.
_HOMES = {
    "LicenseAnalyzer": "origin.core.license",
    "LicensePolicy": "origin.core.license",
    "LicenseRecord": "origin.core.record",
    "LicenseRegistry": "origin.core.license",
    "OriginError": "origin.errors",
    "ProvenanceDatabase": "origin.storage.database",
    "Prover": "origin.proof.prover",
    "QueryEngine": "origin.query.engine",
    "Signer": "origin.proof.signer",
    "SigningKey": "origin.proof.keys",
    "SourceRecord": "origin.core.record",
    "finish": "origin.tracking",
    "fingerprint_sample": "origin.core.fingerprint",
    "normalize_license": "origin.core.license",
    "track": "origin.tracking",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'origin' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
