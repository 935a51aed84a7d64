"""The benchmarks run, and refuse to report a wrong result."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def harness() -> object:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import harness

    return harness


def test_a_quick_run_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/run.py", "--quick", "--only", "small", "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if "No module named 'dask'" in done.stderr:
        pytest.skip("Dask comes with the extra 'bench'")
    assert done.returncode == 0, done.stderr
    assert "| workload | lambdarray | numpy | dask |" in done.stdout
    (written,) = tmp_path.glob("*.json")
    assert {row["contender"] for row in json.loads(written.read_text())["rows"]} == {"lambdarray", "numpy", "dask"}


@pytest.mark.parametrize("name", ["cholesky", "lu", "solve", "qr_tall", "svd_tall", "qr_square", "eigh", "svd"])
def test_every_contender_of_linear_algebra_is_right(name: str, harness: object, tmp_path: Path) -> None:
    pytest.importorskip("dask", reason="comes with the extra 'bench'")
    case = harness.load(name)
    for contender in case.contenders:
        assert harness._child(name, contender, case.quick, tmp_path)["verified"]


def test_every_case_has_ours_and_a_goal(harness: object) -> None:
    for name in harness.names():
        case = harness.load(name)
        assert "lambdarray" in case.contenders
        assert case.goals
        assert set(case.goals) <= {*case.contenders, "limit"}


def test_a_wrong_result_is_not_reported(harness: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        text = json.dumps({"seconds": 0.001, "verified": False, "more": {}, "peak_mb": 1.0})
        return subprocess.CompletedProcess([], 0, text, "")

    monkeypatch.setattr(harness.subprocess, "run", wrong)
    with pytest.raises(harness.UnverifiedError, match="wrong result"):
        harness.measure("small", Path(), True, lambda line: None)


def test_predicted_seconds_stand_beside_measured_ones() -> None:
    command = [sys.executable, "benchmarks/predicted.py", "--quick", "--rounds", "1", "--stages", "--only", "rechunk"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "| rechunk | 40 |" in done.stdout
    assert "rechunk-0" in done.stderr
