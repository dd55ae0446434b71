"""What ``wrap`` returns: an object that stands in for the loader."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from origin.hooks.base import BaseHook
    from origin.hooks.passes import Pass

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
        epoch, self._epoch = self._epoch, None
        return RecordedIterator(self._hook.begin_pass(self._iterable, epoch), self._iterable)

    def __len__(self) -> int:
        return len(self._iterable)

    def __bool__(self) -> bool:
        return bool(self._iterable)

    def set_epoch(self, epoch: int) -> None:
        """Tell the loader its epoch; the next iteration is recorded under that number."""
        self._epoch = epoch
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
        return getattr(self._iterable, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self._iterable, name, value)

    def __repr__(self) -> str:
        return f"<recorded {self._iterable!r}>"


class RecordedStream(RecordedLoader):
    """Stands in for an iterator: ``next`` works on it as well."""

    def __next__(self) -> Any:
        if "_live" not in self.__dict__:
            object.__setattr__(self, "_live", RecordedLoader.__iter__(self))
        return next(self.__dict__["_live"])

    def __iter__(self) -> Iterator[Any]:
        return self


class RecordedIterator(Iterator[Any]):
    """One pass over a loader."""

    def __init__(self, recorded_pass: "Pass", iterable: Iterable[Any]) -> None:
        self._pass = recorded_pass
        self._inner = iter(iterable)

    def __next__(self) -> Any:
        self._pass.asked()
        try:
            batch = next(self._inner)
        except StopIteration:
            self._pass.settle()
            raise
        except BaseException:
            self._pass.broken()
            raise
        self._pass.hand_over(batch)
        return batch

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":
            raise AttributeError(name)
        return getattr(self._inner, name)
