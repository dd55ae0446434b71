"""Tensors of PyTorch that are more than one dense array: sparse, quantized and nested ones.

Each is reduced to its own parts, as they are stored; nothing is made dense. This module works
on what it is given and imports no PyTorch.
"""

from __future__ import annotations

import sys
from typing import Any

from origin.core.refusal import Refusal

__all__ = ["tensor_leaf"]

_COMPRESSED = {
    "sparse_csr": ("csr", "crow_indices", "col_indices"),
    "sparse_csc": ("csc", "ccol_indices", "row_indices"),
    "sparse_bsr": ("bsr", "crow_indices", "col_indices"),
    "sparse_bsc": ("bsc", "ccol_indices", "row_indices"),
}


def tensor_leaf(tensor: Any) -> tuple[str, object]:
    """Reduce a tensor that is not one dense array to the name and body of a typed leaf.

    Args:
        tensor: a ``torch.Tensor`` that ``canonical_array`` does not take.

    Returns:
        The name of the leaf and its parts.

    Raises:
        Refusal: the tensor has no data, or a layout that is not known.
    """
    if tensor.is_meta:
        raise Refusal(tensor, "a tensor on the meta device holds no data")
    tensor = tensor.detach()
    if tensor.is_nested:
        return "nested", list(tensor.unbind())
    if tensor.is_quantized:
        return "quantized", _quantized(tensor)
    layout = str(tensor.layout).removeprefix("torch.")
    if layout == "sparse_coo":
        return "sparse", _coordinates(tensor)
    if layout in _COMPRESSED:
        return "sparse", _compressed(tensor, *_COMPRESSED[layout])
    raise Refusal(tensor, f"its layout {layout} is not known; call .to_dense()")


def _coordinates(tensor: Any) -> dict[str, object]:
    tensor = tensor.coalesce()  # adds up what is stored twice for one place, and sorts
    return {
        "layout": "coo",
        "shape": list(tensor.shape),
        "indices": tensor.indices(),
        "values": tensor.values(),
    }


def _compressed(tensor: Any, layout: str, compressed: str, plain: str) -> dict[str, object]:
    int64 = sys.modules["torch"].int64  # the indices may be int32, with the same meaning
    return {
        "layout": layout,
        "shape": list(tensor.shape),
        "compressed_indices": getattr(tensor, compressed)().to(int64),
        "plain_indices": getattr(tensor, plain)().to(int64),
        "values": tensor.values(),
    }


def _quantized(tensor: Any) -> dict[str, object]:
    dtype = str(tensor.dtype).removeprefix("torch.")
    if "x" in dtype:  # several elements to a byte, whose int_repr has lost the shape
        raise Refusal(tensor, f"elements of {dtype} are packed; call .dequantize()")
    body = {"dtype": dtype, "values": tensor.int_repr()}
    if "per_channel" not in str(tensor.qscheme()):
        return {**body, "scale": tensor.q_scale(), "zero_point": tensor.q_zero_point()}
    return {
        **body,
        "axis": tensor.q_per_channel_axis(),
        "scale": tensor.q_per_channel_scales(),
        "zero_point": tensor.q_per_channel_zero_points(),
    }
