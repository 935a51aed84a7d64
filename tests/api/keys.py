"""Keys of every kind that NumPy takes, and of some that it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import lambdarray as la

from ..judge import cuts

SLICES = st.builds(
    slice,
    st.none() | st.integers(-9, 9),
    st.none() | st.integers(-9, 9),
    st.none() | st.sampled_from([-3, -2, -1, 1, 2, 3]),
)


@st.composite
def keys(draw: Any, shape: tuple[int, ...], valid: bool = True) -> tuple[Any, Any]:
    """A pair of keys for an array of `shape`: with our arrays in it, and with NumPy's for the same.

    One that is not `valid` may have too many entries, masks of other shapes, integers out of range, and what is no
    index at all.
    """
    entries: list[tuple[Any, Any]] = []
    points = draw(st.sampled_from([(), (0,), (1,), (4,), (3, 2), (2, 1, 2)]))
    left = list(shape) if draw(st.booleans()) else list(shape[: draw(st.integers(0, len(shape)))])
    if not valid and draw(st.booleans()):
        left.append(3)
    while left:
        kinds = ["slice", "integer", "array", "mask", "new", "scalar"]
        kind = draw(st.sampled_from(kinds if valid else [*kinds, "wrong"]))
        count = draw(st.integers(1, min(2, len(left)))) if kind == "mask" else 1
        entries.append(draw(entry(kind, tuple(left[:count]), points, valid)))
        if kind not in ("new", "scalar", "wrong"):
            del left[:count]
        elif len(entries) > 5:
            break
    if draw(st.booleans()) and (valid or len(entries) < 5):
        entries.insert(draw(st.integers(0, len(entries))), (..., ...))
    if len(entries) == 1 and draw(st.booleans()):
        return entries[0]
    return tuple(e for e, _ in entries), tuple(e for _, e in entries)


@st.composite
def entry(draw: Any, kind: str, shape: tuple[int, ...], points: tuple[int, ...], valid: bool) -> tuple[Any, Any]:
    """One entry of a key, for axes of `shape`; integer arrays broadcast to `points`."""
    size, far = shape[0], 0 if valid else 1
    if kind == "slice":
        return (draw(SLICES),) * 2
    if kind == "new":
        return None, None
    if kind == "scalar":
        return (draw(st.sampled_from([True, False, np.True_, np.array(True)])),) * 2
    if kind == "wrong":
        return (draw(st.sampled_from([1.5, "a", np.zeros(2), [0.5], ..., {}, np.zeros(2, "M8[s]")])),) * 2
    if kind == "integer" and size:
        number = draw(st.integers(-size - far, size - 1 + far))
        return (draw(st.sampled_from([number, np.int64(number), np.array(number)])),) * 2
    if kind == "mask":
        wrong = draw(st.sampled_from([0, 0, 1])) * far
        mask = np.random.default_rng(draw(st.integers(0, 99))).random([n + wrong for n in shape])
        return draw(given(mask < draw(st.sampled_from([0.0, 0.3, 0.7, 1.0]))))
    shapes = [points, points[-1:], (1,) * len(points), *([] if valid else [(3,)])]
    index = np.zeros(draw(st.sampled_from(shapes)) if size else (0,), np.int64)
    if size:
        low = draw(st.sampled_from([0, -size - far]))
        index = np.random.default_rng(draw(st.integers(0, 99))).integers(low, size + far, index.shape)
        index = np.sort(index, axis=None).reshape(index.shape) if draw(st.booleans()) else index
    return draw(given(np.asarray(index).astype(draw(st.sampled_from(["i8", "i4", "i1"])))))


@st.composite
def given(draw: Any, index: np.ndarray) -> tuple[Any, Any]:
    """An array as itself, as a list, or as ours."""
    how = draw(st.sampled_from(["itself", "list", "ours", "computed"]))
    if how == "list" and index.ndim:
        return index.tolist(), index.tolist()
    if how == "itself" or how == "list":
        return index, index
    ours = la.from_array(index, chunks=tuple(draw(st.just(cuts(draw, n))) for n in index.shape))
    return (ours if how == "ours" else ours == True if index.dtype == bool else ours + 0), index  # noqa: E712
