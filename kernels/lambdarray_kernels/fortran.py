"""Routines of BLAS and LAPACK by function pointer, so that the GIL is free while they run.

SciPy's f2py wrappers hold it, which gives two threads the speed of one. NumPy's wheels bring a whole LAPACK, which is
in the process already; elsewhere `scipy.linalg.cython_blas` and `cython_lapack` publish the routines for compiled
callers, and their addresses serve us too, for the third of a second that SciPy takes to be imported. What calls this
passes Fortran's own arguments: matrices in column-major order with their leading dimensions, flags as letters.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .blas import LETTERS, libraries

Array = np.ndarray[Any, Any]

# The integers of arrays that these routines fill: no size of a tile is near their limit.
INT = np.dtype(np.intc)
# How wheels of NumPy name the routines of their OpenBLAS, and the integers that these take.
NAMES = (("scipy_{}_64_", np.dtype(np.int64)), ("scipy_{}_", np.dtype(np.int32)))
Entry = tuple[Callable[..., None], np.dtype[Any]]


def blas(name: str, dtype: np.dtype[Any], *args: Any) -> None:
    """Call a routine of BLAS for a dtype: letters, integers, scalars and arrays as Fortran takes them.

    >>> x, y = np.ones(3), np.zeros(3)
    >>> blas("axpy", x.dtype, 3, 2.0, x, 1, y, 1)
    >>> y
    array([2., 2., 2.])
    """
    _call("cython_blas", LETTERS[dtype.char] + name, dtype, args)


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
    _call("cython_lapack", LETTERS[dtype.char] + name, dtype, (*args, info))
    if info[0] < 0:
        raise ValueError(f"argument {-info[0]} of {LETTERS[dtype.char]}{name} is wrong")
    return int(info[0])


def _call(module: str, name: str, dtype: np.dtype[Any], args: tuple[Any, ...]) -> None:
    entry, integer = _entry(module, name)
    kept = [_argument(arg, dtype, integer) for arg in args]
    entry(*(ctypes.c_void_p(held.__array_interface__["data"][0]) for held in kept))
    for arg, held in zip(args, kept, strict=True):
        if held is not arg and isinstance(arg, np.ndarray):
            arg[...] = held


def load(scipy: bool = False) -> None:
    """Bring SciPy's BLAS into this process, where it or all of `scipy` is needed, to have its threads set before."""
    if scipy or _of_numpy("dgemm") is None:
        for module in ("cython_blas", "cython_lapack"):
            _of_scipy(module, "dgemm" if module == "cython_blas" else "dpotrf")


@cache
def _entry(module: str, name: str) -> Entry:
    """A routine, and the integers that it takes; ctypes lets go of the GIL while it runs."""
    return _of_numpy(name) or _of_scipy(module, name)


def _of_numpy(name: str) -> Entry | None:
    for library in libraries():
        for pattern, integer in NAMES:
            found = getattr(library, pattern.format(name), None)
            if found is not None:
                found.restype = None
                return found, integer
    return None


def _of_scipy(module: str, name: str) -> Entry:
    """The routine behind a capsule."""
    from importlib import import_module

    capsule = import_module(f"scipy.linalg.{module}").__pyx_capi__[name]
    api = ctypes.pythonapi
    get_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))
    get_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", api))
    return ctypes.CFUNCTYPE(None)(get_pointer(capsule, get_name(capsule))), INT


def _argument(arg: Any, dtype: np.dtype[Any], integer: np.dtype[Any]) -> Array:
    """An argument as memory of the kind that the routine takes: an array itself, but for one of other integers."""
    if isinstance(arg, str):
        return np.frombuffer(arg.encode(), np.uint8)
    if isinstance(arg, np.ndarray):
        return arg.astype(integer) if arg.dtype.kind == "i" and arg.dtype != integer else arg
    return np.array(arg, integer if isinstance(arg, int) else dtype)
