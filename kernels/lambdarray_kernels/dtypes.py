"""Dtypes as plain data: those with fields and of arrays too."""

from __future__ import annotations

from typing import Any

import numpy as np

Json = Any


def real_flops(dtype: np.dtype[Any]) -> int:
    """How many operations of real numbers one of these takes: a complex multiply and add counts as four.

    >>> real_flops(np.dtype("f4")), real_flops(np.dtype("c8"))
    (1, 4)
    """
    return 4 if dtype.kind == "c" else 1


def dtype_to_json(dtype: np.dtype[Any]) -> Json:
    """A dtype as plain data: its type string, its fields one after the other, or all that NumPy needs to know.

    >>> dtype_to_json(np.dtype([("n", "<i8"), ("sum", "<f8")]))
    [['n', '<i8'], ['sum', '<f8']]
    """
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": dtype_to_json(base), "shape": list(shape)}
    if dtype.names is None:
        return dtype.str
    formats = [dtype[name] for name in dtype.names]
    kinds = [dtype_to_json(kind) for kind in formats]
    if np.dtype(list(zip(dtype.names, formats, strict=True))) == dtype:
        return [[name, kind] for name, kind in zip(dtype.names, kinds, strict=True)]
    assert dtype.fields is not None
    offsets = [dtype.fields[name][1] for name in dtype.names]
    return {"names": list(dtype.names), "formats": kinds, "offsets": offsets, "itemsize": dtype.itemsize}


def dtype_from_json(data: Json) -> np.dtype[Any]:
    """The inverse of `dtype_to_json`.

    >>> dtype_from_json([["n", "<i8"], ["sum", "<f8"]]).names
    ('n', 'sum')
    """
    if isinstance(data, str):
        return np.dtype(data)
    if isinstance(data, list):
        return np.dtype([(name, dtype_from_json(kind)) for name, kind in data])
    if "base" in data:
        return np.dtype((dtype_from_json(data["base"]), tuple(data["shape"])))
    made: Any = {**data, "formats": [dtype_from_json(kind) for kind in data["formats"]]}
    out: np.dtype[Any] = np.dtype(made)
    return out
