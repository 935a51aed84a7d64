"""Small expressions in which nothing is rounded, or each element by itself: computed at once, without a plan.

Every plan makes the same of them, bit for bit, however it is cut: of integers, of truth, and of the arithmetic that
IEEE 754 defines. Sums of floats and functions like `exp`, which may depend on what is computed together, are not here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from lambdarray_kernels.functions import find

from ..ops import Concat, Contract, Fill, Iota, Map, ObjectSource, Op, Rechunk, Reduce, Reshape, View

# What an expression may hold in all but its sources; an op counts at least OP_BYTES, so that only few are followed.
SMALL_BYTES = 256 << 10
OP_BYTES = 2 << 10
INTEGERS, REALS, NUMBERS = (frozenset(kinds) for kinds in ("biu", "biuf", "biufc"))
# Functions that are exact for complex numbers too, and those for real ones.
PARTWISE = {"add", "cast", "conjugate", "copy", "imag", "multiply", "negative", "positive", "real", "subtract", "where"}
EXACT = PARTWISE | {"absolute", "ceil", "divide", "floor", "floor_divide", "fmod", "maximum", "minimum", "remainder"}
EXACT |= {"rint", "sign", "sqrt", "square", "trunc"}
FOLDS = {
    "all": np.logical_and,
    "any": np.logical_or,
    "max": np.maximum,
    "min": np.minimum,
    "prod": np.multiply,
    "sum": np.add,
}


Known = Callable[[Op], np.ndarray | None]


def exactly(op: Op, known: Known = lambda op: None) -> np.ndarray | None:
    """The value of a small expression that every plan computes alike; None where it is no such.

    `known` may know the value of a part that is not exact.

    >>> import lambdarray as la
    >>> exactly((la.arange(6).reshape(2, 3) > 2).any(axis=1)._op)
    array([False,  True])
    """
    try:
        return _Expression(known).value(op)
    except _OtherError:
        return None


class _OtherError(Exception):
    """An expression that needs a plan."""


class _Expression:
    """The values of the ops of one expression, each made once."""

    def __init__(self, known: Known) -> None:
        self.left, self.known = SMALL_BYTES, known
        self.made: dict[int, np.ndarray] = {}

    def value(self, op: Op) -> np.ndarray:
        """The value of an op, after those of its inputs."""
        if id(op) not in self.made:
            self.left -= OP_BYTES if isinstance(op, ObjectSource) else max(op.nbytes, OP_BYTES)
            if self.left < 0:
                raise _OtherError
            self.made[id(op)] = self._make(op)
        return self.made[id(op)]

    def _make(self, op: Op) -> np.ndarray:
        if _is_exact(op):
            made: np.ndarray = MAKERS[type(op)](op, *map(self.value, op.inputs))
            return made
        found = self.known(op)
        if found is None:
            raise _OtherError
        return found


def _fill(op: Fill) -> np.ndarray:
    return np.broadcast_to(np.asarray(op.value, op.dtype), op.shape)


def _iota(op: Iota) -> np.ndarray:
    return np.arange(*op.shape, dtype=op.dtype)


def _view(op: View, x: np.ndarray) -> np.ndarray:
    if 0 in op.shape:
        return np.empty(op.shape, op.dtype)
    index: list[Any] = [m.start for m in op.maps]
    for s, m in enumerate(op.maps):
        if m.axis >= 0:
            along = [-1 if d == m.axis else 1 for d in range(op.ndim)]
            index[s] = (m.start + m.step * np.arange(op.shape[m.axis])).reshape(along)
    return np.broadcast_to(x[tuple(index)], op.shape)


def _map(op: Map, *inputs: np.ndarray) -> np.ndarray:
    given = [inputs[a] if isinstance(a, int) else _constant(a) for a in op.args]
    found = find(op.name, [a.dtype for a in given], op.loop_in, op.loop_out)
    if found.casts:
        given = [a.astype(d) for a, d in zip(given, found.casts, strict=True)]
    out = np.empty(op.shape, op.dtype)
    with np.errstate(all="ignore"):
        found.fn(*given, out=out)
    return out


def _is_exact_map(op: Map) -> bool:
    before, after = ({d.kind for d in loop} for loop in (op.loop_in, op.loop_out))
    if len(op.loop_out) > 1 or (op.name == "cast" and not before <= INTEGERS and after <= {"i", "u"}):
        return False  # floats out of an integer's range become what the processor likes
    exact: Any = EXACT if before | after <= REALS else PARTWISE if before | after <= NUMBERS else ()
    return op.name in exact or after == {"b"}


def _constant(arg: list[Any]) -> np.ndarray:
    """The value that `ops.constant` made plain."""
    _, dtype, bits = arg
    return np.frombuffer(bytes.fromhex(bits), dtype).reshape(())


def _reduce(op: Reduce, x: np.ndarray) -> np.ndarray:
    found = FOLDS[op.kind].reduce(x, axis=op.axes, keepdims=True, dtype=op.accumulator)
    return np.asarray(found, op.dtype)


def _is_exact_reduction(op: Reduce) -> bool:
    return op.kind in FOLDS and {op.inputs[0].dtype.kind, op.accumulator.kind, op.dtype.kind} <= INTEGERS


def _is_exact(op: Op) -> bool:
    asks = IS_EXACT.get(type(op))
    return type(op) in MAKERS and (asks is None or asks(op))


MAKERS: dict[type[Op], Callable[..., Any]] = {
    Concat: lambda op, *inputs: np.concatenate(inputs, axis=op.axis),
    Contract: lambda op, a, b: np.matmul(a, b),
    Fill: _fill,
    Iota: _iota,
    Map: _map,
    ObjectSource: lambda op: op.obj,
    Rechunk: lambda op, x: x,
    Reduce: _reduce,
    Reshape: lambda op, x: x.reshape(op.shape),
    View: _view,
}
# Of some ops only those are exact that this says.
IS_EXACT: dict[type[Op], Callable[..., bool]] = {
    Contract: lambda op: op.dtype.kind in INTEGERS,
    Map: _is_exact_map,
    ObjectSource: lambda op: type(op.obj) is np.ndarray,
    Reduce: _is_exact_reduction,
}
