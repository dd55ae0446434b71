"""What ``wrap`` returns: an object that stands in for the loader."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from origin.hooks.settings import whole_number

if TYPE_CHECKING:
    from origin.hooks.base import BaseHook

# Names of the stand-in's own; everything else is the loader's.
_OWN = frozenset({"_hook", "_iterable", "_epoch"})


class StandIn:
    """Whatever stands in for a loader and records: wrapped again, it would record twice."""


class RecordedLoader(StandIn):
    """Stands in for a loader: every iteration over it is an epoch on record.

    Attributes and methods are the loader's, and what it yields are the loader's own objects.
    """

    _hook: "BaseHook"
    _iterable: Any
    _epoch: int | None

    def __init__(self, hook: "BaseHook", iterable: Iterable[Any]) -> None:
        object.__setattr__(self, "_hook", hook)
        object.__setattr__(self, "_iterable", iterable)
        object.__setattr__(self, "_epoch", None)

    def __iter__(self) -> Iterator[Any]:
        inner = self._hook.begin_iteration(self._iterable)
        return RecordedIterator(self._hook, self._iterable, self._take_epoch(), inner)

    def _take_epoch(self) -> int | None:
        epoch, self._epoch = self._epoch, None
        return epoch

    def __contains__(self, item: object) -> bool:
        return item in self._iterable

    def __len__(self) -> int:
        return len(self._iterable)

    def __bool__(self) -> bool:
        return bool(self._iterable)

    def set_epoch(self, epoch: int) -> None:
        """Tell the loader its epoch; the next iteration is recorded under that number."""
        self._epoch = whole_number("an epoch", epoch)
        if hasattr(self._iterable, "set_epoch"):
            self._iterable.set_epoch(epoch)

    def __getitem__(self, index: Any) -> Any:
        raise TypeError(
            "items are recorded as a loop receives them, not one by one: wrap the loader that "
            f"reads this {type(self._iterable).__name__}, or take items from it unwrapped"
        )

    def __getattr__(self, name: str) -> Any:
        # Special methods (``__getitems__``, say) would be ways around the record.
        if name in _OWN or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)
        found = getattr(self._iterable, name)
        return self._recording(found) if name == "iter" else found

    def _recording(self, method: Any) -> Any:
        """A data set's ``iter``, whose batches are to be on record as well."""
        return lambda *args, **options: self._hook.wrap(method(*args, **options))

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self._iterable, name, value)

    def __repr__(self) -> str:
        return f"<recorded {self._iterable!r}>"


class RecordedStream(RecordedLoader):
    """Stands in for an iterator: ``next`` works on it as well."""

    def __iter__(self) -> Iterator[Any]:
        inner = iter(self._iterable)
        live = self.__dict__.get("_live")
        # Most iterators go on where they were; one that begins anew is another pass.
        if live is None or live.has_ended or live.inner is not inner:
            live = RecordedIterator(self._hook, self._iterable, self._take_epoch(), inner)
            object.__setattr__(self, "_live", live)
        return self

    def __next__(self) -> Any:
        if "_live" not in self.__dict__:
            iter(self)
        return next(self.__dict__["_live"])


class RecordedIterator(Iterator[Any]):
    """One pass over a loader."""

    def __init__(
        self, hook: "BaseHook", iterable: Iterable[Any], epoch: int | None, inner: Iterator[Any]
    ) -> None:
        self._hook = hook
        self._iterable = iterable
        self._pass = hook.begin_pass(iterable, epoch)
        self.inner = inner
        self.has_ended = False
        self._carrying = hook.carrying(inner, iterable)

    def __next__(self) -> Any:
        self._pass.asked()
        try:
            batch = next(self.inner)
        except StopIteration:
            self._pass.settle()
            self.has_ended = True
            raise
        except BaseException:
            self._pass.broken()
            raise
        if self.has_ended:  # an iterator that was reset goes on with another pass
            self._pass = self._hook.begin_pass(self._iterable, None)
            self.has_ended = False
        if self._carrying is not None:
            self._pass.bring(self._carrying.carried)
        self._pass.hand_over(batch)
        return batch

    def __getattr__(self, name: str) -> Any:
        if name == "inner":  # asked before __init__, as copying does
            raise AttributeError(name)
        return getattr(self.inner, name)


def require_loader(caller: str, iterable: Any) -> None:
    """Raise TypeError for what is no loader, such as text or a mapping, or is wrapped already."""
    if isinstance(iterable, StandIn | RecordedIterator):
        raise TypeError("this loader is wrapped already; wrapped twice it is recorded twice")
    is_iterable = hasattr(iterable, "__iter__") or hasattr(iterable, "__getitem__")
    is_value = isinstance(iterable, str | bytes | Mapping | type)
    if is_value or not is_iterable:
        what = f"class {iterable.__name__}" if isinstance(iterable, type) else None
        raise TypeError(
            f"{caller}() takes a loader or another iterable of batches, not a "
            f"{what or type(iterable).__name__}"
        )
