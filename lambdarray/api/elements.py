"""Single elements as Python's numbers, without a run of their own where the value is at hand.

A loop over the elements of a small array would else be a run for each of them.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..ops import Fill, ObjectSource, Op, Stored, View
from .array import Array
from .exact import OP_BYTES, SMALL_BYTES, exactly

# How many values of small expressions are kept for their next element.
REMEMBERED = 16


def at_hand(op: Op) -> Any:
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
    value = _known(op)
    if value is None:
        value = exactly(op, _known)
    return None if value is None else value[index]


def _known(op: Op) -> np.ndarray | None:
    """The whole value of what is small and constant, and has other elements that may be asked for next."""
    return _remembered(op) if math.prod(op.shape) > 1 and _is_small(op) else None


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
def _remembered(op: Op) -> np.ndarray:
    from .compute import compute

    found = exactly(op)
    out: np.ndarray = compute(Array(op)) if found is None else np.array(found)
    out.setflags(write=False)
    return out
