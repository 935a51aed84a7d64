from __future__ import annotations

import json
from itertools import pairwise
from itertools import product as indices
from threading import Lock
from time import monotonic, sleep

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarray.runtime.executors import Attempt
from lambdarray.runtime.replay import replay, task_text
from lambdarray.runtime.worker import Worker
from lambdarray.store import open_store
from lambdarray.store.directory import DirectoryStore
from lambdarray.store.memory import MemoryStore
from lambdarray.store.results import ResultArray
from lambdarray.store.testing import WrapperStore
from lambdarray.task import ArraySpec, AxisMap, Part, Program, Read, Step, Task
from lambdarray.tiling import Cuts

from .programs import attempts, elementwise, get, in_object, product, program, put, tiles, whole, write


@pytest.fixture(params=["memory", "directory"])
def store(request, tmp_path):
    with MemoryStore() if request.param == "memory" else DirectoryStore(str(tmp_path / "s")) as made:
        yield made


def run(store, program, objects=None, number=0, **settings):
    worker, reports = Worker(store, objects, **settings), []
    worker.run_bundle(attempts(program, number), reports.append)
    worker.close()
    return sorted(reports, key=lambda r: r.task)


def checked(reports):
    assert [r.error + r.traceback for r in reports if r.status != "done"] == []
    return reports


def test_a_task_reads_computes_and_writes(store):
    p, x = elementwise(7, 3), np.arange(7.0)
    put(store, p.arrays["x"], x)
    reports = checked(run(store, p))
    np.testing.assert_array_equal(get(store, p.arrays["y"]), 2 * x)
    assert [(r.task, r.bytes_read, r.bytes_written, r.flops) for r in reports] == [
        (0, 24, 24, 3),
        (1, 24, 24, 3),
        (2, 8, 8, 1),
    ]
    assert all(r.peak_bytes >= r.bytes_read + r.bytes_written for r in reports)


def test_seconds_by_phase_add_up_on_a_store_in_memory():
    store, p = MemoryStore(), elementwise(4, 2)
    put(store, p.arrays["x"], np.arange(4.0))
    for r in checked(run(store, p)):
        assert 0 < r.fetch_s == r.wait_s
        assert 0 < r.wait_s + r.compute_s + r.write_s <= r.total_s


@pytest.mark.parametrize("memory_bytes", [None, 1, 3 * 8 * 16, 20 * 8 * 16])
def test_a_product_loops_over_k_from_any_rotation_with_any_memory(store, memory_bytes):
    p, rng = product(11, 10, 9, 4), np.random.default_rng(0)
    x, z = rng.integers(0, 9, (11, 10)).astype(float), rng.integers(0, 9, (10, 9)).astype(float)
    put(store, p.arrays["x"], x)
    put(store, p.arrays["z"], z)
    reports = checked(run(store, p, memory_bytes=memory_bytes))
    np.testing.assert_array_equal(get(store, p.arrays["y"]), x @ z)
    assert sum(r.flops for r in reports) == 2 * 11 * 10 * 9


def test_tasks_start_their_loops_at_different_places():
    seen = []

    class Watching(MemoryStore):
        def get(self, key, dtype, shape):
            seen.append(key.rpartition("/")[2])
            return super().get(key, dtype, shape)

    store, p = Watching(), product(2, 6, 4, 2)
    put(store, p.arrays["x"], np.ones((2, 6)))
    put(store, p.arrays["z"], np.ones((6, 4)))
    checked(run(store, p))
    assert seen[0::2] == ["0.0", "0.1", "0.2", "0.2", "0.1", "0.0"]


def test_a_loop_that_must_go_in_order_does_so_in_every_task(store):
    p = program(
        [tiles("x", (3, 4), (1, 4)), tiles("y", (4,), (1,))],
        [Cuts(4, 1), Cuts(3, 1)],
        [Read("a", (Part("x", (AxisMap(1), AxisMap(0))),), (1, 0), True)],
        [Step("test_digits", ("n",), ("a",), loop=True)],
        [write("n", "y", [0])],
        grid_ndim=1,
    )
    put(store, p.arrays["x"], np.repeat([[1.0], [2.0], [3.0]], 4, axis=1))
    checked(run(store, p))
    assert get(store, p.arrays["y"]).tolist() == [123.0] * 4


