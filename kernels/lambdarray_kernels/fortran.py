"""Routines of BLAS and LAPACK by function pointer, so that the GIL is free while they run.

SciPy's f2py wrappers hold it, which gives two threads the speed of one. `scipy.linalg.cython_blas` and `cython_lapack`
publish the routines for compiled callers; their addresses serve us as well. What calls this passes Fortran's own
arguments: matrices in column-major order with their leading dimensions, flags as letters.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

LETTERS = {"f": "s", "d": "d", "F": "c", "D": "z"}
# The integers of these routines: no size of a tile is near their limit.
INT = np.dtype(np.intc)


def blas(name: str, dtype: np.dtype[Any], *args: Any) -> None:
    """Call a routine of BLAS for a dtype: letters, integers, scalars and arrays as Fortran takes them.

    >>> x, y = np.ones(3), np.zeros(3)
    >>> blas("axpy", x.dtype, 3, 2.0, x, 1, y, 1)
    >>> y
    array([2., 2., 2.])
    """
    kept = [_argument(arg, dtype) for arg in args]
    _entry("cython_blas", LETTERS[dtype.char] + name)(*(ctypes.c_void_p(address) for address, _ in kept))


def lapack(name: str, dtype: np.dtype[Any], *args: Any) -> int:
    """Call a routine of LAPACK for a dtype, all but its last argument given; what that says, `info`, is returned.

    The routines of orthogonal matrices have other names for complex ones, which are found.

    >>> a = np.array([[4.0, 0.0], [0.0, -1.0]], order="F")
    >>> lapack("potrf", a.dtype, "L", 2, a, 2)
    2
    """
    if dtype.kind == "c" and name.startswith("or"):
        name = "un" + name[2:]
    info = np.zeros(1, INT)
    kept = [_argument(arg, dtype) for arg in (*args, info)]
    _entry("cython_lapack", LETTERS[dtype.char] + name)(*(ctypes.c_void_p(address) for address, _ in kept))
    if info[0] < 0:
        raise ValueError(f"argument {-info[0]} of {LETTERS[dtype.char]}{name} is wrong")
    return int(info[0])


def load() -> None:
    """Bring SciPy's BLAS into this process, so that its threads can be set before it is called."""
    from importlib import import_module

    for module in ("cython_blas", "cython_lapack"):
        import_module(f"scipy.linalg.{module}")


@cache
def _entry(module: str, name: str) -> Callable[..., None]:
    """The routine behind a capsule; ctypes lets go of the GIL while it runs."""
    from importlib import import_module

    capsule = import_module(f"scipy.linalg.{module}").__pyx_capi__[name]
    api = ctypes.pythonapi
    get_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))
    get_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", api))
    return ctypes.CFUNCTYPE(None)(get_pointer(capsule, get_name(capsule)))


def _argument(arg: Any, dtype: np.dtype[Any]) -> tuple[int, Any]:
    """The address of an argument, and what keeps that valid."""
    if isinstance(arg, str):
        held: Any = np.frombuffer(arg.encode(), np.uint8)
    elif isinstance(arg, np.ndarray):
        held = arg
    else:
        held = np.array(arg, INT if isinstance(arg, int) else dtype)
    return held.__array_interface__["data"][0], held
