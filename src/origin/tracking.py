"""`track`: the whole of recording in one line."""

import atexit
import importlib
import inspect
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from origin.core.arguments import recording_mode
from origin.core.fingerprintkey import FingerprintKey, KeyGiven
from origin.core.record import SourceRecord
from origin.core.validation import json_text
from origin.errors import (
    ConfigurationError,
    FingerprintKeyError,
    InvalidRecordError,
    SessionAlreadyEndedError,
)
from origin.hooks.base import BaseHook
from origin.hooks.settings import failure_policy, place_in_job, read_policy
from origin.hooks.wrapper import StandIn, require_loader
from origin.storage.database import ProvenanceDatabase

if TYPE_CHECKING:
    from origin.core.license import LicensePolicy
    from origin.proof.keys import SigningKey
    from origin.proof.signer import Send

# Which hook reads what, by the package that the loader's class or one of its bases comes from.
HOOKS = {"datasets": ("origin.hooks.huggingface", "DatasetHook")}
DEFAULT_HOOK = ("origin.hooks.pytorch", "DataLoaderHook")


@dataclass(frozen=True)
class Signing:
    """What signs a run, and where what it signed goes."""

    key: "SigningKey"
    heads: "Send | None"

    @classmethod
    def of(cls, key: Any, heads: "Send | None") -> "Signing":
        """What is to sign, from what a user gave."""
        if key is None:
            raise ConfigurationError("heads says where signed heads go; signing_key is missing")
        from origin.proof.keys import SigningKey

        return cls(key if isinstance(key, SigningKey) else SigningKey.load(key), heads)

    def begin(self, db: ProvenanceDatabase) -> None:
        """Sign what this process ends in a database from now on."""
        from origin.proof.signer import Signer

        Signer(db, self.key, send=self.heads)


class Run:
    """What this process records into one database: one session, a hook for each source."""

    def __init__(
        self,
        path: Path,
        config_hash: str,
        metadata: Mapping[str, Any] | None,
        policy: "LicensePolicy | None" = None,
        fingerprint_key: FingerprintKey | None = None,
        signing: "Signing | None" = None,
    ) -> None:
        self.path = path
        self.policy = policy
        self.signing = signing
        self.fingerprint_key = fingerprint_key
        self.db = ProvenanceDatabase(path, fingerprint_key=fingerprint_key)
        try:
            if signing is not None:
                signing.begin(self.db)
            self.session = self.db.begin_session(config_hash, metadata, policy=policy)
        except BaseException:
            self.db.close()
            raise
        self.blocks = 0
        self.error_before = _last_error()
        self._pid = os.getpid()
        self._hooks: list[tuple[tuple[Any, ...], BaseHook]] = []

    def hook(
        self, kind: type[BaseHook], source: str, license_id: str | None, options: Any
    ) -> BaseHook:
        """The hook of that kind for a source: the one that is there, or a new one."""
        wanted = (kind, source, license_id, options)
        for known, hook in self._hooks:
            if known == wanted:
                return hook
        hook = kind(self.db, self.session.session_id, source, license_id, **options)
        self._hooks.append((wanted, hook))
        return hook

    @property
    def is_unused(self) -> bool:
        """Whether no hook was ever made for it."""
        return not self._hooks

    def finish(self, status: str) -> None:
        """End the session and close the database."""
        if _runs.get(self.path) is self:
            del _runs[self.path]
        try:
            # The session of a forked child's parent goes on.
            if not self.db.closed and self._pid == os.getpid():
                self.db.end_session(self.session.session_id, status)
        except SessionAlreadyEndedError:
            pass
        finally:
            self.db.close()


_runs: dict[Path, Run] = {}
_runs_lock = threading.RLock()


