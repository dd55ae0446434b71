"""The one connection a process has to a database file.

Every statement runs under one lock, so any thread may call. SQLite cannot live
through a fork, not even in a child that opens the file anew: its list of locks is
copied, and the child would believe it holds those of its parent. So the handle is
closed before every fork, and parent and child each open their own when they need it.
"""

import ctypes
import math
import os
import stat
import threading
import time
import warnings
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import apsw

from origin.errors import (
    ConfigurationError,
    CorruptDatabaseError,
    DatabaseBusyError,
    DatabaseClosedError,
    DatabaseNotFoundError,
    InvalidRecordError,
    NotADatabaseError,
    ReadOnlyDatabaseError,
    RecordRefusedError,
    StorageError,
)
from origin.storage.checksums import register
from origin.storage.filesystem import NETWORK_FILE_SYSTEMS, file_system_of
from origin.storage.liveness import is_alive_row

# A batch of 32 samples makes a row of 1.1 KB. Small pages chain such rows without waste (35
# bytes a sample, where 4 KB pages take 43), and a database of one short run stays small.
PAGE_SIZE = 1024
# The log grows to 8 MB before it is copied into the file.
CHECKPOINT_PAGES = 8192

_RETRY_SECONDS = 0.005
_ROWS_AT_A_TIME = 32

Row = tuple[Any, ...]


