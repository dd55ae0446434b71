"""Dense arrays of every library, brought to one form: a dtype, a shape and the element bytes.

PyTorch is recognised in ``sys.modules`` and never imported: a value can only be a tensor if
its own library is loaded already.
"""

from __future__ import annotations

import array
import sys
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from origin.core.refusal import Refusal

__all__ = [
    "CanonicalArray",
    "as_numpy",
    "canonical_array",
    "dense_array",
    "is_array",
    "is_octets",
    "is_table",
    "is_tensor",
]

_NAMES = {
    np.dtype(code): name
    for code, name in [
        ("?", "bool"),
        *((f"<{k}{n}", f"{w}int{8 * n}") for k, w in (("i", ""), ("u", "u")) for n in (1, 2, 4, 8)),
        *((f"<f{n}", f"float{8 * n}") for n in (2, 4, 8)),
        *((f"<c{n}", f"complex{8 * n}") for n in (8, 16)),
    ]
}
_NUMPY_NAMES = frozenset(_NAMES.values())
_COMPONENT_BYTES = {"bfloat16": 2, "complex32": 2}
_NOT_ARRAYS = frozenset({str, int, float, bool, type(None), bytes, dict, list, tuple})
_TABLES = frozenset({"pandas", "polars", "pyarrow"})
_PROTOCOLS = ("__array__", "__array_interface__", "__array_struct__", "__buffer__")


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalArray:
    """A dense array in canonical form.

    Args:
        dtype: the name of the element type, such as ``"float32"`` or ``"bfloat16"``.
        shape: the length of each axis; empty for a scalar.
        data: all element bytes, little-endian and in C order, as a one-dimensional contiguous
            array of uint8. It shares the memory of the original where the layout allows it.
    """

    dtype: str
    shape: tuple[int, ...]
    data: NDArray[np.uint8]


def canonical_array(obj: object) -> CanonicalArray | None:
    """Bring a dense array or tensor of numbers or truth values to canonical form.

    Args:
        obj: anything.

    Returns:
        The canonical form; None for anything else (strings, objects, dates, sparse, quantized
        or nested tensors, tensors without data, no array at all). Never raises.

    >>> canonical_array(np.array([[1, 2]], dtype=">i2"))
    CanonicalArray(dtype='int16', shape=(1, 2), data=array([1, 0, 2, 0], dtype=uint8))
    >>> canonical_array([1, 2]) is None
    True
    """
    try:
        return dense_array(obj)
    except Exception:
        return None


def is_array(obj: object) -> bool:
    """Tell whether a value is an array or tensor of any kind, without converting it.

    Args:
        obj: anything.

    Returns:
        True for NumPy arrays and scalars (but not its strings), tensors of every layout,
        typed buffers, and objects with a dtype and a shape. Tables and their columns
        (pandas, polars, pyarrow) are no arrays. Never raises.

    >>> is_array(np.float32(1)), is_array([1.0]), is_array(memoryview(b"x"))
    (True, False, False)
    """
    if type(obj) in _NOT_ARRAYS:
        return False
    if isinstance(obj, (np.ndarray, np.generic, CanonicalArray)):
        return not isinstance(obj, (str, bytes))
    if isinstance(obj, (memoryview, array.array)):
        return not is_octets(obj)
    return is_tensor(obj) or _is_duck(obj)


def is_tensor(obj: object) -> bool:
    """Tell whether a value is a ``torch.Tensor``, without importing PyTorch.

    Args:
        obj: anything.

    Returns:
        True for tensors of every kind.

    >>> is_tensor([1.0])
    False
    """
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)
    return tensor is not None and isinstance(obj, tensor)


def is_octets(obj: object) -> bool:
    """Tell whether a value is a string of bytes, as opposed to a buffer of typed elements.

    Args:
        obj: anything.

    Returns:
        True for bytes, bytearray and one-dimensional memoryviews of unsigned bytes.

    >>> is_octets(bytearray(2)), is_octets(memoryview(b"abcd").cast("H"))
    (True, False)
    """
    if isinstance(obj, memoryview):
        return obj.ndim == 1 and obj.format in ("B", "c")
    return isinstance(obj, (bytes, bytearray))


def is_table(obj: object) -> bool:
    """Tell whether a value's class comes from a library of tables.

    Args:
        obj: anything.

    Returns:
        True for objects of pandas, polars and pyarrow and of classes derived from theirs.

    >>> is_table({})
    False
    """
    return any(base.__module__.partition(".")[0] in _TABLES for base in type(obj).__mro__)


