"""`LicenseAnalysis`: what was found for one session and one use."""

from collections.abc import Iterable
from dataclasses import dataclass

from origin.core.license.findings import ERROR, INFO, WARNING, Finding, Party
from origin.core.license.mix import Propagation
from origin.core.license.terms import RULES_VERSION
from origin.core.wording import Shown


@dataclass(frozen=True, slots=True, repr=False)
class LicenseAnalysis(Shown):
    """What the rules found for a session and a use.

    Args:
        session_id: which session.
        use: what is to be done.
        weights_are_adaptation: whether weights counted as adapted from their data.
        licenses: each license and what came under it, most first.
        effect: what all of them say together.
        findings: what was found, open and severe first.
        data_version: the rules and data it was made with.
    """

    session_id: str
    use: str
    weights_are_adaptation: str
    licenses: tuple[Party, ...]
    effect: Propagation
    findings: tuple[Finding, ...]
    data_version: str

    @property
    def license(self) -> str | None:
        """The license that a work from all of it comes under, or ``mixed``."""
        return self.effect.license

    @property
    def conflicts(self) -> tuple[Finding, ...]:
        """Errors and warnings that nobody has settled."""
        return tuple(one for one in self.findings if one.is_conflict)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Errors that nobody has settled."""
        return tuple(one for one in self.conflicts if one.severity == ERROR)

    @property
    def verdict(self) -> str:
        """What was found, in one line."""
        return verdict(self.use, self.findings)

    def __str__(self) -> str:
        lines = [self.verdict]
        lines += [f"- {party}" for party in self.licenses]
        lines += [f"  {finding}" for finding in self.findings if finding.severity != INFO]
        return "\n".join(lines)


def verdict(use: str, findings: Iterable[Finding]) -> str:
    """What was found for a use, in one line.

    >>> verdict("train", [])
    'rules v1 found nothing against train'
    """
    listed = list(findings)
    open_ = [one for one in listed if one.is_conflict]
    errors = sum(one.severity == ERROR for one in open_)
    warnings = sum(one.severity == WARNING for one in open_)
    settled = sum(one.settled is not None for one in listed)
    counted = [
        f"{number} {noun if number == 1 else noun + 's'}"
        for number, noun in ((errors, "error"), (warnings, "warning"))
        if number
    ]
    told = " and ".join(counted) if counted else "nothing"
    rest = f" ({settled} settled)" if settled else ""
    return f"rules v{RULES_VERSION} found {told} against {use}{rest}"
