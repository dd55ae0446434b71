"""A lock on a folder between processes, where the file system has such locks."""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}

# The locks this process holds; a forked child has copies of their descriptors.
_held: set[int] = set()


class FolderLock:
    """Takes the lock of a folder, if nobody has it.

    Where there are no such locks everybody gets it: what it keeps apart must be safe without it.

    Args:
        folder: it must be there.

    Attributes:
        is_ours: whether the lock was free.

    Raises:
        OSError: the file for the lock cannot be made.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     one, other = FolderLock(Path(folder)), FolderLock(Path(folder))
    ...     one.release(), other.release()
    ...     one.is_ours
    (None, None)
    True
    """

    def __init__(self, folder: Path) -> None:
        self.is_ours = True
        self._pid = os.getpid()
        self._number: int | None = None
        if sys.platform == "win32":
            return
        self._number = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        _held.add(self._number)
        try:
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.is_ours = error.errno not in _TAKEN

    def release(self) -> None:
        """Let others have it."""
        number, self._number = self._number, None
        if number is None or self._pid != os.getpid():
            return
        if sys.platform != "win32" and self.is_ours:
            # A forked child has the same lock: closing our end would not free it.
            with suppress(OSError):
                fcntl.flock(number, fcntl.LOCK_UN)
        _held.discard(number)
        os.close(number)


def _close_in_child() -> None:
    # Else the lock of a parent that is killed would last as long as its children.
    while _held:
        with suppress(OSError):
            os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
