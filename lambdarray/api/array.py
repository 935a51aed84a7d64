"""Array: NumPy's names over an immutable expression."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import LambdarrayError
from ..ops import Op, Shape

# The most bytes that `np.asarray(x)` and iteration compute without being asked by `compute()`.
IMPLICIT_LIMIT_BYTES = 1 << 30


class Array:
    """An immutable array that is computed when asked: an expression over tiles.

    It holds no result, settings or connection. Operators, functions of `lambdarray` and NumPy's ufuncs make new
    arrays; `compute()`, `persist()` and `to_zarr()` run.

    >>> import lambdarray as la
    >>> x = la.arange(6).reshape(2, 3)
    >>> (x.T @ x).compute()
    array([[ 9, 12, 15],
           [12, 17, 22],
           [15, 22, 29]])
    """

    __slots__ = ("_op",)
    __array_priority__ = 100
    _op: Op

    def __init__(self, op: Op) -> None:
        object.__setattr__(self, "_op", op)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"an Array is immutable; {name!r} cannot be set")

    # -- what it is

    @property
    def shape(self) -> Shape:
        """The length of each axis."""
        return self._op.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of an element."""
        return self._op.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._op.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._op.nbytes

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """The tile lengths along each axis, as Dask and xarray write them."""
        return self._op.tiling.chunks

    @property
    def chunksize(self) -> Shape:
        """The longest tile along each axis."""
        return self._op.tiling.max_tile

    @property
    def numblocks(self) -> Shape:
        """The number of tiles along each axis."""
        return self._op.tiling.grid

    @property
    def npartitions(self) -> int:
        """The number of tiles."""
        return self._op.tiling.count

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<lambdarray.Array shape={self.shape} dtype={self.dtype} chunks={self.chunksize}>"

    def _repr_html_(self) -> str:
        rows = [
            ("shape", self.shape),
            ("dtype", self.dtype),
            ("bytes", f"{self.nbytes:,}"),
            ("chunks", f"{self.chunksize} in a grid of {self.numblocks}"),
        ]
        cells = "".join(f"<tr><th style='text-align:left'>{k}</th><td>{v}</td></tr>" for k, v in rows)
        return f"<table>{cells}</table>"

    # -- running

    def compute(self) -> np.ndarray:
        """Run, and return the value as a NumPy array (0-d for a scalar)."""
        from .compute import compute

        out: np.ndarray = compute(self)
        return out

    def persist(self) -> Array:
        """Run, keep the tiles in the configured store, and return an array that reads them."""
        from .compute import persist

        out: Array = persist(self)
        return out

    def to_zarr(self, url: str, *, overwrite: bool = False) -> None:
        """Run, and write the tiles as a Zarr v3 array at a directory or an s3:// URL.

        The target must be empty, or a save of this same expression that was cut short; `overwrite=True` deletes
        what is there first. Raises TargetExistsError otherwise.
        """
        from .compute import to_zarr

        to_zarr(self, url, overwrite=overwrite)

    def _implicit(self, what: str) -> np.ndarray:
        if self.nbytes > IMPLICIT_LIMIT_BYTES:
            raise _TooLargeError(
                f"{what} would compute {self.nbytes / 2**30:.1f} GiB here, above {IMPLICIT_LIMIT_BYTES >> 30} GiB; "
                "call .compute() if that is what you want"
            )
        return self.compute()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a lambdarray.Array has to be computed, which copies; use copy=None or copy=True")
        value = self._implicit("np.asarray()")
        return value if dtype is None else value.astype(dtype, copy=False)

    def __iter__(self) -> Iterator[Array]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def item(self, *args: int) -> Any:
        """The value of an array of one element, or of the element at `args`, as a Python scalar."""
        return self._implicit("item()").item(*args)

    def tolist(self) -> Any:
        """The value as nested lists."""
        return self._implicit("tolist()").tolist()

    def _scalar(self, convert: Any) -> Any:
        if self.size != 1:
            raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
        return convert(self._implicit("conversion").reshape(())[()])

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"
            )
        return bool(self._scalar(bool))

    def __int__(self) -> int:
        return int(self._scalar(int))

    def __float__(self) -> float:
        return float(self._scalar(float))

    def __complex__(self) -> complex:
        return complex(self._scalar(complex))

    def __index__(self) -> int:
        if self.dtype.kind not in "iu" or self.ndim:
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        return int(self._scalar(operator.index))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __format__(self, spec: str) -> str:
        """The value of a scalar where a format is given, as in f"{x.mean():.3f}"; else as `str`."""
        return format(self.item(), spec) if spec and not self.ndim else format(str(self), spec)

    __hash__ = None  # type: ignore[assignment]

    # -- NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from .elementwise import apply_ufunc

        return apply_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from .dispatch import array_function

        return array_function(func, args, kwargs)

    # -- shape

    def __getitem__(self, key: Any) -> Array:
        if isinstance(key, str) or (isinstance(key, list) and key and isinstance(key[0], str)):
            from .fields import field

            return field(self, key)
        from .indexing import getitem

        return getitem(self, key)

    @property
    def T(self) -> Array:  # noqa: N802
        """All axes reversed."""
        return self.transpose()

    @property
    def mT(self) -> Array:  # noqa: N802
        """The last two axes swapped."""
        from . import manipulation

        return manipulation.matrix_transpose(self)

    def transpose(self, *axes: Any) -> Array:
        """Axes permuted; reversed where none are given."""
        from . import manipulation

        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return manipulation.permute_dims(self, order or None)

    def reshape(self, *shape: Any, order: str = "C") -> Array:
        """The same elements in C order under another shape; one length may be -1."""
        from . import manipulation

        wanted = shape[0] if len(shape) == 1 and not isinstance(shape[0], int | np.integer) else shape
        return manipulation.reshape(self, wanted, order=order)

    def ravel(self, order: str = "C") -> Array:
        """One axis with all elements in C order, or another that NumPy names."""
        from .manipulation import ravel

        return ravel(self, order)

    def flatten(self, order: str = "C") -> Array:
        """One axis with all elements in C order, or another that NumPy names."""
        from .manipulation import ravel

        return ravel(self, order)

    def copy(self) -> Array:
        """The array itself, under another name: it is immutable, so that nothing could tell a copy from it."""
        return Array(self._op)

    def dot(self, other: Any) -> Array:
        """As `lambdarray.dot`."""
        from .tensors import dot

        return dot(self, other)

    def squeeze(self, axis: Any = None) -> Array:
        """Without axes of length 1."""
        from . import manipulation

        return manipulation.squeeze(self, axis)

    def swapaxes(self, axis1: int, axis2: int) -> Array:
        """Two axes exchanged."""
        from . import manipulation

        return manipulation.swapaxes(self, axis1, axis2)

    def rechunk(self, chunks: Any = "auto") -> Array:
        """The same array cut into other tiles."""
        from . import manipulation

        return manipulation.rechunk(self, chunks)

    def astype(self, dtype: Any, *, copy: bool = True) -> Array:
        """The elements cast to another dtype."""
        from .elementwise import astype

        return astype(self, dtype, copy=copy)

    @property
    def real(self) -> Array:
        """The real part."""
        from .parts import real

        return real(self)

    @property
    def imag(self) -> Array:
        """The imaginary part."""
        from .parts import imag

        return imag(self)

    def conj(self) -> Array:
        """The complex conjugate."""
        return _unary(np.conjugate)(self)  # type: ignore[no-any-return]

    def conjugate(self) -> Array:
        """The complex conjugate."""
        return self.conj()

    def round(self, decimals: int = 0) -> Array:
        """Rounded to `decimals`, halves to even."""
        from .elementwise import round as round_

        return round_(self, decimals)

    def clip(self, min: Any = None, max: Any = None) -> Array:
        """Limited to [min, max]."""
        from .elementwise import clip

        return clip(self, min, max)


