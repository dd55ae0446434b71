"""`LicensePolicy`: which licenses a run may use, and for what."""

import json
import os
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from origin.core.license.analysis import verdict
from origin.core.license.findings import ERROR, INFO, Finding
from origin.core.license.mix import Share
from origin.core.license.reading.expression import AllOf, One, Tree, with_alternatives
from origin.core.license.reading.names import is_exception
from origin.core.license.registry import LicenseRegistry
from origin.core.license.rules import data_version
from origin.core.license.terms import CATEGORIES, STRONG, WEAK, LicenseTerms
from origin.core.license.uses import (
    TRAIN,
    UNDER,
    UNSETTLED,
    adaptation_setting,
    use_of,
)
from origin.core.license.vocabulary import PERMISSIONS, Grant
from origin.core.record import UNKNOWN_LICENSE
from origin.core.wording import Shown
from origin.errors import ConfigurationError

REFUSE, WARN = "refuse", "warn"
KNOWN_LICENSE = "known-license"

_LISTS = ("allow", "deny", "require")


@dataclass(frozen=True, slots=True)
class LicensePolicy:
    """Which licenses a run may use, and for what.

    Args:
        use: what the run is for, as for ``LicenseAnalyzer.analyze_session``; what is an error for
            that use breaks the policy.
        allow: if any are named, only these: licenses as people write them, ids with ``*`` for any
            letters, or categories such as ``permissive``.
        deny: these not. Here a category is all that has its mark: ``non-commercial`` also denies
            what is share-alike or without derivatives besides.
        require: permissions that every license has to grant, such as ``commercial-use``, and
            ``known-license``.
        weights_are_adaptation: ``yes``, ``no`` or ``unsettled``.
        strict: whether an unknown license breaks the policy.
        on_violation: ``refuse`` a source that breaks it before its first batch, or ``warn``.

    Raises:
        ConfigurationError: something of it makes no sense.

    >>> LicensePolicy(allow=["permissive", "CC-BY-*"], require=["known-license"]).use
    'train'
    """

    use: str = TRAIN
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    weights_are_adaptation: str = UNSETTLED
    strict: bool = False
    on_violation: str = REFUSE

    def __post_init__(self) -> None:
        for name in _LISTS:
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        for word in self.require:
            if word not in PERMISSIONS and word != KNOWN_LICENSE:
                known = ", ".join([*PERMISSIONS, KNOWN_LICENSE])
                raise ConfigurationError(f"a policy may require {known}; not {word!r}")
        setting = adaptation_setting(self.weights_are_adaptation)
        object.__setattr__(self, "weights_are_adaptation", setting)
        if not isinstance(self.strict, bool):
            raise ConfigurationError(f"strict must be True or False, not {self.strict!r}")
        if self.on_violation not in (REFUSE, WARN):
            raise ConfigurationError(
                f"on_violation must be 'refuse' or 'warn', not {self.on_violation!r}"
            )
        # Whether there is a license of one's own to distribute under, the database tells.
        if not isinstance(self.use, str) or not self.use.startswith(UNDER):
            use_of(self.use, LicenseRegistry())

    # -- forms -------------------------------------------------------------------------

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> "LicensePolicy":
        """The policy in a TOML file, whose keys are the arguments.

        Args:
            path: the file.

        Raises:
            ConfigurationError: it cannot be read, or something in it makes no sense.
        """
        try:
            text = Path(path).read_bytes()
        except (OSError, TypeError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise ConfigurationError(f"the policy {path!s:.200} cannot be read: {why}") from None
        try:
            return cls._from(tomllib.loads(text.decode()))
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"the policy {path} is malformed: {error}") from None

    @classmethod
    def from_json(cls, text: str) -> "LicensePolicy":
        """The policy that ``to_json`` wrote.

        Raises:
            ConfigurationError: it did not write that.
        """
        try:
            return cls._from(json.loads(text))
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"a policy is malformed: {error}") from None

    def to_json(self) -> str:
        """The policy as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def _from(cls, told: dict[str, Any]) -> "LicensePolicy":
        if not isinstance(told, dict):
            raise ConfigurationError(f"a policy is a table of its arguments, not {told!r}")
        known = [one.name for one in fields(cls)]
        for name in told:
            if name not in known:
                raise ConfigurationError(f"a policy has no {name!r}; it has {', '.join(known)}")
        return cls(**told)

    # -- judging -----------------------------------------------------------------------

    def require_known(self, registry: LicenseRegistry) -> None:
        """Raise unless the use, and every entry, names a license, a category, or ids that exist.

        Raises:
            ConfigurationError: one does not, which may be a slip of the pen.
        """
        use_of(self.use, registry)
        for name in ("allow", "deny"):
            for entry in getattr(self, name):
                if not _is_known(entry, registry):
                    raise ConfigurationError(
                        f"the policy's {name} has {entry!r}, which is no license and no category; "
                        "a license of your own has to be defined first, by "
                        "db.record_license(LicenseRecord(...))"
                    )

    def violations(self, shares: Sequence[Share], registry: LicenseRegistry) -> list[Finding]:
        """What breaks its ``allow``, ``deny`` and ``require``; the use is judged elsewhere.

        Args:
            shares: a session's sources by license.
            registry: describes the licenses.
        """
        version = data_version()
        return [
            Finding("policy", ERROR, self.use, (share.party,), "policy", reason, version, about)
            for share in shares
            for about, reason in self._broken_by(share, registry)
        ]

    def narrow(self, shares: Sequence[Share], registry: LicenseRegistry) -> list[Share]:
        """The same, judged by the alternatives that the policy leaves.

        Args:
            shares: a session's sources by license.
            registry: describes the licenses.
        """

        def allowed(parts: list[Tree]) -> list[Tree]:
            return [part for part in parts if not self._broken_by_tree(part, registry)]

        return [
            one if one.tree is None else replace(one, tree=with_alternatives(one.tree, allowed))
            for one in shares
        ]

    def _broken_by(self, share: Share, registry: LicenseRegistry) -> "list[_Broken]":
        if share.tree is None:
            return list(self._broken_by_unknown(share))
        return self._broken_by_tree(share.tree, registry)

    def _broken_by_tree(self, tree: Tree, registry: LicenseRegistry) -> "list[_Broken]":
        if isinstance(tree, One):
            return list(self._broken_by_license(tree, registry))
        parts = [self._broken_by_tree(part, registry) for part in tree.parts]
        if isinstance(tree, AllOf):
            return list(dict.fromkeys(broken for part in parts for broken in part))
        return min(parts, key=len)

    def _broken_by_unknown(self, share: Share) -> "Iterator[_Broken]":
        # Where nothing is granted, that is known.
        allowed = {one.casefold() for one in self.allow} if not share.reading.is_none else set()
        if self.allow and UNKNOWN_LICENSE not in allowed:
            yield self._not_allowed()
        if UNKNOWN_LICENSE in {one.casefold() for one in self.deny}:
            yield f"deny {UNKNOWN_LICENSE}", f"the policy denies {UNKNOWN_LICENSE}"
        for word in self.require:
            yield f"require {word}", f"the policy requires {word}"

    def _broken_by_license(self, license_: One, registry: LicenseRegistry) -> "Iterator[_Broken]":
        if self.allow and not any(_matches(one, license_, registry) for one in self.allow):
            yield self._not_allowed()
        for entry in self.deny:
            if _is_denied(entry, license_, registry):
                yield f"deny {entry}", f"the policy denies {entry}"
        terms = registry.terms(license_)
        for word in self.require:
            if word == KNOWN_LICENSE and not _tells_anything(terms):
                says = f"the policy requires {word}, and nothing is known of {terms.license_id}"
                yield f"require {word}", says
            elif word in PERMISSIONS and terms.permits(word) is not Grant.GRANT:
                how = "denies" if terms.permits(word) is Grant.DENY else "is not known to grant"
                yield f"require {word}", f"the policy requires {word}, which it {how}"

    def _not_allowed(self) -> "_Broken":
        # Who settled that one list does not have it has said nothing of another list.
        return f"allow {sorted(self.allow)}", f"the policy allows {', '.join(self.allow)} only"


# What of the policy is broken, and that in words.
_Broken = tuple[str, str]


def policy_of(given: object) -> LicensePolicy:
    """The policy that is given as one, or as the path of a TOML file.

    Raises:
        ConfigurationError: it is neither.
    """
    if isinstance(given, LicensePolicy):
        return given
    if isinstance(given, str | os.PathLike):
        return LicensePolicy.from_toml(given)
    raise ConfigurationError(
        f"policy must be a LicensePolicy or the path of a TOML file, not a {type(given).__name__}"
    )


@dataclass(frozen=True, slots=True, repr=False)
class PolicyReport(Shown):
    """Whether a session keeps to a policy.

    Args:
        session_id: which session.
        policy: which policy.
        findings: all that was found, what breaks the policy first.
    """

    session_id: str
    policy: LicensePolicy
    findings: tuple[Finding, ...]

    @property
    def broken_by(self) -> tuple[Finding, ...]:
        """The errors that nobody has settled."""
        return tuple(one for one in self.findings if one.is_conflict and one.severity == ERROR)

    @property
    def passed(self) -> bool:
        """Whether nothing breaks the policy."""
        return not self.broken_by

    @property
    def exit_code(self) -> int:
        """0 if it passed, 2 if not: what a program that checks it should end with."""
        return 0 if self.passed else 2

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        told = verdict(self.policy.use, self.findings)
        lines = [f"policy {'passed' if self.passed else 'failed'}: {told}"]
        lines += [f"- {one}" for one in self.findings if one.severity != INFO]
        return "\n".join(lines)


def _matches(entry: str, license_: One, registry: LicenseRegistry) -> bool:
    """Whether an entry names a license: by its category, a part of its id, or all of it. One
    without an exception also names the license with one that SPDX lists; others may take
    permissions away."""
    plain = entry.casefold()
    if plain in CATEGORIES:
        return registry.terms(license_).category == plain
    is_plain = license_.exception is None or is_exception(license_.exception)
    if "*" in entry:
        return is_plain and fnmatchcase(license_.key.casefold(), plain)
    tree = registry.read(entry).tree
    if not isinstance(tree, One) or tree.key != license_.key:
        return False
    return tree.exception == license_.exception or (tree.exception is None and is_plain)


def _tells_anything(terms: LicenseTerms) -> bool:
    return any(terms.permits(word) is not Grant.UNKNOWN for word in PERMISSIONS)


def _is_denied(entry: str, license_: One, registry: LicenseRegistry) -> bool:
    """Whether an entry of ``deny`` names a license. A category then is all that has its mark: a
    license may be both non-commercial and share-alike."""
    terms = registry.terms(license_)
    marks = {
        "non-commercial": terms.permits("commercial-use") is Grant.DENY,
        "no-derivatives": terms.permits("modifications") is Grant.DENY,
        "research-only": terms.has("research-only"),
        "share-alike": terms.copyleft == STRONG,
        "copyleft": terms.copyleft == STRONG,
        "copyleft-limited": terms.copyleft == WEAK,
    }
    if marks.get(entry.casefold(), False) or _matches(entry, license_, registry):
        return True
    # "GPL-3.0" does not say whether later versions are meant: what is denied are both.
    own = registry.read(entry)
    says_which = own.tree is None or entry.casefold().endswith(("-only", "-or-later"))
    base = One(license_.key if says_which else license_.key.replace("-or-later", "-only"))
    return _matches(entry, base, registry)


def _is_known(entry: str, registry: LicenseRegistry) -> bool:
    plain = entry.casefold()
    if plain in CATEGORIES:
        return True
    if "*" in entry:
        return any(fnmatchcase(one.casefold(), plain) for one in registry)
    return isinstance(registry.read(entry).tree, One)


def _texts(name: str, given: object) -> tuple[str, ...]:
    if isinstance(given, list | tuple | set | frozenset):
        listed = tuple(sorted(given, key=str) if isinstance(given, set | frozenset) else given)
        if all(isinstance(one, str) and one for one in listed):
            return listed
    raise ConfigurationError(f"{name} must be a list of texts, such as ['MIT'], not {given!r}")
