"""Elementwise functions: every NumPy ufunc, and the few functions like them that are not ufuncs."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from lambdarray_kernels.functions import REFUSALS

from ..ops import Map, Op, Shape, auto_chunk, constant
from ..tiling import Cuts, Tiling
from .array import Array
from .creation import asarray, storable
from .devices import on_cpu
from .tile_sizes import HERE_BYTES

# A tile of what operands broadcast to is at most so many times as large as one that is cut automatically.
MOST_TILES = 4
PYTHON_SCALARS = (bool, int, float, complex)


def unify(ops: Sequence[Op], shape: Shape) -> Tiling:
    """The tiling of what these ops broadcast to: along each axis that of the largest op which has it in full."""
    if len(ops) == 1 and ops[0].shape == shape:
        return ops[0].tiling
    axes: list[Cuts] = []
    ranked = sorted(ops, key=lambda op: -op.nbytes)
    for d, n in enumerate(shape):
        from_end = len(shape) - d
        fitting = (op.tiling.axes[-from_end] for op in ranked if op.ndim >= from_end and op.shape[-from_end] == n)
        axes.append(next(fitting, Cuts(n, builtins.max(n, 1))))
    return _in_size(Tiling(tuple(axes)), ops)


def _in_size(tiling: Tiling, ops: Sequence[Op]) -> Tiling:
    """The tiling, cut finer where its tiles are much larger than any that they are made of, as in an outer product."""
    itemsize = builtins.max(op.dtype.itemsize for op in ops)
    elements = math.prod(tiling.max_tile)
    if elements * itemsize <= MOST_TILES * HERE_BYTES or elements in [math.prod(op.tiling.max_tile) for op in ops]:
        return tiling
    lengths = auto_chunk(tiling.max_tile, itemsize, HERE_BYTES)
    pairs = zip(tiling.axes, lengths, strict=True)
    return Tiling(tuple(Cuts(c.size, builtins.max(n, 1)) if n < c.max_chunk else c for c, n in pairs))


def operand(x: Any) -> Any:
    """An Array or a scalar: what an elementwise op takes."""
    if isinstance(x, Array) or type(x) in PYTHON_SCALARS:
        return x
    if isinstance(x, np.generic):
        return x
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return x[()]
    return asarray(x)


def _kind(x: Any) -> Any:
    """What `resolve_dtypes` takes for an operand: a dtype, or a Python type for a weak scalar."""
    if isinstance(x, Array):
        return x.dtype
    if type(x) is bool:
        return np.dtype(bool)
    return type(x) if type(x) in PYTHON_SCALARS else x.dtype


def build(name: str, operands: Sequence[Any], loop_in: Sequence[Any], loop_out: Sequence[Any]) -> tuple[Array, ...]:
    """The elementwise op `name` over operands that were resolved to these loop dtypes."""
    inputs = [x._op for x in operands if isinstance(x, Array)]
    shape = broadcast_shape([i.shape for i in inputs])
    tiling = unify(inputs, shape)
    args: list[Any] = []
    for x, kind in zip(operands, loop_in, strict=True):
        args.append(_place(inputs, x) if isinstance(x, Array) else constant(x, kind))
    common: dict[str, Any] = {"name": name, "args": tuple(args), "loop_in": tuple(loop_in), "loop_out": tuple(loop_out)}
    return tuple(
        Array(Map(tuple(inputs), tiling, storable(kind), output=n, **common)) for n, kind in enumerate(loop_out)
    )


def _place(inputs: Sequence[Op], x: Array) -> int:
    return next(n for n, op in enumerate(inputs) if op is x._op)


def broadcast_shape(shapes: Sequence[Shape]) -> Shape:
    """The common shape; ValueError with all shapes where there is none."""
    if len(shapes) == 1:
        return shapes[0]
    if all(s == shapes[0] for s in shapes):
        return shapes[0]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        text = " ".join(str(s).replace(" ", "") for s in shapes)
        raise ValueError(
            f"operands could not be broadcast together with shapes {text}; "
            "each pair of trailing axes must be equal or 1"
        ) from None


def call(ufunc: np.ufunc, *operands: Any, dtype: Any = None, casting: str = "same_kind") -> Any:
    """A ufunc over arrays and scalars, with the loop that NumPy chooses."""
    made = [operand(x) for x in operands]
    if not any(isinstance(x, Array) for x in made):
        return ufunc(*made) if dtype is None else ufunc(*made, dtype=dtype)
    loop = _resolve(ufunc, made, dtype, casting)
    made = [_fit(x, kind) for x, kind in zip(made, loop[: ufunc.nin], strict=True)]
    if ufunc is np.power and loop[2].kind in "iu" and not isinstance(made[1], Array) and made[1] < 0:
        raise ValueError("Integers to negative integer powers are not allowed.")
    out = build(name_of(ufunc), made, loop[: ufunc.nin], loop[ufunc.nin :])
    return out[0] if ufunc.nout == 1 else out


def name_of(ufunc: np.ufunc) -> str:
    """The name by which kernels find a ufunc of NumPy or of `scipy.special`."""
    return ufunc.__name__ if getattr(np, ufunc.__name__, None) is ufunc else f"scipy.special.{ufunc.__name__}"


def _resolve(ufunc: np.ufunc, operands: Sequence[Any], dtype: Any, casting: Any) -> tuple[np.dtype[Any], ...]:
    kinds = [_kind(x) for x in operands]
    if all(isinstance(k, type) for k in kinds):
        kinds = [np.dtype(k) for k in kinds]
    if ufunc in COMPARISONS and any(k is int for k in kinds):
        kinds = _comparable(operands, kinds)
    chosen: dict[str, Any] = (
        {} if dtype is None else {"signature": (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout}
    )
    try:
        loop: tuple[np.dtype[Any], ...] = ufunc.resolve_dtypes(
            tuple(kinds) + (None,) * ufunc.nout, casting=casting, **chosen
        )
    except TypeError as error:
        raise TypeError(f"{error} (operands: {', '.join(map(_named, kinds))})") from None
    return loop


def _named(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)


COMPARISONS = {np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal}


def _comparable(operands: Sequence[Any], kinds: list[Any]) -> list[Any]:
    """A Python integer outside the other operand's dtype still compares, in a dtype that holds both."""
    other = next(k for k in kinds if k is not int)
    value = next(x for x in operands if type(x) is int)
    if not isinstance(other, np.dtype) or other.kind not in "iu":
        return kinds
    info = np.iinfo(other)
    if info.min <= value <= info.max:
        return kinds
    fits = -(2**63) <= value < 2**63 and other != np.uint64
    wide: np.dtype[Any] = np.dtype(np.int64 if fits else np.float64)
    return [wide if k is int else k for k in kinds]