class _TooLargeError(LambdarrayError, MemoryError):
    """An implicit conversion that would bring more data here than is likely meant."""


def _binary(ufunc: np.ufunc) -> tuple[Any, Any]:
    def forward(self: Array, other: Any) -> Any:
        if _foreign(other):
            return NotImplemented
        return self.__array_ufunc__(ufunc, "__call__", self, other)

    def reflected(self: Array, other: Any) -> Any:
        if _foreign(other):
            return NotImplemented
        return self.__array_ufunc__(ufunc, "__call__", other, self)

    return forward, reflected


def _equality(compare: Any, answer: bool) -> Any:
    """Compared with None or text each element has the same answer, as NumPy gives it for numbers."""

    def method(self: Array, other: Any) -> Any:
        text = isinstance(other, str | bytes)
        if text and self.dtype.kind in "US":
            return compare(self, np.asarray(other))
        if other is None or text:
            from .creation import full_like

            return full_like(self, answer, dtype=bool)
        if self.dtype.names:
            from .fields import same

            return same(self, other) if not answer else ~same(self, other)  # type: ignore[operator]
        return compare(self, other)

    return method


def _foreign(other: Any) -> bool:
    return other is None or isinstance(other, str | bytes | dict)


def _unary(ufunc: np.ufunc) -> Any:
    return lambda self: self.__array_ufunc__(ufunc, "__call__", self)


BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "divmod": np.divmod,
    "pow": np.power,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
    "matmul": np.matmul,
}
COMPARE = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
UNARY = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}
REDUCTIONS = ("sum", "prod", "mean", "var", "std", "min", "max", "any", "all", "argmin", "argmax")
METHODS = (*REDUCTIONS, "choose", "diagonal", "repeat", "searchsorted", "trace")


def _method(name: str) -> Any:
    def method(self: Array, *args: Any, **kwargs: Any) -> Array:
        from .names import FUNCTIONS

        return FUNCTIONS[name](self, *args, **kwargs)  # type: ignore[no-any-return]

    method.__doc__ = f"As `lambdarray.{name}`."
    method.__name__ = name
    return method


# What NumPy's own ** does for these exponents of floating-point arrays.
POWERS = {(int, -1): np.reciprocal, (int, 2): np.square, (float, 0.5): np.sqrt}


def _power(self: Array, other: Any) -> Any:
    """`self ** other`."""
    number = type(other) in (int, float) and self.dtype.kind in "fc"
    quick = POWERS.get((type(other), other)) if number else None
    return self.__array_ufunc__(quick, "__call__", self) if quick else _binary(np.power)[0](self, other)


def _define() -> None:
    """Give Array its operators and methods, from the tables above."""
    for name, ufunc in BINARY.items():
        forward, reflected = _binary(ufunc)
        setattr(Array, f"__{name}__", _power if name == "pow" else forward)
        setattr(Array, f"__r{name}__", reflected)
    for name, ufunc in COMPARE.items():
        setattr(Array, f"__{name}__", _binary(ufunc)[0])
    for name, answer in (("eq", False), ("ne", True)):
        setattr(Array, f"__{name}__", _equality(getattr(Array, f"__{name}__"), answer))
    for name, ufunc in UNARY.items():
        setattr(Array, f"__{name}__", _unary(ufunc))
    for name in METHODS:
        setattr(Array, name, _method(name))


_define()
