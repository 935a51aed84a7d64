"""NumPy's functions called on our arrays: np.mean(x) is la.mean(x)."""

from __future__ import annotations

from functools import cache
from inspect import signature
from typing import Any

import numpy as np


def array_function(func: Any, args: Any, kwargs: Any) -> Any:
    """The function of this package with the name that NumPy's has; NotImplemented where there is none."""
    name = func.__name__
    if name in OF_THE_KIND:
        return func(*map(_kind, args), **kwargs)
    ours = _ours(func)
    if not callable(ours):
        return NotImplemented
    given = {k: v for k, v in kwargs.items() if v is not np._NoValue and not (v is None and k in _optional(func))}
    if given.pop("out", None) is not None:
        raise TypeError(f"{name}: an Array is immutable, so out= cannot be filled; use the value returned")
    if given:
        known, renamed = _parameters(func, ours)
        given = {renamed.get(k, k): v for k, v in given.items() if k in known or v not in MEANINGLESS.get(k, ())}
    return ours(*args, **given)


def _ours(func: Any) -> Any:
    """What this package has at the place where NumPy has `func`: `numpy.linalg.norm` is not `numpy.norm`."""
    import lambdarray

    place: Any = lambdarray
    for part in func.__module__.split(".")[1:]:
        place = getattr(place, part, None)
    return getattr(place, ALIASES.get(func.__name__, func.__name__), None)


@cache
def _optional(func: Any) -> frozenset[str]:
    """The parameters that NumPy leaves out by None; where it has another default None means something."""
    try:
        found = signature(func).parameters.values()
    except ValueError:
        return frozenset(("out", "dtype", "axis"))
    return frozenset(p.name for p in found if p.default is None)


@cache
def _parameters(func: Any, ours: Any) -> tuple[frozenset[str], dict[str, str]]:
    """The names of our parameters, and which of them stand for NumPy's: its first is called `a`, `m` or `ary`."""
    mine = list(signature(ours).parameters.values())
    known = frozenset(p.name for p in mine)
    try:
        theirs = list(signature(func).parameters.values())
    except ValueError:  # functions written in C tell their signature from NumPy 2.4 on
        return known, {}
    pairs = ((t, m) for t, m in zip(theirs, mine, strict=False) if t.default is t.empty and m.default is m.empty)
    return known, {t.name: m.name for t, m in pairs if t.name not in known}


def namespace(api_version: str | None = None) -> Any:
    """This package, for a version of the array API standard; ValueError for one that it does not follow."""
    import lambdarray

    from .devices import VERSIONS

    if api_version is not None and api_version not in VERSIONS:
        raise ValueError(f"version {api_version!r} of the array API standard is not known; {', '.join(VERSIONS)} are")
    return lambdarray


def _kind(x: Any) -> Any:
    """An empty stand-in of the same shape and dtype, for functions that look at nothing else."""
    from .array import Array

    return np.broadcast_to(np.empty((), x.dtype), x.shape) if isinstance(x, Array) else x


# What says nothing about an array that has no order in memory, no subclass and one device.
MEANINGLESS = {"subok": (True, False), "device": ("cpu",), "order": ("K", "C", "A", "F")}
LOOKED_AT = (
    "can_cast", "common_type", "diag_indices_from", "einsum_path", "iscomplexobj", "isrealobj", "min_scalar_type",
    "ndim", "result_type", "shape", "size", "tril_indices_from", "triu_indices_from",
)  # fmt: skip
OF_THE_KIND = frozenset(LOOKED_AT)
ALIASES = {
    "amax": "max",
    "amin": "min",
    "around": "round",
    "concatenate": "concat",
    "row_stack": "vstack",
    "transpose": "permute_dims",
}
