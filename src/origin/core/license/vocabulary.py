"""The words in which licenses are described.

Those of choosealicense.com where it has one; what it cannot say, such as non-commercial, is added.
Words that people use for the same thing are read as these.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

DATA, WEIGHTS, OUTPUTS = "data", "weights", "outputs"


class Grant(Enum):
    """Whether a license permits something: it does, it does not, or nobody can tell."""

    GRANT = "grant"
    UNKNOWN = "unknown"
    DENY = "deny"

    def __str__(self) -> str:
        return self.value


_ORDER = (Grant.DENY, Grant.UNKNOWN, Grant.GRANT)


def meet(grants: Iterable[Grant]) -> Grant:
    """What all grant: unknown if one does not tell, denied if one denies.

    >>> meet([Grant.GRANT, Grant.UNKNOWN]).value, meet([Grant.UNKNOWN, Grant.DENY]).value
    ('unknown', 'deny')
    """
    return min(grants, key=_ORDER.index, default=Grant.GRANT)


# What a license may permit, and how it is said in a sentence.
PERMISSIONS = {
    "private-use": "use and training inside the house",
    "modifications": "sharing adapted works",
    "distribution": "passing it on",
    "commercial-use": "commercial use",
    "patent-use": "use of its patents",
}

# What a license may rule out, and which permission that denies; None: none as a whole.
RESTRICTIONS: dict[str, str | None] = {
    "no-commercial": "commercial-use",
    "no-derivatives": "modifications",
    "no-redistribution": "distribution",
    "no-training": "private-use",
    "research-only": "commercial-use",
    "computational-use-only": None,
    "use-based": None,
    "user-limit": None,
    "no-other-models": None,
    "region-limit": None,
    "database-only": None,
    "trademark-use": None,
    "liability": None,
    "warranty": None,
}

# What a license may ask for in return, and how that is said.
CONDITIONS = {
    "attribution": "name the author, the source and the license",
    "include-copyright": "keep the copyright and license notices",
    "include-license": "hand on the text of the license",
    "document-changes": "say what was changed",
    "disclose-source": "make the source available",
    "network-use-disclose": "make the source available to users over a network",
    "same-license": "share under the same license",
    "same-license--file": "keep its own files under the same license",
    "pass-on-terms": "hand on its terms, restrictions of use included",
    "offer-database": "offer the database, or what was changed in it, from which they were made",
    "notice-of-use": "say where works made from it are shown that it was used",
    "built-with": "show that the model was built with it",
    "model-name": "begin the name of the model with the name of its family",
}

_PERMISSION_WORDS = {
    "use": "private-use",
    "train": "private-use",
    "training": "private-use",
    "modify": "modifications",
    "modification": "modifications",
    "adapt": "modifications",
    "derivatives": "modifications",
    "distribute": "distribution",
    "redistribute": "distribution",
    "redistribution": "distribution",
    "share": "distribution",
    "sharing": "distribution",
    "commercial": "commercial-use",
    "sell": "commercial-use",
}

_RESTRICTION_WORDS = {
    "non-commercial": "no-commercial",
    "noncommercial": "no-commercial",
    "no-commercial-use": "no-commercial",
    "no-modification": "no-derivatives",
    "no-modifications": "no-derivatives",
    "no-modify": "no-derivatives",
    "no-derivative-works": "no-derivatives",
    "no-distribution": "no-redistribution",
    "no-sharing": "no-redistribution",
    "internal-only": "no-redistribution",
    "internal-use-only": "no-redistribution",
    "no-use": "no-training",
    "no-ai": "no-training",
    "no-ai-training": "no-training",
    "no-machine-learning": "no-training",
    "research": "research-only",
    "research-use-only": "research-only",
    "non-commercial-research": "research-only",
}

_CONDITION_WORDS = {
    "notice": "include-copyright",
    "include-notice": "include-copyright",
    "share-alike": "same-license",
    "sharealike": "same-license",
    "copyleft": "same-license",
    "same-license--library": "same-license--file",
    "state-changes": "document-changes",
}


@dataclass(frozen=True, slots=True)
class Term:
    """Something that a license rules out or asks for.

    Args:
        name: a word of this vocabulary.
        binds: what it speaks of: ``data``, ``weights`` or ``outputs``. What binds the data
            also binds what is adapted from them, if the weights of a model are that.
        source: where the license says so.
    """

    name: str
    binds: tuple[str, ...]
    source: str

    def __str__(self) -> str:
        return self.name


def in_words(
    permissions: Mapping[str, Grant], restrictions: Iterable[Term], conditions: Iterable[Term]
) -> list[str]:
    """What licenses say, a line for each kind of thing; nothing where there is nothing.

    >>> in_words({"distribution": Grant.DENY}, [], [Term("attribution", ("data",), "")])
    ['denies: distribution', 'asks for: attribution (data)']
    """

    def granted(wanted: Grant) -> list[str]:
        return [word for word, grant in permissions.items() if grant is wanted]

    def bound(terms: Iterable[Term]) -> list[str]:
        return list(dict.fromkeys(f"{one.name} ({', '.join(one.binds)})" for one in terms))

    told = {
        "grants": granted(Grant.GRANT),
        "denies": granted(Grant.DENY),
        "does not tell of": granted(Grant.UNKNOWN),
        "rules out": bound(restrictions),
        "asks for": bound(conditions),
    }
    return [f"{how}: {', '.join(words)}" for how, words in told.items() if words]


def permission_word(word: str) -> str | None:
    """The permission that a word stands for, or None.

    >>> permission_word("Modify"), permission_word("fly")
    ('modifications', None)
    """
    return _word(word, PERMISSIONS, _PERMISSION_WORDS)


def restriction_word(word: str) -> str | None:
    """The restriction that a word stands for, or None.

    >>> restriction_word("non commercial")
    'no-commercial'
    """
    return _word(word, RESTRICTIONS, _RESTRICTION_WORDS)


def condition_word(word: str) -> str | None:
    """The condition that a word stands for, or None.

    >>> condition_word("ShareAlike")
    'same-license'
    """
    return _word(word, CONDITIONS, _CONDITION_WORDS)


def _word(word: str, own: Iterable[str], other: dict[str, str]) -> str | None:
    plain = "-".join(word.casefold().replace("_", "-").split())
    return plain if plain in own else other.get(plain)