def epilogue(n=6):
    return program(
        [tiles(a, (n, n), (3, 3)) for a in "xzwy"],
        [Cuts(n, 3), Cuts(n, 3), Cuts(n, 3)],
        [
            Read("a", (Part("x", (AxisMap(0), AxisMap(2))),), (0, 1), True),
            Read("b", (Part("z", (AxisMap(2), AxisMap(1))),), (0, 1), True),
            whole("w", "w", 2),
        ],
        [
            Step("test_scale", ("a3",), ("a",), {"by": 3.0}, True),
            Step("test_mac", ("c",), ("a3", "b"), loop=True),
            Step("test_add", ("d",), ("c", "w")),
        ],
        [write("d", "y", [0, 1])],
        grid_ndim=2,
    )


def test_a_loop_may_have_steps_before_its_accumulator_and_steps_after_it(store):
    p = epilogue()
    x, z, w = np.random.default_rng(0).integers(0, 9, (3, 6, 6)).astype(float)
    for name, array in zip("xzw", (x, z, w), strict=True):
        put(store, p.arrays[name], array)
    checked(run(store, p))
    np.testing.assert_array_equal(get(store, p.arrays["y"]), 3 * x @ z + w)


def test_an_accumulator_that_starts_from_a_stored_tile_leaves_that_tile_as_it_was():
    store, base = MemoryStore(), product(4, 4, 4, 2)
    arrays = [*base.arrays.values(), tiles("w", (4, 4), (2, 2))]
    p = program(arrays, base.axes, [*base.reads, whole("w", "c", 2)], base.steps, base.writes, 2)
    x, z, w = np.random.default_rng(0).integers(0, 9, (3, 4, 4)).astype(float)
    for name, array in zip("xzw", (x, z, w), strict=True):
        put(store, p.arrays[name], array)
    checked(run(store, p))
    np.testing.assert_array_equal(get(store, p.arrays["y"]), w + x @ z)
    np.testing.assert_array_equal(get(store, p.arrays["w"]), w)


AXES = st.tuples(st.integers(0, 9), st.integers(1, 4))


@st.composite
def sliced(draw):
    """An axis of a source, and the slice of it that the stage's axis follows."""
    n = draw(st.integers(1, 12))
    step = draw(st.sampled_from([1, 1, 2, 3, -1, -2]))
    start = draw(st.integers(0, n - 1))
    length = draw(st.integers(0, len(range(start, n, step) if step > 0 else range(start, -1, step))))
    return n, start, step, length


@settings(max_examples=60, deadline=None)
@given(st.lists(sliced(), min_size=1, max_size=3), st.data())
def test_a_read_is_numpys_slice_transpose_and_newaxis(axes, data):
    order = data.draw(st.permutations(range(len(axes))))
    new = data.draw(st.sampled_from([None, 0, len(axes)]))
    chunk = data.draw(st.integers(1, 5))
    x = np.random.default_rng(0).random([n for n, *_ in axes])
    want = x[tuple(slice(s, s + step * k if s + step * k >= 0 else None, step) for _, s, step, k in axes)]
    want = want[tuple(slice(0, k) for *_, k in axes)].transpose(order)
    layout, maps = list(order), [None] * len(axes)
    if new is not None:
        layout.insert(new, -1)
        want = np.expand_dims(want, new)
    for p, a in enumerate(layout):
        if a >= 0:
            maps[a] = AxisMap(p, axes[a][1], axes[a][2])
    y = tiles("y", want.shape, [chunk] * want.ndim)
    p = program(
        [in_object("x", x), y],
        y.tiling.axes,
        [Read("a", (Part("x", tuple(maps)),), tuple(layout))],
        [Step("test_same", ("b",), ("a",))],
        [write("b", "y", range(want.ndim))],
    )
    store = MemoryStore()
    checked(run(store, p, {"x": x}))
    np.testing.assert_array_equal(get(store, y), want)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(1, 6), st.integers(0, 1))
