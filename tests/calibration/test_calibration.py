"""What is measured becomes constants, constants a profile, and the profile the machine again."""

from __future__ import annotations

import weakref
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarray import cli
from lambdarray.calibration import Here, calibrate, places
from lambdarray.calibration.fitting import MEMORY, RANDOM, constants, grown
from lambdarray.calibration.writing import changed, profile_text
from lambdarray.cost import Machine, from_toml, names, profile
from lambdarray.runtime import measure
from lambdarray.runtime.measure import ADDED, FEW, MANY, Sizes
from lambdarray.store import open_store

TINY = Sizes((16, 64), (4, 8), 1 << 14)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Works of next to no size."""
    monkeypatch.setattr(measure, "CACHED", 1 << 10)
    monkeypatch.setattr(measure, "STREAMED", 1 << 14)
    monkeypatch.setattr(measure, "TALL_BYTES", 1 << 14)
    monkeypatch.setattr(places, "TASKS", 40)
    monkeypatch.setattr(places, "FEW_TASKS", 4)
    monkeypatch.setattr(places.Place, "sizes", TINY)


def numbers(table: Any, before: tuple[str, ...] = ()) -> dict[tuple[str, ...], float]:
    """Every number of a machine by its path."""
    out = {}
    for f in fields(table):
        value = getattr(table, f.name)
        if is_dataclass(value):
            out |= numbers(value, (*before, f.name))
        elif isinstance(value, float):
            out[*before, f.name] = value
    return out


def as_measured(machine: Machine) -> dict[str, Any]:
    """The seconds that a machine of these constants takes for every work, each counted in thousands."""
    out: dict[str, Any] = {}

    def add(name: str, seconds: float, **more: float) -> None:
        out[name] = {"count": 1e3, "seconds": [seconds * 1e3] * 3, "cpu": 0.0, **more}

    for name in measure.names(Sizes()):
        path, _, size = name.partition("@")
        table, _, kind = path.partition(".")
        if table == "product":
            add(name, 1 / getattr(machine.product, kind).flops_per_s(int(size)))
        elif table == "kernels":
            rate = machine.product.float64.flops_per_s() * getattr(machine.kernels, kind).of(int(size))
            add(name, 1 / rate)
        elif table == "elementwise":
            each = getattr(machine.elementwise, f"{kind}_ns") + ADDED * machine.elementwise.quick_ns
            add(name, (each * int(size) + 7.0) * 1e-9 / int(size))
    for constant, work in RANDOM.items():
        add(f"random.{work}", getattr(machine.random, f"{constant}_ns") * 1e-9)
    for constant, work in MEMORY.items():
        add(f"memory.{work}", 1e-9 / getattr(machine.memory, f"{constant}_gbps"))
    for way in ("read", "write"):
        cpu = getattr(machine.store, f"{way}_cpu_s_per_gb") * 1e-9 * 1e3
        add(f"store.{way}", 1e-6 / getattr(machine.store, f"{way}_mbps"), cpu=cpu)
    add("store.request", machine.store.request_s)
    return out


@pytest.mark.parametrize("name", names())
def test_constants_of_any_machine_are_found_again_from_its_seconds(name: str) -> None:
    assert FEW < MANY
    machine, other = profile(name), profile("threads")
    found = changed(other, constants(as_measured(machine)))
    measured = numbers(machine)
    kept = {path for path in numbers(found) if path == ("task_s",) or path[0] in ("functions", "prices")}
    for path, value in numbers(found).items():
        if path not in kept:
            assert value == pytest.approx(measured[path], rel=1e-6), path


@given(g=st.floats(1e6, 1e12), h=st.floats(0, 5000), small=st.integers(1, 500), more=st.integers(1, 5000))
@settings(max_examples=50)
def test_a_rate_that_grows_with_tiles_is_found_from_two_sides(g: float, h: float, small: int, more: int) -> None:
    sides = (small, small + more)
    answer = {f"x@{n}": {"count": 1.0, "seconds": [(1 + h / n) / g] * 3} for n in sides}
    rate, half = grown(answer, "x")
    # One that more than doubles above the greatest side is found there alone.
    for n in sides if h <= sides[1] else sides[1:]:
        assert rate.value * n / (n + half) == pytest.approx(g * n / (n + h), rel=1e-6)


@given(small=st.floats(0.1, 10), large=st.floats(0.1, 10))
def test_whatever_the_noise_a_rate_is_at_most_twice_that_of_the_greatest_side(small: float, large: float) -> None:
    rate, half = grown({f"x@{n}": {"count": 1.0, "seconds": [s]} for n, s in ((100, small), (1000, large))}, "x")
    assert 1 / large <= rate.value * 1.000001
    assert rate.value <= 2.000001 / large
    assert rate.value * 1000 / (1000 + half) == pytest.approx(1 / large)


@pytest.mark.parametrize("name", names())
def test_a_profile_that_is_written_is_read_as_the_machine_that_it_was_written_of(name: str) -> None:
    machine = profile(name)
    again = from_toml(profile_text(machine, {}, "head", "base"), f"{name}.toml")
    assert numbers(again) == pytest.approx(numbers(machine), rel=1e-3)
    assert again.remote == machine.remote


def test_this_machine_is_measured_with_every_constant_and_leaves_nothing(tiny: None, tmp_path: Path) -> None:
    made = calibrate(Here(str(tmp_path), "mine"), seconds=0.1)
    assert from_toml(made.text, "mine.toml").product == from_toml(made.text, "other.toml").product
    assert "not measured" not in made.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert numbers(made.machine).keys() == numbers(profile("threads")).keys()


def test_the_command_writes_a_profile_and_prints_a_table(
    tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    assert cli.main(["calibrate", "--seconds", "0.1", "--out", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "product.float64.gflops" in printed
    assert "GFLOPS, one alone" in printed
    assert str(path) in printed
    assert profile(str(path)).name == "mine"
    assert "measured by lambdarray calibrate on 20" in path.read_text()


@pytest.mark.parametrize("words", [["--seconds", "0"], ["--seconds", "nan"], ["--out", "no/such/folder/x.toml"]])
def test_what_cannot_be_calibrated_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["calibrate", *words]) == 2
    assert capsys.readouterr().err.startswith("lambdarray: ")


def test_a_work_that_fails_on_one_thread_fails_for_all() -> None:
    calls = iter([True, False])

    def make() -> measure.Work:
        if next(calls):
            raise OSError("the disk is gone")
        return measure.Work(1.0, lambda: None)

    with pytest.raises(OSError, match="the disk is gone"):
        measure.measured(make, 0.01, threads=2)


@pytest.mark.parametrize(("deletes", "held", "most", "left"), [(True, 2, 2, 1), (True, 0, 1, 0), (False, 2, 1, 1)])
def test_tiles_are_deleted_soon_after_they_are_written_or_replaced(
    monkeypatch: pytest.MonkeyPatch, deletes: bool, held: int, most: int, left: int
) -> None:
    tile_bytes = 1 << 10
    monkeypatch.setattr(measure, "HELD_BYTES", held * tile_bytes)
    store = open_store("memory://")
    works = measure.StoreWorks(store, tile_bytes, deletes, at_once=1)
    writing, found = works.works()["store.write"](), list[int]()
    for _ in range(4):
        writing.run()
        found.append(len(list(store.list(works.prefix))))
        writing.after()
    assert max(found) == most
    assert len(list(store.list(works.prefix))) == left


def test_fresh_memory_is_not_what_was_just_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "STREAMED", 1 << 15)
    monkeypatch.setattr(measure, "HELD_BYTES", 4 * 8 << 15)
    made, empty = list[weakref.ref[np.ndarray]](), np.empty

    def noted(n: int) -> np.ndarray:
        out = empty(n)
        made.append(weakref.ref(out))
        return out

    monkeypatch.setattr(np, "empty", noted)
    work = measure.fresh()
    for _ in range(6):
        work.run()
    assert [one() is not None for one in made] == [False] * 2 + [True] * 4


def test_what_is_done_afterwards_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, now = list[str](), [0.0]
    for clock in ("perf_counter", "process_time", "thread_time"):
        monkeypatch.setattr(measure, clock, lambda: now[0])

    def run() -> None:
        begun.append("run")
        now[0] += 1

    def after() -> None:
        begun.append("after")
        now[0] += 100

    told = measure.measured(lambda: measure.Work(1, run, after), seconds=0.0)
    assert begun == ["run", "after"] * (1 + measure.LEAST)
    assert told == {"count": 1, "seconds": [1.0] * measure.LEAST, "cpu": 1.0}
