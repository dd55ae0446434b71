"""Licenses: what they are called, what they say, and what follows for a mix of them.

``normalize_license`` reads what people write, ``LicenseRegistry`` describes, ``LicenseAnalyzer``
judges, and ``LicensePolicy`` says what a run may use. The model is in ``docs/licenses.md``.
"""

from origin.core.license.analysis import LicenseAnalysis
from origin.core.license.analyzer import LicenseAnalyzer
from origin.core.license.attribution import Attribution, AttributionEntry
from origin.core.license.findings import Finding, Findings, FirstBatch, Party
from origin.core.license.mix import Propagation, SourceUse
from origin.core.license.policy import LicensePolicy, PolicyReport
from origin.core.license.reading.normalize import NormalizedLicense, normalize_license
from origin.core.license.registry import LicenseRegistry
from origin.core.license.rules import RULES, Rule
from origin.core.license.terms import LicenseTerms
from origin.core.license.uses import USES
from origin.core.license.vocabulary import Grant, Term

__all__ = [
    "RULES",
    "USES",
    "Attribution",
    "AttributionEntry",
    "Finding",
    "Findings",
    "FirstBatch",
    "Grant",
    "LicenseAnalysis",
    "LicenseAnalyzer",
    "LicensePolicy",
    "LicenseRegistry",
    "LicenseTerms",
    "NormalizedLicense",
    "Party",
    "PolicyReport",
    "Propagation",
    "Rule",
    "SourceUse",
    "Term",
    "normalize_license",
]