def test_a_read_of_several_parts_is_numpys_concatenate(lengths, chunk, axis):
    rng = np.random.default_rng(0)
    sources = {f"x{i}": rng.random((n, 3) if axis == 0 else (3, n)) for i, n in enumerate(lengths)}
    want = np.concatenate(list(sources.values()), axis)
    starts = np.cumsum([0, *lengths])
    maps = [[AxisMap(0), AxisMap(1)] for _ in lengths]
    for m, start in zip(maps, starts, strict=False):
        m[axis] = AxisMap(axis, -int(start))
    parts = tuple(Part(name, tuple(m)) for name, m in zip(sources, maps, strict=True))
    y = tiles("y", want.shape, (chunk, chunk))
    arrays = [*(in_object(name, x) for name, x in sources.items()), y]
    p = program(
        arrays,
        y.tiling.axes,
        [Read("a", parts, (0, 1))],
        [Step("test_same", ("b",), ("a",))],
        [write("b", "y", [0, 1])],
    )
    store = MemoryStore()
    reports = checked(run(store, p, sources))
    np.testing.assert_array_equal(get(store, y), want)
    assert sum(r.bytes_read for r in reports) == want.nbytes


@pytest.mark.parametrize("fill", [None, 7.0])
def test_parts_lie_over_what_has_all_and_what_is_hidden_is_not_read(fill):
    base, over, top = np.arange(12.0), np.arange(20.0, 24), np.arange(30.0, 32)
    sources = {"base": base, "over": over, "top": top}
    parts = [Part("over", (AxisMap(0, -3),)), Part("top", (AxisMap(0, -5),))]
    parts = [Part("base", (AxisMap(0),)), *parts] if fill is None else parts
    want = base.copy() if fill is None else np.full(12, fill)
    want[3:7], want[5:7] = over, top
    y = tiles("y", (12,), (4,))
    p = program(
        [*(in_object(name, x) for name, x in sources.items()), y],
        y.tiling.axes,
        [Read("a", tuple(parts), (0,), fill=None if fill is None else ["c", "<f8", np.float64(fill).tobytes().hex()])],
        [],
        [write("a", "y", [0])],
    )
    store = MemoryStore()
    reports = checked(run(store, p, sources))
    np.testing.assert_array_equal(get(store, y), want)
    read = 12 + 4 + 2 if fill is None else 4 + 2
    assert sum(r.bytes_read for r in reports) == 8 * read


def test_a_block_that_no_part_covers_is_an_error_and_never_zeros():
    x = np.ones(3)
    p = program(
        [in_object("x", x), in_object("w", x), tiles("y", (6,), (6,))],
        [Cuts(6, 6)],
        [Read("a", (Part("x", (AxisMap(0),)), Part("w", (AxisMap(0, -4),))), (0,))],
        [Step("test_same", ("b",), ("a",))],
        [write("b", "y", [0])],
    )
    (report,) = run(MemoryStore(), p, {"x": x, "w": x})
    assert report.status == "error"
    assert "PlanError" in report.error
    assert "(6,)" in report.error
    assert not report.retry


def test_a_fixed_axis_is_read_the_same_by_every_task_and_may_be_dropped():
    x = np.random.default_rng(0).random((5, 4, 3))
    p = program(
        [in_object("x", x), tiles("y", (4, 3), (2, 2))],
        [Cuts(4, 2), Cuts(3, 2)],
        [Read("a", (Part("x", (AxisMap(-1, 2, size=1), AxisMap(0), AxisMap(1))),), (1, 2))],
        [Step("test_same", ("b",), ("a",))],
        [write("b", "y", [0, 1])],
    )
    store = MemoryStore()
    checked(run(store, p, {"x": x}))
    np.testing.assert_array_equal(get(store, p.arrays["y"]), x[2])


