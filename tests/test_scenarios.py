"""`lambdarray simulate`: the figures of computations on thousands of functions that nobody has to pay for."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from lambdarray import cli
from lambdarray.errors import ConfigError
from lambdarray.runtime.assumptions import Assumptions
from lambdarray.scenarios import SCENARIOS, Job, simulated

SMALL = Job("gemm", 40_000, 50, tile=2000)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert cli.main(["simulate", *words, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_the_json_has_the_figures_and_all_that_was_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(
        capsys, "gemm", "--n", "20000", "--workers", "20", "--tile", "2000", "--bandwidth", "60", "--seed", "3"
    )
    for name in (
        "effective_tflops", "seconds", "dollars", "bytes_read", "bytes_written", "worker_busy_share", "tasks",
        "attempts", "retries", "speculated", "cold_starts", "dollars_per_pflop", "floor_dollars_per_pflop",
    ):  # fmt: skip
        assert name in found
    assert found["effective_tflops"] == pytest.approx(2 * 20_000**3 / found["seconds"] / 1e12)  # type: ignore[operator]
    model = found["model"]
    assert isinstance(model, dict)
    assert asdict(Assumptions(bandwidth_mbps=60.0)).items() <= model.items()
    assert (model["gflops_per_core"], model["memory_mib"], found["seed"]) == (18.0, 1769, 3)
    floors = found["floor_dollars_per_pflop"]
    assert isinstance(floors, dict)
    assert {name: round(value, 2) for name, value in floors.items()} == {"x86_64": 1.6, "arm64": 1.28}


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_every_scenario_runs_and_is_told_in_words(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    n = "60000" if name == "tsqr" else "10000"
    tile = "4096" if name == "tsqr" else "2500"
    assert cli.main(["simulate", name, "--n", n, "--workers", "10", "--tile", tile]) == 0
    out = capsys.readouterr().out
    assert "TFLOPS effective" in out
    assert "the floor is $1.60" in out


def test_a_seed_tells_all_and_seeds_tell_the_median_and_the_worst() -> None:
    plan = SMALL.plan()
    first, again, other = (SMALL.run(plan, seed)["seconds"] for seed in (1, 1, 2))
    assert first == again != other
    found = simulated(SMALL, range(3))
    rates = sorted(run["effective_tflops"] for run in found["runs"])
    assert (found["worst_tflops"], found["effective_tflops"], found["best_tflops"]) == tuple(rates)
    assert found["median_tflops"] == rates[1]


def test_all_that_is_billed_is_in_the_dollars() -> None:
    found = simulated(SMALL, [0])
    assert found["dollars"] == pytest.approx(found["dollars_compute"] + found["dollars_requests"])
    assert found["dollars_compute"] == pytest.approx(found["billed_seconds"] * 1769 / 1024 * 0.0000166667)
    assert found["dollars_per_pflop"] > found["floor_dollars_per_pflop"]["x86_64"]
    assert 0 < found["worker_busy_share"] < 1


def test_twice_the_gflops_take_less_time() -> None:
    slow, quick = (simulated(Job("gemm", 40_000, 50, tile=2000, gflops=g), [0])["seconds"] for g in (18.0, 36.0))
    assert 1.3 < slow / quick < 2.1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gemm", "--n", "0"], "n=0"),
        (["gemm", "--n", "1000", "--workers", "0"], "workers"),
        (["gemm", "--n", "1000", "--arch", "vax"], "vax"),
        (["gemm", "--n", "1000", "--gflops", "-1"], "gflops=-1.0"),
        (["gemm", "--n", "1000", "--bandwidth", "-5"], "bandwidth_mbps=-5.0"),
        (["gemm", "--n", "1000", "--seeds", "0"], "--seeds 0"),
        (["gemm", "--n", "100000", "--memory", "400", "--tile", "20000"], "MiB"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_a_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["simulate", *words]) == 2
    assert said in capsys.readouterr().err


def test_an_unknown_scenario_is_refused() -> None:
    with pytest.raises(ConfigError, match="there are: gemm, cholesky"):
        Job("spam", 10)


@pytest.mark.parametrize(("workers", "n", "tile"), [(100, 81_433, 2500), (1000, 175_440, 2507)])
def test_with_600_seconds_of_work_each_workers_are_used_well(workers: int, n: int, tile: int) -> None:
    found = simulated(Job("gemm", n, workers, tile=tile), [0])
    assert 2.0 * n**3 / workers / 18e9 == pytest.approx(600.0, rel=1e-3)
    assert found["efficiency"] > 0.8


def test_a_product_of_200000_on_2800_functions_is_done_at_40_tflops() -> None:
    found = simulated(Job("gemm", 200_000, 2800), range(3))
    assert found["worst_tflops"] > 36
    assert found["median_tflops"] > 40
    assert found["ideal_tflops"] == pytest.approx(50.4)
