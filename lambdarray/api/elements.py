"""Single elements as Python's numbers, without a run of their own where the value is at hand.

A loop over the elements of a small array would else be a run for each of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from lambdarray_kernels.functions import find

from ..ops import Fill, Map, ObjectSource, Op, Stored, View

# What an expression may hold in all, counting at least OP_BYTES for an op, so that its value is computed as a whole
# and kept for the next element. REMEMBERED of them are kept.
SMALL_BYTES = 256 << 10
OP_BYTES = 1 << 10
REMEMBERED = 16
# The conditions of conditions that are followed.
DEPTH = 6


def at_hand(op: Op, depth: int = DEPTH) -> Any:
    """The element of an op of size 1, a scalar of NumPy's; None where a run has to tell.

    >>> import lambdarray as la
    >>> at_hand(la.asarray([[1, 2], [3, 4]]).T[0, 1]._op)
    np.int64(3)
    """
    index, base = (0,) * op.ndim, op
    while isinstance(base, View):
        index = tuple([m.start + m.step * index[m.axis] if m.axis >= 0 else m.start for m in base.maps])
        base = base.inputs[0]
    if isinstance(base, Fill):
        return base.value
    if isinstance(base, ObjectSource):
        return base.obj[index] if type(base.obj) is np.ndarray else None
    if base is not op and _is_small(base):
        return _value(base)[index]
    return _condition(op, depth) if isinstance(op, Map) else None


def _condition(op: Map, depth: int) -> Any:
    """Whether what `x[i] == y[j]` and its like ask is true; None where a run has to tell."""
    if op.dtype != bool or not depth:
        return None
    values = [at_hand(i, depth - 1) for i in op.inputs]
    if any(v is None for v in values):
        return None
    given = [np.asarray(values[a]) if isinstance(a, int) else _constant(a) for a in op.args]
    found = find(op.name, [a.dtype for a in given], op.loop_in, op.loop_out)
    if found.casts:
        given = [a.astype(d) for a, d in zip(given, found.casts, strict=True)]
    out = np.empty((), bool)
    with np.errstate(all="ignore"):
        found.fn(*given, out=out)
    return out[()]


def _constant(arg: list[Any]) -> np.ndarray:
    """The value that `ops.constant` made plain."""
    _, dtype, bits = arg
    return np.frombuffer(bytes.fromhex(bits), dtype).reshape(())


def _is_small(op: Op) -> bool:
    """Whether the value costs little, and is the same whenever it is computed."""
    left, seen, todo = SMALL_BYTES, set[int](), [op]
    while todo and left >= 0:
        op = todo.pop()
        if id(op) not in seen:
            seen.add(id(op))
            left -= max(op.nbytes, OP_BYTES)
            todo.extend(op.inputs)
            if isinstance(op, Stored) or (isinstance(op, ObjectSource) and not op.constant):
                return False
    return left >= 0


@lru_cache(REMEMBERED)
def _value(op: Op) -> np.ndarray:
    from .array import Array
    from .compute import compute

    out: np.ndarray = compute(Array(op))
    out.setflags(write=False)
    return out