def test_a_reshaped_axis_reads_the_whole_rows_that_a_block_meets():
    x, seen = np.arange(12.0).reshape(4, 3), []

    class Object:
        shape, dtype = x.shape, x.dtype

        def __getitem__(self, key):
            seen.append(key[0])
            return x[key]

    maps = (AxisMap(0, num=1, den=3), AxisMap(-1, size=3))
    p = program(
        [in_object("x", x), tiles("y", (12,), (5,))],
        [Cuts(12, 5)],
        [Read("a", (Part("x", maps),), (0, 1))],
        [Step("test_same", ("b",), ("a",))],
        [],
    )
    checked(run(MemoryStore(), p, {"x": Object()}))
    assert seen == [slice(0, 2), slice(1, 4), slice(3, 4)]


def test_a_task_may_own_several_tiles_and_leave_axes_out(store):
    x = np.arange(24.0).reshape(4, 6)
    p = program(
        [tiles("x", (4, 6), (2, 2)), tiles("y", (6, 4), (2, 1)), tiles("s", (2, 6), (1, 3))],
        [Cuts(4, 2), Cuts(6, 6)],
        [whole("x", "a", 2), Read("r", (Part("x", (AxisMap(-1), AxisMap(1))),), (0, 1))],
        [Step("test_halves", ("b", "h"), ("a",)), Step("test_same", ("s",), ("r",))],
        [write("b", "y", [1, 0]), write("s", "s", [0, 1], [True, False])],
    )
    put(store, p.arrays["x"], x)
    reports = checked(run(store, p))
    np.testing.assert_array_equal(get(store, p.arrays["y"]), x.T)
    np.testing.assert_array_equal(get(store, p.arrays["s"]), np.stack([x[0], x[0]]))
    assert [len(p.task(i).outputs()) for i in range(2)] == [8, 8]
    assert sum(r.bytes_written for r in reports) == 24 * 8 + 12 * 8


def test_a_register_with_an_axis_of_one_element_loses_it_where_the_array_has_none(store):
    p = program(
        [tiles("x", (1, 6), (1, 2)), tiles("y", (6,), (2,)), tiles("z", (6, 1), (2, 1))],
        [Cuts(1, 1), Cuts(6, 2)],
        [whole("x", "a", 2)],
        [Step("test_same", ("b",), ("a",))],
        [write("b", "y", [1]), write("b", "z", [1, -1])],
    )
    put(store, p.arrays["x"], np.arange(6.0).reshape(1, 6))
    checked(run(store, p))
    np.testing.assert_array_equal(get(store, p.arrays["y"]), np.arange(6.0))
    np.testing.assert_array_equal(get(store, p.arrays["z"])[:, 0], np.arange(6.0))


def test_a_kernel_that_needs_its_block_gets_it_and_the_sizes_also_after_a_journey_as_text():
    p = program(
        [tiles("y", (2, 6), (1, 6))],
        [Cuts(2, 1), Cuts(7, 7)],
        [],
        [Step("test_where", ("b",), ())],
        [write("b", "y", [0, 1])],
    )
    p = program([tiles("y", (2, 6), (1, 6))], p.axes, p.reads, p.steps, [write("b", "y", [0, -1])])
    travelled = Program.from_json(json.loads(json.dumps(p.to_json())))
    task = Task.from_json(travelled, json.loads(json.dumps(p.task(1).to_json())))
    store = MemoryStore()
    report = Worker(store).run(Attempt(task, 1))
    assert "needs (1, 1)" in report.error
    wide = program([tiles("y", (2, 6), (1, 6))], [Cuts(2, 1), Cuts(6, 6)], [], p.steps, [write("b", "y", [0, 1])])
    checked(run(store, wide))
    np.testing.assert_array_equal(get(store, wide.arrays["y"]), [[0, 1, 2, 0, 6, 6], [1, 2, 2, 0, 6, 6]])


