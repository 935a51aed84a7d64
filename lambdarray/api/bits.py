"""Bits of integers as elements, and elements as bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .axes import axis_of
from .creation import asarray
from .elementwise import call
from .manipulation import moveaxis, ravel, reshape
from .padding import pad
from .reductions import sum as sum_


def _last(a: Any, axis: int | None) -> tuple[Array, int]:
    """The array with its axis as the last, and where that belongs."""
    x = asarray(a)
    if axis is None or not x.ndim:
        return ravel(x), axis_of(axis or 0, 1)
    d = axis_of(axis, x.ndim)
    return moveaxis(x, d, -1), d


def _shifts(bitorder: str) -> np.ndarray:
    """By how much each of eight bits is shifted."""
    if bitorder not in ("big", "little"):
        raise ValueError(f"'bitorder' must be either 'little' or 'big', not {bitorder!r}")
    return np.arange(8, dtype=np.uint8)[:: 1 if bitorder == "little" else -1]


def packbits(a: Any, /, axis: int | None = None, bitorder: str = "big") -> Array:
    """Eight elements along an axis as the bits of one uint8, the last filled up with zeros."""
    shifts = _shifts(bitorder)
    if asarray(a).dtype.kind not in "biu":
        raise TypeError(f"Expected an input array of integer or boolean data type, not {asarray(a).dtype}")
    x, d = _last(a, axis)
    bits = pad(call(np.not_equal, x, 0).astype(np.uint8), [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % 8)])
    eights = reshape(bits, (*x.shape[:-1], bits.shape[-1] // 8, 8))
    return moveaxis(sum_(call(np.left_shift, eights, asarray(shifts)), -1, np.uint8), -1, d)


def unpackbits(a: Any, /, axis: int | None = None, count: int | None = None, bitorder: str = "big") -> Array:
    """The bits of each uint8 as elements along an axis: all, the first `count`, or all but the last `-count`.

    >>> import lambdarray as la
    >>> la.unpackbits(la.asarray([5], "u1")).compute()
    array([0, 0, 0, 0, 0, 1, 0, 1], dtype=uint8)
    """
    shifts = _shifts(bitorder)
    if asarray(a).dtype != np.uint8:
        raise TypeError(f"Expected an input array of unsigned byte data type, not {asarray(a).dtype}")
    x, d = _last(a, axis)
    bits = call(np.bitwise_and, call(np.right_shift, x[..., None], asarray(shifts)), np.uint8(1))
    flat = reshape(bits, (*x.shape[:-1], x.shape[-1] * 8))
    n = flat.shape[-1]
    wanted = n if count is None else count if count >= 0 else n + count
    if wanted < 0:
        raise ValueError(f"-count must be less than the number of bits, {n}: {count}")
    longer = pad(flat, [(0, 0)] * (flat.ndim - 1) + [(0, max(0, wanted - n))])
    return moveaxis(longer[..., :wanted], -1, d)
