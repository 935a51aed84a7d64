"""What `x[key]` asks for: slices, integers and new axes first, then arrays that index axes of what these make."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ops import Shape
from .array import Array
from .elements import at_hand

Index = Any  # an array of integers or booleans: NumPy's, whose values are known, or ours
VALID = (
    "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays "
    "are valid indices"
)


@dataclass(frozen=True, slots=True)
class Key:
    """An index of an array.

    basic   a slice or an integer for each axis, and None for new ones
    joint   the arrays: the first axis of `x[basic]` that each is for, and the array; integers known here lie within
    at      where the axes that the arrays make stand among the others
    """

    basic: tuple[Any, ...]
    joint: tuple[tuple[int, Index], ...] = ()
    at: int = 0

    @property
    def mask(self) -> Index | None:
        """The mask, where it is the only array."""
        index = self.joint[0][1] if len(self.joint) == 1 else None
        return index if index is not None and index.dtype == bool else None


def parse(shape: Shape, key: Any) -> Key:
    """The key for an array of `shape`; IndexError as NumPy's where it is none."""
    entries = _spelt_out(shape, [_entry(e) for e in (key if isinstance(key, tuple) else (key,))])
    if not any(_is_array(e) for e in entries):
        return Key(tuple(_basic(shape, entries)))
    basic, joint = _basic(shape, entries), _joint(shape, entries)
    places = [n for n, e in enumerate(entries) if not (e is None or e is Ellipsis or isinstance(e, slice))]
    together = places == list(range(places[0], places[-1] + 1))
    kept = sum(e is None or isinstance(e, slice) for e in entries[: places[0]])
    return Key(tuple(basic), tuple(joint), kept if together else 0)


def _is_array(entry: Any) -> bool:
    return isinstance(entry, np.ndarray | Array)


def _entry(entry: Any) -> Any:
    """None, `...`, a slice, an integer, or an array of integers or booleans."""
    if entry is None or entry is Ellipsis or isinstance(entry, slice):
        return entry
    if isinstance(entry, bool | np.bool_):
        return np.asarray(entry)
    if not isinstance(entry, np.ndarray | Array):
        try:
            return operator.index(entry)
        except TypeError:
            entry = _from_sequence(entry)
    if entry.dtype.kind not in "biu":
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    if not entry.ndim and entry.dtype != bool:
        number = entry if isinstance(entry, np.ndarray) else at_hand(entry._op)
        return entry if number is None else int(number)
    return entry


def _from_sequence(entry: Any) -> np.ndarray:
    if isinstance(entry, str | bytes | dict | set) or not (hasattr(entry, "__len__") or hasattr(entry, "__array__")):
        raise IndexError(f"{VALID}; not {type(entry).__name__}")
    out = np.asarray(entry)
    if not out.size and not hasattr(entry, "dtype"):
        return out.astype(np.intp)
    if out.dtype.kind not in "biu":
        raise IndexError(f"{VALID}; not {type(entry).__name__} of {out.dtype}")
    return out


def _axes_taken(entry: Any) -> int:
    """How many axes of the array an entry is for."""
    if entry is None or entry is Ellipsis:
        return 0
    return int(entry.ndim) if _is_array(entry) and entry.dtype == bool else 1


def _spelt_out(shape: Shape, entries: list[Any]) -> list[Any]:
    """With a slice for every axis that `...` or the end of the key leaves out; a `...` for none still parts arrays."""
    named = sum(map(_axes_taken, entries))
    if named > len(shape):
        raise IndexError(f"too many indices for array: array is {len(shape)}-dimensional, but {named} were indexed")
    dots = sum(e is Ellipsis for e in entries)
    if dots > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    out: list[Any] = []
    for e in entries if dots else (*entries, Ellipsis):
        out.extend([*[slice(None)] * (len(shape) - named), Ellipsis] if e is Ellipsis else [e])
    return out if dots else out[:-1]


def _basic(shape: Shape, entries: Sequence[Any]) -> list[Any]:
    """The entries with whole axes in the place of arrays, a new axis where a boolean scalar stands, integers from 0."""
    out: list[Any] = []
    axis = 0
    for e in entries:
        if e is Ellipsis:
            continue
        count = _axes_taken(e)
        if _is_array(e):
            out.extend([slice(None)] * count if count else [None])
        elif isinstance(e, int):
            out.append(in_range(e, shape[axis], axis))
        else:
            out.append(e)
        axis += count
    return out


def in_range(n: int, size: int, axis: int) -> int:
    """The integer counted from the front; IndexError where it is out of range."""
    if not -size <= n < size:
        raise IndexError(f"index {n} is out of bounds for axis {axis} with size {size}")
    return n % size


def _joint(shape: Shape, entries: Sequence[Any]) -> list[tuple[int, Index]]:
    """The arrays, each with the axis of the basic result that it is for; alone a mask stays one."""
    found: list[tuple[int, int, Index]] = []
    axis = place = 0
    for e in entries:
        count = _axes_taken(e)
        if _is_array(e):
            _check_mask(e, shape, axis)
            found.append((axis, place, e))
        axis += count
        place += 0 if isinstance(e, int) or e is Ellipsis else max(count, 1)
    if len(found) == 1 and found[0][2].dtype == bool and found[0][2].ndim:
        return [(found[0][1], found[0][2])]
    spread = [(a + n, p + n, i) for a, p, e in found for n, i in enumerate(as_integers(e))]
    points = _points([i for _, _, i in spread])
    scalars = {p for _, p, e in found if not _axes_taken(e)}
    return [(p, within(i, 1 if p in scalars else shape[a], a) if points else i) for a, p, i in spread]


def _check_mask(mask: Index, shape: Shape, axis: int) -> None:
    for d, (n, m) in enumerate(zip(mask.shape, shape[axis:], strict=False)) if mask.dtype == bool else ():
        if n not in (0, m):  # NumPy lets pass what chooses nothing
            raise IndexError(
                f"boolean index did not match indexed array along axis {axis + d}; size of axis is {m} but size of "
                f"corresponding boolean axis is {n}"
            )


def as_integers(index: Index) -> Sequence[Index]:
    """A mask as the integers that it stands for, one array for each of its axes; a boolean scalar is for a new axis."""
    if index.dtype != bool:
        return [index]
    from .counting import known, nonzero

    if not index.ndim:
        return [np.zeros(int(known(index)), np.intp)]
    return nonzero(index) if isinstance(index, Array) else index.nonzero()


def _points(index: Sequence[Index]) -> int:
    """How many points the arrays give together; IndexError where they do not broadcast."""
    try:
        return math.prod(np.broadcast_shapes(*(i.shape for i in index)))
    except ValueError:
        shapes = " ".join(str(i.shape).replace(" ", "") for i in index)
        raise IndexError(
            f"shape mismatch: indexing arrays could not be broadcast together with shapes {shapes} "
        ) from None


def within(index: Index, size: int, axis: int) -> Index:
    """Known integers counted from the front; IndexError for the first that is out of range."""
    if isinstance(index, Array):
        return index
    # A copy: the user may change the index later.
    wide = np.array(index, np.int64)
    if wide.size and (wide.min() < -size or wide.max() >= size):
        in_range(int(wide[(wide < -size) | (wide >= size)][0]), size, axis)
    wide[wide < 0] += size
    return wide
