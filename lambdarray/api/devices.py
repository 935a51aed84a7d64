"""What the array API standard asks of a namespace: where arrays are, what there is, and data from other libraries."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array

# Whatever computes an array, its value comes to this process.
CPU = "cpu"


def on_cpu(device: Any) -> None:
    """ValueError for a device that is not the one there is."""
    if device is not None and device != CPU:
        raise ValueError(f'Device not understood. Only "{CPU}" is allowed, but received: {device}')


class Inspection:
    """What `__array_namespace_info__()` returns."""

    def capabilities(self) -> dict[str, Any]:
        """What this namespace can do of what the standard leaves open."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Where arrays are made."""
        return CPU

    def devices(self) -> tuple[str, ...]:
        """All devices."""
        return (CPU,)

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype[Any]]:
        """The dtype that is made for each kind of number where none is named."""
        on_cpu(device)
        return {
            "real floating": np.dtype(np.float64),
            "complex floating": np.dtype(np.complex128),
            "integral": np.dtype(np.int64),
            "indexing": np.dtype(np.intp),
        }

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, np.dtype[Any]]:
        """The standard's dtypes by name: all, or those of a kind or of any kind in a tuple."""
        on_cpu(device)
        every = {name: np.dtype(name) for name in NAMES}
        return every if kind is None else {n: d for n, d in every.items() if np.isdtype(d, kind)}


NAMES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "complex64", "complex128"),
)
VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")


def info() -> Inspection:
    """What this namespace is and can do, as the array API standard asks it."""
    return Inspection()


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Array:
    """An array over the data of another library's array, without a copy where it is in this machine's memory.

    >>> import numpy as np, lambdarray as la
    >>> la.from_dlpack(np.arange(3)).compute()
    array([0, 1, 2])
    """
    from .creation import asarray

    on_cpu(device)
    return asarray(x if isinstance(x, Array) else np.from_dlpack(x, copy=copy), copy=copy)