def _fit(x: Any, kind: np.dtype[Any]) -> Any:
    """A scalar as the loop's dtype; OverflowError as NumPy where a Python integer does not fit."""
    if isinstance(x, Array):
        return x
    if type(x) is int and kind.kind in "iu":
        return np.array(x, dtype=kind)[()]
    return np.asarray(x).astype(kind)[()]


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """NumPy's protocol for ufuncs on our arrays."""
    if method == "reduce":
        return _reduce(ufunc, inputs[0], kwargs)
    out = kwargs.pop("out", None)
    where_ = kwargs.pop("where", True)
    if method == "accumulate":
        from .scans import accumulate

        return accumulate(ufunc, *inputs, **{**kwargs, "out": out})
    if method == "reduceat":
        from .segments import reduceat

        return reduceat(ufunc, *inputs, **{**kwargs, "out": out})
    if method == "outer":
        a, b = (operand(x) for x in inputs)
        new = (...,) + (None,) * (b.ndim if isinstance(b, Array) else np.ndim(b))
        return call(ufunc, a[new] if isinstance(a, Array) else np.asarray(a)[new], b, **kwargs)
    if method == "at":
        from .placing import ufunc_at

        return ufunc_at(ufunc, *inputs)
    if method != "__call__":
        return NotImplemented
    if out is not None:
        raise TypeError(f"{ufunc.__name__}: an Array is immutable, so out= cannot be filled; use the value returned")
    if where_ is not True:
        raise TypeError(f"{ufunc.__name__}: where= leaves values undefined; use lambdarray.where(condition, x, y)")
    kwargs.pop("subok", None)
    kwargs.pop("order", None)
    if ufunc.signature is not None:
        from .names import WHERE, find

        return find(ufunc.__name__)(*inputs, **kwargs) if ufunc.__name__ in WHERE else NotImplemented
    unknown = set(kwargs) - {"dtype", "casting"}
    if unknown:
        raise TypeError(f"{ufunc.__name__}: {', '.join(sorted(unknown))}= is not supported on lambdarray arrays")
    return call(ufunc, *inputs, **kwargs)


