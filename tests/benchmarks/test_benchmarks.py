"""The benchmarks run, and refuse to report a wrong result."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

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
    if "No module named 'dask'" in done.stderr or "No module named 'cubed'" in done.stderr:
        pytest.skip("Dask and Cubed come with the extra 'bench'")
    assert done.returncode == 0, done.stderr
    assert "| workload | lambdarray | numpy | dask | cubed |" in done.stdout
    (written,), (drawn,) = tmp_path.glob("*.json"), tmp_path.glob("*.svg")
    found = json.loads(written.read_text())
    assert {row["contender"] for row in found["rows"]} == {"lambdarray", "numpy", "dask", "cubed"}
    assert found["ratios"]["small"].keys() == {"numpy", "dask", "cubed"}
    dots = [e for e in ElementTree.parse(drawn).iter() if e.tag.endswith("circle")]
    assert len(dots) == 2 * 3  # the legend, and a dot for each


def test_earlier_runs_are_joined_in_one_table(harness: object, tmp_path: Path) -> None:
    def write(name: str, **seconds: float) -> str:
        """A run in which each contender of these cases took so long, and the others nine times as long as ours."""
        rows = [
            {"case": case, "contender": c, "seconds": s, "peak_mb": 1, "runs": [s], "more": {}}
            for case, ours in seconds.items()
            for c, s in ((c, ours if c == "lambdarray" else 9 * ours) for c in harness.load(case).contenders)
        ]
        (tmp_path / name).write_text(json.dumps({"rows": rows}))
        return str(tmp_path / name)

    files = [write("one.json", chain=9.0, lu=3.0), write("two.json", chain=2.0)]
    command = [sys.executable, "benchmarks/run.py", "--join", *files, "--output", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert [line.split("|")[2].strip() for line in done.stdout.splitlines()[2:4]] == ["2 s (1 MB)", "3 s (1 MB)"]
    (written,) = (tmp_path / "out").glob("*.json")
    assert set(json.loads(written.read_text())["ratios"]["chain"].values()) == {9.0}


@pytest.mark.parametrize("name", ["cholesky", "lu", "solve", "qr_tall", "svd_tall", "qr_square", "eigh", "svd"])
def test_every_contender_of_linear_algebra_is_right(name: str, harness: object, tmp_path: Path) -> None:
    pytest.importorskip("dask", reason="comes with the extra 'bench'")
    pytest.importorskip("cubed", reason="comes with the extra 'bench'")
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
    quick = ["--quick", "--profile", "threads", "--rounds", "1", "--stages", "--only", "rechunk"]
    command = [sys.executable, "benchmarks/predicted.py", *quick]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "| rechunk | 40 |" in done.stdout
    assert "rechunk-0" in done.stderr
