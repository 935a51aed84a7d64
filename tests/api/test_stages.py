"""Kernels over blocks: whole axes, windows, one element for each block, tables, loops, chosen reads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels.registry import kernel

import lambdarray as la
from lambdarray.api.stages import In, Out, Stage, along, single, whole
from lambdarray.tiling import AxisMap, Cuts
from tests.judge import arrays


def no_flops(*_: object, **__: object) -> int:
    return 0


@kernel(flops=no_flops, name="test_reverse")
def reverse(x: np.ndarray, axis: int) -> np.ndarray:
    return np.ascontiguousarray(np.flip(x, axis))


@kernel(flops=no_flops, name="test_sum")
def total(x: np.ndarray, axis: int) -> np.ndarray:
    return x.sum(axis, keepdims=True)


@kernel(flops=no_flops, name="test_add")
def add(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x + y


@kernel(flops=no_flops, name="test_window", needs_block=True)
def window(x: np.ndarray, block: object, shape: object) -> np.ndarray:
    (lo, hi) = block[0]
    padded = np.zeros(hi - lo + 2)
    start = max(lo - 1, 0)
    padded[start - lo + 1 : start - lo + 1 + len(x)] = x
    return padded[:-2] + padded[1:-1] + padded[2:]


@kernel(flops=no_flops, name="test_extremes")
def extremes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x.min(keepdims=True), np.concatenate([x[:1], x[-1:]])


@kernel(flops=no_flops, name="test_dot")
def dot(c: np.ndarray | None, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x @ y if c is None else c + x @ y


@kernel(flops=no_flops, name="test_repeat")
def repeat(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x, x[:, :1]], axis=1)


@kernel(flops=no_flops, name="test_ranges")
def ranges(x: np.ndarray) -> np.ndarray:
    return np.stack([x, x + 2], axis=1)


@given(arrays(dtypes=("i8", "f8"), min_dims=1, max_dims=3), st.data())
@settings(max_examples=40, deadline=None)
def test_a_kernel_sees_whole_lines_whatever_the_chunks_and_views(pair, data):
    x, n = pair
    if data.draw(st.booleans()):
        x, n = x.T, n.T
    if data.draw(st.booleans()):
        x, n = x[::-1], n[::-1]
    if data.draw(st.booleans()):
        x, n = x[:, None] if x.ndim == 1 else x[1:], n[:, None] if n.ndim == 1 else n[1:]
    axis = data.draw(st.integers(0, n.ndim - 1))
    y = along("reverse", x, [axis], "test_reverse", x.dtype, axis=axis)
    np.testing.assert_array_equal(y.compute(), np.flip(n, axis))


def test_windows_reach_into_the_neighbours_and_end_at_the_array():
    n = np.arange(10.0)
    x = la.from_array(n, chunks=((3, 1, 4, 2),))
    stage = Stage("window", x._op.tiling.axes)
    stage.call("test_window", ("y",), ("r0",))
    y = stage.make([In(x + 0, [AxisMap(0, -1, 1, 3)])], Out("y", [0], "f8"))
    np.testing.assert_array_equal(y.compute(), np.convolve(n, np.ones(3), "same"))


def test_a_stage_has_one_or_several_elements_for_each_block_and_others_read_them():
    n = np.array([5.0, 1.0, 4.0, 2.0, 8.0])
    x = la.from_array(n, chunks=((2, 3),))
    stage = Stage("extremes", x._op.tiling.axes)
    stage.call("test_extremes", ("low", "ends"), ("r0",))
    low, ends = stage.make_all([In(x, [0])], [Out("low", [0], "f8", [1]), Out("ends", [0], "f8", [2])])
    np.testing.assert_array_equal(low.compute(), [1, 2])
    np.testing.assert_array_equal(ends.compute(), [5, 1, 4, 8])
    assert ends.chunks == ((2, 2),)
    back = Stage("add", x._op.tiling.axes)
    back.call("test_add", ("y",), ("r0", "r1"))
    y = back.make([In(x, [0]), In(low, [AxisMap(0, by_block=True)])], Out("y", [0], "f8"))
    np.testing.assert_array_equal(y.compute(), n + np.array([1, 1, 2, 2, 2]))
    lows, both = la.compute(low + 1, ends)
    np.testing.assert_array_equal(lows, [2, 3])
    np.testing.assert_array_equal(both, [5, 1, 4, 8])


@pytest.mark.parametrize("store", ["memory://", "disk"])
def test_a_stage_may_make_blocks_of_other_lengths_than_its_own(store, tmp_path):
    n = np.arange(12.0).reshape(2, 6)
    x = la.from_array(n, chunks=(1, (3, 1, 2)))
    stage = Stage("repeat", x._op.tiling.axes)
    stage.call("test_repeat", ("y",), ("r0",))
    y = stage.make([In(x, [0, 1])], Out("y", [0, 1], "f8", cuts=[None, Cuts.ragged([4, 2, 3])]))
    assert y.chunks == ((1, 1), (4, 2, 3))
    with la.config(store=store if store != "disk" else str(tmp_path)):
        np.testing.assert_array_equal((y * 2).compute(), 2 * n[:, [0, 1, 2, 0, 3, 3, 4, 5, 4]])


def test_a_table_says_which_elements_a_block_needs():
    n = np.arange(12.0)
    x = la.from_array(n, chunks=5) + 0
    stage = Stage("sum", [Cuts(3, 1)])
    stage.call("test_sum", ("y",), ("r0",), axis=0)
    y = stage.make([In(x, [AxisMap(0, table=(0, 4, 3, 5, 6, 12))])], Out("y", [0], "f8"))
    np.testing.assert_array_equal(y.compute(), [n[0:4].sum(), n[3:5].sum(), n[6:12].sum()])


def test_a_loop_adds_up_over_blocks():
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    x, y = la.from_array(a, chunks=(1, 2)) + 0, la.from_array(b, chunks=(2, 3)) + 0
    stage = Stage("dot", [x._op.tiling.axes[0], y._op.tiling.axes[1], x._op.tiling.axes[1]], grid_ndim=2)
    stage.call("test_dot", ("c",), ("r0", "r1"), loop=True)
    out = stage.make([In(x, [0, 2]), In(y, [2, 1])], Out("c", [0, 1], "f8"))
    np.testing.assert_array_equal(out.compute(), a @ b)


@pytest.mark.parametrize("store", ["memory://", "disk"])
def test_a_step_chooses_what_is_read_of_each_tile(store, tmp_path):
    n = np.arange(20.0)
    x = la.from_array(n, chunks=8) + 0
    chosen = la.from_array(np.array([1, 0, 2]), chunks=3)
    stage = Stage("chosen", [single(6)])
    stage.call("test_ranges", ("w",), ("r1",))
    stage.call("test_reverse", ("y",), ("r0",), axis=0)
    y = stage.make([In(x, [whole(20)], by="w", by_axis=0, most=6), In(chosen, [whole(3)])], Out("y", [0], "f8"))
    with la.config(store=store if store != "disk" else str(tmp_path)):
        np.testing.assert_array_equal(y.compute(), n[[1, 2, 8, 9, 18, 19]][::-1])


def test_equal_stages_are_computed_once_and_keys_tell_others_apart():
    x = la.arange(8, chunks=4)
    first, second = (along("reverse", x, [0], "test_reverse", x.dtype, axis=0) for _ in range(2))
    assert la.plan(first + second).task_count == la.plan(first + first).task_count
    other = along("reverse", x + 1, [0], "test_reverse", x.dtype, axis=0)
    np.testing.assert_array_equal(la.compute(first, other)[1], np.arange(8, 0, -1))