def test_a_tile_in_memory_is_handed_on_without_a_copy():
    store, p = MemoryStore(), elementwise(4, 2)
    seen = []

    def remember(a):
        seen.append(a)
        return a

    from lambdarray_kernels import kernel

    kernel(flops=lambda *_: 0, name="test_remember")(remember)
    put(store, p.arrays["x"], np.arange(4.0))
    q = elementwise(4, 2, "test_remember", {}, source="y", target="w")
    checked(run(store, p))
    checked(run(store, q))
    assert all(a is store.get(f"00/p/y/{i}", a.dtype, a.shape) for i, a in enumerate(seen))


def test_what_is_stored_is_read_only_and_no_part_of_the_users_array():
    store, x = MemoryStore(), np.arange(4.0)
    p = program(
        [in_object("x", x), tiles("y", (4,), (4,))],
        [Cuts(4, 4)],
        [whole("x", "a", 1)],
        [Step("test_same", ("b",), ("a",))],
        [write("b", "y", [0])],
    )
    checked(run(store, p, {"x": x}))
    x[:] = 9
    stored = get(store, p.arrays["y"])
    np.testing.assert_array_equal(stored, np.arange(4.0))
    assert not stored.flags.writeable


def test_a_second_attempt_changes_nothing_and_does_not_compute_again(store):
    p = elementwise(4, 2)
    put(store, p.arrays["x"], np.arange(4.0))
    checked(run(store, p))
    again = elementwise(4, 2, params={"by": 3.0})
    assert all(r.flops for r in checked(run(store, again)))
    assert not any(r.flops for r in checked(run(store, again, number=1)))
    np.testing.assert_array_equal(get(store, p.arrays["y"]), 2 * np.arange(4.0))


def test_a_retry_computes_what_an_earlier_attempt_did_not_finish(store):
    p = elementwise(4, 2)
    put(store, p.arrays["x"], np.arange(4.0))
    assert all(r.flops for r in checked(run(store, p, number=3)))


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        ("ValueError", "error", False),
        ("OSError", "error", True),
        ("MemoryError", "memory", True),
        ("UserFunctionError", "user_error", True),
        ("SystemExit", "crashed", True),
    ],
)
def test_what_a_kernel_raises_is_told_apart_in_its_report(store, error, status, retry):
    p = elementwise(4, 2, "test_raise", {"error": error, "message": "no good"})
    put(store, p.arrays["x"], np.arange(4.0))
    for r in run(store, p):
        assert (r.status, r.error, r.retry) == (status, f"{error}: no good", retry)
        assert "programs.py" in r.traceback


def test_one_failed_task_leaves_the_rest_of_its_bundle_alone(store):
    p = elementwise(10, 2)
    put(store, p.arrays["x"], np.arange(10.0))
    store.delete("00/p/x/2")
    reports = run(store, p)
    assert [r.status for r in reports] == ["done", "done", "error", "done", "done"]
    assert "MissingTileError" in reports[2].error
    assert "00/p/x/2" in reports[2].error
    assert reports[2].retry


