"""Array: NumPy's names over an immutable expression."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..config import get_config
from ..errors import LambdarrayError
from ..ops import Op, Shape


class Array:
    """An array that is computed when asked: an immutable expression over tiles.

    It holds no result, settings or connection. Operators, functions of `lambdarray` and NumPy's ufuncs make new
    arrays; `compute()`, `persist()` and `to_zarr()` run. `x[key] = value` and `x += value` bind `x` to a new
    expression; arrays that were made of it keep the old one.

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

    def become(self, other: Array) -> None:
        """Bind this array to another's expression: what assignments and NumPy's functions in place do.

        Raises ValueError where shape or dtype is another.
        """
        if (self.shape, self.dtype) != (other.shape, other.dtype):
            raise ValueError(f"an array of {self.dtype} {self.shape} cannot become one of {other.dtype} {other.shape}")
        object.__setattr__(self, "_op", other._op)

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

    @property
    def blocks(self) -> Any:
        """The tiles by their place in the grid: `x.blocks[0, 1]`, `x.blocks[:2]`, `x.blocks[[2, 0]]` are arrays."""
        from .blockview import BlockView

        return BlockView(self)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<lambdarray.Array shape={self.shape} dtype={self.dtype} chunks={self.chunksize}>"

    def _repr_html_(self) -> str:
        from .pictures import array_html

        return array_html(self._op)

    def visualize(self, filename: Any = None) -> Any:
        """The plan of computing this array as a graph of its stages: see `lambdarray.visualize`."""
        from .graph import visualize

        return visualize(self, filename=filename)

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

    def to_zarr(self, url: Any, **options: Any) -> None:
        """Run, and write the tiles as a Zarr v3 array at a directory or an s3:// URL: see `lambdarray.to_zarr`."""
        from .writing import to_zarr

        to_zarr(self, url, **options)

    def _implicit(self, what: str) -> np.ndarray:
        limit_mib, mib = get_config().implicit_mib, self.nbytes / 2**20
        if limit_mib is not None and mib > limit_mib:
            raise _TooLargeError(
                f"{what} would compute {mib:,.1f} MiB here, above implicit_mib={limit_mib}; call .compute() if that is "
                f"what you want, or la.config(implicit_mib={math.ceil(mib)}), or None for no limit"
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
        return self._implicit("item()").item(*args) if args or self.size != 1 else self._element().item()

    def tolist(self) -> Any:
        """The value as nested lists."""
        return self._implicit("tolist()").tolist()

    def _element(self) -> Any:
        """The value of an array of one element, as a scalar of NumPy's."""
        from .elements import at_hand

        found = at_hand(self._op)
        return self._implicit("conversion").reshape(())[()] if found is None else found

    def _scalar(self, convert: Any) -> Any:
        if self.ndim:
            raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
        return convert(self._element())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"
            )
        return bool(self._element())

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

    def __reduce__(self) -> Any:
        raise TypeError("an Array is an expression, which cannot be pickled; give it to a function as an argument")

    # -- where it is, for the array API standard

    @property
    def device(self) -> str:
        """Where the value comes to when it is computed: "cpu"."""
        return "cpu"

    def to_device(self, device: Any, /, *, stream: Any = None) -> Array:
        """The array itself, for the one device that there is; ValueError for another."""
        from .devices import on_cpu

        on_cpu(device)
        if stream is not None:
            raise ValueError("a stream is nothing that a cpu has; leave it out")
        return self

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        from .dispatch import namespace

        return namespace(api_version)

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
    ) -> Any:
        value = self._implicit("__dlpack__()")
        return value.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # kDLCPU, as DLPack numbers it

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

    def __setitem__(self, key: Any, value: Any) -> None:
        from .setting import setitem

        setitem(self, key, value)

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
        """The same expression under another name: what is assigned to one is not seen in the other."""
        return Array(self._op)

    def take(self, indices: Any, axis: int | None = None, out: None = None, mode: str = "raise") -> Array:
        """As `lambdarray.take`."""
        from .indexing import take

        return take(self, indices, axis, out, mode)

    def choose(self, choices: Any, out: None = None, mode: str = "raise") -> Array:
        """As `lambdarray.choose`."""
        from .choosing import choose

        return choose(self, choices, out, mode)

    def nonzero(self) -> tuple[Array, ...]:
        """As `lambdarray.nonzero`."""
        from .counting import nonzero

        return nonzero(self)

    def compress(self, condition: Any, axis: int | None = None, out: None = None) -> Array:
        """As `lambdarray.compress`."""
        from .counting import compress

        return compress(condition, self, axis, out)

    def repeat(self, repeats: Any, axis: int | None = None) -> Array:
        """As `lambdarray.repeat`."""
        from .counting import repeat

        return repeat(self, repeats, axis)

    def put(self, indices: Any, values: Any, mode: str = "raise") -> None:
        """As `lambdarray.put`."""
        from .placing import put

        put(self, indices, values, mode)

    def fill(self, value: Any) -> None:
        """One value everywhere."""
        self[...] = value

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

    def map_blocks(self, func: Any, *args: Any, **kwargs: Any) -> Array:
        """As `lambdarray.map_blocks`."""
        from .blocked import map_blocks

        return map_blocks(func, self, *args, **kwargs)

    def map_overlap(self, func: Any, depth: Any, boundary: Any = None, trim: bool = True, **kwargs: Any) -> Array:
        """As `lambdarray.map_overlap`."""
        from .overlap import map_overlap

        return map_overlap(func, self, depth=depth, boundary=boundary, trim=trim, **kwargs)

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
        """The complex conjugate; of real numbers and of truth the same."""
        return self.copy() if self.dtype.kind in "biuf" else _unary(np.conjugate)(self)

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


