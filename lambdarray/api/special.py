"""Elementwise functions of NumPy's that are no ufuncs."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .creation import asarray
from .elementwise import build, call, operand
from .parts import from_parts, real
from .reductions import all as all_


def _like_numpy(name: str, text: str) -> Any:
    """The function `name` of one array, with the dtype that NumPy's has."""
    theirs = getattr(np, name)

    def function(x: Any) -> Array:
        x = asarray(x)
        return build(name, [x], (x.dtype,), (theirs(np.ones(1, x.dtype)).dtype,))[0]

    function.__name__ = function.__qualname__ = name
    function.__doc__ = text
    return function


i0 = _like_numpy("i0", "The modified Bessel function of the first kind, of order 0.")
iscomplex = _like_numpy("iscomplex", "Whether each element has an imaginary part other than 0.")
isneginf = _like_numpy("isneginf", "Whether each element is minus infinity; TypeError for complex numbers.")
isposinf = _like_numpy("isposinf", "Whether each element is plus infinity; TypeError for complex numbers.")
isreal = _like_numpy("isreal", "Whether each element has an imaginary part of 0.")
sinc = _like_numpy("sinc", "sin(pi x) / (pi x), and 1 at 0.")


def fix(x: Any, out: None = None) -> Array:
    """Rounded to the nearest integer towards zero."""
    return call(np.trunc, asarray(x))  # type: ignore[no-any-return]


def angle(z: Any, deg: bool = False) -> Array:
    """The angle of complex numbers with the positive real axis, in radians or degrees."""
    z = asarray(z)
    kind = np.angle(np.ones(1, z.dtype)).dtype
    out = build("angle", [z], (z.dtype,), (kind,))[0]
    return call(np.multiply, out, 180 / np.pi) if deg else out  # type: ignore[no-any-return]


def real_if_close(a: Any, tol: float = 100) -> Array:
    """The real parts, where all imaginary parts are within `tol` machine epsilons of 0 (or less than a `tol` up to 1).

    The dtype depends on the values, so that they are looked at when this is called.
    """
    x = asarray(a)
    if x.dtype.kind != "c":
        return x
    limit = tol * float(np.finfo(x.dtype).eps) if tol > 1 else tol
    return real(x) if all_(call(np.less, call(np.absolute, x.imag), limit)) else x


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Array:
    """`x` with numbers for NaN and infinities: for these the largest of its dtype where none are given.

    >>> import lambdarray as la
    >>> la.nan_to_num(la.asarray([1.0, la.nan]), nan=-1.0).compute()
    array([ 1., -1.])
    """
    x = asarray(x)
    if x.dtype.kind == "c":
        return from_parts(*(nan_to_num(part, copy, nan, posinf, neginf) for part in (x.real, x.imag)))
    if x.dtype.kind != "f":
        return Array(x._op)
    limits = np.finfo(x.dtype)
    given = nan, limits.max if posinf is None else posinf, limits.min if neginf is None else neginf
    return build("nan_to_num", [x, *map(operand, given)], (x.dtype,) * 4, (x.dtype,))[0]