class Connection:
    """A lock around one apsw connection, reopened after a fork."""

    def __init__(self, path: Path, *, read_only: bool, busy_timeout: float) -> None:
        self.path = path
        # The working folder may change before the file is opened again after a fork.
        self._file = Path(os.path.abspath(path))
        self.read_only = read_only
        self._busy_seconds = _checked_timeout(busy_timeout)
        self.lock = threading.RLock()
        self._closed = False
        self._opened_before = False
        # How often it was opened: what a transaction saw is gone after another time.
        self.openings = 0
        self._identity: tuple[int, int] | None = None
        self._handle: apsw.Connection | None = None
        self._require_file_or_folder()
        with _registry_lock:
            _open_connections.add(self)
        with self.lock:
            self._ready()

    def _require_file_or_folder(self) -> None:
        if str(self.path) == ":memory:" or "\0" in str(self.path):
            raise ConfigurationError(
                f"{str(self.path)!r} names no file, and a record must outlive its process; "
                "name a file, in a temporary folder if need be"
            )
        try:
            self._require_regular_file()
        except OSError as error:
            if isinstance(error, DatabaseNotFoundError):
                raise
            raise StorageError(f"{self.path} cannot be reached: {error}; check the path") from error

    def _require_regular_file(self) -> None:
        file = self._file
        if file.is_dir():
            raise NotADatabaseError(f"{self.path} is a folder; name a file inside it")
        if self.read_only and not file.exists():
            raise DatabaseNotFoundError(f"no database at {self.path}; check the path")
        if not file.parent.is_dir():
            raise DatabaseNotFoundError(
                f"the folder {self.path.parent} does not exist; make it first or name another path"
            )
        if not file.exists():
            return
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise NotADatabaseError(f"{self.path} is a device or pipe; name a regular file")
        # SQLite takes a file of a single byte for an empty one, and would overwrite it.
        if found.st_size == 1:
            raise NotADatabaseError(
                f"{self.path} is not an Origin database, so nothing was written to it; "
                "name another path"
            )

    @property
    def file(self) -> Path:
        """The absolute path: the working folder may change."""
        return self._file

    def _ready(self) -> apsw.Connection:
        if self._closed:
            raise DatabaseClosedError(
                f"{self.path} was closed; open it again with ProvenanceDatabase(...)"
            )
        if self._handle is None:
            with self.translated():
                self._handle = self._open()
            self._opened_before = True
            self.openings += 1
            if self._identity is None and self._file.exists():
                self._identity = self._found_identity()
        return self._handle

    def _open(self) -> apsw.Connection:
        if self.read_only:
            return self._open_read_only()
        flags = apsw.SQLITE_OPEN_READWRITE
        if not self._opened_before:
            flags |= apsw.SQLITE_OPEN_CREATE
        handle = self._connect(flags)
        handle.execute("PRAGMA synchronous = FULL")
        handle.execute("PRAGMA foreign_keys = ON")
        # Only then does a row that is replaced leave its table by way of the triggers.
        handle.execute("PRAGMA recursive_triggers = ON")
        register(handle)
        handle.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        return handle

    def _open_read_only(self) -> apsw.Connection:
        handle = self._connect(apsw.SQLITE_OPEN_READONLY)
        try:
            handle.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        except (apsw.CantOpenError, apsw.ReadOnlyError):
            # A write-protected folder has no room for WAL's shared index. Nobody can be
            # writing there either, so without a left-over log the file may be read as it stands.
            handle.close()
            self._require_no_log()
            handle = self._connect(apsw.SQLITE_OPEN_READONLY, "?immutable=1")
        return handle

    def _require_no_log(self) -> None:
        if not self._log_is_empty():
            raise StorageError(
                f"{self.path} has an unfinished log, {self._file.name}-wal, in a write-protected "
                "folder; copy both files into a folder that can be written, and open it there"
            )

    def _log_is_empty(self) -> bool:
        log = Path(f"{self._file}-wal")
        return not log.exists() or log.stat().st_size == 0

    def _connect(self, flags: int, query: str = "") -> apsw.Connection:
        # As a URI, a path may hold bytes that are no text.
        uri = f"{self._file.as_uri()}{query}"
        handle = apsw.Connection(uri, flags=flags | apsw.SQLITE_OPEN_URI)
        handle.set_busy_timeout(int(self._busy_seconds * 1000))
        handle.create_scalar_function("origin_is_alive", is_alive_row, 5)
        return handle

    def prepare_new_file(self) -> None:
        """Settle what can only be settled before the first page is written."""
        self.rows(f"PRAGMA page_size = {PAGE_SIZE}")
        self.rows("PRAGMA auto_vacuum = INCREMENTAL")

    def choose_journal(self) -> None:
        """Use the write-ahead log, or a rollback journal where that is not safe."""
        mode = "WAL"
        kind = file_system_of(self._file)
        if kind in NETWORK_FILE_SYSTEMS:
            mode = "DELETE"
            warnings.warn(
                f"{self.path} is on a network file system ({kind}), where SQLite's write-ahead log "
                "is not safe: using a rollback journal, which is slower. A local disk is better.",
                stacklevel=4,
            )
        deadline = time.monotonic() + self._busy_seconds
        while True:
            try:
                self.rows(f"PRAGMA journal_mode = {mode}")
            except DatabaseBusyError:
                # SQLite does not wait by itself while another process changes the mode too.
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_RETRY_SECONDS)
            else:
                return

    def rows(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        """Run one statement and return all its rows."""
        with self.lock, self.translated():
            return list(self._ready().execute(sql, bindings))

    def row(self, sql: str, bindings: Sequence[Any] | dict[str, Any] = ()) -> Row | None:
        """Run one statement and return its first row, or None."""
        rows = self.rows(sql, bindings)
        return rows[0] if rows else None

    def stream(self, sql: str, bindings: Sequence[Any] = ()) -> Iterator[Row]:
        """Run one statement and pass its rows on, few at a time; others get in between.

        What can be read before an error is passed on, too.
        """
        with self.lock, self.translated():
            cursor = self._ready().execute(sql, bindings)
        error: Exception | None = None
        while error is None:
            rows: list[Row] = []
            with self.lock:
                try:
                    # Not at once: what comes before an error would be lost.
                    for row in islice(cursor, _ROWS_AT_A_TIME):
                        rows.append(row)
                except (apsw.Error, UnicodeDecodeError) as found:
                    error = found
            if not rows and error is None:
                return
            yield from rows
        with self.translated():
            raise error

    def many(self, sql: str, bindings: Sequence[Sequence[Any]]) -> None:
        """Run one statement once for each set of bindings."""
        with self.lock, self.translated():
            self._ready().executemany(sql, bindings)

    @contextmanager
    def transaction(self, *, waits: bool = True) -> Iterator[None]:
        """All statements inside are committed together, or none of them.

        Args:
            waits: for whoever else is writing; if not, ``DatabaseBusyError`` comes at once.
        """
        self.require_writable()
        with self.lock:
            self._require_outside_transaction()
            try:
                self._begin(waits)
                self._require_file()
                yield
                self.rows("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _begin(self, waits: bool) -> None:
        handle = self._ready()
        if not waits:
            handle.set_busy_timeout(0)
        try:
            self.rows("BEGIN IMMEDIATE")
        finally:
            if not waits:
                handle.set_busy_timeout(int(self._busy_seconds * 1000))

    def _require_outside_transaction(self) -> None:
        if not self._ready().get_autocommit():
            raise StorageError(
                f"{self.path} is in the middle of a transaction of this very thread, so nothing "
                "was written; a signal handler should only set a flag, and write later"
            )

    def _require_file(self) -> None:
        # What is written to a deleted file is gone when the last process closes it.
        found = self._found_identity()
        if self._identity is None:
            self._identity = found
        if found is None or found != self._identity:
            raise StorageError(
                f"{self.path} was deleted, moved or replaced while it was open, so nothing more "
                "can be recorded into it; put it back, or open another"
            )

    def _found_identity(self) -> tuple[int, int] | None:
        """Which file is at the path now."""
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{self.path} cannot be reached: {error}") from error
        return found.st_dev, found.st_ino

    def _roll_back(self) -> None:
        # SQLite has often rolled back by itself (a full disk, say); an open
        # transaction would lock every other writer out.
        handle = self._handle
        if handle is None or handle.get_autocommit():
            return
        try:
            handle.execute("ROLLBACK")
        except apsw.Error:
            self._drop_handle()

    def _drop_handle(self) -> None:
        """Close the handle as it is, without tidying the log into the file."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(apsw.Error):
                handle.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                handle.close(True)

    def require_writable(self) -> None:
        """Raise unless this connection may write."""
        if self.read_only:
            raise ReadOnlyDatabaseError(
                f"{self.path} was opened with read_only=True; open it without that to record"
            )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the driver's errors into Origin's, in this one place."""
        try:
            yield
        except apsw.Error as error:
            raise _translation(error, self.path) from error
        except OverflowError as error:
            raise InvalidRecordError(f"a number is too large to be recorded: {error}") from error
        except UnicodeDecodeError as error:
            raise CorruptDatabaseError(
                f"{self.path} is damaged (a text in it is none: {error}); restore it from a backup"
            ) from error

    def close(self) -> None:
        """Close the handle; a second call does nothing."""
        with self.lock:
            self._closed = True
            handle, self._handle = self._handle, None
            if handle is not None:
                with self.translated():
                    handle.close()

    def abandon(self) -> None:
        """Close without a single write: the file turned out to be somebody else's."""
        if self._log_is_empty():
            self.close()
        with self.lock:
            self._closed = True
            self._drop_handle()

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    def suspend(self) -> None:
        """Before a fork, under the lock: close the handle; whoever needs it opens it again."""
        if self._handle is not None and (self.read_only or self._handle.get_autocommit()):
            self._drop_handle()

    def begin_child(self) -> None:
        """In a forked child: a lock of its own, and nothing of the parent's transaction."""
        self.lock = threading.RLock()
        handle, self._handle = self._handle, None
        if handle is not None:
            # The fork came in the middle of a transaction: even to collect the handle
            # would roll back in memory that the parent shares.
            self._closed = True
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(handle))


def _checked_timeout(seconds: float) -> float:
    longest = 2**31 / 1000 - 1
    if not isinstance(seconds, int | float) or math.isnan(seconds) or seconds < 0:
        raise ConfigurationError(
            f"busy_timeout must be a number of seconds, 0 or more, not {seconds!r}"
        )
    return min(float(seconds), longest)


_Theirs = type[apsw.Error] | tuple[type[apsw.Error], ...]

_MESSAGES: tuple[tuple[_Theirs, type[Exception], str], ...] = (
    (
        apsw.BusyError,
        DatabaseBusyError,
        "{path} is being written by another process; try again later, or raise busy_timeout",
    ),
    (
        apsw.LockedError,
        DatabaseBusyError,
        "{path} is being written by another connection; try again later",
    ),
    (
        apsw.NotADBError,
        NotADatabaseError,
        "{path} is not an Origin database, so nothing was written to it; name another path",
    ),
    (
        apsw.CorruptError,
        CorruptDatabaseError,
        "{path} is damaged ({error}); restore it from a backup",
    ),
    (
        apsw.FullError,
        StorageError,
        "the disk that holds {path} is full; what was committed is safe: make room and go on",
    ),
    (
        apsw.IOError,
        StorageError,
        "{path} could not be read or written ({error}); check free space, quotas and the disk",
    ),
    (
        apsw.ReadOnlyError,
        ReadOnlyDatabaseError,
        "{path} cannot be written ({error}); check its permissions",
    ),
    (
        apsw.PermissionsError,
        ReadOnlyDatabaseError,
        "{path} cannot be used ({error}); check its permissions",
    ),
    (
        apsw.CantOpenError,
        StorageError,
        "{path} cannot be opened ({error}); check the path and its permissions",
    ),
    (
        (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError, apsw.RangeError),
        RecordRefusedError,
        "{path} refused a record, so nothing was written ({error}); was it recorded before?",
    ),
)


def _translation(error: apsw.Error, path: Path) -> Exception:
    for theirs, ours, message in _MESSAGES:
        if isinstance(error, theirs):
            return ours(message.format(path=path, error=error))
    return StorageError(f"{path}: {error}")


_registry_lock = threading.RLock()
_open_connections: "weakref.WeakSet[Connection]" = weakref.WeakSet()
_held_for_fork: list[Connection] = []


def _before_fork() -> None:
    # Held until the fork is over: two threads may fork at the same time.
    _registry_lock.acquire()
    for connection in list(_open_connections):
        connection.lock.acquire()
        _held_for_fork.append(connection)
        connection.suspend()


def _after_fork_in_parent() -> None:
    while _held_for_fork:
        _held_for_fork.pop().lock.release()
    _registry_lock.release()


def _after_fork_in_child() -> None:
    global _registry_lock
    _registry_lock = threading.RLock()
    while _held_for_fork:
        _held_for_fork.pop().begin_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
