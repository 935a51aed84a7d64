"""The elementwise functions that fused programs call, by name: every ufunc, and what is no ufunc in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from operator import itemgetter
from typing import Any

import numpy as np

from .standard import MENDED

Array = np.ndarray
DType = np.dtype


@dataclass(frozen=True, slots=True)
class Function:
    """A function called as `fn(*ins, out=array)`, or `out=tuple` where it has several outputs.

    With `inplace` an output may be the memory of an input. `casts` are the dtypes that the inputs must have before
    the call; None where the function casts them by itself.
    """

    fn: Callable[..., Any]
    inplace: bool
    casts: tuple[DType, ...] | None


def find(name: str, have: Sequence[DType], ins: Sequence[DType], outs: Sequence[DType]) -> Function:
    """The function `name` with exactly the loop `ins -> outs`, for inputs of dtypes `have`.

    >>> find("add", [np.dtype("i4"), np.dtype("f8")], [np.dtype("f8")] * 2, [np.dtype("f8")]).fn(1, 2.0)
    np.float64(3.0)
    """
    fn = EXTRAS.get(name) or _of_field(name) or MENDED.get((name, outs[0].kind) if outs else ("", ""))
    if fn is not None:
        return Function(fn, False, tuple(ins))
    ufunc = ufunc_named(name)
    return _with_loop(ufunc, have, tuple(ins), tuple(outs))


def ufunc_named(name: str) -> np.ufunc:
    """The ufunc of NumPy, or of `scipy.special` where the name says so; KeyError where there is none."""
    if name.startswith("scipy.special."):
        found = getattr(import_module("scipy.special"), name.removeprefix("scipy.special."), None)
    else:
        found = getattr(np, name, None)
    if not isinstance(found, np.ufunc) or found.signature is not None:
        raise KeyError(f"no elementwise function {name!r}")
    return found


def _with_loop(ufunc: np.ufunc, have: Sequence[DType], ins: tuple[DType, ...], outs: tuple[DType, ...]) -> Function:
    # NumPy multiplies complex numbers with fused operations, but not in place where there is only one of them.
    inplace = all(d.kind != "c" for d in ins)
    if _resolves(ufunc, have, ins + outs):
        return Function(ufunc, inplace, None)
    if _resolves(ufunc, ins, ins + outs):
        return Function(ufunc, inplace, ins)
    return Function(partial(ufunc, signature=ins + outs, casting="unsafe"), inplace, None)


def _resolves(ufunc: np.ufunc, have: Sequence[DType], loop: tuple[DType, ...]) -> bool:
    try:
        return bool(ufunc.resolve_dtypes((*have, *[None] * ufunc.nout)) == loop)
    except TypeError:
        return False


def cast(x: Array, out: Array) -> None:
    """`x.astype(out.dtype)`, without the warning that an imaginary part is lost: that is the caller's to give."""
    if x.dtype.kind == "c" and out.dtype.kind not in "cb":
        x = x.real
    np.copyto(out, x, casting="unsafe")


def where(condition: Array, x: Array, y: Array, out: Array) -> None:
    """`np.where` for inputs of one dtype.

    A blend of the bits takes the same time for any condition; a branch per element costs up to four times as much.
    """
    bits = _BITS.get(out.dtype.itemsize)
    if bits is None or out.dtype.hasobject:
        np.copyto(out, y)
        np.copyto(out, x, where=condition)
        return
    theirs, mine = y.view(bits), out.view(bits)
    np.bitwise_xor(x.view(bits), theirs, out=mine)
    np.multiply(mine, condition, out=mine)
    np.bitwise_xor(mine, theirs, out=mine)


_BITS = {1: "i1", 2: "i2", 4: "i4", 8: "i8"}


def clip(x: Array, low: Array, high: Array, out: Array) -> None:
    """`np.clip` with both bounds."""
    np.clip(x, low, high, out=out)


def round_(x: Array, decimals: Array, out: Array) -> None:
    """`np.round` to this number of decimals."""
    np.round(x, int(decimals), out=out)


def real(x: Array, out: Array) -> None:
    """The real part."""
    np.copyto(out, x.real)


def imag(x: Array, out: Array) -> None:
    """The imaginary part."""
    np.copyto(out, x.imag)


def complex_(re: Array, im: Array, out: Array) -> None:
    """The complex numbers with these parts."""
    out.real, out.imag = re, im


def nan_to_num(x: Array, *values: Array, out: Array) -> None:
    """`np.nan_to_num`; the values for nan, inf and -inf follow `x`, NumPy's own where they are left out."""
    names = ("nan", "posinf", "neginf")
    given: dict[str, Any] = {n: v[()] for n, v in zip(names, values, strict=False)}
    out[...] = np.nan_to_num(x, **given)


def _plain(name: str) -> Callable[..., None]:
    """A function of NumPy's that takes no `out`."""
    fn = getattr(np, name)

    def call(*ins: Array, out: Array) -> None:
        out[...] = fn(*ins)

    return call


def fields(x: Array, out: Array) -> None:
    """The fields of structured elements that the result has too."""
    out[...] = x[list(out.dtype.names or ())]


def _of_field(name: str) -> Callable[..., None] | None:
    """The function `items.NAME`: of a field that holds arrays the elements with these flat places."""
    if not name.startswith("items."):
        return None
    field = name.removeprefix("items.")

    def items(x: Array, place: Array, out: Array) -> None:
        flat = x[field].reshape(*x.shape, -1)
        for n in np.unique(place):
            np.copyto(out, flat[..., n], where=place == n)

    return items


# What a task refuses when it finds it in the data, as NumPy does.
REFUSALS: dict[str, tuple[type[Exception], str]] = {
    "refuse_all_nan": (ValueError, "All-NaN slice encountered"),
    "refuse_choice": (ValueError, "invalid entry in choice array"),
    "refuse_coordinate": (ValueError, "invalid entry in coordinates array"),
    "refuse_fraction": (TypeError, "fweights must be integer"),
    "refuse_index": (ValueError, "index is out of bounds for array of this size"),
    "refuse_negative": (ValueError, "weights cannot be negative"),
    "refuse_no_weight": (ZeroDivisionError, "Weights sum to zero, can't be normalized"),
}


def _refuse(error: type[Exception], message: str) -> Callable[..., None]:
    """A function that puts out its first input, or raises where the second says that it is not allowed."""

    def check(x: Array, wrong: Array, out: Array) -> None:
        if np.any(wrong):
            raise error(message)
        np.copyto(out, x)

    return check


EXTRAS: dict[str, Callable[..., None]] = {
    "cast": cast,
    "clip": clip,
    "complex": complex_,
    "copy": cast,
    "fields": fields,
    "imag": imag,
    "nan_to_num": nan_to_num,
    "real": real,
    "round": round_,
    "where": where,
    **{name: _refuse(*refusal) for name, refusal in REFUSALS.items()},
    **{name: _plain(name) for name in ("angle", "i0", "iscomplex", "isneginf", "isposinf", "isreal", "sinc")},
}


def view(name: str, x: DType, out: DType) -> Callable[[Array], Array] | None:
    """What makes the result from the input's memory without a copy, where that is possible."""
    if name in ("copy", "cast") and x == out:
        return _same
    if name.startswith("field."):
        return itemgetter(name.removeprefix("field."))
    return _VIEWS.get(name) if x.kind == "c" else None


def _same(x: Array) -> Array:
    return x


def _real(x: Array) -> Array:
    return x.real


def _imag(x: Array) -> Array:
    return x.imag


_VIEWS = {"real": _real, "imag": _imag}
