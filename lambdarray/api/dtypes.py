"""Types of elements: NumPy's own dtypes, with what is asked of them: kinds, limits, promotion."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array

# Arrays of these can be stored in tiles; the abstract ones are for `issubdtype`.
CONCRETE = (
    "bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 intp uintp int_ uint intc uintc byte ubyte short "
    "ushort long ulong longlong ulonglong float16 float32 float64 half single double longdouble complex64 complex128 "
    "csingle cdouble clongdouble datetime64 timedelta64 str_ bytes_ void"
)
ABSTRACT = (
    "generic number integer signedinteger unsignedinteger inexact floating complexfloating flexible character dtype"
)
TYPES = {name: getattr(np, name) for name in (*CONCRETE.split(), *ABSTRACT.split())}


def _stripped(x: Any) -> Any:
    """Of an array its dtype, which is all that promotion looks at."""
    return x.dtype if isinstance(x, Array) else x


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind: a dtype, a name as the standard has them, or a tuple of these.

    >>> import lambdarray as la
    >>> la.isdtype(la.float32, "real floating"), la.isdtype(la.int8, ("bool", "integral"))
    (True, True)
    """
    return np.isdtype(dtype, kind)


def issubdtype(arg1: Any, arg2: Any) -> bool:
    """Whether the first dtype stands below the second in NumPy's tree of types."""
    return bool(np.issubdtype(arg1, arg2))


def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """Whether a dtype, or that of an array, can be cast to another under a casting rule."""
    return np.can_cast(_stripped(from_), to, casting)


def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """The dtype that arrays, dtypes and Python's numbers have together.

    >>> import lambdarray as la
    >>> la.result_type(la.ones(3, dtype=la.float32), 1.5)
    dtype('float32')
    """
    return np.result_type(*map(_stripped, arrays_and_dtypes))


def promote_types(type1: Any, type2: Any) -> np.dtype[Any]:
    """The smallest dtype that both can be cast to safely."""
    return np.promote_types(type1, type2)


class FloatInfo:
    """Limits of a floating-point type, as `numpy.finfo` has them, in Python's numbers."""

    __slots__ = ("_info",)

    def __init__(self, info: Any) -> None:
        self._info = info

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._info, name)
        # A long double has more digits than Python's float.
        plain = isinstance(value, np.floating) and not isinstance(value, np.longdouble)
        return float(value) if plain else value

    def __repr__(self) -> str:
        return repr(self._info)


def finfo(type: Any) -> FloatInfo:
    """Limits of a floating-point type, or of the parts of a complex one: `eps`, `max`, `smallest_normal` and so on.

    >>> import lambdarray as la
    >>> la.finfo(la.float32).eps
    1.1920928955078125e-07
    """
    return FloatInfo(np.finfo(_stripped(type)))


def iinfo(type: Any) -> Any:
    """Limits of an integer type: `bits`, `min`, `max`, `dtype`."""
    return np.iinfo(_stripped(type))
