"""Kernels that a worker calls in a loop, over tiles of a store, with parameters that went through JSON."""

from __future__ import annotations

import json

import numpy as np

from lambdarray.runtime import prepared
from lambdarray.runtime.worker import Worker
from lambdarray.store.memory import MemoryStore
from lambdarray.task import AxisMap, Part, Program, Read, Step
from lambdarray.tiling import Cuts

from .programs import attempts, get, program, put, tiles, write


def computed(p, arrays, name="y"):
    """The array `name` after all tasks of a program, which went through JSON."""
    with MemoryStore() as store:
        p = Program.from_json(json.loads(json.dumps(p.to_json())))
        for source, value in arrays.items():
            put(store, p.arrays[source], value)
        worker, reports = Worker(store, None), []
        worker.run_bundle(attempts(p), reports.append)
        worker.close()
        assert [r.error + r.traceback for r in reports if r.status != "done"] == []
        return get(store, p.arrays[name])


def along(register, array, *axes, loop=False):
    """A read whose axes follow these axes of the stage."""
    return Read(register, (Part(array, tuple(AxisMap(a) for a in axes)),), tuple(range(len(axes))), loop)


def test_rows_are_gathered_from_all_tiles_of_the_source():
    x, index = np.random.default_rng(0).random((10, 6)), np.array([9, -10, 3, 3, 0, 7, -1])
    p = program(
        [tiles("x", (10, 6), (3, 4)), tiles("i", (7,), (4,), "i8"), tiles("y", (7, 6), (4, 4))],
        [Cuts(7, 4), Cuts(6, 4), Cuts(10, 3)],
        [along("index", "i", 0), along("source", "x", 2, 1, loop=True)],
        [Step("gather", ("found",), ("source", "index"), {"at": [2]}, True)],
        [write("found", "y", [0, 1])],
        grid_ndim=2,
    )
    np.testing.assert_array_equal(computed(p, {"x": x, "i": index}), x[index])


def test_values_are_scattered_into_tiles_in_their_order():
    rng = np.random.default_rng(0)
    x, index, values = rng.random(10), rng.integers(-10, 10, 25), rng.random(25)
    for mode in ("set", "add"):
        p = program(
            [tiles("x", (10,), (3,)), tiles("i", (25,), (4,), "i8"), tiles("v", (25,), (4,)), tiles("y", (10,), (3,))],
            [Cuts(10, 3), Cuts(25, 4)],
            [along("tile", "x", 0), along("index", "i", 1, loop=True), along("values", "v", 1, loop=True)],
            [Step("scatter", ("made",), ("tile", "index", "values"), {"at": [0], "mode": mode}, True)],
            [write("made", "y", [0])],
            grid_ndim=1,
        )
        expected = x.copy()
        if mode == "set":
            expected[index] = values
        else:
            np.add.at(expected, index, values)
        np.testing.assert_array_equal(computed(p, {"x": x, "i": index, "v": values}), expected)


def test_a_line_in_tiles_is_searched():
    line, x = np.sort(np.random.default_rng(0).random(20)), np.random.default_rng(1).random(9)
    p = program(
        [tiles("s", (20,), (6,)), tiles("x", (9,), (4,)), tiles("y", (9,), (4,), "i8")],
        [Cuts(9, 4), Cuts(20, 6)],
        [along("values", "x", 0), along("line", "s", 1, loop=True)],
        [Step("searchsorted", ("found",), ("line", "values"), {"side": "right"}, True)],
        [write("found", "y", [0])],
        grid_ndim=1,
    )
    np.testing.assert_array_equal(computed(p, {"s": line, "x": x}), np.searchsorted(line, x, "right"))


def test_the_largest_of_each_line_are_found_over_its_tiles():
    x = np.random.default_rng(0).permutation(60).reshape(3, 20)
    p = program(
        [tiles("x", (3, 20), (2, 6), "i8"), tiles("y", (3, 4), (2, 4), "i8")],
        [Cuts(3, 2), Cuts(4, 4), Cuts(20, 6)],
        [along("a", "x", 0, 2, loop=True)],
        [Step("topk", ("best",), ("a",), {"k": 4, "axis": 1}, True)],
        [write("best", "y", [0, 1])],
        grid_ndim=2,
    )
    np.testing.assert_array_equal(computed(p, {"x": x}), -np.sort(-x, axis=1)[:, :4])


def test_a_histogram_is_the_sum_of_its_tiles():
    x = np.random.default_rng(0).random(50)
    p = program(
        [tiles("x", (50,), (7,)), tiles("y", (8, 5), (1, 5), "i8")],
        [Cuts(50, 7), Cuts(5, 5)],
        [along("a", "x", 0)],
        [Step("histogram", ("counts",), ("a",), {"bins": 5, "range": [0, 1]})],
        [write("counts", "y", [0, 1], [True, False])],
    )
    np.testing.assert_array_equal(computed(p, {"x": x}).sum(0), np.histogram(x, 5, (0, 1))[0])


def test_a_transform_is_multiplied_by_roots_in_the_same_task():
    x = np.random.default_rng(0).random((6, 8)) + 0j
    p = program(
        [tiles("x", (6, 8), (6, 3), "c16"), tiles("y", (6, 8), (6, 3), "c16")],
        [Cuts(6, 6), Cuts(8, 3)],
        [along("a", "x", 0, 1)],
        [Step("fft", ("b",), ("a",), {"axis": 0}), Step("twiddle", ("c",), ("b",), {})],
        [write("c", "y", [0, 1])],
    )
    columns = computed(p, {"x": x})
    np.testing.assert_allclose(np.fft.fft(columns, axis=1).T.reshape(-1), np.fft.fft(x.reshape(-1)), atol=1e-13)


def test_what_a_later_step_changes_in_place_is_made_where_the_result_is_kept(monkeypatch):
    monkeypatch.setattr(prepared, "LEAST_NBYTES", 1)
    a, before = np.random.default_rng(0).random((6, 4)), np.arange(6)
    after, triangle = np.array([3, 0, 5]), np.tril(np.full((3, 3), 0.5), -1) + np.eye(3)
    matrices = [tiles("a", (6, 4), (2, 4)), tiles("l", (3, 3), (3, 3)), tiles("y", (3, 4), (3, 2))]
    numbers = [tiles("before", (6,), (6,), "i8"), tiles("after", (3,), (3,), "i8")]
    reads = [along("r0", "a", 2, 1, loop=True), along("r1", "before", 2, loop=True), along("r2", "after", 0)]
    reads.append(Read("r3", (Part("l", (AxisMap(-1, size=3),) * 2),), (0, 1), False))
    taken = Step("take_rows", ("y",), ("r0", "r1", "r2"), {}, True)
    for overwrite in (True, False):
        solved = Step("trsm", ("y",), ("r3", "y"), {"unit_diagonal": True, "overwrite": overwrite})
        cuts = [Cuts(3, 3), Cuts(4, 2), Cuts(6, 2)]
        p = program([*matrices, *numbers], cuts, reads, [taken, solved], [write("y", "y", [0, 1])], grid_ndim=2)
        with MemoryStore() as store:
            worker = Worker(store, None)
            ready = worker.prepare(p)
            worker.close()
        assert ready.loop[0].target is (ready.writes[0] if overwrite else None)
        found = computed(p, {"a": a, "before": before, "after": after, "l": triangle})
        np.testing.assert_allclose(triangle @ found, a[after])