def _inplace(forward: Any) -> Any:
    """`x += v` and its like: the array becomes the result, cast to its dtype where NumPy would."""

    def method(self: Array, other: Any) -> Any:
        out = forward(self, other)
        if out is NotImplemented:
            return out
        if not np.can_cast(out.dtype, self.dtype, "same_kind"):
            raise TypeError(
                f"the result is {out.dtype}, which in place cannot become {self.dtype}; write x = x + v and so on"
            )
        if out.shape != self.shape:
            raise ValueError(
                f"non-broadcastable output operand with shape {self.shape} doesn't match the broadcast shape "
                f"{out.shape}"
            )
        self.become(out.astype(self.dtype, copy=False).rechunk(self.chunks))
        return self

    return method


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
        from .names import find

        return find(name)(self, *args, **kwargs)  # type: ignore[no-any-return]

    method.__doc__ = f"As `lambdarray.{name}`."
    method.__name__ = name
    return method


# What NumPy's own ** does for these exponents of floating-point arrays, and for 2 of any.
POWERS = {(int, -1): np.reciprocal, (int, 2): np.square, (float, 0.5): np.sqrt}


def _power(self: Array, other: Any) -> Any:
    """`self ** other`."""
    number = type(other) is int or type(other) is float
    quick = POWERS.get((type(other), other)) if number and (self.dtype.kind in "fc" or other == 2) else None
    return self.__array_ufunc__(quick, "__call__", self) if quick else _binary(np.power)[0](self, other)


def _define() -> None:
    """Give Array its operators and methods, from the tables above."""
    for name, ufunc in BINARY.items():
        forward, reflected = _binary(ufunc)
        forward = _power if name == "pow" else forward
        setattr(Array, f"__{name}__", forward)
        setattr(Array, f"__r{name}__", reflected)
        if name != "divmod":
            setattr(Array, f"__i{name}__", _inplace(forward))
    for name, ufunc in COMPARE.items():
        setattr(Array, f"__{name}__", _binary(ufunc)[0])
    for name, answer in (("eq", False), ("ne", True)):
        setattr(Array, f"__{name}__", _equality(getattr(Array, f"__{name}__"), answer))
    for name, ufunc in UNARY.items():
        setattr(Array, f"__{name}__", _unary(ufunc))
    for name in METHODS:
        setattr(Array, name, _method(name))


_define()
