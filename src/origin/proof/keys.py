"""Signing keys, in files; and what each has signed, so that it never signs against itself.

A key is an Ed25519 private key in PKCS #8 (RFC 5958, RFC 8410), as PEM, encrypted where a
passphrase was given. Beside it lie its public half, one line for everybody, and a list of
the heads it signed last.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from origin.core.note import Note, PublicKey, Signature, key_name
from origin.core.succession import succession_text
from origin.errors import MissingDependencyError, SigningKeyError
from origin.proof.journal import Journal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_NAME = "Name: "


class SigningKey:
    """A key that signs heads.

    Args:
        name: of the key, as it stands in signatures; a name like ``example.com/team`` is best.
        private: an Ed25519 private key of ``cryptography``.
        path: its file; None if it has none.

    Raises:
        SigningKeyError: the name cannot be one.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = SigningKey.new(f"{folder}/team.key", "example.com/team")
    ...     SigningKey.load(f"{folder}/team.key").public == made.public
    True
    """

    def __init__(self, name: str, private: "Ed25519PrivateKey", path: Path | None = None) -> None:
        self._private = private
        self.path = path
        self.public = PublicKey(key_name(name), private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"SigningKey({self.public.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SigningKey) and other.public == self.public

    def __hash__(self) -> int:
        return hash(self.public)

    @classmethod
    def new(
        cls, path: str | os.PathLike[str], name: str, passphrase: str | None = None
    ) -> "SigningKey":
        """Make a key, its file, which only its owner can read, and ``<path>.pub`` for everybody.

        Args:
            path: where; nothing may be there yet.
            name: of the key.
            passphrase: encrypts the file.

        Raises:
            SigningKeyError: the name or the passphrase cannot be one, or something is there.
            MissingDependencyError: ``cryptography`` is not installed.
        """
        serialization, ed25519 = _cryptography()
        file = Path(path)
        public_file = public_path(file)
        if passphrase == "":
            raise SigningKeyError("a passphrase must not be empty; give None for a key without one")
        key = cls(name, ed25519.Ed25519PrivateKey.generate(), file)
        encryption = (
            serialization.NoEncryption()
            if passphrase is None
            else serialization.BestAvailableEncryption(_in_bytes(passphrase))
        )
        pem: bytes = key._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
        _require_free(file, public_file)
        _write_new(public_file, f"{key.public.text}\n".encode(), 0o644)
        try:
            _write_new(file, f"{_NAME}{name}\n".encode() + pem, 0o600)
        except BaseException:
            public_file.unlink(missing_ok=True)
            raise
        return key

    @classmethod
    def load(cls, path: str | os.PathLike[str], passphrase: str | None = None) -> "SigningKey":
        """Read a key from its file.

        Args:
            path: the file.
            passphrase: if it is encrypted; ``ORIGIN_KEY_PASSPHRASE`` when left out.

        Raises:
            SigningKeyError: there is none, others can read it, it is malformed, or the
                passphrase is missing or wrong.
            MissingDependencyError: ``cryptography`` is not installed.
        """
        serialization, ed25519 = _cryptography()
        file = Path(path)
        name, pem = _read(file)
        if passphrase is None and cls.is_encrypted(file):
            passphrase = os.environ.get("ORIGIN_KEY_PASSPHRASE") or None
        try:
            private = serialization.load_pem_private_key(
                pem, None if passphrase is None else _in_bytes(passphrase)
            )
        except TypeError:
            why = (
                "is encrypted: give its passphrase, in ORIGIN_KEY_PASSPHRASE say"
                if cls.is_encrypted(file)
                else "is not encrypted, so it takes no passphrase"
            )
            raise SigningKeyError(f"the key {file} {why}") from None
        except ValueError:
            why = "it is malformed" if passphrase is None else "malformed, or another passphrase"
            raise SigningKeyError(f"the key {file} cannot be read: {why}") from None
        if not isinstance(private, ed25519.Ed25519PrivateKey):
            raise SigningKeyError(f"the key {file} is of another kind than Ed25519")
        return cls(name, private, file)

    @staticmethod
    def is_encrypted(path: str | os.PathLike[str]) -> bool:
        """Whether a key's file needs a passphrase.

        Args:
            path: the file.

        Raises:
            SigningKeyError: as for ``load``.
        """
        _, pem = _read(Path(path))
        return pem.startswith(b"-----BEGIN ENCRYPTED")

    def succeed(
        self, path: str | os.PathLike[str], name: str | None = None, passphrase: str | None = None
    ) -> "SigningKey":
        """Make a key that follows this one, and ``<path>.succession``, by which both say so.

        What this key has signed is handed on to the new one, which then does not sign against it.

        Args:
            path: where; nothing may be there yet.
            name: of the new key; this one's when left out.
            passphrase: encrypts the new file.

        Raises:
            SigningKeyError: as for ``new``; or the list of what this key has signed cannot be read.

        From then on this key signs nothing more, as its list says.
        """
        file = Path(path)
        told = file.with_name(f"{file.name}.succession")
        _require_free(file, public_path(file), told, journal_path(file))
        key_name(name or self.public.name)
        if self.path is not None:
            # First: a key without the list might sign against what the old one has signed.
            handed_on = Journal(journal_path(self.path)).handed_on()
            _write_new(journal_path(file), handed_on, 0o600)
        new = SigningKey.new(file, name or self.public.name, passphrase)
        text = succession_text(self.public, new.public)
        note = Note(text, (self.sign(text), new.sign(text)))
        _write_new(told, str(note).encode(), 0o644)
        return new

    def sign(self, text: str) -> Signature:
        """Sign a text.

        Args:
            text: ends with a line feed.
        """
        return Signature(self.public.name, self.public.key_id, self._private.sign(text.encode()))

    def sign_bytes(self, data: bytes) -> bytes:
        """The signature of bytes, 64 bytes."""
        return self._private.sign(data)


def public_path(path: Path) -> Path:
    """Where the public half of a key lies."""
    return path.with_name(f"{path.name}.pub")


def journal_path(path: Path) -> Path:
    """Where the list lies of what a key has signed: one, by whatever way the key is reached."""
    real = Path(os.path.realpath(path))
    return real.with_name(f"{real.name}.heads")


def _read(file: Path) -> tuple[str, bytes]:
    try:
        found = file.stat()
        told = file.read_bytes()
    except OSError as error:
        raise SigningKeyError(f"the key {file} cannot be read: {error.strerror}") from error
    if found.st_nlink > 1:
        raise SigningKeyError(
            f"the key {file} has another name, too (a hard link), and so another list of what it "
            "signed; remove one of them"
        )
    if os.name == "posix" and found.st_mode & 0o077:
        raise SigningKeyError(
            f"others can read the key {file}, so it may be theirs too; make it yours alone with "
            f"chmod 600, or make another"
        )
    first, _, pem = told.partition(b"\n")
    try:
        name = first.decode()
    except UnicodeDecodeError:
        name = ""
    if not name.startswith(_NAME):
        raise SigningKeyError(f"{file} is no key of Origin's: `origin keys new` makes one")
    return name.removeprefix(_NAME), pem


def _require_free(*files: Path) -> None:
    for one in files:
        if one.exists():
            raise SigningKeyError(f"{one} is there already, and nothing is written over")


def _write_new(file: Path, data: bytes, mode: int) -> None:
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError:
        raise SigningKeyError(f"{file} is there already, and nothing is written over") from None
    except OSError as error:
        raise SigningKeyError(f"{file} cannot be written: {error.strerror}") from error


def _in_bytes(passphrase: str) -> bytes:
    # What stands in the environment need not be text.
    return passphrase.encode("utf-8", "surrogateescape")


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise MissingDependencyError(
            "signing needs cryptography: pip install 'origin-provenance[sign]'"
        ) from error
    return serialization, ed25519
