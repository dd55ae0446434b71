"""``python -m origin.verify``: whether a proof, a signed head, a statement or a bundle holds."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from origin.core.note import PublicKey
from origin.errors import MissingDependencyError, ProofError, SigningKeyError
from origin.verify.bundle import verify_bundle
from origin.verify.door import is_bundle, read_keys, verify

_HOLDS, _DOES_NOT = 0, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: those of the command; of this process if they are left out.

    Returns:
        0 if the proof holds, 1 if it does not or is none. What is wrong with the command itself
        ends it with 2.
    """
    parser = argparse.ArgumentParser(
        prog="python -m origin.verify",
        description="Check a proof, a signed head, a statement or a bundle with public keys that "
        "you trust.",
        epilog="It exits with 0 if the proof holds, with 1 if it does not or is no proof, and "
        "with 2 if it could not be checked.",
    )
    parser.add_argument("file", help="the proof, signed head, statement or bundle")
    parser.add_argument(
        "--key",
        action="append",
        required=True,
        help="a file of public keys, one a line, or such a line itself; may be given repeatedly",
    )
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    given = parser.parse_args(arguments)
    try:
        keys = [key for one in given.key for key in _keys(one)]
        if is_bundle(given.file):
            report = verify_bundle(given.file, keys)
            holds, told = report.ok, report.to_dict() if given.json else str(report)
        else:
            verdict = verify(given.file, keys)
            holds, told = True, verdict.to_dict() if given.json else str(verdict)
    except (SigningKeyError, MissingDependencyError, OSError) as error:
        parser.error(str(error))
    except ProofError as error:
        _say({"holds": False, "error": str(error)} if given.json else f"does not hold: {error}")
        return _DOES_NOT
    _say({"holds": holds, **told} if isinstance(told, dict) else told)
    return _HOLDS if holds else _DOES_NOT


def _keys(given: str) -> Sequence[PublicKey]:
    return read_keys(given) if os.path.exists(given) else [PublicKey.parse(given)]


def _say(what: object) -> None:
    text = what if isinstance(what, str) else json.dumps(what, indent=2)
    # A stream that is not UTF-8 gets what it can show.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


if __name__ == "__main__":
    sys.exit(main())