class Tracked(StandIn):
    """Stands in for a loader, and ends the session when used as a ``with`` block.

    While recording is off there is no run and no hook, and its methods work all the same.
    """

    def __init__(
        self, loader: Any, recorded: Any, run: Run | None = None, hook: BaseHook | None = None
    ) -> None:
        self.__dict__.update(_loader=loader, _recorded=recorded, _run=run, _hook=hook)

    def annotate(self, /, **numbers: Any) -> None:
        """Attach numbers, such as a loss, to the batch that was handed over last.

        Loaders that were tracked as one source with the same options count as one.

        Args:
            numbers: as for ``BaseHook.annotate``.

        Raises:
            ConfigurationError, SessionEndedError: as for ``BaseHook.annotate``.
        """
        if self._hook is not None:
            self._hook.annotate(**numbers)

    def set_epoch(self, epoch: int) -> None:
        """Tell the loader its epoch; the next iteration is recorded under that number.

        Args:
            epoch: its number; those after it count on from there.

        Raises:
            ConfigurationError: it is no whole number from 0 to 2**31 - 1.
        """
        if hasattr(self._recorded, "set_epoch"):
            self._recorded.set_epoch(epoch)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._recorded)

    def __contains__(self, item: object) -> bool:
        return item in self._recorded

    def __len__(self) -> int:
        return len(self._recorded)

    def __bool__(self) -> bool:
        return bool(self._recorded)

    def __getattr__(self, name: str) -> Any:
        if name in {"_loader", "_recorded", "_run", "_hook"}:
            raise AttributeError(name)
        return getattr(self._recorded, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._recorded, name, value)

    def __repr__(self) -> str:
        return f"<tracked {self._loader!r}>"

    def __enter__(self) -> "Tracked":
        if self._run is not None:
            self._run.blocks += 1
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        run = self._run
        if run is None:
            return
        run.blocks -= 1
        if run.blocks == 0:
            run.finish("completed" if exc_type is None else "failed")


class TrackedStream(Tracked):
    """Stands in for an iterator: ``next`` works on it as well."""

    def __next__(self) -> Any:
        return next(self._recorded)


def track(
    loader: Iterable[Any],
    source: str,
    license: str | None = None,  # noqa: A002  the word a user would write
    path: str | os.PathLike[str] = "provenance.db",
    *,
    config_hash: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    policy: "LicensePolicy | str | os.PathLike[str] | None" = None,
    fingerprint_key: KeyGiven | None = None,
    signing_key: "SigningKey | str | os.PathLike[str] | None" = None,
    heads: "Send | None" = None,
    **options: Any,
) -> Any:
    """Record what a loader yields: open the database, begin a session, put a hook around.

    The session ends when the process does, as ``completed``, or as ``failed`` if an exception
    ended it; when the ``with`` block ends if it is used as one; or with ``finish()``. Several
    loaders tracked into one database by one process share a session.

    Args:
        loader: a PyTorch ``DataLoader``, a Hugging Face data set, or any iterable of batches.
        source: the name of where the samples come from.
        license: the source's license, as an SPDX identifier.
        path: the database file, made when it does not exist.
        config_hash: your own name for the configuration; the script's name when left out.
        metadata: a JSON object kept with the session.
        policy: which licenses the session may use, as a ``LicensePolicy`` or the path of a TOML
            file; a source that breaks it is refused.
        fingerprint_key: for private fingerprints, as ``ProvenanceDatabase`` takes it.
        signing_key: signs the session at its end, so that others can check the record: a
            ``SigningKey``, or the path of its file.
        heads: where what was signed goes at once, as ``Signer`` takes it.
        options: what the hook takes besides, such as ``record_gradients`` or ``on_error``.

    Returns:
        An object that stands in for the loader, with ``annotate`` besides to attach numbers to
        the latest batch. Under ``ORIGIN_MODE=off`` nothing is recorded.

    Raises:
        OriginError: the database, the source or an option is wrong.
        TypeError: the loader cannot be iterated over or is wrapped already, or there is no
            such option.

    >>> import origin, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with origin.track(
    ...     [["a", "b"], ["c"]], source="letters", path=f"{folder.name}/provenance.db"
    ... ) as batches:
    ...     for batch in batches:
    ...         print(batch)
    ...         batches.annotate(loss=0.5)
    ['a', 'b']
    ['c']
    >>> folder.cleanup()
    """
    require_loader("track", loader)
    stand_in = TrackedStream if hasattr(loader, "__next__") else Tracked
    if recording_mode() == "off":
        return stand_in(loader, loader)
    kind = _hook_for(loader)
    # What is wrong must not leave an empty database behind.
    _require_options(kind, options)
    _require_texts(source, license, config_hash, metadata)
    rules = read_policy(policy)
    key = None if fingerprint_key is None else FingerprintKey.of(fingerprint_key)
    signing = None if signing_key is None and heads is None else Signing.of(signing_key, heads)
    place = Path(path).resolve()
    with _runs_lock:
        run = _runs.get(place)
        if run is None or run.db.closed:
            name = config_hash or _script_name()
            run = _runs[place] = Run(place, name, metadata, rules, key, signing)
        else:
            _require_same_run(run, config_hash, metadata, rules)
            _require_same_key(run, key)
            _require_same_signing(run, signing)
    try:
        hook = run.hook(kind, source, license, options)
        return stand_in(loader, hook.wrap(loader), run, hook)
    except Exception:
        if run.is_unused:  # nobody else would ever end it
            run.finish("failed")
        raise