def test_a_kernel_that_does_not_exist_fails_its_own_tasks_only(store):
    good, bad = elementwise(4, 2), elementwise(4, 2, "no such kernel", name="q", target="w")
    put(store, good.arrays["x"], np.arange(4.0))
    worker, reports = Worker(store), []
    mixed = [a for pair in zip(attempts(bad, first_id=10), attempts(good), strict=True) for a in pair]
    worker.run_bundle(mixed, reports.append)
    worker.close()
    assert {r.task: r.status for r in reports} == {0: "done", 1: "done", 10: "error", 11: "error"}


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (tiles("y", (4,), (2,), "f4"), "register 'b' is float64, but array 'y' is declared float32"),
        (tiles("y", (4, 3), (2, 3)), "register 'b' has shape (2,), but array 'y' needs (2, 1) of it"),
    ],
)
def test_a_result_that_is_not_what_the_plan_declared_is_an_error_that_says_both(store, target, says):
    base = elementwise(4, 2)
    axes = [0, -1][: len(target.tiling.shape)]
    p = program([base.arrays["x"], target], base.axes, base.reads, [Step("test_same", ("b",), ("a",))], [])
    if target.dtype == np.float32:
        p = program(p.arrays.values(), p.axes, p.reads, p.steps, [write("b", "y", axes)])
    else:
        p = program(
            p.arrays.values(), p.axes, p.reads, [Step("test_halves", ("c", "b"), ("a",))], [write("b", "y", axes)]
        )
    put(store, base.arrays["x"], np.arange(4.0))
    reports = run(store, p)
    if target.dtype == np.float32:
        assert all(says in r.error and r.status == "error" for r in reports)
    else:
        # A length of 1 is written where the array has 3: the store's own check names both.
        assert all("(2, 3)" in r.error and "(2, 1)" in r.error for r in reports)


def test_an_attempt_whose_time_is_over_stops_between_steps(store):
    p = product(4, 4, 4, 2)
    put(store, p.arrays["x"], np.ones((4, 4)))
    put(store, p.arrays["z"], np.ones((4, 4)))
    worker = Worker(store)
    reports = [worker.run(a) for a in attempts(p, deadline_s=-1.0)]
    assert [r.status for r in reports] == ["timeout"] * 4
    assert list(store.list("00/p/y")) == []


def test_a_cancelled_attempt_stops_before_its_next_step(store):
    p, asked = product(2, 6, 2, 2), []
    put(store, p.arrays["x"], np.ones((2, 6)))
    put(store, p.arrays["z"], np.ones((6, 2)))

    def cancelled(task):
        asked.append(task)
        return len(asked) > 3

    worker = Worker(store, cancelled=cancelled)
    report = worker.run(Attempt(p.task(0), 7))
    assert (report.status, report.error) == ("throttled", "cancelled")
    assert set(asked) == {7}
    assert report.flops


class Watched(DirectoryStore):
    """Counts reads under way, and how far they are ahead of the computation."""

    def __init__(self, path):
        super().__init__(path)
        self.events = []

    def get(self, key, dtype, shape):
        self.events.append(("get", key.split("/", 2)[2]))
        return super().get(key, dtype, shape)

    def put(self, key, tile):
        self.events.append(("put", key.split("/", 2)[2]))
        return super().put(key, tile)


def ahead(tmp_path, memory_bytes):
    """How many tiles are read before the first kernel runs, and in which order all are."""
    store, p = Watched(str(tmp_path)), elementwise(20, 2, "test_watch", {})
    put(store, p.arrays["x"], np.arange(20.0))
    store.events.clear()

    from lambdarray_kernels import kernel

    @kernel(flops=lambda *_: 0, name="test_watch")
    def watch(a):
        store.events.append(("run", ""))
        return a + 0

    checked(run(store, p, memory_bytes=memory_bytes, io_threads=1))
    return store.events


def test_reads_run_ahead_by_at_most_four_and_every_tile_is_read_once(tmp_path):
    events = ahead(tmp_path, None)
    assert [k for e, k in events if e == "get"] == [f"x/{i}" for i in range(10)]
    for i in range(len(events)):
        gets, runs = (sum(e == kind for e, _ in events[: i + 1]) for kind in ("get", "run"))
        assert runs <= gets <= runs + 5


def test_nothing_is_read_ahead_where_memory_does_not_allow_it(tmp_path):
    events = [e for e, _ in ahead(tmp_path, 1) if e != "put"]
    assert events == ["get", "run"] * 10


class Busy(DirectoryStore):
    """Counts how many tiles are put at once at most."""

    def __init__(self, path):
        super().__init__(path)
        self.lock, self.now, self.most = Lock(), 0, 0

    def put(self, key, tile):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        sleep(0.02)
        done = super().put(key, tile)
        with self.lock:
            self.now -= 1
        return done


