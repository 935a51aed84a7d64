"""What is kept of a run over time: its sums are those of its reports, and it stays small."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarray.runtime.lengths import Lengths
from lambdarray.runtime.record import PHASES, Record
from lambdarray.runtime.rows import SEGMENT, SEGMENTS, WORKERS, Rows
from lambdarray.task import TaskReport


def report(task: int, worker: str, start: float, wait: float, compute: float, tail: float, **more) -> TaskReport:
    total = wait + compute + tail
    given = {"attempt": 0, "wait_s": wait, "compute_s": compute, "total_s": total, "fetch_s": 2 * wait, **more}
    return TaskReport(task, worker=worker, started_s=start, **given)


part = st.sampled_from([0.0, 0.125, 1.0, 3.0])


@st.composite
def runs(draw):
    """Reports of a few workers, each of which starts the next task while it still writes what the last one made."""
    out: list[tuple[TaskReport, bool]] = []
    for worker in range(draw(st.integers(1, 4))):
        now = draw(part)
        for _ in range(draw(st.integers(1, 8))):
            wait, tail, launch = draw(part), draw(part), draw(part)
            compute = draw(st.sampled_from([0.5, 2.0]))
            now += launch
            made = report(len(out), f"w{worker}", now, wait, compute, tail, launch_s=launch, flops=100)
            out.append((made, draw(st.booleans()) or not out))
            now += wait + compute + draw(st.sampled_from([0.0, tail / 2, tail]))
    return out


def sums(record: Record) -> dict[str, float]:
    record.settle()
    return {name: float(record.bins[name].sum()) for name in (*PHASES, "flops", "fetching_io", "tasks")}


@given(runs())
@settings(max_examples=50, deadline=None)
def test_the_sums_over_time_are_those_of_the_reports(run):
    record = Record([len(run)])
    for made, useful in run:
        record.add(made, useful)
    found, useful = sums(record), [r for r, is_useful in run if is_useful]
    assert found["waiting"] == pytest.approx(sum(r.wait_s for r in useful))
    assert found["computing"] == pytest.approx(sum(r.compute_s for r in useful))
    assert found["lost"] == pytest.approx(sum(r.total_s for r, is_useful in run if not is_useful))
    assert found["fetching_io"] == pytest.approx(sum(r.fetch_s for r, _ in run))
    assert found["flops"] == pytest.approx(100 * len(useful))
    assert round(found["tasks"]) == len(useful)


@given(runs())
@settings(max_examples=50, deadline=None)
def test_a_worker_is_at_one_thing_at_a_time(run):
    record = Record([len(run)])
    for made, useful in run:
        record.add(made, useful)
    record.settle()
    busy = sum(record.bins[name] for name in PHASES)
    workers = len({made.worker for made, _ in run})
    # A lost attempt is at work until its report, which a test's worker does not wait for.
    if all(useful for _, useful in run):
        assert busy.max() <= workers * record.bins.width_s * (1 + 1e-9)


@given(runs(), st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_it_does_not_matter_how_many_reports_are_looked_at_together(run, held):
    together, apart = Record([len(run)]), Record([len(run)], held)
    for made, useful in run:
        together.add(made, useful)
        apart.add(made, useful)
    assert sums(apart) == pytest.approx(sums(together))
    assert drawn(apart) == drawn(together)


def drawn(record: Record) -> set[tuple[str, int, float, float]]:
    names = record.workers
    return {(names[s["worker"]], s["task"], s["launched"], s["write_s"]) for s in record.rows.all()}


def test_what_a_worker_writes_beside_its_next_task_is_no_phase_of_its_own():
    record = Record([2])
    record.add(report(0, "w", 0.0, 0.0, 4.0, 2.0), True)
    record.add(report(1, "w", 5.0, 0.0, 4.0, 2.0), True)
    found = sums(record)
    assert found["writing"] == pytest.approx(1.0 + 2.0)
    assert [s["write_s"] for s in record.rows.all()] == pytest.approx([1.0, 2.0])


def test_a_launch_is_counted_from_the_request_to_the_first_task():
    record = Record([2])
    record.add(report(0, "w", 3.0, 0.0, 1.0, 0.0, launch_s=2.0), True)
    record.add(report(1, "w", 4.0, 0.0, 1.0, 0.0), True)
    assert sums(record)["starting"] == pytest.approx(2.0)


def test_attempts_that_failed_came_second_or_were_repeated_are_listed():
    record = Record([9])
    record.add(TaskReport(3, 0, "crashed", error="killed\nand more"), False)
    record.add(report(3, "w", 1.0, 0.0, 1.0, 0.0, attempt=1), True)
    record.add(report(3, "v", 1.0, 0.0, 2.0, 0.0, attempt=2), False)
    record.add(TaskReport(5, 0, "throttled"), False)
    record.add(report(4, "w", 2.0, 0.0, 1.0, 0.0), True)
    record.settle()
    found = {(t.task, t.attempt, t.status, t.error) for t in record.troubles}
    assert found == {(3, 0, "crashed", "killed"), (3, 1, "done", ""), (3, 2, "late", "")}
    assert record.statuses == {"crashed": 1, "done": 1, "late": 1, "throttled": 1}


def test_a_million_tasks_of_three_thousand_workers_take_little_memory():
    tasks, workers = 200_000, 3000
    record = Record([tasks])
    for n in range(tasks):
        start = 2.0 * (n // workers)
        record.add(report(n, f"worker {n % workers}", start, 0.25, 1.5, 0.25, flops=10**9), True)
    assert sums(record)["computing"] == pytest.approx(1.5 * tasks)
    assert len(record.rows.all()) <= SEGMENTS
    assert len(np.unique(record.rows.all()["worker"])) == WORKERS
    assert size(record) < 12 << 20  # and no more for five times as many tasks


def size(value: object) -> int:
    """Bytes of an object and of what it holds."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    inner = value if isinstance(value, list | tuple | set) else []
    if isinstance(value, dict):
        inner = [*value.keys(), *value.values()]
    elif hasattr(value, "__dict__"):
        inner = list(vars(value).values())
    elif isinstance(value, TaskReport):
        inner = [getattr(value, name) for name in TaskReport.__slots__]
    return sys.getsizeof(value) + sum(map(size, inner))


