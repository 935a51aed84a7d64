"""NumPy's functions with the array API standard's value where NumPy has another: `docs/decisions/special-cases.md`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Array = np.ndarray


def floor_divide(x: Array, y: Array, out: Array) -> None:
    """`np.floor_divide`; where an operand is infinite it is the floor of the quotient.

    >>> z = np.empty(2)
    >>> with np.errstate(invalid="ignore"):
    ...     floor_divide(np.array([np.inf, 1.0]), np.array([2.0, -np.inf]), out=z)
    >>> z
    array([inf, -0.])
    """
    np.floor_divide(x, y, out=out)
    infinite = np.isinf(x) | np.isinf(y)
    if infinite.any():
        np.copyto(out, np.floor(np.divide(x, y)), where=infinite)


def expm1(x: Array, out: Array) -> None:
    """`np.expm1` of complex numbers; of zero and where the real part is not finite it is exp(x) - 1."""
    np.expm1(x, out=out)
    special = ~np.isfinite(x.real) | (x == 0)
    if special.any():
        np.copyto(out, np.exp(x) - x.dtype.type(1), where=special)


def tanh(x: Array, out: Array) -> None:
    """`np.tanh` of complex numbers; where the real part is infinite the imaginary one is a zero of its sign."""
    np.tanh(x, out=out)
    infinite = np.isinf(x.real) & np.isfinite(x.imag)
    if infinite.any():
        np.copyto(out.imag, np.copysign(x.real.dtype.type(0), x.imag), where=infinite)


# By name, and the kind of dtype that the loop puts out.
MENDED: dict[tuple[str, str], Callable[..., None]] = {
    ("floor_divide", "f"): floor_divide,
    ("expm1", "c"): expm1,
    ("tanh", "c"): tanh,
}
