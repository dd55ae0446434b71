"""A DuckDB that sees one folder, writes nothing, and can be stopped."""

import ctypes
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from origin.errors import ConfigurationError, QueryError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

T = TypeVar("T")

# An answer is fetched in parts of so many rows, so that its size is known before it is whole.
_FETCH_ROWS = 1 << 17

# A query that has not begun yet misses that it is interrupted, so it is told again.
_LOOK_SECONDS, _INTERRUPT_SECONDS = 0.1, 0.01

# So many connections wait for the next question: their views need not be made again.
_IDLE = 4


class Duck:
    """A DuckDB in memory, made when it is first needed, and anew in a forked process.

    It reads files in one folder only, and none of its settings can be changed. That text of a
    user is a question and nothing else is for ``origin.query.guard`` to see to.

    Args:
        folder: where it may read.
        memory_limit: how much memory it takes at most, such as ``"1GB"``; beyond that it puts
            intermediate results into a private temporary folder.
    """

    def __init__(self, folder: Path, memory_limit: str) -> None:
        self._folder = folder
        self.memory_limit = memory_limit
        self.memory_bytes = _bytes_of(memory_limit)
        self._lock = threading.Lock()
        self._instance: duckdb.DuckDBPyConnection | None = None
        self._cursors: set[Cursor] = set()
        self._idle: list[Cursor] = []
        _ducks.add(self)

    @contextmanager
    def cursor(self) -> Iterator["Cursor"]:
        """A connection of one's own, with no tables yet."""
        instance = self._connected()
        try:
            cursor = self._idle.pop()
        except IndexError:
            cursor = Cursor(instance.cursor(), self.memory_bytes)
            self._cursors.add(cursor)
        try:
            yield cursor
        except BaseException:
            self._close(cursor)
            raise
        if len(self._idle) < _IDLE and cursor in self._cursors:
            cursor.clear()
            self._idle.append(cursor)
        else:
            self._close(cursor)

    def _close(self, cursor: "Cursor") -> None:
        # In a forked process it may be the parent's.
        if cursor in self._cursors:
            self._cursors.discard(cursor)
            cursor.close()

    def _connected(self) -> "duckdb.DuckDBPyConnection":
        with self._lock:
            if self._instance is None:
                self._instance = _stoppable(self._open, lambda: None)
            return self._instance

    def interrupt(self) -> None:
        """End what is being answered."""
        for cursor in list(self._cursors):
            cursor.interrupt()

    def begin_child(self) -> None:
        """In a forked child: leave all to the parent, whose threads are not in this process.

        Closing would wait for them, and collecting what was not closed ends in a crash.
        """
        for parents in (self._instance, *self._cursors):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(parents))
        self._instance, self._cursors, self._idle = None, set(), []
        self._lock = threading.Lock()

    def _open(self) -> "duckdb.DuckDBPyConnection":
        import duckdb

        spill = tempfile.mkdtemp(prefix="origin-query-")
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": str(self.memory_bytes) + "B",
            "temp_directory": spill,
            "allow_community_extensions": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_persistent_secrets": "false",
            "preserve_insertion_order": "true",
        }
        instance = duckdb.connect(":memory:", config=config)
        folder = f"{self._folder}{os.sep}".replace("'", "''")
        for setting in (
            "parquet_metadata_cache = true",
            "enable_progress_bar = false",
            "python_enable_replacements = false",
            f"allowed_directories = ['{folder}']",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            instance.execute(f"SET {setting}")
        # Before the interpreter ends, too: what is collected then may find half of it gone.
        weakref.finalize(self, _close_all, instance, self._cursors, spill, os.getpid())
        return instance


class Cursor:
    """One connection: tables and views are put into it, then it is asked."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", most_bytes: int) -> None:
        self._connection = connection
        self._most_bytes = most_bytes
        self._tables: set[str] = set()
        self._views: dict[str, str] = {}

    def close(self) -> None:
        """Give all back."""
        self._connection.close()

    def interrupt(self) -> None:
        """End what is being answered, if anything is."""
        self._connection.interrupt()

    def clear(self) -> None:
        """Forget all tables. Views stay: they say by which names they go."""

        def unregister_all() -> None:
            for name in self._tables:
                self._connection.unregister(name)

        self._run(unregister_all)
        self._tables.clear()

    def provide(self, name: str, table: "pa.Table") -> None:
        """Have a table under a name."""
        if self._views.pop(name, None) is not None:
            self._run(lambda: self._connection.execute(f"DROP VIEW {name}"))
        self._run(lambda: self._connection.register(name, table))
        self._tables.add(name)

    def provide_files(self, name: str, files: Sequence[Path]) -> None:
        """Have the rows of Parquet files under a name."""
        listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
        # The one text that only DuckDB reads: where the ledger lies differs by engine.
        self.define(name, f"SELECT * FROM read_parquet([{listed}])")  # noqa: S608

    def define(self, name: str, text: str) -> None:
        """Have a view under a name."""
        if self._views.get(name) == text:
            return
        if name in self._tables:
            self._run(lambda: self._connection.unregister(name))
            self._tables.discard(name)
        self._run(lambda: self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {text}"))
        self._views[name] = text

    def rows(self, text: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """The answer to a query, as tuples."""
        return self._run(lambda: list(self._connection.execute(text, parameters).fetchall()))

    def table(self, text: str, parameters: Any = None, most_rows: int | None = None) -> "pa.Table":
        """The answer to a query, as an Arrow table, or its first rows.

        Raises:
            QueryError: it is too large.
        """
        return self._run(lambda: self._fetch(text, parameters, most_rows))

    @contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """Stop what is asked in this block when it takes longer.

        Raises:
            QueryError: it did.
            ConfigurationError: that is no time.
        """
        if seconds is None:
            yield
            return
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
            raise ConfigurationError(f"seconds must be a number above 0, not {seconds!r}")
        over, done = threading.Event(), threading.Event()

        def stop() -> None:
            over.set()
            # Between two queries there is nothing that could be interrupted.
            while not done.wait(_INTERRUPT_SECONDS):
                self._connection.interrupt()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception as error:
            if over.is_set():
                raise QueryError(f"the query took more than {seconds:g} seconds") from error
            raise
        finally:
            done.set()
            timer.cancel()
            timer.join()

    def _fetch(self, text: str, parameters: Any, most_rows: int | None) -> "pa.Table":
        import pyarrow as pa

        answer = self._connection.sql(text, params=parameters)
        # DuckDB 1 calls it by another name.
        fetch = getattr(answer, "to_arrow_reader", None) or answer.fetch_arrow_reader
        reader = fetch(_FETCH_ROWS)
        parts, size, rows = [], 0, 0
        for part in _readable(reader):
            parts.append(part if most_rows is None else part.slice(0, most_rows - rows))
            size += part.nbytes
            rows += parts[-1].num_rows
            if rows == most_rows:
                break
            if size > self._most_bytes:
                raise QueryError(
                    f"the answer has more than {self._most_bytes:,} bytes; ask for fewer columns, "
                    "add a LIMIT, or raise memory_limit of the QueryEngine"
                )
        return pa.Table.from_batches(parts, reader.schema)

    def _run(self, ask: Callable[[], T]) -> T:
        return _stoppable(ask, self._connection.interrupt)


def _readable(reader: Any) -> Iterator[Any]:
    try:
        yield from reader
    except OSError as error:
        raise QueryError(f"the answer is too large: {error}; ask for fewer columns") from error


def _stoppable(ask: Callable[[], T], interrupt: Callable[[], None]) -> T:
    """Have DuckDB do something such that Ctrl-C ends it, as a KeyboardInterrupt.

    Where DuckDB itself looks for signals it makes a RuntimeError of them; it does so in the main
    thread only.
    """
    if threading.current_thread() is not threading.main_thread():
        return ask()
    outcome: list[T] = []
    failure: list[BaseException] = []
    # Not ``join``: interrupted once, it takes the thread for ended.
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        try:
            outcome.append(ask())
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    try:
        threading.Thread(target=work, name="origin-query", daemon=True).start()
        # The signal may reach another thread, which does not wake this one.
        while not done.wait(_LOOK_SECONDS):
            pass
    except BaseException:
        if begun.wait(_LOOK_SECONDS):
            while not done.wait(_INTERRUPT_SECONDS):
                interrupt()
        raise
    if failure:
        raise failure[0]
    return outcome[0]


_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def _bytes_of(limit: str) -> int:
    with suppress(ValueError, AttributeError):
        text = limit.strip().upper().replace(" ", "")
        for unit in sorted(_UNITS, key=len, reverse=True):
            if text.endswith(unit):
                size = float(text.removesuffix(unit)) * _UNITS[unit]
                if 10**7 <= size < 2**63:
                    return int(size)
    raise ConfigurationError(
        f"memory_limit must be an amount such as '500MB' or '4GB', 10MB or more, not {limit!r}"
    )


def _close_all(
    instance: "duckdb.DuckDBPyConnection", cursors: set[Cursor], folder: str, pid: int
) -> None:
    # A forked child inherits all this and must leave it to its parent.
    if pid == os.getpid():
        while cursors:
            cursors.pop().close()
        instance.close()
        shutil.rmtree(folder, ignore_errors=True)


_ducks: "weakref.WeakSet[Duck]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for duck in list(_ducks):
        duck.begin_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