def dense_array(obj: object) -> CanonicalArray | None:
    """Do what ``canonical_array`` does, but let errors through.

    Args:
        obj: anything.

    Returns:
        The canonical form, or None if the value is no dense array of numbers.

    Raises:
        Refusal: an array has no data or no conversion.
        Exception: whatever the conversion of a foreign array raised.
    """
    if type(obj) in _NOT_ARRAYS:
        return None
    if isinstance(obj, CanonicalArray):
        return obj
    if is_tensor(obj):
        return _from_tensor(obj)
    found = as_numpy(obj)
    return None if found is None else _from_numpy(found)


def as_numpy(obj: object) -> NDArray[Any] | None:
    """View an array of any library but PyTorch as a NumPy array.

    Args:
        obj: anything.

    Returns:
        The NumPy array; None if the value is no array.

    Raises:
        Refusal: the value has a dtype and a shape, and no way to its elements.
        Exception: whatever the conversion of a foreign array raised.

    >>> as_numpy(memoryview(b"abcd").cast("H")).dtype
    dtype('uint16')
    """
    if isinstance(obj, np.ndarray):
        return obj
    if not is_array(obj) or is_tensor(obj) or isinstance(obj, CanonicalArray):
        return None
    if not isinstance(obj, (np.generic, memoryview, array.array)) and not _can_convert(obj):
        raise Refusal(obj, "it has no __array__; convert it to a NumPy array first")
    return np.asarray(obj)


def _is_duck(obj: object) -> bool:
    # A mapping with attribute access, or a dataclass, may well have entries of these names.
    if isinstance(obj, (type, Mapping)) or is_dataclass(obj):
        return False
    try:
        return hasattr(obj, "dtype") and hasattr(obj, "shape") and not is_table(obj)
    except Exception:
        return False


def _can_convert(obj: object) -> bool:
    # np.asarray would wrap any other object into an array that holds just this object.
    if any(hasattr(type(obj), name) for name in _PROTOCOLS):
        return True
    try:
        memoryview(obj)  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def _from_numpy(found: NDArray[Any]) -> CanonicalArray | None:
    name = _NAMES.get(found.dtype)
    if name is None:
        return _from_unusual(found)
    if type(found) is not np.ndarray:
        if _is_masked(found):
            return None
        found = np.asarray(found)  # np.matrix would stay two-dimensional below
    flat = found if found.flags.c_contiguous else np.ascontiguousarray(found)
    data = flat.reshape(-1).view(np.uint8)
    if name == "bool" and data.size and data.max() > 1:
        data = (data != 0).view(np.uint8)  # a reinterpreted byte such as 2 is True as well
    return CanonicalArray(name, found.shape, data)


def _from_unusual(found: NDArray[Any]) -> CanonicalArray | None:
    if found.dtype.kind in "biufc":
        little = found.dtype.newbyteorder("<")
        return _from_numpy(found.astype(little)) if little in _NAMES else None
    if found.dtype.type.__module__.partition(".")[0] == "ml_dtypes" and not _is_masked(found):
        raw = np.ascontiguousarray(found).reshape(-1).view(np.uint8)
        return _from_raw(found.dtype.name, found.shape, raw)
    return None


def _is_masked(found: NDArray[Any]) -> bool:
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", None)
    return masked is not None and isinstance(found, masked)


def _from_tensor(tensor: Any) -> CanonicalArray | None:
    try:
        found = (tensor.detach() if tensor.requires_grad else tensor).numpy()
    except (TypeError, RuntimeError):
        return _from_converted(tensor)
    return _from_numpy(found)


def _from_converted(tensor: Any) -> CanonicalArray | None:
    """Take the tensors that NumPy refuses: other devices and dtypes, lazily conjugated ones."""
    if tensor.is_nested or tensor.is_quantized or tensor.is_meta:
        return None
    if str(tensor.layout) != "torch.strided":
        return None
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    name = str(tensor.dtype).removeprefix("torch.")
    if name in _NUMPY_NAMES:
        return _from_numpy(tensor.numpy())
    # A single element counts as contiguous whatever its stride, and view() minds the stride.
    flat = tensor.as_strided((tensor.numel(),), (1,))
    raw = flat.view(sys.modules["torch"].uint8).numpy()
    return _from_raw(name, tuple(tensor.shape), raw)


def _from_raw(name: str, shape: tuple[int, ...], raw: NDArray[np.uint8]) -> CanonicalArray:
    width = _COMPONENT_BYTES.get(name, 1)
    if sys.byteorder == "big" and width > 1:
        raw = np.ascontiguousarray(raw.reshape(-1, width)[:, ::-1]).reshape(-1)
    return CanonicalArray(name, shape, raw)
