"""Single elements as Python's numbers, without a run of their own where the value is at hand.

A loop over the elements of a small array would else be a run for each of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from lambdarray_kernels.functions import find

from ..ops import Fill, Map, ObjectSource, Op, Reduce, Stored, View
from .array import Array

# What an expression may hold in all, counting at least OP_BYTES for an op, so that its value is computed as a whole
# and kept for the next element. REMEMBERED of them are kept.
SMALL_BYTES = 256 << 10
OP_BYTES = 1 << 10
REMEMBERED = 16
# How far operations on elements are followed.
DEPTH = 6
# Whose results do not depend on how many elements they are given at once, as those of vectorised functions may; the
# first are so for complex numbers too.
PARTWISE = {"add", "cast", "copy", "multiply", "negative", "positive", "subtract"}
EXACT = PARTWISE | {"absolute", "ceil", "divide", "floor", "floor_divide", "fmod", "maximum", "minimum", "remainder"}
EXACT |= {"rint", "sign", "sqrt", "square", "trunc"}


def at_hand(op: Op, depth: int = DEPTH) -> Any:
    """The element of an op of size 1, a scalar of NumPy's; None where a run has to tell.

    >>> import lambdarray as la
    >>> at_hand(la.asarray([[1, 2], [3, 4]]).T[0, 1]._op)
    np.int64(3)
    """
    index = (0,) * op.ndim
    while isinstance(op, View):
        index = tuple([m.start + m.step * index[m.axis] if m.axis >= 0 else m.start for m in op.maps])
        op = op.inputs[0]
    if isinstance(op, Fill):
        return op.value
    if isinstance(op, ObjectSource):
        return op.obj[index] if type(op.obj) is np.ndarray else None
    if math.prod(op.shape) > 1:
        return _value(op)[index] if _is_small(op) else None
    return _made_of_elements(op, depth - 1) if depth else None


def elements(x: Any) -> Any:
    """A list with the elements of its arrays in their place; LookupError where one has axes or is not at hand."""
    if isinstance(x, list | tuple):
        return [elements(v) for v in x]
    if not isinstance(x, Array):
        return x
    found = None if x.ndim else at_hand(x._op)
    if found is None:
        raise LookupError("an element that has to be computed")
    return found


def _made_of_elements(op: Op, depth: int) -> Any:
    """What one element is made of others that are at hand; None where a run has to tell."""
    if isinstance(op, Map) and _is_exact(op):
        values = [at_hand(i, depth) for i in op.inputs]
        waiting = [n for n, v in enumerate(values) if v is None]
        if len(waiting) == 1 < len(values) and _is_small(op.inputs[waiting[0]]):
            # A run of this one alone: a plan of all would make again what is at hand.
            n = waiting.pop()
            values[n] = _computed(op.inputs[n]).reshape(())[()]
        return None if waiting else _applied(op, values)
    if isinstance(op, Reduce) and op.kind in ("all", "any") and math.prod(op.inputs[0].shape) == 1:
        return at_hand(op.inputs[0], depth)
    return None


def _is_exact(op: Map) -> bool:
    kinds = {d.kind for d in op.loop_in + op.loop_out}
    exact = EXACT if kinds <= set("biuf") else PARTWISE if kinds <= set("biufc") else ()
    return op.name in exact or op.loop_out == (np.dtype(bool),)


def _applied(op: Map, values: Sequence[Any]) -> Any:
    """The kernels' function on single elements."""
    given = [np.asarray(values[a]) if isinstance(a, int) else _constant(a) for a in op.args]
    found = find(op.name, [a.dtype for a in given], op.loop_in, op.loop_out)
    if found.casts:
        given = [a.astype(d) for a, d in zip(given, found.casts, strict=True)]
    out = np.empty((), op.dtype)
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


def _computed(op: Op) -> np.ndarray:
    from .compute import compute

    out: np.ndarray = compute(Array(op))
    out.setflags(write=False)
    return out


_value = lru_cache(REMEMBERED)(_computed)