@pytest.mark.parametrize(("copies", "most"), [(1, [1]), (2, [2]), (100, [3, 4])])
def test_of_tiles_that_are_copied_to_be_written_as_many_are_at_once_as_there_is_room_for(tmp_path, copies, most):
    p = program(
        [tiles("x", (8, 16), (8, 16)), tiles("y", (8, 16), (8, 2))],
        [Cuts(8, 8), Cuts(16, 16)],
        [whole("x", "a", 2)],
        [],
        [write("a", "y", [0, 1])],
    )
    store = Busy(str(tmp_path))
    put(store, p.arrays["x"], np.arange(128.0).reshape(8, 16))
    store.most = 0
    checked(run(store, p, memory_bytes=(8 + copies) * 128, io_threads=4))
    np.testing.assert_array_equal(get(store, p.arrays["y"]), np.arange(128.0).reshape(8, 16))
    assert store.most in most


def test_a_task_may_follow_in_the_bundle_on_the_one_whose_output_it_reads(store):
    first, second = elementwise(8, 2), elementwise(8, 4, source="y", target="w")
    second = program(
        [first.arrays["y"], tiles("w", (8,), (4,))], second.axes, second.reads, second.steps, second.writes
    )
    put(store, first.arrays["x"], np.arange(8.0))
    worker, reports = Worker(store), []
    worker.run_bundle([*attempts(first), *attempts(second, first_id=4)], reports.append)
    worker.close()
    checked(reports)
    np.testing.assert_array_equal(get(store, second.arrays["w"]), 4 * np.arange(8.0))


def test_reports_come_after_the_outputs_are_in_the_store(tmp_path):
    store, p, seen = DirectoryStore(str(tmp_path)), elementwise(40, 2), []
    put(store, p.arrays["x"], np.arange(40.0))
    worker = Worker(store)
    worker.run_bundle(attempts(p), lambda r: seen.append((r.task, store.exists(f"00/p/y/{r.task}"))))
    worker.close()
    assert sorted(seen) == [(i, True) for i in range(20)]


def test_registers_are_let_go_after_their_last_use():
    n = 1000
    names = "abcdef"
    p = program(
        [tiles("x", (n,), (n,)), tiles("y", (n,), (n,))],
        [Cuts(n, n)],
        [whole("x", "a", 1)],
        [Step("test_scale", (o,), (i,), {"by": 2.0}) for i, o in pairwise(names)],
        [write("f", "y", [0])],
    )
    store = MemoryStore()
    put(store, p.arrays["x"], np.ones(n))
    (report,) = checked(run(store, p))
    assert report.peak_bytes == 2 * 8 * n
    np.testing.assert_array_equal(get(store, p.arrays["y"]), np.full(n, 32.0))


def test_a_task_is_replayed_from_its_text_and_raises_what_it_raised(tmp_path):
    store = open_store(str(tmp_path))
    good, bad = elementwise(4, 2), elementwise(4, 2, "test_raise", {"error": "ValueError", "message": "here"})
    put(store, good.arrays["x"], np.arange(4.0))
    made = replay(task_text(good.task(1)), str(tmp_path))
    np.testing.assert_array_equal(made["y", (1,)], [4.0, 6.0])
    assert list(store.list("00/p/y")) == []
    with pytest.raises(ValueError, match="here"):
        replay(task_text(bad.task(1)), str(tmp_path))


def test_zero_sized_and_zero_dimensional_arrays_are_arrays(store):
    for shape in [(), (0,), (3, 0)]:
        x, y = (tiles(name + str(len(shape)), shape, shape) for name in "xy")
        p = program(
            [x, y],
            y.tiling.axes,
            [whole(x.name, "a", len(shape))],
            [Step("test_same", ("b",), ("a",))],
            [write("b", y.name, range(len(shape)))],
        )
        put(store, x, np.ones(shape))
        checked(run(store, p))
        assert get(store, y).shape == shape


