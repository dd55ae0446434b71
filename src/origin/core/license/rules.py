"""The rules by which findings are made, each with what says so.

A rule's id is a promise: what it means changes only together with ``RULES_VERSION``.
"""

from dataclasses import dataclass
from functools import cache

from origin.core.license.matrix import osadl_version
from origin.core.license.reading.names import data_versions
from origin.core.license.terms import RULES_VERSION

_CC_ADAPTING = (
    "Creative Commons FAQ, combining and adapting CC material, https://creativecommons.org/faq/"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Args:
        rule_id: how findings name it.
        text: what it says, as a clause without a full stop.
        source: what it is taken from.
    """

    rule_id: str
    text: str
    source: str


_ALL = (
    Rule(
        "no-license",
        "where nobody names a license, none is known to be granted",
        "copyright law reserves what is not granted; Berne Convention, articles 2 and 9",
    ),
    Rule(
        "unread-license",
        "a license that cannot be told from what was declared grants nothing that is known",
        "SPDX, declared license of a package (NOASSERTION)",
    ),
    Rule(
        "none-granted",
        "NONE says that there is no license, and so no permission",
        "SPDX, declared license of a package (NONE)",
    ),
    Rule(
        "assumed-license",
        "what was declared can be read in more than one way, and one reading was taken",
        "Origin's reading of declared licenses, docs/licenses.md",
    ),
    Rule(
        "license-changed",
        "a source that is registered under another license since is judged by both",
        "Origin's model, docs/licenses.md",
    ),
    Rule(
        "license-choice",
        "where licenses are joined by OR, the licensee chooses",
        "SPDX 3.0, annex on license expressions (OR)",
    ),
    Rule(
        "exception-not-judged",
        "an exception that SPDX lists adds permissions, and only its license is judged",
        "SPDX 3.0, annex on license expressions (WITH)",
    ),
    Rule(
        "own-definition",
        "a license that this database defines stands in the place of a known one of that id",
        "Origin's model, docs/licenses.md",
    ),
    Rule(
        "words-not-judged",
        "words of a license of your own that are not in the vocabulary are not judged",
        "Origin's vocabulary, docs/licenses.md",
    ),
    Rule(
        "permission-denied",
        "a use needs every permission that it makes use of, from every license",
        "choosealicense.com, appendix of permissions and limitations",
    ),
    Rule(
        "permission-unknown",
        "a permission that is not known to be granted is not taken for granted",
        "Origin's model, docs/licenses.md",
    ),
    Rule(
        "nc-commercial",
        "a license for non-commercial use does not permit what is primarily meant for commercial "
        "advantage",
        "CC BY-NC 4.0, sections 1 (i) and 2 (a)(1)",
    ),
    Rule(
        "nd-adaptation",
        "a license without derivatives lets nobody share what was adapted from the material",
        "CC BY-ND 4.0, section 2 (a)(1)",
    ),
    Rule(
        "share-alike",
        "what is adapted from material under copyleft or share-alike is shared under the same "
        "license, or one that the license names",
        "CC BY-SA 4.0, section 3 (b); GNU GPL 3.0, section 5 (c)",
    ),
    Rule(
        "research-only",
        "a license for research permits no other purpose",
        "the license itself, as docs/licenses.md lists it",
    ),
    Rule(
        "pass-on-terms",
        "terms that flow down to derived models have to be handed on with them",
        "OpenRAIL-M, section 4; Gemma Terms of Use, section 3.1; Llama 3.1 License, section 1 (b)",
    ),
    Rule(
        "database-only",
        "a license of a database does not license the works that are its contents",
        "ODbL 1.0 and ODC-By 1.0, section 2.4",
    ),
    Rule(
        "offer-database",
        "who publicly uses a work made from a share-alike database offers that database",
        "ODbL 1.0, sections 4.4 (c) and 4.6",
    ),
    Rule(
        "restriction",
        "a restriction of a license stays with what it binds",
        "the license itself, as docs/licenses.md lists it",
    ),
    Rule(
        "conditions",
        "a permission holds as long as its conditions are met",
        "the license itself, as docs/licenses.md lists it",
    ),
    Rule("same-license", "works under one license may go into a work under it", _CC_ADAPTING),
    Rule("public-domain", "where nothing is reserved, any license may follow", _CC_ADAPTING),
    Rule(
        "cc-elements",
        "an adaptation carries the elements of every input, none of them ND, and with SA in one it "
        "is under that very license or a later version of it",
        _CC_ADAPTING,
    ),
    Rule(
        "named-compatible",
        "a license, or its steward, names the licenses that may follow it",
        "the entries of data/terms.toml, each with its source",
    ),
    Rule(
        "osadl",
        "OSADL's matrix tells for software licenses which may go into a work under which",
        "OSADL license compatibility matrix, CC-BY-4.0, https://www.osadl.org/Checklists",
    ),
    Rule(
        "conditions-dropped",
        "a license that asks for something is not followed by one under which nothing is asked, "
        "unless OSADL's matrix says so",
        _CC_ADAPTING,
    ),
    Rule(
        "notices-only",
        "a license that only asks for its notices lets any license follow that lets these stand",
        "the licenses themselves, entries with takes_any in data/terms.toml",
    ),
    Rule(
        "nc-dropped",
        "a work from non-commercial material cannot be under a license that permits commercial use",
        _CC_ADAPTING,
    ),
    Rule(
        "permissive-category",
        "a permissive license lets another permissive license follow",
        "categories of licenses, ScanCode LicenseDB",
    ),
    Rule(
        "nothing-says",
        "where nothing says that a license may follow another, that is unknown and not yes",
        "Origin's model, docs/licenses.md",
    ),
    Rule(
        "joint-license",
        "one adapted work needs one license that all its inputs let follow, found for all of them "
        "together",
        _CC_ADAPTING,
    ),
    Rule(
        "policy",
        "a policy says which licenses a run may use",
        "the policy of the session",
    ),
)

RULES: dict[str, Rule] = {rule.rule_id: rule for rule in _ALL}


@cache
def data_version() -> str:
    """Which rules and data findings were made with.

    >>> data_version().split(" ")[0]
    'rules'
    """
    parts = [f"{name} {version}" for name, version in data_versions().items()]
    return ", ".join([f"rules v{RULES_VERSION}", *parts, f"osadl {osadl_version()}"])
