"""From the licenses of a session to what the rules find for one use."""

from collections.abc import Iterator, Sequence

from origin.core.license.choice import choose
from origin.core.license.findings import ERROR, INFO, WARNING, Finding, Party
from origin.core.license.joint import Joint, leaves
from origin.core.license.judge import Judge, Judgement
from origin.core.license.mix import Share, is_unnamed
from origin.core.license.reading.expression import AllOf, has_choice, render
from origin.core.license.registry import LicenseRegistry
from origin.core.license.rules import data_version
from origin.core.license.uses import ANY_USE, DATA, NO, TRAIN, UNSETTLED, YES, Use
from origin.core.license.vocabulary import PERMISSIONS, Grant
from origin.core.wording import enumerated, quoted


class Review:
    """Finds what the rules say about a session's licenses.

    Args:
        shares: the session's sources by license.
        registry: describes the licenses.
        setting: whether weights count as adapted from their data.
        strict: whether an unknown license is an error.
    """

    def __init__(
        self, shares: Sequence[Share], registry: LicenseRegistry, setting: str, strict: bool
    ) -> None:
        self._shares, self._registry = shares, registry
        self._setting = setting
        self._unknown = ERROR if strict else WARNING
        self._judge = Judge(registry, setting)
        self._version = data_version()

    def findings(self, use: Use) -> list[Finding]:
        """What the rules find for a use."""
        known = [(one, one.tree) for one in self._shares if one.tree is not None]
        shares = [share for share, _ in known]
        chosen = choose(
            [tree for _, tree in known],
            use,
            self._judge,
            self._registry,
            lambda found: self._takes_part(found, use),
        )
        found = [*self._of_readings()]
        for share, judged in zip(shares, chosen.judged, strict=True):
            found += self._of_license(share, judged, use)
        together = [shares[place] for place in chosen.places]
        found += self._of_all(together, chosen.joint, use)
        found += self._of_none(use)
        return list({one.finding_id: one for one in reversed(found)}.values())[::-1]

    # -- how licenses were read --------------------------------------------------------

    def _of_readings(self) -> Iterator[Finding]:
        for share in self._shares:
            if share.tree is None and not share.reading.is_none:
                yield self._of_unknown(share)
            if share.reading.was is not None:
                yield self._of_change(share, *share.reading.was)
            if share.tree is None:
                continue
            for note in dict.fromkeys(note for one in share.reading.readings for note in one.notes):
                yield self._finding("assumption", INFO, ANY_USE, [share.party],
                                    "assumed-license", note.rstrip("."), note)  # fmt: skip
            yield from self._of_unread_words(share)
            yield from self._of_own_definitions(share)

    def _of_unknown(self, share: Share) -> Finding:
        read = share.reading.readings[0]
        if is_unnamed(read):
            rule, says = "no-license", "nobody named its license"
        else:
            why = read.notes[0].rstrip(".") if read.notes else "it is no license that is known"
            rule, says = "unread-license", f"what was declared names no license: {why}"
        return self._finding("unknown-license", self._unknown, ANY_USE, [share.party], rule, says)

    def _of_change(self, share: Share, then: str, now: str) -> Finding:
        severity = WARNING
        if share.reading.is_learnt:
            severity = INFO
            says = f"it was recorded without a license, and is registered as {now} since"
        elif share.reading.is_withdrawn:
            says = f"it was recorded as {then}, and no license is registered since; that counts"
        elif share.tree is None:
            says = f"it was recorded as {then} and is registered as {now} since, so it is unknown"
        else:
            says = f"it was recorded as {then} and is registered as {now} since, so both count"
        return self._finding(
            "license-changed", severity, ANY_USE, [share.party], "license-changed", says, now
        )

    def _of_unread_words(self, share: Share) -> Iterator[Finding]:
        assert share.tree is not None  # noqa: S101  asked for known licenses only
        for leaf in leaves(share.tree):
            if unread := self._registry.terms(leaf).unread:
                words = ", ".join(map(quoted, unread))
                says = f"its words {words} are not in the vocabulary and were not judged"
                yield self._finding(
                    "undetermined", WARNING, ANY_USE, [share.party], "words-not-judged", says, words
                )

    def _of_own_definitions(self, share: Share) -> Iterator[Finding]:
        assert share.tree is not None  # noqa: S101  asked for known licenses only
        for leaf in leaves(share.tree):
            known = self._registry.known_terms(leaf)
            if known is None:
                continue
            own = self._registry.terms(leaf)
            adds = [
                PERMISSIONS[word]
                for word in PERMISSIONS
                if own.permits(word) is Grant.GRANT and known.permits(word) is not Grant.GRANT
            ]
            drops = [
                str(term)
                for term in (*known.restrictions, *known.conditions)
                if not own.has(term.name)
            ]
            says = f"it is judged by its record in this database, not as {known.license_id}"
            says += f"; it grants {enumerated(adds)} besides" if adds else ""
            says += f"; it leaves out {enumerated(drops)}" if drops else ""
            yield self._finding(
                "assumption", WARNING if adds or drops else INFO, ANY_USE, [share.party],
                "own-definition", says, says,
            )  # fmt: skip

    # -- what they say -----------------------------------------------------------------

    def _of_license(self, share: Share, judged: Judgement, use: Use) -> Iterator[Finding]:
        for draft in judged.drafts:
            parties = [share.party]
            if draft.against is not None:
                parties.append(Party(draft.against))
            yield self._finding(
                draft.kind,
                draft.severity,
                use.name,
                parties,
                draft.rule_id,
                draft.reason,
                draft.about,
                draft.source,
            )
        if share.tree is not None and has_choice(share.tree):
            named = render(AllOf(judged.applied)) if judged.applied[1:] else judged.applied[0].key
            says = f"of the alternatives, {named} was taken"
            yield self._finding(
                "assumption", INFO, use.name, [share.party], "license-choice", says, named
            )

    def _of_none(self, use: Use) -> Iterator[Finding]:
        severity = self._unknown if use.name == TRAIN else ERROR
        for share in self._shares:
            if share.tree is None and share.reading.is_none:
                yield self._finding(
                    "forbidden-use", severity, use.name, [share.party], "none-granted",
                    "it was declared as NONE, so nothing is granted",
                )  # fmt: skip

    def _of_all(self, together: Sequence[Share], joint: Joint, use: Use) -> Iterator[Finding]:
        """Whether all may go into one work."""
        for places in joint.conflicts:
            parties = [together[place].party for place in places]
            yield self._finding(
                "incompatible", self._severity(use, WARNING), use.name, parties, "joint-license",
                f"no license may follow {_all(len(parties))}{self._open(use)}", self._setting,
            )  # fmt: skip
        for places in joint.unsettled:
            parties = [together[place].party for place in places]
            yield self._finding(
                "undetermined", self._severity(use, INFO), use.name, parties, "joint-license",
                f"nobody can tell whether one license may follow {_all(len(parties))}, perhaps "
                f"{', '.join(joint.possible[:3])}{self._open(use)}", self._setting,
            )  # fmt: skip

    def _takes_part(self, judged: Judgement, use: Use) -> bool:
        """Whether a source has to go into one work with others."""
        if use.name == TRAIN or use.under is not None:
            return False
        if use.name != DATA and self._setting == NO:
            return False
        terms = [self._registry.terms(one) for one in judged.applied]
        # What lets no license follow, or does not tell, is a finding of its own.
        if any(one.permits("modifications") is not Grant.GRANT for one in terms):
            return False
        return use.name == DATA or any(not one.results_free for one in terms)

    def _severity(self, use: Use, if_open: str) -> str:
        if use.name == DATA:
            # As a collection each keeps its own license.
            return if_open
        if self._setting == YES:
            return ERROR if if_open == WARNING else WARNING
        return if_open

    def _open(self, use: Use) -> str:
        if use.name == DATA:
            return "; side by side, each under its own, they may be passed on"
        if self._setting == UNSETTLED:
            return "; whether weights are adapted from their data is unsettled"
        return ""

    def _finding(
        self,
        kind: str,
        severity: str,
        use: str,
        parties: Sequence[Party],
        rule_id: str,
        reason: str,
        about: str = "",
        source: str = "",
    ) -> Finding:
        version = self._version
        return Finding(kind, severity, use, tuple(parties), rule_id, reason, version, about, source)


def _all(number: int) -> str:
    if number == 1:
        return "all of its licenses"
    return "both" if number == 2 else f"all {number}"
