"""NumPy's functions called on our arrays: np.mean(x) is la.mean(x)."""

from __future__ import annotations

from typing import Any

import numpy as np


def array_function(func: Any, args: Any, kwargs: Any) -> Any:
    """The function of this package with the name that NumPy's has; NotImplemented where there is none."""
    import lambdarray

    name = func.__name__
    if name in OF_THE_KIND:
        return func(*map(_kind, args), **kwargs)
    ours = getattr(lambdarray, ALIASES.get(name, name), None)
    if ours is None or not callable(ours):
        return NotImplemented
    given = {k: v for k, v in kwargs.items() if v is not None and not repr(v).startswith("<no value>")}
    if given.pop("out", None) is not None:
        raise TypeError(f"{name}: an Array is immutable, so out= cannot be filled; use the value returned")
    return ours(*args, **given)


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


OF_THE_KIND = frozenset(
    ("shape", "ndim", "size", "result_type", "can_cast", "min_scalar_type", "iscomplexobj", "isrealobj", "common_type")
)
ALIASES = {"amin": "min", "amax": "max", "concatenate": "concat", "around": "round", "transpose": "permute_dims"}
