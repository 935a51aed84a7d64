"""Single elements as Python's numbers, without a run of their own where the value is at hand.

A loop over the elements of a small array would else be a run for each of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..ops import Fill, ObjectSource, Op, Stored, View

# What an expression may hold in all, counting at least OP_BYTES for an op, so that its value is computed as a whole
# and kept for the next element. REMEMBERED of them are kept.
SMALL_BYTES = 256 << 10
OP_BYTES = 1 << 10
REMEMBERED = 16


def at_hand(op: Op) -> Any:
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
    return _value(base)[index] if base is not op and _is_small(base) else None


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
