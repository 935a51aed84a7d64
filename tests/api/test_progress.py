"""Live progress: what it says, where it is shown, and that it is quiet where nobody looks."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import lambdarray as la
from lambdarray.api.progress import Markup, Notebook, Progress, State, Terminal, predicted_work, progress_for
from lambdarray.config import Config
from lambdarray.runtime.summary import RunReport
from lambdarray.task import Estimate, Plan, TaskReport

from ..runtime.plans import chain


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeDisplay:
    """Where progress is shown, kept."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self.closed = 0

    def show(self, state: State) -> None:
        self.states.append(state)

    def close(self) -> None:
        self.closed += 1


class FakeIPython:
    """IPython's `display`: each call with `display_id` gives a handle that shows something else in its place."""

    def __init__(self) -> None:
        self.outputs: list[list[object]] = []

    def display(self, shown: object, display_id: bool = False) -> SimpleNamespace:
        assert display_id
        output = [shown]
        self.outputs.append(output)
        return SimpleNamespace(update=output.append)


def uneven() -> Plan:
    """Two stages of four tasks; those of the second take nine times as long."""
    plan = chain(2, 4)
    return Plan(plan.key, plan.programs, plan.arrays, plan.outputs, (Estimate(seconds=1.0), Estimate(seconds=9.0)))


def after(plan: Plan, done: int, executor: str = "threads", **more: int) -> RunReport:
    report = RunReport.of(plan, executor, 2, Config(executor=executor, workers=2))
    for task in range(done):
        report.add(TaskReport(task, 0, **more))
    return report


def test_what_is_left_goes_by_predicted_work_and_not_by_tasks():
    assert predicted_work(after(uneven(), 4), 4, 8) == (4.0, 36.0)
    state = State.of(after(uneven(), 4), 4, 8, 10.0)
    assert state.left_s == pytest.approx(90.0)
    assert state.share == pytest.approx(0.1)


def test_tasks_that_were_done_before_count_as_no_work():
    # 2 of 8 had been finished, 4 are done now; what they took says nothing of those two.
    finished, left = predicted_work(after(uneven(), 4), 6, 8)
    assert finished == 4.0
    assert left == pytest.approx(36.0 * 2 / 4)


def test_nothing_is_said_of_the_time_before_anything_is_known():
    state = State.of(after(uneven(), 0), 0, 8, 1.0)
    assert state.left_s is None
    assert "left" not in state.text()


def test_rate_and_dollars_are_those_so_far():
    state = State.of(after(chain(1, 8), 4, flops=10**10), 4, 8, 2.0)
    assert state.gflops == pytest.approx(20.0)
    assert "20.0 GFLOPS" in state.text()
    assert state.dollars == 0
    assert "$" not in state.text()
    state = State.of(after(chain(1, 8), 4, "simulated", billed_ms=100_000), 4, 8, 2.0)
    compute, requests = 400 * 1769 / 1024 * 0.0000166667, 4 * (0.005 + 0.0004) / 1000
    assert state.dollars == pytest.approx(compute + requests)
    assert "$0.0115" in state.text()


def test_long_times_are_minutes_and_hours():
    for seconds, text in ((7.4, "7 s"), (119.0, "119 s"), (125.0, "2 min 05 s"), (7300.0, "2 h 01 min")):
        assert State(1, 2, 0.0, 0.5, seconds, 0.0, 0.0).text().endswith(f"about {text} left")


def test_it_shows_nothing_of_a_short_run_and_not_every_task_of_a_long_one():
    clock, display = Clock(), FakeDisplay()
    progress = Progress(after(chain(1, 1000), 0), display, clock)
    for done in range(400):
        clock.now += 0.001
        progress(done, 1000)
    assert not display.states
    for done in range(400, 1001):
        clock.now += 0.01
        progress(done, 1000)
    progress.close()
    assert 50 < len(display.states) < 70
    assert display.states[-1].done == 1000
    assert display.closed == 1


def test_a_run_that_showed_nothing_closes_nothing():
    display = FakeDisplay()
    Progress(after(chain(1, 2), 0), display).close()
    assert not display.closed


def test_a_terminal_has_one_line_that_fits(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    stream = io.StringIO()
    display = Terminal(stream)
    display.show(State(123_456, 1_000_000, 12.0, 0.25, 1000.0, 1234.5, 12.0))
    display.show(State(1, 2, 3.0, 0.5, 3.0, 0.0, 0.0))
    display.close()
    written = stream.getvalue()
    assert written.endswith("\n")
    lines = written.rstrip("\n").split("\r")[1:]
    assert len(lines) == 2
    assert max(map(len, lines)) < 60
    assert lines[0].startswith("[######-")
    # What is shorter than the line before it leaves none of that behind.
    assert len(lines[1]) == len(lines[0])


def test_a_notebook_has_one_output_that_changes():
    ipython = FakeIPython()
    display = Notebook(ipython.display)
    for done in (1, 2):
        display.show(State(done, 2, 1.0, done / 2, 1.0, 0.0, 0.0))
    display.close()
    (output,) = ipython.outputs
    assert len(output) == 2
    assert "width:50.0%" in output[0]._repr_html_()
    assert "width:100.0%" in output[1]._repr_html_()
    assert repr(output[1]) == "2/2 tasks, 1 s"


def test_what_is_shown_is_text_and_no_markup():
    assert "<" not in Markup(State(1, 2, 1.0, 0.5, 1.0, 0.0, 0.0))._state.text()


def test_the_settings_decide_whether_it_is_shown(monkeypatch):
    report = after(chain(1, 2), 0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert progress_for(Config(), report) is None
    assert progress_for(Config(progress=True), report) is not None
    assert progress_for(Config(progress=False), report) is None


def test_in_a_kernel_it_is_shown_in_the_notebook(monkeypatch):
    ipython = FakeIPython()
    module = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=ipython.display))
    progress = progress_for(Config(), after(chain(1, 4), 0))
    assert progress is not None
    progress._begin -= 1.0
    progress(2, 4)
    assert len(ipython.outputs) == 1
    assert progress_for(Config(progress=False), after(chain(1, 4), 0)) is None


def test_a_plain_ipython_has_a_terminal(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace()))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert progress_for(Config(), after(chain(1, 2), 0)) is None


def test_a_run_tells_it_of_its_tasks(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("lambdarray.api.progress.SHOWN_AFTER_S", 0.0)
    with la.config(progress=True):
        np.testing.assert_array_equal((la.ones(40, chunks=4) + 1).compute(), np.full(40, 2.0))
    assert "10/10 tasks" in stream.getvalue()