def _reduce(ufunc: np.ufunc, x: Any, kwargs: dict[str, Any]) -> Any:
    from .folds import KINDS, fold

    if ufunc not in KINDS:
        return NotImplemented
    given = {k: v for k, v in kwargs.items() if v is not np._NoValue}
    return fold(ufunc, x, **given)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Array:
    """The elements cast to `dtype`, as NumPy's astype casts them."""
    on_cpu(device)
    x, kind = asarray(x), storable(dtype)
    if x.dtype == kind:
        return Array(x._op) if copy else x
    return build("cast", [x], (x.dtype,), (kind,))[0]


@overload
def where(condition: Any) -> tuple[Array, ...]: ...


@overload
def where(condition: Any, x: Any, y: Any) -> Array: ...


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """`x` where the condition holds and `y` elsewhere, broadcast; of a condition alone as `nonzero`.

    >>> import lambdarray as la
    >>> la.where(la.arange(4) > 1, la.arange(4), -1).compute()
    array([-1, -1,  2,  3])
    """
    if x is None and y is None:
        from .counting import nonzero

        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    operands = [operand(condition), operand(x), operand(y)]
    kind = np.result_type(*(v if type(v) in PYTHON_SCALARS else _kind(v) for v in operands[1:]))
    if not any(isinstance(v, Array) for v in operands):
        operands[0] = asarray(condition)
    loop = (np.dtype(bool), kind, kind)
    operands = [v if isinstance(v, Array) else np.asarray(v).astype(k)[()] for v, k in zip(operands, loop, strict=True)]
    return build("where", operands, loop, (kind,))[0]


def refuse(name: str, x: Any, wrong: Any) -> Any:
    """`x`, refused for what is `wrong` with it: at once where NumPy has it, else by the task that finds it."""
    if isinstance(wrong, Array):
        return build(name, [x, wrong], (x.dtype, wrong.dtype), (x.dtype,))[0]
    if np.any(wrong):
        error, message = REFUSALS[name]
        raise error(message)
    return x


def clip(x: Any, min: Any = None, max: Any = None, *, a_min: Any = None, a_max: Any = None) -> Array:
    """Values limited to [min, max]; either may be None. `a_min` and `a_max` are NumPy's older names of them."""
    min, max = a_min if min is None else min, a_max if max is None else max
    out = asarray(x)
    if out.dtype.kind in "iu":  # Python's integers have any size, and limit nothing beyond that of the dtype
        info = np.iinfo(out.dtype)
        min = None if type(min) is int and min <= info.min else min
        max = None if type(max) is int and max >= info.max else max
    if min is None and max is None:
        return call(np.positive, out)  # type: ignore[no-any-return]
    min, max = operand(min) if min is not None else None, operand(max) if max is not None else None
    if min is not None and max is not None:
        out = astype(out, np.result_type(out.dtype, *(v if type(v) in PYTHON_SCALARS else v.dtype for v in (min, max))))
    out = out if min is None else call(np.maximum, out, min)
    return out if max is None else call(np.minimum, out, max)


def round(x: Any, decimals: int = 0) -> Array:
    """Rounded to `decimals` places, halves to even, as numpy.round."""
    x = asarray(x)
    if x.dtype.kind in "iub" and decimals >= 0:
        return Array(x.astype(np.float16)._op if x.dtype.kind == "b" else x._op)
    if decimals == 0:
        return call(np.rint, x)  # type: ignore[no-any-return]
    factor = 10.0 ** abs(decimals)
    if decimals > 0:
        return call(np.rint, x * factor) / factor  # type: ignore[no-any-return]
    return (call(np.rint, x / factor) * factor).astype(x.dtype)  # type: ignore[no-any-return]


# What NumPy has loaded, not dir(np): that would import all of its lazy submodules.
UFUNCS = sorted(
    name for name, f in vars(np).items() if isinstance(f, np.ufunc) and f.signature is None and name[0] != "_"
)


def function(name: str) -> Any:
    """The function of this package for a NumPy ufunc."""
    ufunc = getattr(np, name)

    def applied(operands: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not any(isinstance(x, Array) for x in operands):
            operands = tuple(asarray(x) for x in operands)
        return apply_ufunc(ufunc, "__call__", operands, kwargs)

    def unary(x: Any, /, **kwargs: Any) -> Any:
        return applied((x,), kwargs)

    def binary(x1: Any, x2: Any, /, **kwargs: Any) -> Any:
        return applied((x1, x2), kwargs)

    elementwise: Any = unary if ufunc.nin == 1 else binary
    elementwise.__name__ = elementwise.__qualname__ = name
    elementwise.__doc__ = f"`numpy.{name}` on tiles: the same values, dtypes and errors."
    return elementwise
