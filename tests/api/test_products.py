"""Matrix products against NumPy, fused, split and batched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, assert_same, judge


@st.composite
def factors(draw):
    m, k, n = (draw(st.integers(0, 7)) for _ in range(3))
    batch_a, batch_b = draw(st.sampled_from([((), ()), ((3,), ()), ((), (2,)), ((3,), (1,)), ((2, 1), (3,))]))
    left = (*batch_a, m, k) if batch_a or draw(st.booleans()) else (k,)
    right = (*batch_b, k, n) if batch_b or draw(st.booleans()) else (k,)
    return draw(arrays(shape=left)), draw(arrays(shape=right))


@given(pair=factors())
def test_matmul_is_numpys(pair):
    if any(np.issubdtype(x[1].dtype, np.inexact) and not np.isfinite(x[1]).all() for x in pair):
        pair = tuple(
            (
                la.from_array(np.nan_to_num(v, posinf=1, neginf=-1), chunks=a.chunks),
                np.nan_to_num(v, posinf=1, neginf=-1),
            )
            for a, v in pair
        )
    judge(lambda a, b: a @ b, *pair)


@given(x=arrays(dtypes=("f8",), min_dims=2, max_dims=2), y=arrays(dtypes=("f8",), min_dims=0, max_dims=2))
def test_matmul_of_wrong_shapes_raises_numpys_error(x, y):
    x, y = ((la.from_array(np.nan_to_num(v), chunks=a.chunks), np.nan_to_num(v)) for a, v in (x, y))
    judge(lambda a, b: a @ b, x, y)


def test_inner_lengths_that_differ_name_both_shapes():
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(4, 5\)"):
        la.ones((2, 3)) @ la.ones((4, 5))


def test_a_products_epilogue_and_the_first_step_of_a_reduction_are_one_stage():
    a = la.from_array(np.random.default_rng(0).random((12, 8)), chunks=4)
    b = la.from_array(np.random.default_rng(1).random((8, 12)), chunks=4)
    out = ((a @ b) * 2 + 1).mean(axis=0)
    assert [p.op.split(" ")[0] for p in la.plan(out).programs] == ["matmul", "mean"]
    assert_same(out, ((np.asarray(a) @ np.asarray(b)) * 2 + 1).mean(axis=0))


def test_matmul_writes_no_partial_product():
    a = la.ones((12, 12), chunks=4).persist()
    plan = la.plan(a @ a)
    assert len(plan.programs) == 1
    assert plan.task_count == 9


def test_k_is_split_where_the_grid_is_smaller_than_the_workers_and_the_plan_says_so():
    x = la.from_array(np.random.default_rng(0).random((64, 4)), chunks=(4, 4))
    with la.config(workers=8):
        plan = la.plan(x.T @ x)
        assert any("split" in note for note in plan.notes)
        assert plan.programs[0].task_count == 8
        assert_same(x.T @ x, np.asarray(x).T @ np.asarray(x))
        assert_same((x.T @ x + 1).T * 2, (np.asarray(x).T @ np.asarray(x) + 1).T * 2)


def test_a_transposed_operand_is_read_as_it_is():
    x = la.from_array(np.random.default_rng(0).random((6, 9)), chunks=3)
    assert len(la.plan(x @ x.T).programs) == 1
    assert_same(x @ x.T, np.asarray(x) @ np.asarray(x).T)
