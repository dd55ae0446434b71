"""Files that are there as a whole or not at all."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from origin.errors import ConfigurationError, OriginError, StorageError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, which takes its place at the end of the block.

    Until then it has another name in the same folder. If the block raises anything, it is removed,
    and what was at the path before stays.

    Args:
        path: where it is to be; what a link leads to is replaced, not the link.

    Raises:
        ConfigurationError: that is no place for a file.
        StorageError: the disk refused.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(f"{folder}/a.txt") as file:
    ...         written = file.write(b"all of it")
    ...     Path(folder, "a.txt").read_bytes(), len(os.listdir(folder))
    (b'all of it', 1)
    """
    target = target_of(path)
    temporary = target.with_name(f".origin-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except OriginError:
        raise
    except OSError as error:
        raise StorageError(
            f"{target} cannot be written: {error.strerror or error}; it is as it was before"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_record(path: str | os.PathLike[str], text: str) -> int:
    """Write a text of JSON as one file; returns 1, for it is one record.

    Raises:
        ConfigurationError: that is no place for a file.
        StorageError: the disk refused.
    """
    with replacing(path) as file:
        file.write(f"{text}\n".encode("ascii"))
    return 1


def folder_of(path: str | os.PathLike[str]) -> Path:
    """A folder, made if it is not there.

    Raises:
        ConfigurationError: that is no path.
        StorageError: it cannot be made.
    """
    folder = _as_path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise StorageError(f"the folder {folder} cannot be made: {error}") from error
    return folder


def target_of(path: str | os.PathLike[str]) -> Path:
    """The regular file that a path leads to, there or not.

    Raises:
        ConfigurationError: something else is there, or that is no path.
        StorageError: the disk refused.
    """
    target = _as_path(path)
    try:
        target = Path(os.path.realpath(target))
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    except ValueError as error:
        raise ConfigurationError(f"{path!r} is no path for a file: {error}") from None
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror or error}") from error
    if stat.S_ISDIR(mode):
        raise ConfigurationError(f"{target} is a folder; name a file in it")
    if not stat.S_ISREG(mode):
        raise ConfigurationError(f"{target} is no regular file; name a path for a new file")
    return target


def _as_path(path: object) -> Path:
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise ConfigurationError(f"path must be a str or a Path, not {path!r}")
    return Path(path)
