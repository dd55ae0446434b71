"""Checks proofs, signed heads, statements and bundles, for people who have nothing but these and a
public key.

What they look like, when they hold and what they show is specified in ``docs/proof.md``. This
package needs the standard library and ``cryptography``; ``python -m origin.verify`` is its command.

>>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
>>> from origin.core.log import StateLeaf, log_root
>>> from origin.core.note import Head, Note, PublicKey, Signature
>>> secret = Ed25519PrivateKey.from_private_bytes(bytes(32))  # for this example only
>>> key = PublicKey("example.com/team", secret.public_key().public_bytes_raw())

A head that is signed, as the holder of the key hands it on, and what it shows:

>>> states = [StateLeaf("3f9c", 0, [[1, "00" * 32]])]
>>> head = Head("origin-provenance/session/3f9c", 1, log_root(states))
>>> signature = Signature(key.name, key.key_id, secret.sign(head.text.encode()))
>>> text = str(Note(head.text, (signature,)))
>>> verdict = verify_text(text, [key])
>>> verdict.kind, verdict.session, verdict.signers
('head', '3f9c', ('example.com/team',))
>>> verify_text(text.replace("3f9c", "3f9d"), [key])
Traceback (most recent call last):
...
origin.errors.ProofError: the signature of example.com/team is not over this text
"""

from origin.core.note import PublicKey
from origin.verify.bundle import Bundle, verify_bundle
from origin.verify.bundleverdict import BundleReport
from origin.verify.door import is_bundle, read_keys, verify, verify_text
from origin.verify.findings import Difference
from origin.verify.forms import (
    AbsenceProof,
    AbsentStream,
    ConsistencyProof,
    InclusionProof,
    Neighbour,
)
from origin.verify.verdict import Verdict

__all__ = [
    "AbsenceProof",
    "AbsentStream",
    "Bundle",
    "BundleReport",
    "ConsistencyProof",
    "Difference",
    "InclusionProof",
    "Neighbour",
    "PublicKey",
    "Verdict",
    "is_bundle",
    "read_keys",
    "verify",
    "verify_bundle",
    "verify_text",
]