# -- rows


def segments(workers: int, each: int) -> np.ndarray:
    out = np.zeros(workers * each, SEGMENT)
    out["worker"], out["start"] = np.repeat(np.arange(workers), each), np.tile(np.arange(each) * 2.0, workers)
    out["launched"], out["compute_s"], out["count"] = out["start"], 1.5, 1
    out["end"], out["write_s"], out["task"] = out["start"] + 1.5, -1.0, np.arange(len(out))
    return out


def test_rows_of_few_tasks_are_kept_as_they_are():
    rows = Rows()
    for n in range(3):
        rows.meet(f"w{n}")
    rows.add(segments(3, 100))
    assert len(rows.all()) == 300
    assert set(rows.all()["count"]) == {1}


def test_too_many_tasks_are_joined_and_their_seconds_kept():
    rows = Rows()
    for n in range(2):
        rows.meet(f"w{n}")
    for at in range(20):
        block = segments(2, 1000)
        for name in ("launched", "start", "end"):
            block[name] += 2000.0 * at
        rows.add(block)
    found = rows.all()
    assert len(found) <= SEGMENTS
    assert found["count"].sum() == 40_000
    assert found["compute_s"].sum() == pytest.approx(1.5 * 40_000)
    for worker in (0, 1):
        mine = found[found["worker"] == worker]
        assert (mine["end"][:-1] <= mine["launched"][1:] + 1e-9).all()


def test_the_sample_of_workers_does_not_depend_on_their_order():
    chosen = []
    for order in (range(500), range(499, -1, -1)):
        rows = Rows()
        for n in order:
            rows.meet(f"w{n}")
        block = segments(500, 1)
        rows.add(block)
        chosen.append({list(order)[w] for w in rows.all()["worker"]})
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == WORKERS


# -- how long tasks took


def test_stragglers_are_those_far_behind_the_median_of_their_stage():
    lengths = Lengths(2)
    seconds = np.array([1.0] * 50 + [10.0] * 50)
    stages = np.array([0] * 50 + [1] * 50)
    seconds[7], seconds[60] = 8.0, 35.0
    block = np.zeros(100, SEGMENT)
    block["task"] = np.arange(100)
    lengths.add(stages, seconds, block, ["w"] * 100, np.ones(100, bool))
    assert [s.task for s in lengths.stragglers(1.0, 2.0)] == [60, 7]
    assert lengths.stragglers(10.0, 2.0)[0].seconds == 35.0
    assert lengths.lagging() == 2
    assert lengths.median(0) == pytest.approx(1.0, rel=0.2)
    assert lengths.median(1) == pytest.approx(10.0, rel=0.2)
