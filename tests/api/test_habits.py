"""What hands that know NumPy type: positional arguments, methods, None, formats; each as NumPy answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lambdarray as la

from ..judge import check_raises

CUBE, TABLE = np.arange(24.0).reshape(2, 3, 4), np.arange(12.0).reshape(3, 4)

REDUCTIONS: list[Callable[..., Any]] = [
    lambda m, x, y: m.sum(x, 0, None, None, True),
    lambda m, x, y: x.sum(0, "f4"),
    lambda m, x, y: x.sum(axis=0, out=None),
    lambda m, x, y: x.max((0, 1)),
    lambda m, x, y: x.max(0, None, True),
    lambda m, x, y: m.mean(x, 0, None, None, True),
    lambda m, x, y: y.std(0, None, None, 1),
    lambda m, x, y: np.sum(x, 0, None, None, True),
    lambda m, x, y: np.add.reduce(x),
    lambda m, x, y: np.maximum.reduce(x, (0, 1)),
    lambda m, x, y: np.amax(y, 0),
    lambda m, x, y: np.sum(a=x, axis=0),
    lambda m, x, y: np.nanstd(a=y, axis=0, ddof=1),
    lambda m, x, y: np.mean(x, axis=(0, 2), keepdims=True),
    lambda m, x, y: y.sum(where=y > 3, initial=2),
    lambda m, x, y: np.add.reduce(y, axis=None, keepdims=True),
    lambda m, x, y: np.logaddexp.reduce(y, 1),
    lambda m, x, y: np.subtract.outer(y[0], y[1]),
]
CREATION: list[Callable[..., Any]] = [
    lambda m, x, y: m.ones(3, int),
    lambda m, x, y: m.full((2, 3), 1, "f4"),
    lambda m, x, y: m.zeros_like(y, int),
    lambda m, x, y: np.zeros_like(a=y, dtype=int, order="K", subok=True),
    lambda m, x, y: np.full_like(a=y, fill_value=3),
    lambda m, x, y: np.pad(array=y, pad_width=1, mode="constant", constant_values=2),
    lambda m, x, y: np.flip(m=y, axis=0),
    lambda m, x, y: np.reshape(y, (4, 3), "F"),
    lambda m, x, y: np.broadcast_to(array=y, shape=(2, 3, 4), subok=True),
    lambda m, x, y: np.stack(arrays=[y, y], axis=-1),
    lambda m, x, y: m.arange(3, 10, 2, int),
    lambda m, x, y: m.arange(start=1, stop=5),
    lambda m, x, y: m.arange(stop=5),
    lambda m, x, y: m.linspace(0, 1, 5, False),
    lambda m, x, y: m.eye(3, 4, 1),
]
OPERATORS: list[Callable[..., Any]] = [
    lambda m, x, y: y @ y.T.tolist(),
    lambda m, x, y: [1.0, 2.0, 3.0] @ y,
    lambda m, x, y: y + (1, 2, 3, 4),  # noqa: RUF005
    lambda m, x, y: y == None,  # noqa: E711
    lambda m, x, y: y != None,  # noqa: E711
    lambda m, x, y: y == "a",
    lambda m, x, y: np.multiply.outer(y, y),
    lambda m, x, y: m.where(y > 3, 1, 0),
    lambda m, x, y: m.concatenate([y, y.astype("i4"), y > 2]),
    lambda m, x, y: np.clip(y, a_min=1, a_max=5),
    lambda m, x, y: y.dot(y.T),
    lambda m, x, y: y.conjugate(),
    lambda m, x, y: y.copy(),
    lambda m, x, y: x.reshape((6, 4), order="C"),
    lambda m, x, y: x.ravel("C"),
    lambda m, x, y: x.diagonal(1, 1, 2) + x.trace(axis1=1, axis2=2)[:, None],
    lambda m, x, y: y.repeat(2, axis=0),
    lambda m, x, y: y[0].searchsorted([1.5, 9]),
    lambda m, x, y: (y > 3).choose([y, -1]),
]
ANSWERS: list[Callable[..., Any]] = [
    lambda m, x, y: (np.shape(x), np.ndim(x), np.size(x)),
    lambda m, x, y: (np.result_type(x, "f4"), np.iscomplexobj(x), np.isrealobj(x)),
    lambda m, x, y: f"{y.mean():.3f} {y.sum():10.2e}",
    lambda m, x, y: (3 in y, 99 in y),
    lambda m, x, y: (len(x), [float(v) for v in y[0]], sorted(y[0])[0] == 0),
    lambda m, x, y: (float(y.sum()), int(y[0, 1]), complex(y[0, 1]), bool(y.sum())),
]
MISTAKES: list[Callable[..., Any]] = [
    lambda m, x, y: bool(y),
    lambda m, x, y: len(y.sum()),
    lambda m, x, y: iter(y.sum()),
    lambda m, x, y: hash(y),
    lambda m, x, y: float(y),
    lambda m, x, y: y.sum(axis=5),
    lambda m, x, y: y.sum(axis=(0, 0)),
    lambda m, x, y: y.sum(axis="a"),
    lambda m, x, y: y @ y,
    lambda m, x, y: y @ 2,
    lambda m, x, y: y + "a",
    lambda m, x, y: y + None,
    lambda m, x, y: y[5],
    lambda m, x, y: y["a"],
    lambda m, x, y: m.ones(2.0),
    lambda m, x, y: m.arange(),
    lambda m, x, y: m.squeeze(x, 0),
    lambda m, x, y: m.broadcast_to(y, (2, 3, 3)),
]


def both(function: Callable[..., Any]) -> tuple[Any, Any]:
    ours = function(la, la.from_array(CUBE, chunks=2), la.from_array(TABLE, chunks=(2, 3)))
    return ours, function(np, CUBE, TABLE)


@pytest.mark.parametrize("function", [*REDUCTIONS, *CREATION, *OPERATORS])
def test_calls_written_for_numpy_give_numpys_arrays(function: Callable[..., Any]) -> None:
    ours, theirs = both(function)
    assert isinstance(ours, la.Array)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    np.testing.assert_array_equal(ours.compute(), theirs)


@pytest.mark.parametrize("function", ANSWERS)
def test_questions_about_arrays_have_numpys_answers(function: Callable[..., Any]) -> None:
    ours, theirs = both(function)
    assert ours == theirs


@pytest.mark.parametrize("function", MISTAKES)
def test_mistakes_raise_numpys_kind_of_error(function: Callable[..., Any]) -> None:
    with pytest.raises(Exception) as found:
        function(np, CUBE, TABLE)
    arrays = la.from_array(CUBE, chunks=2), la.from_array(TABLE, chunks=(2, 3))
    check_raises(lambda x, y: function(la, x, y), arrays, found.value)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "max", "any", "argmin"])
def test_out_of_a_reduction_is_refused_since_arrays_are_immutable(name: str) -> None:
    with pytest.raises(TypeError, match="immutable"):
        getattr(la, name)(la.ones(3), out=np.empty(()))


def test_tiles_of_an_outer_product_of_long_vectors_are_no_larger_than_others() -> None:
    x = la.ones(1 << 20)
    assert np.prod(np.multiply.outer(x, x).chunksize) * 8 <= 128 << 20
    assert np.prod((x[:, None] < x).chunksize) <= 128 << 20
    assert (x + 1).chunks == x.chunks


def test_text_compares_with_text() -> None:
    names = np.array(["ab", "b", "ab"])
    np.testing.assert_array_equal((la.from_array(names, chunks=2) == "ab").compute(), names == "ab")


def test_masked_arrays_are_refused_since_their_masks_would_be_lost() -> None:
    with pytest.raises(TypeError, match="filled"):
        la.from_array(np.ma.masked_array([1.0, 2.0], [True, False]))