def _require_options(kind: type[BaseHook], options: dict[str, Any]) -> None:
    known = _options_of(kind)
    for name in options:
        if name not in known:
            raise TypeError(
                f"origin.track() has no option {name!r}; for a loader that {kind.__name__} reads "
                f"it takes path, config_hash, metadata, policy, fingerprint_key, signing_key, "
                f"heads, {', '.join(known)}"
            )
    failure_policy(options.get("on_error"))
    place_in_job(options.get("rank"), options.get("world_size"))


def _options_of(kind: type[BaseHook]) -> list[str]:
    """What hooks of a kind take besides the database, the session, the source and its license."""
    found = [
        option
        for base in kind.__mro__
        if issubclass(base, BaseHook)
        for option in list(inspect.signature(base.__init__).parameters.values())[5:]
        if option.kind is not option.VAR_KEYWORD  # those are what its bases take
    ]
    return sorted({option.name for option in found} - {"policy"})


def _require_texts(
    source: str, license_id: str | None, config_hash: str | None, metadata: Any
) -> None:
    SourceRecord(source, license_id=license_id)
    if not isinstance(config_hash, str | None):
        raise InvalidRecordError(f"config_hash must be a str, not a {type(config_hash).__name__}")
    if not isinstance(metadata, Mapping | None):
        raise InvalidRecordError(
            f"metadata must be a mapping such as a dict, not a {type(metadata).__name__}"
        )
    json_text("session metadata", dict(metadata or {}))


def _require_same_run(
    run: Run,
    config_hash: str | None,
    metadata: Mapping[str, Any] | None,
    policy: "LicensePolicy | None",
) -> None:
    session = run.session
    for name, given, known in (
        ("config_hash", config_hash, session.config_hash),
        ("metadata", metadata, session.metadata),
        ("policy", policy, run.policy),
    ):
        if given is not None and given != known:
            raise ConfigurationError(
                f"{run.path} is being recorded under {name}={known!r}, not {given!r}; leave it "
                "out, or end that session with origin.finish() first"
            )


def _require_same_signing(run: Run, signing: Signing | None) -> None:
    if signing is not None and signing != run.signing:
        raise ConfigurationError(
            f"{run.path} is being recorded by a run that is signed otherwise, or not; leave "
            "signing_key and heads out, or end that session with origin.finish() first"
        )


def _require_same_key(run: Run, key: FingerprintKey | None) -> None:
    if key is not None and key != run.fingerprint_key:
        other = "under another" if run.fingerprint_key else "without a"
        raise FingerprintKeyError(
            f"{run.path} is being recorded {other} fingerprint key; leave it out, or end that "
            "session with origin.finish() first"
        )


def finish(status: str = "completed", path: str | os.PathLike[str] | None = None) -> None:
    """End the sessions that ``track`` began in this process, before the process ends.

    What ``track`` returned before raises ``SessionEndedError`` if it is iterated over again.

    Args:
        status: ``completed`` or ``failed``.
        path: only the session in that database.

    >>> finish()
    """
    place = None if path is None else Path(path).resolve()
    for run in [run for run in _runs.values() if place in (None, run.path)]:
        run.finish(status)


def _hook_for(loader: Any) -> type[BaseHook]:
    module, name = _home_of_hook(loader)
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


def _home_of_hook(loader: Any) -> tuple[str, str]:
    # The generator of ``Dataset.iter`` is told by the module its code was written in.
    frame = getattr(loader, "gi_frame", None)
    modules = [frame.f_globals.get("__name__", "")] if frame is not None else []
    modules += [base.__module__ for base in type(loader).__mro__]
    for module in modules:
        if module.partition(".")[0] in HOOKS:
            return HOOKS[module.partition(".")[0]]
    return DEFAULT_HOOK


def _script_name() -> str:
    return Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "interactive"


def _last_error() -> BaseException | None:
    # Python leaves the exception that ended a program here; sys.exit leaves none.
    return getattr(sys, "last_value", None)


def _finish_at_exit() -> None:
    for run in list(_runs.values()):
        status = "completed" if _last_error() is run.error_before else "failed"
        try:
            run.finish(status)
        except Exception as error:
            print(f"origin: {run.path}: {error}", file=sys.stderr)  # noqa: T201  too late to raise


def _forget_after_fork() -> None:
    _runs.clear()


atexit.register(_finish_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