def test_many_loop_axes_run_in_c_order():
    p = program(
        [tiles("x", (4, 4), (2, 2)), tiles("y", (2, 2), (2, 2))],
        [Cuts(1, 1), Cuts(4, 2), Cuts(4, 2)],
        [Read("a", (Part("x", (AxisMap(1), AxisMap(2))),), (0, 1), True)],
        [Step("test_collect", ("c",), ("a",), loop=True)],
        [write("c", "y", [-1, -1])],
        grid_ndim=1,
    )
    from lambdarray_kernels import kernel

    seen = []

    @kernel(flops=lambda *_: 0, name="test_collect")
    def collect(c, a):
        seen.append((a[0, 0], a[-1, -1]))
        return a.copy()

    x, store = np.arange(16.0).reshape(4, 4), MemoryStore()
    put(store, p.arrays["x"], x)
    run(store, p)
    assert seen == [(x[i, j], x[i + 1, j + 1]) for i, j in indices((0, 2), (0, 2))]


def test_a_stream_goes_on_with_further_bundles_while_the_first_is_at_work(tmp_path):
    store, p = DirectoryStore(str(tmp_path)), elementwise(12, 2)
    put(store, p.arrays["x"], np.arange(12.0))
    work, reports, told = attempts(p), [], []
    bundles = iter([work[2:3], work[3:]])

    def more():
        told.append(len(reports))
        return next(bundles, None)

    worker = Worker(store)
    worker.run_stream(work[:2], reports.append, more)
    worker.close()
    checked(reports)
    assert sorted(r.task for r in reports) == [0, 1, 2, 3, 4, 5]
    assert told[0] == 0
    np.testing.assert_array_equal(get(store, p.arrays["y"]), 2 * np.arange(12.0))


def test_what_cannot_be_run_ends_its_own_attempt_and_not_the_stream(tmp_path):
    store, good = DirectoryStore(str(tmp_path)), elementwise(8, 2)
    bad = elementwise(4, 2, "test_raise", {"error": "ValueError", "message": "no good"}, target="z")
    put(store, good.arrays["x"], np.arange(8.0))
    bundles = iter([attempts(bad, first_id=4), attempts(good)[2:]])
    reports, worker = [], Worker(store)
    worker.run_stream(attempts(good)[:2], reports.append, lambda: next(bundles, None))
    worker.close()
    assert {r.task: r.status for r in reports} == {n: "error" if n >= 4 else "done" for n in range(6)}


class Late(WrapperStore):
    """Gives a tile once every page of an array, which consists of ones, was written."""

    def __init__(self, store, array):
        super().__init__(store)
        self.array = array

    def get(self, key, dtype, shape):
        """A tile, when the array has a zero in each page."""
        until = monotonic() + 10
        while not (self.array.reshape(-1, 512) == 0).any(axis=1).all():
            assert monotonic() < until
            sleep(0.001)
        return self.store.get(key, dtype, shape)


def test_the_memory_of_a_result_is_made_ready_while_the_first_tiles_are_on_their_way(tmp_path):
    n = 1024
    p = product(n, n, n, n)
    result = ArraySpec("y", p.arrays["y"].tiling, np.dtype("f8"), {"kind": "result", "token": "y"})
    gemm = Step("gemm", ("c",), ("a", "b"), {"dtype": "<f8"}, loop=True)
    p = program([p.arrays["x"], p.arrays["z"], result], p.axes, p.reads, [gemm], p.writes, grid_ndim=2)
    y = ResultArray(result)
    y.value().fill(1)
    with DirectoryStore(str(tmp_path)) as store:
        for name in "xz":
            put(store, p.arrays[name], np.eye(n))
        checked(run(Late(store, y.value()), p, {"y": y}))
    np.testing.assert_array_equal(y.value(), np.eye(n))
