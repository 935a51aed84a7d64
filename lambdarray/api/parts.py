"""The parts of complex numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .creation import asarray, zeros_like
from .elementwise import build


def real(x: Any) -> Array:
    """The real part."""
    x = asarray(x)
    if x.dtype.kind != "c":
        return Array(x._op)
    return build("real", [x], (x.dtype,), (np.zeros(0, x.dtype).real.dtype,))[0]


def imag(x: Any) -> Array:
    """The imaginary part."""
    x = asarray(x)
    kind = np.zeros(0, x.dtype).imag.dtype
    return build("imag", [x], (x.dtype,), (kind,))[0] if x.dtype.kind == "c" else zeros_like(x)


def from_parts(re: Array, im: Array) -> Array:
    """The complex numbers with these parts."""
    return build("complex", [re, im], (re.dtype, im.dtype), (np.result_type(re.dtype, np.complex64),))[0]
