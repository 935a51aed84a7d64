"""Results that are made where they are kept, with no copy."""

from __future__ import annotations

import numpy as np
import pytest
from lambdarray_kernels import get, kernel

from lambdarray.runtime import prepared
from lambdarray.runtime.worker import Worker
from lambdarray.store.directory import DirectoryStore
from lambdarray.store.memory import MemoryStore
from lambdarray.store.results import ResultArray
from lambdarray.task import ArraySpec, AxisMap, Part, Read, Step
from lambdarray.tiling import Cuts, Tiling

from .programs import attempts, in_object, program, put, tiles, whole, write

X = np.random.default_rng(0).random((6, 4))


class Noting(ResultArray):
    """Says of each tile whether it lay here when it was written."""

    def __init__(self, spec: ArraySpec) -> None:
        super().__init__(spec)
        self.was_here: list[bool] = []

    def write(self, index, tile):
        self.was_here.append(np.shares_memory(tile, self._array))
        return super().write(index, tile)


@kernel(flops=lambda a, **_: a[0], takes_out=True, name="test_own_memory")
def own_memory(a, out=None):
    """Has no use for the memory that it is given."""
    return a + 1


def elements(name: str, source: str, target: str) -> Step:
    code = [[name, [0], ["<f8"], ["<f8"]]]
    return Step("map", (target,), (source,), {"code": code, "outputs": [[1, None]]})


def made(monkeypatch, *steps, least=1):
    """What tasks with these steps make of X, and for each of their tiles whether it was made where it is kept."""
    monkeypatch.setattr(prepared, "LEAST_NBYTES", least)
    y = ArraySpec("y", Tiling.regular((6, 4), (2, 2)), np.dtype("f8"), {"kind": "result", "token": "y"})
    p = program(
        [in_object("x", X), y], [Cuts(6, 4), Cuts(4, 2)], [whole("x", "a", 2)], steps, [write("b", "y", [0, 1])]
    )
    result, reports = Noting(y), []
    with MemoryStore() as store:
        worker = Worker(store, {"x": X, "y": result})
        worker.run_bundle(attempts(p), reports.append)
        worker.close()
    assert [r.error + r.traceback for r in reports if r.status != "done"] == []
    assert not result._beside
    return result.value(), result.was_here


def test_elements_are_made_where_the_result_is_kept_though_its_rows_lie_apart(monkeypatch):
    value, was_here = made(monkeypatch, elements("negative", "a", "b"))
    np.testing.assert_array_equal(value, -X)
    assert was_here == [True] * 6


def test_what_another_step_reads_is_made_there_too(monkeypatch):
    value, was_here = made(monkeypatch, elements("negative", "a", "b"), elements("exp", "b", "c"))
    np.testing.assert_array_equal(value, -X)
    assert all(was_here)


def test_a_small_result_is_copied(monkeypatch):
    value, was_here = made(monkeypatch, elements("negative", "a", "b"), least=4 * 2 * 8 + 1)
    np.testing.assert_array_equal(value, -X)
    assert not any(was_here)


def test_a_result_that_a_later_step_makes_anew_is_copied(monkeypatch):
    value, was_here = made(monkeypatch, elements("negative", "a", "b"), Step("test_own_memory", ("b",), ("b",), {}))
    np.testing.assert_array_equal(value, 1 - X)
    assert not any(was_here)


def test_a_kernel_with_no_use_for_the_memory_leaves_it_to_the_copy(monkeypatch):
    value, was_here = made(monkeypatch, Step("test_own_memory", ("b",), ("a",), {}))
    np.testing.assert_array_equal(value, X + 1)
    assert not any(was_here)


def test_what_two_steps_of_a_loop_add_to_is_made_there_once(monkeypatch, tmp_path):
    monkeypatch.setattr(prepared, "LEAST_NBYTES", 1)
    y = ArraySpec("y", Tiling.regular((6, 6), (3, 3)), np.dtype("f8"), {"kind": "result", "token": "y"})
    reads = [
        Read("a", (Part("x", (AxisMap(0), AxisMap(2))),), (0, 1), True),
        Read("b", (Part("x", (AxisMap(1), AxisMap(2))),), (1, 0), True),
    ]
    steps = [Step("gemm", ("y",), ("a", "b"), {"dtype": "<f8"}, loop=True)] * 2
    x = tiles("x", (6, 4), (3, 2))
    p = program([x, y], [Cuts(6, 3), Cuts(6, 3), Cuts(4, 2)], reads, steps, [write("y", "y", [0, 1])], grid_ndim=2)
    result, reports = Noting(y), []
    with DirectoryStore(str(tmp_path)) as store:
        put(store, x, X)
        worker = Worker(store, {"y": result})
        worker.run_bundle(attempts(p), reports.append)
        worker.close()
    assert [r.error + r.traceback for r in reports if r.status != "done"] == []
    np.testing.assert_allclose(result.value(), 2 * X @ X.T)
    assert result.was_here == [True] * 4


@pytest.mark.parametrize("name", ["take_rows", "update_rows", "arrange_rows", "reflect", "unfold", "random", "gemm"])
def test_kernels_make_their_result_in_the_memory_that_is_given_if_it_is_such(name):
    rows, numbers = X[:2], np.array([1, 0])
    packed = get("reflect").fn(X, columns=4, size=4 * 4 + 10 * 4)
    block = {"block": [(0, 6)], "shape": [6]}
    args, params = {
        "take_rows": ((None, rows, numbers, numbers), {}),
        "update_rows": ((None, rows, numbers, numbers[::-1], rows, numbers), {}),
        "arrange_rows": ((rows[:, 1:], numbers), {}),
        "reflect": ((X,), {"columns": 4, "size": packed.size}),
        "unfold": ((packed, np.eye(4)), {"columns": 4, **block}),
        "random": ((), {"block": [(3, 9), (0, 4)], "shape": (9, 9), "seed": 1, "call": 0, "name": "standard_normal"}),
        "gemm": ((None, X, X.T), {}),
    }[name]
    found = get(name)
    expected = found.fn(*args, **params)
    out = np.full((expected.shape[0], expected.shape[1] + 3), 7.0)[:, : expected.shape[1]]
    assert found.fn(*args, **params, out=out) is out
    np.testing.assert_array_equal(out, expected)
    other = np.full(expected.shape, -1.0, np.float32)
    np.testing.assert_array_equal(found.fn(*args, **params, out=other), expected)
    assert (other == -1).all()
