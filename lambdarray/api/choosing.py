"""Elements chosen from several arrays by conditions or by numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from typing import Any

import numpy as np

from .array import Array
from .creation import asarray, zeros_like
from .elementwise import PYTHON_SCALARS, call, operand, where
from .lookup import inside


def choose(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Array:
    """For each number in `a` the element of that one of `choices`.

    Where there is none of that number, "raise" makes the task that finds it raise ValueError; "wrap" and "clip" take
    another.
    """
    x, values = asarray(a), [operand(c) for c in choices]
    if not values:
        raise ValueError("0-length sequence.")
    if not np.can_cast(x.dtype, np.intp):
        raise TypeError(f"Cannot cast array data from {x.dtype!r} to int64 according to the rule 'safe'")
    number = inside(x.astype(np.intp), len(values), mode, "refuse_choice")
    kind = _common(values)
    chosen = _cast(values[-1], kind)
    for n in reversed(range(len(values))):
        chosen = where(call(np.equal, number, n), _cast(values[n], kind), chosen)
    return chosen  # type: ignore[no-any-return]


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Array:
    """For each element the choice whose condition is the first that holds; `default` where none does.

    >>> import lambdarray as la
    >>> x = la.arange(5)
    >>> la.select([x < 2, x > 3], [-x, x * 10], 7).compute()
    array([ 0, -1,  7,  7, 40])
    """
    conditions, choices = [asarray(c) for c in condlist], [*choicelist, default]
    if len(conditions) != len(choices) - 1:
        raise ValueError("list of cases must be same length as list of conditions")
    if not conditions:
        raise ValueError("select with an empty condition list is not possible")
    for n, condition in enumerate(conditions):
        if condition.dtype != bool:
            raise TypeError(f"invalid entry {n} in condlist: should be boolean ndarray, not {condition.dtype}")
    values = [operand(c) for c in choices]
    kind = _common(values)
    out = _cast(values[-1], kind)
    for condition, value in zip(conditions[::-1], values[-2::-1], strict=True):
        own = np.asarray(value).dtype if type(value) in PYTHON_SCALARS else value.dtype
        if not np.can_cast(own, kind, "same_kind"):
            raise TypeError(f"Cannot cast a choice from {own!r} to {kind!r} according to the rule 'same_kind'")
        out = where(condition, _cast(value, kind), out)
    return out  # type: ignore[no-any-return]


def _common(values: Sequence[Any]) -> np.dtype[Any]:
    """The dtype that arrays and scalars have in common."""
    kind: np.dtype[Any] = np.result_type(*(getattr(v, "dtype", v) for v in values))
    return kind


def _cast(value: Any, kind: np.dtype[Any]) -> Any:
    return value.astype(kind) if isinstance(value, Array) else np.asarray(value).astype(kind)[()]


def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Array:
    """For each element what the function (or constant) makes of it whose condition is the last that holds.

    One function more than there are conditions is for where none holds; else 0 is. The functions see the whole array,
    so that they must work element by element.
    """
    x = asarray(x)
    conditions = _conditions(x, condlist)
    n = len(conditions)
    if len(funclist) not in (n, n + 1):
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected, not {len(funclist)}")
    if any(c.shape != x.shape[: c.ndim] for c in conditions):
        raise IndexError(f"boolean index did not match indexed array: {conditions[0].shape} and {x.shape}")
    conditions = [c[(...,) + (None,) * (x.ndim - c.ndim)] for c in conditions]
    if len(funclist) > n:
        conditions.append(call(np.logical_not, reduce(partial(call, np.logical_or), conditions)))
    out = zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        value = function(x, *args, **kw) if callable(function) else function
        out = where(condition, _cast(operand(value), x.dtype), out)
    return out


def _conditions(x: Array, condlist: Any) -> list[Array]:
    """The conditions, along the first axes of the array; one alone is a list of one."""
    if np.ndim(condlist) == 0 or (x.ndim and not isinstance(condlist[0], list) and np.ndim(condlist[0]) == 0):
        condlist = [condlist]
    found = [asarray(c).astype(bool) for c in condlist]
    if any(c.shape != found[0].shape for c in found):
        raise ValueError(f"conditions have different shapes: {[c.shape for c in found]}")
    return found
