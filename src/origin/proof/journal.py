"""What a key has signed: a list beside it, so that it never signs two histories of one session.

It is a text file that is only added to, a line of JSON for each head. A database can be put back
to what it was; this list does not go back with it.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from origin.core.merkle import merkle_root
from origin.errors import SigningKeyError
from origin.storage.heads import Signed, require_extends

if sys.platform != "win32":
    import fcntl


# The line of a key that was followed by another.
_HANDED_ON = b'{"handed_on":true}'


class Journal:
    """The heads that a key has signed.

    Args:
        path: of the file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def last(self) -> dict[str, Signed]:
        """The last head of each session.

        Raises:
            SigningKeyError: the file cannot be read.
        """
        try:
            told = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._trouble(error.strerror) from error
        return self._read(told)

    def _read(self, told: bytes) -> dict[str, Signed]:
        found: dict[str, Signed] = {}
        # What stands behind the last line's end was not written whole, and nothing was signed.
        for line in told.split(b"\n")[:-1]:
            if not line or line == _HANDED_ON:
                continue
            try:
                one = Signed(**json.loads(line))
                bytes.fromhex(one.root)
                found[one.session] = max(found.get(one.session, one), one, key=lambda s: s.size)
            except (ValueError, TypeError):
                if line.startswith(b"{") and not line.endswith(b"}"):
                    continue
                raise self._trouble("a line of it is malformed") from None
        return found

    def note(self, states: list[bytes], session: str) -> None:
        """Note that a head is about to be signed, on the disk.

        Args:
            states: the leaves of the session's log of states.
            session: its id.

        Raises:
            RecordAlteredError: it contradicts a head that was signed before.
            SigningKeyError: it cannot be noted.
        """
        signed = Signed(session, len(states), merkle_root(states).hex())
        with self._locked() as file:
            told = file.read()
            if _HANDED_ON in told.split(b"\n"):
                raise SigningKeyError(
                    "the key has named another that follows it, and signs nothing more; sign with "
                    f"that one ({self.path} says so)"
                )
            known = self._read(told).get(session)
            if known is not None:
                require_extends(states, known)
                if known == signed:
                    return
            file.seek(0, os.SEEK_END)
            # A line that was cut off stays one by itself.
            line = json.dumps(asdict(signed), sort_keys=True, separators=(",", ":"))
            file.write(f"\n{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())

    def handed_on(self) -> bytes:
        """What the file of the key that follows has to hold; from now on this one signs nothing.

        Raises:
            SigningKeyError: the file cannot be read or written.
        """
        with self._locked() as file:
            told = file.read()
            self._read(told)
            if _HANDED_ON not in told.split(b"\n"):
                file.write(b"\n" + _HANDED_ON + b"\n")
                file.flush()
                os.fsync(file.fileno())
        return b"".join(one + b"\n" for one in told.split(b"\n")[:-1] if one != _HANDED_ON)

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        try:
            number = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            with open(number, "r+b") as file:
                if sys.platform != "win32":
                    fcntl.flock(file, fcntl.LOCK_EX)
                yield file
        except OSError as error:
            raise self._trouble(error.strerror) from error

    def _trouble(self, why: str | None) -> SigningKeyError:
        return SigningKeyError(
            f"{self.path}, which lists what the key has signed, cannot be used: {why}; without it "
            "the key might sign two histories of one session"
        )
